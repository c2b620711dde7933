// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// R26: neither way out of the trash is open while the purge guard says no, and both are once a person has approved.
func TestR26ThePurgeGuardKeepsWhatIsDueUntilAPersonApproves(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store *v1alpha1.RecordingStore) { store.Spec.PurgeGuard.AlwaysAllowed = new(int32(0)) })
	w.available()
	w.setState(v1alpha1.StateTrashed)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	keptByTheGuard := func(r *v1alpha1.MeetingRecording) bool {
		return strings.Contains(readyMessage(&r.Status), "purge guard")
	}
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	w.drive(keptByTheGuard)

	// Coming back from the trash, and going there, go on.
	w.setState(v1alpha1.StateActive)
	w.drive(is(v1alpha1.ReasonAvailable))
	w.setState(v1alpha1.StateTrashed)
	trashed = w.drive(is(v1alpha1.ReasonTrashed))
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	waiting := w.drive(keptByTheGuard)
	for range 3 {
		w.clock.Step(time.Hour)
		w.restart()
		if _, err := w.pass(); err != nil {
			t.Fatal(err)
		}
	}
	if again := w.get(); again == nil || again.ResourceVersion != waiting.ResourceVersion {
		t.Fatal("a recording that waits for the guard is purged, or written at every look")
	}

	// Deleting it is no way around the guard.
	if err := w.admin.Delete(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	w.drive(gone)
	before := len(w.stored())
	if _, err := w.sweeper.Sweep(t.Context()); err != nil || len(w.stored()) != before {
		t.Fatalf("the sweeper does not ask: %v, in the bucket: %v", err, w.stored())
	}

	patch := client.MergeFrom(w.store.DeepCopy())
	w.store.Spec.PurgeGuard.ApprovedUntil = metav1.NewTime(w.clock.Now().Add(time.Hour))
	if err := w.admin.Patch(t.Context(), w.store, patch); err != nil {
		t.Fatal(err)
	}
	if _, err := w.sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expectPurged(waiting)
}
