// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// A URL to upload to lives for a day, and nobody can take it back: who sends the media once more when it is processed, or purged,
// leaves a raw copy of it in staging that nothing refers to.
const (
	// lateAfter is when that is cleared away, counted from the last that was sent: well beyond the life of any URL.
	lateAfter = 3 * 24 * time.Hour
	// strayAfter is when what nothing at all is known of goes too. Most such is a late upload of a recording that was purged; but after
	// the loss of a cluster it can be the only copy of a recording that was never processed, and people need time to find that.
	strayAfter = 30 * 24 * time.Hour
)

// clearLate clears away raw uploads that no recording needs. What a recording waits for stays, as long as that takes: for its turn,
// for room in a quota, or for somebody to take it back from the trash.
func (s *Sweeper) clearLate(ctx context.Context, store *stores.Store, bucket string) error {
	found, err := s.late(ctx, store, bucket)
	if err != nil || len(found) == 0 {
		return err
	}
	known := map[string]map[string]*v1alpha1.MeetingRecording{}
	for names, last := range found {
		if known[names.Namespace()] == nil {
			if known[names.Namespace()], err = s.recordingsIn(ctx, names.Namespace()); err != nil {
				return err
			}
		}
		age := s.options.Clock.Now().Sub(last)
		needed, err := needsRaw(ctx, store.Objects, bucket, names, known[names.Namespace()][names.UID()], age)
		if err != nil {
			return err
		}
		if needed {
			continue
		}
		log.FromContext(ctx).Info("Clearing away an upload that came late", "bucket", bucket, "key", names.RawKey(), "sent", last)
		err = effect.Do(ctx, "trash: clear a late upload", func() error {
			_, err := store.Objects.DeleteAllVersionsUnder(ctx, bucket, names.StagingPrefix())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// late lists whose staging has been left alone for long enough, and when the last of it was written. Tombstones keep what they
// speak of: purging takes it along.
func (s *Sweeper) late(ctx context.Context, store *stores.Store, bucket string) (map[objectstore.Recording]time.Time, error) {
	last := map[objectstore.Recording]time.Time{}
	for object, err := range store.Objects.List(ctx, bucket, objectstore.StagingRoot) {
		if archive.Absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		names, _, err := objectstore.ParseKey(object.Key)
		if err == nil && s.concerns(names.Namespace()) && object.LastModified.After(last[names]) {
			last[names] = object.LastModified
		}
	}
	old := s.options.Clock.Now().Add(-lateAfter)
	for names, at := range last {
		if at.After(old) {
			delete(last, names)
		}
	}
	if len(last) == 0 {
		return nil, nil
	}
	buried, err := archive.Buried(ctx, store.Objects, bucket)
	for names := range buried {
		delete(last, names)
	}
	return last, err
}

// recordingsIn reads the recordings of a namespace past the cache, by the UIDs under which their objects lie.
func (s *Sweeper) recordingsIn(ctx context.Context, namespace string) (map[string]*v1alpha1.MeetingRecording, error) {
	var list v1alpha1.MeetingRecordingList
	if err := s.options.Direct.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the recordings of namespace %s, to see which uploads they need: %w", namespace, err)
	}
	known := make(map[string]*v1alpha1.MeetingRecording, len(list.Items))
	for i := range list.Items {
		known[list.Items[i].StorageUID()] = &list.Items[i]
	}
	return known, nil
}

// needsRaw says whether a raw upload of this age is still good for something: as long as its recording has no media, or while
// nobody can tell whether there was one.
func needsRaw(ctx context.Context, objects archive.Lister, bucket string, names objectstore.Recording, recording *v1alpha1.MeetingRecording, age time.Duration) (bool, error) {
	if recording != nil {
		status := &recording.Status
		return status.Storage.ManifestKey == "" && !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionErased), nil
	}
	if age >= strayAfter {
		return false, nil
	}
	for object, err := range objects.List(ctx, bucket, names.ManifestPrefix()) {
		if err != nil {
			return true, err
		}
		if objectstore.AttemptOf(object.Key) > 0 {
			return false, nil // it was processed: what is in the media is all there was
		}
	}
	return true, nil
}
