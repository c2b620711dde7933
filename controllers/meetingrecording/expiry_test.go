// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// TestR25AManifestWithoutAStateLeavesWhatHasExpiredAlone applies the manifest in both ways that GitOps tools have.
func TestR25AManifestWithoutAStateLeavesWhatHasExpiredAlone(t *testing.T) {
	t.Parallel()
	for name, flag := range map[string]string{"client-side": "--server-side=false", "server-side": "--server-side"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			manifest := filepath.Join(t.TempDir(), "recording.yaml")
			text := fmt.Sprintf(`{apiVersion: reelkeeper.io/v1alpha1, kind: MeetingRecording, metadata: {name: %s, namespace: %s},
  spec: {meeting: {id: 872-114, creator: alice@example.com}, source: {upload: {}}, storeRef: {name: %s}}}`, w.name, w.namespace, w.store.Name)
			if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			apply := func() { w.kubectl("apply", flag, "--filename", manifest) }
			apply()
			w.drive(is(v1alpha1.ReasonUploading))
			w.upload(mediatest.MP4(t))
			recording := w.drive(is(v1alpha1.ReasonAvailable))
			w.clock.SetTime(recording.Status.ExpiresAt.Time)
			expired := w.drive(is(v1alpha1.ReasonTrashed))
			for range 3 {
				apply()
				if again := w.settle(); again.ResourceVersion != expired.ResourceVersion {
					t.Fatalf("the manifest and the controller fight: %s", cmp.Diff(expired, again))
				}
			}

			w.setState(v1alpha1.StateActive)
			restored := w.drive(is(v1alpha1.ReasonAvailable))
			apply()
			if again := w.settle(); again.ResourceVersion != restored.ResourceVersion {
				t.Fatalf("the manifest takes back what somebody has restored: %s", cmp.Diff(restored, again))
			}
		})
	}
}

// While the controller is about to write that the recording has expired, somebody lays a hold on it.
func TestR27AHoldThatIsLaidDuringAnExpiryWins(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]v1alpha1.RecordingState{"as its rules say": "", "where somebody has said Active": v1alpha1.StateActive} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			recording := w.available()
			if said != "" {
				w.setState(said)
				w.settle()
			}
			w.clock.SetTime(recording.Status.ExpiresAt.Time)
			w.gate = func(name effect.Name, write func() error) error {
				if name == "recording: write the status" || name == "recording: set spec.state to Trashed" {
					w.gate = nil
					w.hold(w.get(), v1alpha1.LegalHold{Name: "case-2026-14", By: "legal@example.com"})
				}
				return write()
			}
			held := w.settle()
			if !is(v1alpha1.ReasonAvailable)(held) || held.EffectiveState() != v1alpha1.StateActive || len(held.Status.Holds) != 1 {
				t.Fatalf("held, and %s: %+v", readyReason(&held.Status), held.Status)
			}
			w.hold(held)
			w.drive(is(v1alpha1.ReasonTrashed))
		})
	}
}

// The clock of the locks' policy is the API server's own, for which the lock goes on for minutes.
func TestR27AnExpiryThatALockRefusesIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules(v1alpha1.RetentionRules{ExpireAfter: "1h", Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "1h"}})
	recording := w.available()
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	for range 2 {
		result, err := w.pass()
		if err != nil || result.RequeueAfter != lockPoll {
			t.Fatalf("the pass wants to be repeated after %s: %v", result.RequeueAfter, err)
		}
	}
	if waits := w.get(); !is(v1alpha1.ReasonAvailable)(waits) || !waits.Status.TrashedAt.IsZero() {
		t.Fatalf("the lock does not hold: %+v", waits.Status)
	}
	if got := w.audited(w.namespace)[v1alpha1.AuditExpired]; got != 1 {
		t.Errorf("%d expiries recorded, want 1", got)
	}
}

// TestR25AStatusThatIsLostEndsTheSameWayAndNotSooner does what a backup does that brings back objects without their status.
func TestR25AStatusThatIsLostEndsTheSameWayAndNotSooner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	w.drive(is(v1alpha1.ReasonTrashed))
	w.clock.Step(20 * day)
	lost := w.get()
	lost.Status = v1alpha1.MeetingRecordingStatus{ObservedGeneration: 1}
	if err := w.admin.Status().Update(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	again := w.drive(is(v1alpha1.ReasonAvailable))
	if want := w.clock.Now().Add(180 * day); again.Status.ExpiresAt.Sub(want).Abs() > time.Second {
		t.Errorf("expires at %s, want %s", again.Status.ExpiresAt, want)
	}
	w.clock.SetTime(again.Status.ExpiresAt.Time)
	expired := w.drive(is(v1alpha1.ReasonTrashed))
	if left := expired.Status.PurgeAt.Sub(w.clock.Now()); left < 30*day {
		t.Errorf("purged %s after it went to the trash", left)
	}
	w.clock.SetTime(expired.Status.PurgeAt.Time)
	w.drive(gone)
	w.expectPurged(recording)
}
