// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/moment"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// locking makes buckets with S3 Object Lock.
func locking(mode v1alpha1.ObjectLockMode) func(*v1alpha1.RecordingStore) {
	return func(store *v1alpha1.RecordingStore) { store.Spec.Buckets.ObjectLock = mode }
}

// rules gives the namespace a policy, in place of the one it had.
func (w *world) rules(retention v1alpha1.RetentionRules) {
	w.Helper()
	policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "rules"}}
	if err := client.IgnoreNotFound(w.admin.Delete(w.Context(), policy.DeepCopy())); err != nil {
		w.Fatal(err)
	}
	policy.Spec.Retention = retention
	w.create(policy)
}

func (w *world) patch(body string) {
	w.Helper()
	if err := w.admin.Patch(w.Context(), w.get(), client.RawPatch("application/merge-patch+json", []byte(body))); err != nil {
		w.Fatal(err)
	}
}

// settle makes passes until one writes nothing.
func (w *world) settle() *v1alpha1.MeetingRecording {
	w.Helper()
	before := w.get()
	for range 20 {
		if _, err := w.pass(); err != nil {
			w.Fatal(err)
		}
		after := w.get()
		if after == nil || after.ResourceVersion == before.ResourceVersion {
			return after
		}
		before = after
	}
	w.Fatalf("every pass writes: %+v", before)
	return nil
}

// protection is what the bucket enforces on the recording's media and manifest.
func (w *world) protection(recording *v1alpha1.MeetingRecording) (media, manifest objectstore.Protection) {
	w.Helper()
	var protections [2]objectstore.Protection
	for i, key := range []string{recording.Status.Storage.Key, recording.Status.Storage.ManifestKey} {
		p, version, err := w.objects.Protection(w.Context(), w.bucket(), key)
		if err != nil || version == "" {
			w.Fatalf("the lock of %s: %v, version %q", key, err, version)
		}
		protections[i] = p
	}
	return protections[0], protections[1]
}

func (w *world) wantProtection(recording *v1alpha1.MeetingRecording, wantMedia, wantManifest objectstore.Protection) {
	w.Helper()
	media, manifest := w.protection(recording)
	if media != wantMedia || manifest != wantManifest {
		w.Errorf("the bucket has %s on the media and %s on the manifest, want %s and %s", media, manifest, wantMedia, wantManifest)
	}
}

func (w *world) wantLocked(recording *v1alpha1.MeetingRecording, texts ...string) {
	w.Helper()
	for _, text := range texts {
		if message := condition(recording, v1alpha1.ConditionLocked).Message; !strings.Contains(message, text) {
			w.Errorf("the condition Locked says %q, want %q", message, text)
		}
	}
}

func TestR27ALockLiesOnTheVersionsInTheBucketUntilItIsLifted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockCompliance))
	w.rules(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "1d"}})
	recording := w.available()

	first := objectstore.Protection{Mode: objectstore.LockGovernance, Until: recording.Status.AvailableAt.Add(day).UTC()}
	w.wantProtection(recording, first, first)
	if lock := recording.Status.Storage.Lock; !sameLock(lock, lockOf(first)) {
		t.Errorf("the status says that the bucket enforces %+v", lock)
	}
	w.wantLocked(recording, "Locked until "+spellTime(recording.Status.LockedUntil)+" by RecordingPolicy "+w.namespace+"/rules spec.retention.lock",
		"(Governance: who holds the verb bypass can lift it)", "The bucket enforces it too: GOVERNANCE retention until")

	w.rules(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "10d"}})
	longer := first
	longer.Until = recording.Status.AvailableAt.Add(10 * day).UTC()
	recording = w.settle()
	w.wantProtection(recording, longer, longer)
	w.rules(v1alpha1.RetentionRules{TrashFor: "1d"})
	recording = w.settle()
	if !recording.Status.LockedUntil.Time.Equal(longer.Until) {
		t.Errorf("without the policy the lock ends at %s, want %s", recording.Status.LockedUntil, longer.Until)
	}
	w.wantProtection(recording, longer, longer)

	w.patch(`{"metadata":{"annotations":{"reelkeeper.io/bypass-lock":"ordered by the court"}}}`)
	recording = w.settle()
	w.soonUnprotected(recording)
	if !recording.Status.LockedUntil.IsZero() || recording.Status.LockMode != "" || condition(recording, v1alpha1.ConditionLocked).Type != "" {
		t.Errorf("lifted: %+v", recording.Status)
	}
	if got := w.audited(w.namespace)[v1alpha1.AuditUnlocked]; got != 1 {
		t.Errorf("%d events of the lifting, want 1", got)
	}
}

