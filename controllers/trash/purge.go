// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Purgeable is what of an object store a purge needs. *objectstore.Client is one.
type Purgeable interface {
	Get(ctx context.Context, bucket, key string, opts objectstore.GetOptions) (io.ReadCloser, objectstore.ObjectInfo, error)
	List(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.ObjectInfo, error]
	DeleteAllVersionsUnder(ctx context.Context, bucket, prefix string, known ...string) ([]objectstore.RemovedVersion, error)
	Versions(ctx context.Context, bucket, prefix string) ([]objectstore.RemovedVersion, error)
	AbortUploads(ctx context.Context, bucket, key string) ([]objectstore.Upload, error)
}

// Purge removes every version of everything that a recording has in its bucket, media first and the manifests last, and has
// the store confirm that nothing is left. It returns what proves it, for the audit log. Repeating it after a failure goes on
// where it stopped; the evidence then is what was still there. Tombstones are not touched. The known keys are those of the
// recording's media and manifest, as far as the caller can name them: they are found where a listing is behind.
//
// It lifts no lock: where the bucket protects a version, it fails with objectstore.ReasonLocked, before anything is removed if
// the media is protected.
func Purge(ctx context.Context, objects Purgeable, bucket string, recording objectstore.Recording, known ...string) ([]string, error) {
	if err := abortUploads(ctx, objects, bucket, recording); err != nil {
		return nil, err
	}
	// The manifests are last: the wrapped data key in them is destroyed once there is nothing left for it to open.
	return remove(ctx, objects, bucket, recording, known, recording.MediaPrefix(), recording.StagingPrefix(), recording.ManifestPrefix())
}

// DestroyKey removes every version of everything that holds a recording's data key, and nothing else: what is left in the bucket
// is noise. It proves it as Purge does.
func DestroyKey(ctx context.Context, objects Purgeable, bucket string, recording objectstore.Recording, known ...string) ([]string, error) {
	return remove(ctx, objects, bucket, recording, known, recording.ManifestPrefix())
}

// remove removes all versions under prefixes of a recording, its manifests among them, and then looks that nothing is left.
func remove(ctx context.Context, objects Purgeable, bucket string, recording objectstore.Recording, known []string, prefixes ...string) ([]string, error) {
	keys, err := keyIDs(ctx, objects, bucket, recording)
	if err != nil {
		return nil, err
	}
	known = append([]string{recording.RawKey(), recording.StateKey()}, known...)
	var removed []objectstore.RemovedVersion
	for _, prefix := range prefixes {
		err := effect.Do(ctx, "trash: remove what lies under a prefix", func() error {
			gone, err := objects.DeleteAllVersionsUnder(ctx, bucket, prefix, under(prefix, known)...)
			removed = append(removed, gone...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, prefix := range prefixes {
		left, err := objects.Versions(ctx, bucket, prefix)
		if err != nil {
			return nil, err
		}
		if len(left) > 0 {
			return nil, fmt.Errorf("remove everything under %s of bucket %s: %d versions have come back; is somebody writing?", prefix, bucket, len(left))
		}
	}
	return evidenceOf(bucket, keys, removed, prefixes), nil
}

// under returns the keys that lie under a prefix.
func under(prefix string, keys []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// Uploads of the first attempts are looked for by their whole keys, because not every server lists uploads by prefix.
const knownAttempts = 8

func abortUploads(ctx context.Context, objects Purgeable, bucket string, recording objectstore.Recording) error {
	uploads := []string{recording.RawKey()}
	for attempt := range knownAttempts {
		uploads = append(uploads, recording.MediaKey(attempt+1))
	}
	for _, key := range uploads {
		err := effect.Do(ctx, "trash: abort uploads", func() error {
			_, err := objects.AbortUploads(ctx, bucket, key)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keyIDs tells which keys of the keyset wrapped the data keys that are about to be destroyed.
func keyIDs(ctx context.Context, objects Purgeable, bucket string, recording objectstore.Recording) ([]string, error) {
	var ids []string
	for object, err := range objects.List(ctx, bucket, recording.ManifestPrefix()) {
		if err != nil {
			return nil, err
		}
		if id := keyID(ctx, objects, bucket, object.Key); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// keyID reads the ID from one manifest. It is evidence and nothing else, so a manifest that cannot be read costs only that.
func keyID(ctx context.Context, objects Purgeable, bucket, key string) string {
	stored, _, err := manifests.Read(ctx, objects, bucket, key, "")
	if err != nil {
		return ""
	}
	// Nothing is trusted here, and the data key stays wrapped.
	unverified, _ := media.UnverifiedKey(stored)
	return unverified.ID
}
