// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// extras puts into the manifest what a recording is as good without: the previews that the policy asks for, and the captions that the source
// has. What cannot be made is said and no more.
func (w *work) extras(ctx context.Context, plan media.Plan, path string, packaged *media.Packaged, dataKey keys.DataKey, manifest *media.Manifest) error {
	salt := manifest.Key.Salt
	if w.spec.Processing.Thumbnails {
		made, err := w.tools.Previews(ctx, plan, path, packaged)
		if err := w.goOn(ctx, "previews", err); err != nil {
			return err
		}
		if made != nil {
			if manifest.Previews, err = made.Seal(dataKey.Previews(salt)); err != nil {
				return fail(Internal, "sealing the previews", err)
			}
		}
	}
	captions, err := w.tools.Captions(ctx, plan.Container, path)
	if err := w.goOn(ctx, "captions", err); err != nil {
		return err
	}
	manifest.Captions, err = media.SealCaptions(captions, dataKey.Captions(salt))
	return fail(Internal, "sealing the captions", err)
}

// goOn says why something could not be made, or not whole. Its error says that the attempt is over.
func (w *work) goOn(ctx context.Context, without string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		w.log.Info("Going on without what could not be made", "what", without, "reason", err.Error())
	}
	return nil
}
