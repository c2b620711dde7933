// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// orphanAfter is how old media has to be before it can be an orphan: the cache may not have what was made a moment ago.
const orphanAfter = time.Hour

// living are the recordings that there are, by the UIDs under which their media lies. The value says that media is expected in the
// store that is looked at, and was not seen yet.
type living map[string]bool

func livingIn(recordings []v1alpha1.MeetingRecording, store string) living {
	alive := make(living, len(recordings))
	for i := range recordings {
		one := &recordings[i]
		alive[one.StorageUID()] = alive[one.StorageUID()] || one.StoreName() == store && one.Status.Storage.Key != "" &&
			!meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionErased)
	}
	return alive
}

// sees tells whether there is a recording to media, and that it is there.
func (l living) sees(uid string) bool {
	if _, is := l[uid]; is {
		l[uid] = false
		return true
	}
	return false
}

// bereft counts the recordings whose media was not seen.
func (l living) bereft() int {
	count := 0
	for _, missing := range l {
		if missing {
			count++
		}
	}
	return count
}

// orphanage is whose media belongs to no recording.
type orphanage map[objectstore.Recording]bool

func (o orphanage) take(object objectstore.ObjectInfo, now time.Time) {
	if names, _, err := objectstore.ParseKey(object.Key); err == nil && object.LastModified.Before(now.Add(-orphanAfter)) {
		o[names] = true
	}
}

// forgetBuried drops what has a tombstone: that is no orphan, it was deleted.
func (o orphanage) forgetBuried(ctx context.Context, objects archive.Lister, bucket string) error {
	if len(o) == 0 {
		return nil
	}
	buried, err := archive.Buried(ctx, objects, bucket)
	for names := range buried {
		delete(o, names)
	}
	return err
}

// publishOrphans says how many there are.
func publishOrphans(store string, media, recordings int) {
	orphans.WithLabelValues(store, "media").Set(float64(media))
	orphans.WithLabelValues(store, "recordings").Set(float64(recordings))
}
