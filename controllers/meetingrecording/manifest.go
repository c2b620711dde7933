// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
)

// archiveOf is what the bucket says of the recording.
func archiveOf(o *observation) (archive.Archive, error) {
	names, err := namesOf(o)
	if err != nil {
		return archive.Archive{}, err
	}
	store := o.store.open
	return archive.Archive{Objects: store.Objects, Keys: store.Keys, Bucket: store.Bucket(o.recording.Namespace), Names: names}, nil
}

// readResult returns nil where the attempt is of no use: its manifest does not authenticate or its media is not there.
func (r *Reconciler) readResult(ctx context.Context, o *observation, number int) (*result, error) {
	from, err := archiveOf(o)
	if err != nil {
		return nil, err
	}
	sealed, err := from.Complete(ctx, number)
	if errors.Is(err, archive.ErrUnusable) {
		log.FromContext(ctx).Info("Ignoring a manifest", "key", from.Names.ManifestKey(number), "reason", err.Error())
		return nil, nil //nolint:nilnil // documented: no result and no error
	}
	if err != nil {
		return nil, err
	}
	return resultOf(from, sealed), nil
}

func resultOf(from archive.Archive, sealed *archive.Sealed) *result {
	return &result{
		attempt: sealed.Attempt, bucket: from.Bucket, sealed: sealed, facts: manifests.Facts(sealed.Manifest), source: sealed.Manifest.Source,
		mediaKey: sealed.Manifest.Media.Key, manifestKey: from.Names.ManifestKey(sealed.Attempt),
	}
}