// What was lifted in error is locked again, to the same date, and lifted another time. The log has to know of both.
func TestR27EachLiftingOfALockIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "1d"}})
	until := w.available().Status.LockedUntil
	for n := range 3 {
		w.clock.Step(time.Minute)
		w.patch(`{"metadata":{"annotations":{"reelkeeper.io/bypass-lock":"ordered by the court"}}}`)
		if lifted := w.settle(); !lifted.Status.LockedUntil.IsZero() {
			t.Fatalf("it is locked until %s", lifted.Status.LockedUntil)
		}
		if got := w.audited(w.namespace)[v1alpha1.AuditUnlocked]; got != n+1 {
			t.Errorf("%d events of %d liftings", got, n+1)
		}
		w.clock.Step(time.Minute)
		w.patch(`{"metadata":{"annotations":{"reelkeeper.io/bypass-lock":null}}}`)
		if again := w.settle(); !again.Status.LockedUntil.Equal(&until) {
			t.Fatalf("it is locked until %s, want %s again", again.Status.LockedUntil, until)
		}
	}
}

// soonUnprotected waits for retentions that a server shortens and does not take away.
func (w *world) soonUnprotected(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	soon := clock.RealClock{}.Now().Add(10 * time.Second)
	media, manifest := w.protection(recording)
	if media.At(soon) != (objectstore.Protection{}) || manifest.At(soon) != (objectstore.Protection{}) {
		w.Errorf("the bucket still has %s on the media and %s on the manifest", media, manifest)
	}
}

func TestR27HoldsAreRenewedInTheBucketAndLiftedWithTheLastOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockGovernance))
	recording := w.available()
	w.wantProtection(recording, objectstore.Protection{}, objectstore.Protection{})

	w.patch(`{"spec":{"holds":[{"name":"case-2026-14","reason":"litigation","by":"legal@example.com"}]}}`)
	recording = w.settle()
	held := objectstore.Protection{Mode: objectstore.LockGovernance, Until: moment.CeilSecond(w.clock.Now().Add(holdAhead)).UTC(), LegalHold: true}
	w.wantProtection(recording, held, held)
	w.wantLocked(recording, "Kept until the last hold is lifted: legal hold case-2026-14, laid by legal@example.com, because of litigation", "renewed in time")

	w.clock.Step(holdAhead - holdRenew - time.Minute)
	if again := w.settle(); again.ResourceVersion != recording.ResourceVersion {
		t.Errorf("a held recording at rest was written: %s", cmp.Diff(recording.Status, again.Status))
	}
	w.clock.Step(2 * time.Minute)
	recording = w.settle()
	held.Until = moment.CeilSecond(w.clock.Now().Add(holdAhead)).UTC()
	w.wantProtection(recording, held, held)

	w.patch(`{"spec":{"holds":[{"name":"case-2026-14","reason":"litigation","by":"legal@example.com"},{"name":"tax"}]}}`)
	w.settle()
	w.patch(`{"spec":{"holds":[{"name":"tax"}]}}`)
	recording = w.settle()
	w.wantProtection(recording, held, held)
	w.patch(`{"spec":{"holds":null}}`)
	w.gate = func(name effect.Name, write func() error) error {
		if name == "recording: lock an object" {
			return &objectstore.Error{Op: "head", Reason: objectstore.ReasonForbidden} // as of a clock that is wrong
		}
		return write()
	}
	result, err := w.pass()
	if lock := w.get().Status.Storage.Lock; err != nil || result.RequeueAfter != lockRetry || lock.LegalHold != v1alpha1.LegalHoldOn {
		t.Errorf("a bucket that lets nobody look is said to have %+v, and is asked again after %s, %v", lock, result.RequeueAfter, err)
	}
	w.gate = nil
	recording = w.settle()
	w.soonUnprotected(recording)
	w.patch(`{"spec":{"holds":[{"name":"tax"}]}}`)
	w.settle()

	counts := w.audited(w.namespace)
	if counts[v1alpha1.AuditHeld] != 3 || counts[v1alpha1.AuditReleased] != 2 {
		t.Errorf("recorded %d holds laid and %d lifted, want 3 and 2", counts[v1alpha1.AuditHeld], counts[v1alpha1.AuditReleased])
	}
}

