// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingstore_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

// expectWorry waits for nothing: a condition that is there only while it is False either is, and was told once, or is not.
func (f *fixture) expectWorry(kind, reason, says string) {
	f.t.Helper()
	f.Events.Take()
	f.expectReady()
	worry := meta.FindStatusCondition(f.store.Status.Conditions, kind)
	events := strings.Join(f.Events.Take(), "\n")
	if reason == "" {
		if worry != nil || events != "" {
			f.t.Errorf("%s = %+v, events %q", kind, worry, events)
		}
		return
	}
	if worry == nil || worry.Status != metav1.ConditionFalse || worry.Reason != reason || !strings.Contains(worry.Message, says) {
		f.t.Errorf("%s = %+v, want %s: %s", kind, worry, reason, says)
	}
	if strings.Count(events, reason) != 1 {
		f.t.Errorf("told %q, want one %s", events, reason)
	}
}

func TestOrphansShowOnTheStoreAndStay(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.clock.SetTime(time.Now().Add(2 * time.Hour)) // what is put now is old enough
	f.expectReady()
	namespace, owner, bucket := env.Namespace(t), f.owner(), f.store.Spec.Buckets.Name
	lone := objectstore.MediaRoot + namespace + "/lost/1.mp4"
	if _, err := owner.Put(t.Context(), bucket, lone, strings.NewReader("12345"), 5, objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f.clock.Step(10 * time.Minute)
	f.expectWorry(v1alpha1.ConditionConsistent, v1alpha1.ReasonOrphansFound, "media of recordings that do not exist: 1, the oldest of ")
	if found := f.store.Status.Orphans; found.Media != 1 || found.Recordings != 0 || f.clock.Since(found.OldestMediaTime.Time) < 2*time.Hour {
		t.Errorf("orphans = %+v", found)
	}
	f.expectRest()
	if _, err := owner.Head(t.Context(), bucket, lone); err != nil {
		t.Errorf("the orphan was removed: %v", err)
	}

	bereft := recording(namespace, f.store.Name)
	f.Create(t, bereft)
	f.UpdateStatus(t, bereft, func() {
		bereft.Status.Storage = v1alpha1.StorageLocation{Bucket: bucket, Key: "media/x", ManifestKey: "manifests/x"}
	})
	f.clock.Step(10 * time.Minute)
	f.expectReady()
	if found := f.store.Status.Orphans; found.Media != 1 || found.Recordings != 1 {
		t.Errorf("orphans = %+v", found)
	}

	f.Delete(t, bereft)
	if err := owner.Delete(t.Context(), bucket, lone); err != nil {
		t.Fatal(err)
	}
	f.clock.Step(10 * time.Minute)
	f.expectWorry(v1alpha1.ConditionConsistent, "", "")
	if found := f.store.Status.Orphans; found != (v1alpha1.StoreOrphans{}) {
		t.Errorf("orphans = %+v when everything fits", found)
	}
}

// sweptTrash is what a sweep has found.
type sweptTrash struct {
	recordings int
	example    string
}

func (s *sweptTrash) Unreadable(string) (int, string) { return s.recordings, s.example }

func TestR27DeletedRecordingsThatWaitForAKeyShowOnTheStore(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	swept := &sweptTrash{}
	f.reconciler.Trash = swept
	f.expectReady()
	*swept = sweptTrash{3, "finance/q3-review"}
	f.expectWorry(v1alpha1.ConditionTrashReadable, v1alpha1.ReasonKeyMissing, "3 deleted recordings are due and stay, finance/q3-review for one: the keyset lacks the key")
	before := f.store.ResourceVersion
	if f.expectReady(); f.store.ResourceVersion != before {
		t.Error("the same is written twice")
	}
	*swept = sweptTrash{}
	f.expectWorry(v1alpha1.ConditionTrashReadable, "", "")
}
