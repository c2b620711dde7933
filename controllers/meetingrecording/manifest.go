// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// readResult returns nil where the attempt is of no use: its manifest does not authenticate or its media is not there. The
// worker has read every byte back; here it is enough that the object has the length that the authentic manifest says.
func (r *Reconciler) readResult(ctx context.Context, o *observation, names objectstore.Recording, number int) (*result, error) {
	manifest, err := readManifest(ctx, o, names.ManifestKey(number))
	if errors.Is(err, errUnusable) {
		log.FromContext(ctx).Info("Ignoring a manifest", "key", names.ManifestKey(number), "reason", err.Error())
		return nil, nil //nolint:nilnil // documented: no result and no error
	}
	if err != nil {
		return nil, err
	}
	bucket := o.store.open.Bucket(o.recording.Namespace)
	if manifest.Media.Key != names.MediaKey(number) {
		log.FromContext(ctx).Info("Ignoring a manifest", "key", names.ManifestKey(number), "reason", "it names media of another attempt")
		return nil, nil //nolint:nilnil // documented: no result and no error
	}
	info, err := o.store.open.Objects.Head(ctx, bucket, manifest.Media.Key)
	if absent(err) || err == nil && info.Size != manifest.Media.Bytes {
		log.FromContext(ctx).Info("Ignoring a manifest", "key", names.ManifestKey(number), "reason", "its media is not there in full")
		return nil, nil //nolint:nilnil // documented: no result and no error
	}
	if err != nil {
		return nil, err
	}
	return &result{attempt: number, bucket: bucket, mediaKey: manifest.Media.Key, manifestKey: names.ManifestKey(number), facts: factsOf(manifest), source: manifest.Source}, nil
}

// errUnusable says that there is a manifest and that it is of no use.
var errUnusable = errors.New("unusable manifest")

// readManifest reads a manifest and authenticates it with the recording's own key.
func readManifest(ctx context.Context, o *observation, key string) (*media.Manifest, error) {
	stored, err := readSmall(ctx, o, key, media.MaxManifestBytes)
	if absent(err) {
		return nil, fmt.Errorf("%w: it has just gone", errUnusable)
	}
	if err != nil {
		return nil, err
	}
	owner, err := namesOf(o)
	if err != nil {
		return nil, err
	}
	manifest, _, err := manifests.Open(stored, o.store.open.Keys, owner)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	return manifest, nil
}

// readSmall reads an object of at most limit bytes of the recording's bucket.
func readSmall(ctx context.Context, o *observation, key string, limit int64) ([]byte, error) {
	body, _, err := o.store.open.Objects.Get(ctx, o.store.open.Bucket(o.recording.Namespace), key, objectstore.GetOptions{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read object %s: the connection broke, it is tried again: %w", key, err)
	}
	return content, nil
}