// R29: what a hold is laid for is what it is worth before a court. Every change is in the log, once, whatever dies meanwhile.
func TestR29AChangedReasonOfAHoldIsInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.settle()
	hold := func(reason string) {
		w.patch(`{"spec":{"holds":[{"name":"case-2026-14","by":"legal@example.com"` + reason + `},{"name":"tax","by":"tax@example.com"}]}}`)
	}
	hold("")
	w.settle()
	hold(`,"reason":"litigation"`)
	// The process dies between the event and the status, and somebody goes on editing.
	w.dieBefore("recording: write the status", func(*v1alpha1.MeetingRecording) bool { return false })
	w.dieBefore("recording: write the status", func(*v1alpha1.MeetingRecording) bool { return false })
	hold(`,"reason":"settled"`)
	w.settle()
	hold("")
	w.settle()

	var list v1alpha1.AuditEventList
	if err := w.admin.List(t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, event := range list.Items {
		if event.Spec.Action == v1alpha1.AuditHeld || event.Spec.Action == v1alpha1.AuditReleased {
			got[event.Spec.Reason+": "+strings.Join(event.Spec.Evidence, "; ")]++
		}
	}
	const bare = "legal hold case-2026-14, laid by legal@example.com"
	want := map[string]int{
		"HoldLaid: " + bare: 1, "HoldLaid: legal hold tax, laid by tax@example.com": 1,
		"HoldChanged: before: " + bare + "; now: " + bare + ", because of litigation": 1,
		"HoldChanged: before: " + bare + "; now: " + bare + ", because of settled":    1,
		"HoldChanged: before: " + bare + ", because of settled; now: " + bare:         1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the log (-want +got):\n%s", diff)
	}
}

// R27, R29: who lifts the last hold and deletes the recording in the same moment is in the log as well.
func TestR29AHoldThatIsLiftedBeforeADeletionIsInTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14","by":"legal@example.com"}]}}`)
	recording := w.settle()
	w.patch(`{"spec":{"holds":null}}`)
	w.dieBefore("recording: write the status", func(*v1alpha1.MeetingRecording) bool { return false }) // while the pass lasts
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.dieBefore("recording: release the finalizer", gone)
	w.drive(gone)
	if counts := w.audited(w.namespace); counts[v1alpha1.AuditHeld] != 1 || counts[v1alpha1.AuditReleased] != 1 || counts[v1alpha1.AuditDeleted] != 1 {
		t.Errorf("in the log: %v", counts)
	}
	w.name = "at-once"
	recording = w.available()
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14","by":"legal@example.com"}]}}`)
	w.settle()
	w.patch(`{"spec":{"holds":null}}`)
	w.deleted(recording)
	if counts := w.audited(w.namespace); counts[v1alpha1.AuditReleased] != 2 {
		t.Errorf("in the log after a deletion at once: %v", counts)
	}
}

func TestR27AHoldStopsAPurgeThatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.setState(v1alpha1.StateTrashed)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14","by":"legal@example.com"}]}}`)
	w.clock.SetTime(trashed.Status.PurgeAt.Add(day))
	recording := w.settle()
	if recording == nil || !recording.DeletionTimestamp.IsZero() || len(w.stored()) != 3 {
		t.Fatalf("purged in spite of a hold: %v", w.stored())
	}
	w.wantLocked(recording, "The API server alone enforces it: spec.buckets.objectLock of RecordingStore")
	w.patch(`{"spec":{"holds":null}}`)
	w.drive(gone)
	w.expectPurged(recording)
}

// R27: where admission could not see that it comes too late, a hold on what is purged already keeps nothing, and nobody is told otherwise.
func TestR27AHoldThatComesTooLateLeavesNoEmptyTombstone(t *testing.T) {
	t.Parallel()
	for _, dies := range []effect.Name{"audit: record Purged", "recording: release the finalizer"} {
		t.Run(string(dies), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.available()
			w.setState(v1alpha1.StateTrashed)
			trashed := w.drive(is(v1alpha1.ReasonTrashed))
			w.clock.SetTime(trashed.Status.PurgeAt.Time)
			w.dieBefore(dies, gone)
			w.patch(`{"spec":{"holds":[{"name":"case-2026-14","by":"legal@example.com"}]}}`)
			w.drive(gone)
			w.expectPurged(trashed)
			if counts := w.audited(w.namespace); counts[v1alpha1.AuditHeld] != 1 || counts[v1alpha1.AuditPurged] != 1 || counts[v1alpha1.AuditDeleted] != 0 {
				t.Errorf("in the log: %v", counts)
			}
		})
	}
}

