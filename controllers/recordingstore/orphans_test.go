// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"bytes"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog/catalogtest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

func TestRecordingsWhoseMediaIsNotSeenAreBereft(t *testing.T) {
	t.Parallel()
	of := func(uid, store, key string, conditions ...metav1.Condition) v1alpha1.MeetingRecording {
		r := v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{ResourceVersion: "7"}}
		r.Spec.Source.Adopt.UID, r.Spec.StoreRef.Name, r.Status.Storage.Key, r.Status.Conditions = uid, store, key, conditions
		return r
	}
	erased := metav1.Condition{Type: v1alpha1.ConditionErased, Status: metav1.ConditionTrue}
	alive := livingIn(catalogtest.Of([]v1alpha1.MeetingRecording{
		of("whole", "", "k"), of("gone", "", "k"), of("waiting", "", ""), of("elsewhere", "other", "k"), of("erased", "", "k", erased),
	}), v1alpha1.DefaultStore)
	for _, uid := range []string{"whole", "waiting", "elsewhere", "erased"} {
		if !alive.sees(uid) {
			t.Errorf("%s is not known", uid)
		}
	}
	if alive.sees("stranger") || alive.bereft() != 1 {
		t.Errorf("%d are bereft, want 1: %v", alive.bereft(), alive)
	}
}

func TestMediaIsAnOrphanOnceItIsOldAndUnlessItWasDeleted(t *testing.T) {
	t.Parallel()
	objects := s3test.Start(t, s3test.Options{}).Bucket(t, "recordings")
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	lone := orphanage{}
	for uid, age := range map[string]time.Duration{"old": 2 * time.Hour, "buried": 2 * time.Hour, "new": time.Minute} {
		names, err := objectstore.NewRecording("finance", uid)
		if err != nil {
			t.Fatal(err)
		}
		lone.take(objectstore.ObjectInfo{Key: names.MediaKey(1), LastModified: now.Add(-age)}, now)
		if uid == "buried" {
			key := names.TombstoneKey(now)
			if _, err := objects.Put(t.Context(), "recordings", key, bytes.NewReader(nil), 0, objectstore.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := lone.forgetBuried(t.Context(), objects, "recordings"); err != nil || len(lone) != 1 || !lone.oldest().Equal(now.Add(-2*time.Hour)) {
		t.Errorf("orphans %v, %v", lone, err)
	}
}

func TestOrphansAreCountedInWords(t *testing.T) {
	t.Parallel()
	oldest := metav1.NewTime(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	cases := map[string]struct {
		found v1alpha1.StoreOrphans
		want  string
	}{
		"none":       {v1alpha1.StoreOrphans{}, ""},
		"media":      {v1alpha1.StoreOrphans{Media: 2, OldestMediaTime: oldest}, "Found media of recordings that do not exist: 2, the oldest of 2026-03-04T12:00:00Z; "},
		"recordings": {v1alpha1.StoreOrphans{Recordings: 3}, "Found recordings whose media is not there: 3; "},
		"both": {v1alpha1.StoreOrphans{Media: 1, OldestMediaTime: oldest, Recordings: 1},
			"Found media of recordings that do not exist: 1, the oldest of 2026-03-04T12:00:00Z; recordings whose media is not there: 1; "},
	}
	for name, tc := range cases {
		got, are := consistentCondition(tc.found)
		if are != (tc.want != "") || are && got.Message != tc.want+"nothing of it is removed: kubectl reelkeeper orphans lists it, and what can be done" {
			t.Errorf("%s: %t, %q", name, are, got.Message)
		}
	}
}
