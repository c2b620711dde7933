// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// orphanAfter is how old media has to be before it can be an orphan: the cache may not have what was made a moment ago.
const orphanAfter = time.Hour

// living are the recordings that there are, by the UIDs under which their media lies. The value says that media is expected in the
// store that is looked at, and was not seen yet.
type living map[string]bool

func livingIn(cards []*catalog.Card, store string) living {
	alive := make(living, len(cards))
	for _, card := range cards {
		uid := card.StorageUID()
		alive[uid] = alive[uid] || card.Store() == store && card.Playable()
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

// orphanage is whose media belongs to no recording, and when the oldest of it was written.
type orphanage map[objectstore.Recording]time.Time

func (o orphanage) take(object objectstore.ObjectInfo, now time.Time) {
	names, _, err := objectstore.ParseKey(object.Key)
	if err != nil || !object.LastModified.Before(now.Add(-orphanAfter)) {
		return
	}
	if oldest, known := o[names]; !known || object.LastModified.Before(oldest) {
		o[names] = object.LastModified
	}
}

// oldest is when the first of all was written, zero where there is none.
func (o orphanage) oldest() time.Time {
	var first time.Time
	for _, at := range o {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// count says how many orphans there are, in both senses.
func (o orphanage) count(bereft int) v1alpha1.StoreOrphans {
	counted := v1alpha1.StoreOrphans{Media: int32(len(o)), Recordings: int32(bereft)}
	if oldest := o.oldest(); !oldest.IsZero() {
		counted.OldestMediaTime = metav1.NewTime(oldest.Truncate(time.Second))
	}
	return counted
}

// consistentCondition is there while there are orphans.
func consistentCondition(of v1alpha1.StoreOrphans) (metav1.Condition, bool) {
	var found []string
	if of.Media > 0 {
		found = append(found, fmt.Sprintf("media of recordings that do not exist: %d, the oldest of %s;", of.Media, of.OldestMediaTime.UTC().Format(time.RFC3339)))
	}
	if of.Recordings > 0 {
		found = append(found, fmt.Sprintf("recordings whose media is not there: %d;", of.Recordings))
	}
	return metav1.Condition{
		Type: v1alpha1.ConditionConsistent, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonOrphansFound,
		Message: "Found " + strings.Join(found, " ") + " nothing of it is removed: kubectl reelkeeper orphans lists it, and what can be done",
	}, len(found) > 0
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
func publishOrphans(store string, found v1alpha1.StoreOrphans) {
	orphans.WithLabelValues(store, "media").Set(float64(found.Media))
	orphans.WithLabelValues(store, "recordings").Set(float64(found.Recordings))
}