// As long as nothing is gone, a hold counts: the media goes to the trash of the bucket and stays there.
func TestR27AHoldOnAPurgeThatWaitsIsHonoured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.setState(v1alpha1.StateTrashed)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	w.dieBefore("trash: abort uploads", gone)
	w.patch(`{"spec":{"holds":[{"name":"case-2026-14","by":"legal@example.com"}]}}`)
	w.drive(gone)
	w.clock.Step(400 * day)
	if _, err := w.sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if counts := w.audited(w.namespace); counts[v1alpha1.AuditHeld] != 1 || counts[v1alpha1.AuditPurged] != 0 || counts[v1alpha1.AuditDeleted] != 1 {
		t.Errorf("in the log: %v", counts)
	}
	if state := w.state(recording); !strings.Contains(string(state.Spec), "case-2026-14") || len(w.stored()) != 4 {
		t.Errorf("in the bucket: %v; the state says %+v", w.stored(), state)
	}
}

// R26: a purge that the bucket refuses is not reported done, and goes on when the bucket lets go.
func TestR26APurgeWaitsForALockInTheBucket(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockGovernance))
	recording := w.available()
	w.setState(v1alpha1.StateTrashed)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	// Somebody else locks the object, past the controller.
	foreign := objectstore.Protection{Mode: objectstore.LockGovernance, Until: trashed.Status.PurgeAt.Add(time.Hour).UTC()}
	if _, err := w.objects.Protect(t.Context(), w.bucket(), recording.Status.Storage.Key, foreign, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	waiting := w.drive(is(v1alpha1.ReasonPurging))
	if message := condition(waiting, v1alpha1.ConditionReady).Message; !strings.Contains(message, "GOVERNANCE retention until "+foreign.Until.Format(time.RFC3339)) {
		t.Errorf("Ready says %q", message)
	}
	if got := w.audited(w.namespace)[v1alpha1.AuditPurged]; got != 0 || len(w.stored()) != 3 {
		t.Errorf("%d purges recorded, in the bucket: %v", got, w.stored())
	}
	if err := w.objects.Unprotect(t.Context(), w.bucket(), "media/", w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.retryUntil(func() bool { return w.get() == nil })
	w.expectPurged(recording)

	var events v1alpha1.AuditEventList
	if err := w.admin.List(t.Context(), &events, client.InNamespace(w.namespace), client.MatchingFields{"spec.action": "Purged"}); err != nil || len(events.Items) != 1 {
		t.Fatalf("%d purges recorded: %v", len(events.Items), err)
	}
	proof := strings.Join(events.Items[0].Spec.Evidence, "\n")
	for _, text := range []string{"SHA-256 " + recording.Status.Media.SHA256, "data key destroyed, wrapped by key ", "a listing of all versions afterwards found nothing", recording.Status.Storage.Key + ": version "} {
		if !strings.Contains(proof, text) {
			t.Errorf("the evidence lacks %q:\n%s", text, proof)
		}
	}
}

// retryUntil makes passes, as often as the bucket's own clock needs.
func (w *world) retryUntil(done func() bool) {
	w.Helper()
	err := wait.PollUntilContextTimeout(w.Context(), 4*glance, patience, true, func(context.Context) (bool, error) {
		_, err := w.pass()
		return done(), err
	})
	if err != nil {
		w.Fatalf("waiting: %v; %+v", err, w.get())
	}
}

func TestErasureDestroysTheKeyUnderALockAndNamesWhatIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, locking(v1alpha1.ObjectLockCompliance))
	w.rules(v1alpha1.RetentionRules{Erasure: v1alpha1.ErasureDestroyKey, Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "1h"}})
	recording := w.available()
	locked := objectstore.Protection{Mode: objectstore.LockCompliance, Until: recording.Status.LockedUntil.UTC()}
	w.wantProtection(recording, locked, objectstore.Protection{})

	w.patch(`{"spec":{"erasure":{"reason":"request 2026-77","by":"privacy@example.com"}}}`)
	erased := w.settle()
	until := spellTime(recording.Status.LockedUntil)
	if got := condition(erased, v1alpha1.ConditionReady); got.Reason != v1alpha1.ReasonErased || got.Message != "The key is destroyed: what lies in the bucket until "+until+" is noise" {
		t.Errorf("Ready is %+v", got)
	}
	if diff := cmp.Diff([]string{recording.Status.Storage.Key}, w.stored()); diff != "" {
		t.Errorf("objects in the bucket (-want +got):\n%s", diff)
	}
	names, err := objectstore.NewRecording(w.namespace, string(recording.UID))
	if err != nil {
		t.Fatal(err)
	}
	if left, err := w.objects.Versions(t.Context(), w.bucket(), names.ManifestPrefix()); err != nil || len(left) > 0 {
		t.Errorf("versions of the manifest: %v, %v", left, err)
	}
	var events v1alpha1.AuditEventList
	if err := w.admin.List(t.Context(), &events, client.InNamespace(w.namespace), client.MatchingFields{"spec.action": "Erased"}); err != nil || len(events.Items) != 1 {
		t.Fatalf("%d erasures recorded: %v", len(events.Items), err)
	}
	event := events.Items[0].Spec
	proof := strings.Join(event.Evidence, "\n")
	for _, text := range []string{"because of request 2026-77", "data key destroyed", "stays as noise until " + until} {
		if !strings.Contains(proof, text) {
			t.Errorf("the evidence lacks %q:\n%s", text, proof)
		}
	}
	if event.Actor.Name != "privacy@example.com" || !strings.HasPrefix(event.Rule, "RecordingPolicy "+w.namespace+"/rules spec.retention.erasure") {
		t.Errorf("erased by %+v under %q", event.Actor, event.Rule)
	}
}

func TestErasureWithoutALockEndsInAPurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rules(v1alpha1.RetentionRules{Erasure: v1alpha1.ErasureDestroyKey})
	recording := w.available()
	w.patch(`{"spec":{"erasure":{"reason":"request 2026-78"}}}`)
	w.drive(is(v1alpha1.ReasonErased))
	w.clock.Step(time.Second)
	w.drive(gone)
	w.expectPurged(recording)
	if counts := w.audited(w.namespace); counts[v1alpha1.AuditErased] != 1 || counts[v1alpha1.AuditPurged] != 1 || counts[v1alpha1.AuditDeleted] != 0 {
		t.Errorf("recorded %v", counts)
	}
}

func TestErasureIsRefusedByThePolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.patch(`{"spec":{"erasure":{"reason":"request 2026-79"}}}`)
	refused := w.settle()
	if got := condition(refused, v1alpha1.ConditionErased); got.Status != metav1.ConditionFalse || got.Reason != v1alpha1.ReasonErasureForbidden ||
		!strings.Contains(got.Message, "by built-in profile Standard retention.erasure") {
		t.Errorf("Erased is %+v", got)
	}
	if !is(v1alpha1.ReasonAvailable)(refused) || len(w.stored()) != 3 {
		t.Errorf("the recording is %s, in the bucket: %v", readyReason(&refused.Status), w.stored())
	}
	w.rules(v1alpha1.RetentionRules{Erasure: v1alpha1.ErasureDestroyKey})
	w.drive(is(v1alpha1.ReasonErased))
	w.clock.Step(time.Second)
	w.drive(gone)
	w.expectPurged(recording)
}

// R27: a namespace with a locked recording stays and says why, and goes by itself when the lock ends. The namespace controller is
// Kubernetes' own.
func TestR27ANamespaceWaitsForItsLockedRecordings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	lockFor := clock.RealClock{}.Since(recording.Status.AvailableAt.Time).Truncate(time.Second) + 20*time.Second
	w.rules(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: v1alpha1.Duration(fmt.Sprintf("%ds", int(lockFor.Seconds())))}})
	recording = w.settle()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
	if err := w.admin.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	says := "is locked until " + spellTime(recording.Status.LockedUntil) + " (Compliance"
	err := wait.PollUntilContextTimeout(t.Context(), glance, patience, true, func(ctx context.Context) (bool, error) {
		err := w.admin.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)
		for _, c := range namespace.Status.Conditions {
			if c.Status == corev1.ConditionTrue && strings.Contains(c.Message, says) {
				return true, nil
			}
		}
		return false, err
	})
	if err != nil {
		t.Fatalf("the namespace does not say that its recording %s: %+v, %v", says, namespace.Status, err)
	}
	w.wantLocked(w.settle(), "Namespace "+w.namespace+" is being deleted, and waits for this recording")
	w.wantEvent("RecordingKept The namespace waits for MeetingRecording q3-review: Locked until " + spellTime(recording.Status.LockedUntil))

	w.clock.SetTime(recording.Status.LockedUntil.Time)
	w.retryUntil(func() bool {
		return apierrors.IsNotFound(w.admin.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace))
	})
	if stored := w.stored(); len(stored) != 4 {
		t.Errorf("in the bucket: %v, want the media, the manifest, the state and a tombstone", stored)
	}
}

// wantEvent looks among the Events that were sent.
func (w *world) wantEvent(text string) {
	w.Helper()
	var seen []string
	for {
		select {
		case event := <-w.events.Events:
			if strings.Contains(event, text) {
				return
			}
			seen = append(seen, event)
		default:
			w.Errorf("no Event says %q: %q", text, seen)
			return
		}
	}
}
