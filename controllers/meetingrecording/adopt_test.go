// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// adoption changes what record creates into a recording that adopts.
func adoption(of *v1alpha1.MeetingRecording, changes ...func(*v1alpha1.MeetingRecording)) func(*v1alpha1.MeetingRecording) {
	return func(r *v1alpha1.MeetingRecording) {
		r.Labels = of.Labels
		r.Spec.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: of.StorageUID()}}
		for _, change := range changes {
			change(r)
		}
	}
}

// deleted takes the recording from Available to gone.
func (w *world) deleted(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	if err := w.admin.Delete(w.Context(), recording); err != nil {
		w.Fatal(err)
	}
	w.drive(gone)
}

// hash reads the media as the bucket has it.
func (w *world) hash(recording *v1alpha1.MeetingRecording) string {
	w.Helper()
	body, _, err := w.objects.Get(w.Context(), recording.Status.Storage.Bucket, recording.Status.Storage.Key, objectstore.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, body); err != nil {
		w.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// archive is what the bucket says of the recording.
func (w *world) archive(recording *v1alpha1.MeetingRecording) archive.Archive {
	w.Helper()
	store, err := stores.NewResolver(w.admin, operatorNamespace).Open(w.Context(), w.store.Name)
	if err != nil {
		w.Fatal(err)
	}
	return archive.Archive{Objects: w.objects, Keys: store.Keys, Bucket: w.bucket(), Names: w.names(recording)}
}

// state is the state in the bucket, which must be authentic.
func (w *world) state(recording *v1alpha1.MeetingRecording) *archive.State {
	w.Helper()
	state, _, err := w.archive(recording).State(w.Context())
	if err != nil || state == nil {
		w.Fatalf("the state in the bucket: %v, %v", state, err)
	}
	return state
}

func TestR25ADeletedRecordingIsAdoptedWithItsMediaAndItsClockRunsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.available()
	before := w.hash(first)
	w.deleted(first)
	w.clock.Step(20 * day)
	w.record(adoption(first))
	second := w.drive(is(v1alpha1.ReasonAvailable))

	if second.UID == first.UID || second.Status.Storage.Key != first.Status.Storage.Key {
		t.Errorf("the media moved: %+v, was %+v", second.Status.Storage, first.Status.Storage)
	}
	if after := w.hash(second); after != before || after != second.Status.Media.SHA256 {
		t.Errorf("SHA-256 of the media is %s, was %s, the status says %s", after, before, second.Status.Media.SHA256)
	}
	if want := w.clock.Now().Add(180 * day); second.Status.ExpiresAt.Sub(want).Abs() > time.Second {
		t.Errorf("expires at %s, want %s", second.Status.ExpiresAt, want)
	}
	if got := condition(second, v1alpha1.ConditionRecoverable); got.Status != metav1.ConditionTrue || !strings.Contains(got.Message, "AccessGrants that were deleted do not come back") {
		t.Errorf("Recoverable = %+v", got)
	}
	want := []string{w.names(first).ManifestKey(1), w.names(first).StateKey(), w.names(first).MediaKey(1)}
	if diff := cmp.Diff(want, w.stored()); diff != "" {
		t.Errorf("in the bucket (-want +got):\n%s", diff)
	}
	if state := w.state(second); state.Object != string(second.UID) || !state.DeletedAt.IsZero() {
		t.Errorf("state = %+v", state)
	}
	counts := map[v1alpha1.AuditAction]int{v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1, v1alpha1.AuditDeleted: 1, v1alpha1.AuditRestored: 1}
	if diff := cmp.Diff(counts, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}

	// It lives as any other: at rest nothing is written, and deleted again it can be adopted again, until it is purged.
	w.restart()
	if _, err := w.pass(); err != nil || w.get().ResourceVersion != second.ResourceVersion {
		t.Errorf("an adopted recording at rest was written, %v", err)
	}
	w.deleted(second)
	w.record(adoption(first))
	third := w.drive(is(v1alpha1.ReasonAvailable))
	w.deleted(third)
	w.clock.Step(31 * day)
	if _, err := w.sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expectPurged(third)
}

func TestR25ADeletedNamespaceThatIsMadeAgainGetsItsRecordingsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.available()
	before := w.hash(first)
	w.expectNoStrays(first)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
	if err := w.admin.Delete(t.Context(), namespace.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	w.eventually("the deletion reaches the recording", func() bool {
		found := w.get()
		return found == nil || !found.DeletionTimestamp.IsZero()
	})
	w.drive(gone)
	w.eventually("the namespace is gone", func() bool {
		return apierrors.IsNotFound(w.admin.Get(t.Context(), client.ObjectKeyFromObject(namespace), &corev1.Namespace{}))
	})
	w.create(namespace)
	w.record(adoption(first))
	if second := w.drive(is(v1alpha1.ReasonAvailable)); w.hash(second) != before {
		t.Error("the media is not the same")
	}
}

func TestNobodyGainsRightsByAdopting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(func(r *v1alpha1.MeetingRecording) {
		r.Labels = map[string]string{"reelkeeper.io/sensitivity": "high"}
	})
	w.drive(is(v1alpha1.ReasonUploading))
	w.uploadSample()
	first := w.drive(is(v1alpha1.ReasonAvailable))
	w.hold(first, v1alpha1.LegalHold{Name: "case-1", Reason: "litigation"})
	held := w.drive(func(r *v1alpha1.MeetingRecording) bool { return r.Status.ObservedGeneration == r.Generation })
	w.hold(held)
	w.drive(func(r *v1alpha1.MeetingRecording) bool { return r.Status.ObservedGeneration == r.Generation })
	w.deleted(w.get())

	cases := map[string]struct {
		change func(*v1alpha1.MeetingRecording)
		want   string
	}{
		"another creator":    {func(r *v1alpha1.MeetingRecording) { r.Spec.Meeting.Creator = "mallory@example.com" }, "spec.meeting.creator"},
		"one more host":      {func(r *v1alpha1.MeetingRecording) { r.Spec.Meeting.Hosts = []string{"mallory@example.com"} }, "spec.meeting.hosts"},
		"another department": {func(r *v1alpha1.MeetingRecording) { r.Spec.Meeting.Department = "sales" }, "spec.meeting.department"},
		"a label less":       {func(r *v1alpha1.MeetingRecording) { r.Labels = nil }, "metadata.labels[reelkeeper.io/sensitivity]"},
		"a label more": {func(r *v1alpha1.MeetingRecording) {
			r.Labels = map[string]string{"reelkeeper.io/sensitivity": "high", "team": "x"}
		}, "metadata.labels[team]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w.record(adoption(first, tc.change))
			refused := w.drive(is(v1alpha1.ReasonAdoptMismatch))
			if message := condition(refused, v1alpha1.ConditionStalled).Message; !strings.Contains(message, "otherwise in "+tc.want+",") || strings.Contains(message, "mallory") {
				t.Errorf("it says %q", message)
			}
			if refused.Status.Storage.Key != "" || refused.Status.Media.Bytes != 0 {
				t.Errorf("the status shows media: %+v", refused.Status)
			}
			w.deleted(refused)
			if stored := w.stored(); len(stored) != 4 {
				t.Errorf("the refused one took something along: %v", stored)
			}
		})
	}
	t.Run("and as it was it comes back", func(t *testing.T) {
		w.record(adoption(first))
		w.drive(is(v1alpha1.ReasonAvailable))
	})
}

// uploadSample sends a small video.
func (w *world) uploadSample() { w.upload(mediatest.MP4(w)) }

// hold replaces the recording's legal holds.
func (w *world) hold(recording *v1alpha1.MeetingRecording, holds ...v1alpha1.LegalHold) {
	w.Helper()
	changed := recording.DeepCopy()
	changed.Spec.Holds = holds
	if err := w.admin.Patch(w.Context(), changed, client.MergeFrom(recording)); err != nil {
		w.Fatal(err)
	}
}

func TestR27AHoldIsNotLostByDeletingTheClusterAndAdopting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.available()
	w.hold(first, v1alpha1.LegalHold{Name: "case-1", Reason: "litigation"})
	w.drive(func(r *v1alpha1.MeetingRecording) bool { return r.Status.ObservedGeneration == r.Generation })
	w.lose(first)
	w.record(adoption(first))
	refused := w.drive(is(v1alpha1.ReasonAdoptMismatch))
	if message := condition(refused, v1alpha1.ConditionReady).Message; !strings.Contains(message, "spec.holds[case-1]") {
		t.Errorf("it says %q", message)
	}
	w.hold(refused, v1alpha1.LegalHold{Name: "case-1", Reason: "litigation"}, v1alpha1.LegalHold{Name: "case-2"})
	w.drive(is(v1alpha1.ReasonAvailable))
}

// lose takes the MeetingRecording away as the loss of the cluster does: nobody is asked, and nothing is written.
func (w *world) lose(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	live := w.get()
	if len(live.Spec.Holds) > 0 {
		w.hold(live)
		live = w.get()
	}
	bare := live.DeepCopy()
	bare.Finalizers = nil
	bare.Annotations = map[string]string{"reelkeeper.io/bypass-lock": "the cluster is lost"}
	if err := w.admin.Patch(w.Context(), bare, client.MergeFrom(live)); err != nil {
		w.Fatal(err)
	}
	// The shipped policies refuse to delete what is held or locked. Losing a cluster asks nobody.
	if err := w.admin.Delete(w.Context(), recording); err != nil {
		w.Fatal(err)
	}
	w.eventually("gone", func() bool { return gone(w.get()) })
}

func TestALostRecordingComesBackToTheTrashAndToItsLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.setState(v1alpha1.StateTrashed)
	w.drive(is(v1alpha1.ReasonTrashed))
	w.create(&v1alpha1.RecordingPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "locked"},
		Spec: v1alpha1.RecordingPolicySpec{PolicyRules: v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{
			Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "300d"},
		}}},
	})
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	first := w.get()
	if first.Status.LockedUntil.IsZero() {
		t.Fatal("there is no lock")
	}
	if err := w.admin.Delete(t.Context(), &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "locked"}}); err != nil {
		t.Fatal(err)
	}
	state := w.state(first)
	if !state.LockedUntil.Equal(first.Status.LockedUntil.Time) || !state.TrashedAt.Equal(first.Status.TrashedAt.Time) {
		t.Fatalf("state = %+v", state)
	}
	w.lose(first)
	w.clock.Step(5 * day)
	w.record(adoption(first, func(r *v1alpha1.MeetingRecording) { r.Spec.State = v1alpha1.StateTrashed }))
	second := w.drive(is(v1alpha1.ReasonTrashed))
	if !second.Status.TrashedAt.Equal(&first.Status.TrashedAt) || !second.Status.LockedUntil.Equal(&first.Status.LockedUntil) ||
		second.Status.LockMode != v1alpha1.LockGovernance || second.Status.LockedBy != first.Status.LockedBy {
		t.Errorf("trashed at %s, locked until %s; was %s, %s", second.Status.TrashedAt, second.Status.LockedUntil, first.Status.TrashedAt, first.Status.LockedUntil)
	}
	if second.Status.PurgeAt.Before(&first.Status.LockedUntil) {
		t.Errorf("purged at %s, before the lock ends", second.Status.PurgeAt)
	}
}

func TestR27AdoptingBeginsNoNewLock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.available()
	w.deleted(first)
	w.clock.Step(5 * day)
	w.rules(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "10d"}})
	w.record(adoption(first))
	second := w.drive(is(v1alpha1.ReasonAvailable))
	if want := first.Status.AvailableAt.Add(10 * day); !second.Status.LockedUntil.Time.Equal(want) {
		t.Errorf("locked until %s, want %s", second.Status.LockedUntil, want)
	}
	if want := w.clock.Now(); second.Status.AvailableAt.Time.Before(want) {
		t.Errorf("R25 its time to live begins at %s, want %s", second.Status.AvailableAt, want)
	}
}

func TestWhatCannotBeAdopted(t *testing.T) {
	t.Parallel()
	t.Run("R26 what was purged", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.record(func(r *v1alpha1.MeetingRecording) {
			r.Spec.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: "0d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c11"}}
		})
		w.drive(is(v1alpha1.ReasonAdoptNotFound))
	})
	t.Run("R26 what the sweeper has purged", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.available()
		w.deleted(first)
		w.clock.SetTime(w.state(first).PurgeAt)
		w.record(adoption(first, func(r *v1alpha1.MeetingRecording) { r.Spec.Meeting.Creator = "mallory@example.com" }))
		if _, err := w.sweeper.Sweep(t.Context()); err != nil || len(w.stored()) != 4 {
			t.Errorf("what somebody is about to adopt was purged: %v, %v", w.stored(), err)
		}
		w.drive(is(v1alpha1.ReasonAdoptMismatch))
		if _, err := w.sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused := w.drive(is(v1alpha1.ReasonAdoptNotFound))
		w.deleted(refused)
		w.expectPurged(first)
	})
	t.Run("what somebody has", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.available()
		w.name = "thief"
		w.record(adoption(first))
		thief := w.drive(is(v1alpha1.ReasonAdoptTaken))
		w.deleted(thief)
		w.name = "q3-review"
		w.deleted(first)
		for _, name := range []string{"b-first", "a-second"} {
			w.name = name
			w.record(adoption(first))
			w.drive(func(r *v1alpha1.MeetingRecording) bool { return !is(v1alpha1.ReasonPending)(r) })
		}
		if w.name = "b-first"; !is(v1alpha1.ReasonAvailable)(w.get()) {
			t.Errorf("the first is %+v", w.get().Status)
		}
		if w.name = "a-second"; !is(v1alpha1.ReasonAdoptTaken)(w.get()) {
			t.Errorf("the second is %+v", w.get().Status)
		}
		w.clock.Step(200 * day)
		if _, err := w.sweeper.Sweep(t.Context()); err != nil || len(w.stored()) != 3 {
			t.Errorf("after a sweep: %v, %v", w.stored(), err)
		}
	})
	t.Run("what is damaged", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.available()
		w.deleted(first)
		w.garble(w.names(first).StateKey())
		w.record(adoption(first))
		refused := w.drive(is(v1alpha1.ReasonAdoptDamaged))
		w.deleted(refused)
		// Without a state, the manifest says what was.
		if err := w.objects.Delete(t.Context(), w.bucket(), w.names(first).StateKey()); err != nil {
			t.Fatal(err)
		}
		w.record(adoption(first))
		w.drive(is(v1alpha1.ReasonAvailable))
	})
	t.Run("what another keyset has encrypted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := w.available()
		w.deleted(first)
		other, err := keys.NewKeyset()
		if err != nil {
			t.Fatal(err)
		}
		w.setKeyset(other)
		w.record(adoption(first))
		refused := w.drive(is(v1alpha1.ReasonAdoptDamaged))
		if message := condition(refused, v1alpha1.ConditionReady).Message; !strings.Contains(message, "restore the keyset") {
			t.Errorf("it says %q", message)
		}
	})
}

// garble changes one byte of an object.
func (w *world) garble(key string) {
	w.Helper()
	body, info, err := w.objects.Get(w.Context(), w.bucket(), key, objectstore.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		w.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if _, err := w.objects.Put(w.Context(), w.bucket(), key, strings.NewReader(string(content)), info.Size, objectstore.PutOptions{}); err != nil {
		w.Fatal(err)
	}
}

func TestTheBucketSaysWhatARecordingHasBecome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	var hashes []string
	said := func(what string, is func(*archive.State, *v1alpha1.MeetingRecording) bool) {
		t.Helper()
		if _, err := w.pass(); err != nil {
			t.Fatal(err)
		}
		recording := w.get()
		state := w.state(recording)
		of, err := state.Recording()
		if err != nil || !is(state, of) {
			t.Errorf("%s: the state is %+v with %s, %v", what, state, state.Spec, err)
		}
		if hash, err := state.Hash(); err != nil || hash != recording.Status.Storage.StateHash || slices.Contains(hashes, hash) {
			t.Errorf("%s: its hash is %s, the status says %s, earlier ones are %v, %v", what, hash, recording.Status.Storage.StateHash, hashes, err)
		}
		hashes = append(hashes, recording.Status.Storage.StateHash)
	}
	said("available", func(s *archive.State, _ *v1alpha1.MeetingRecording) bool { return !s.AvailableAt.IsZero() })
	labelled := w.get()
	labelled.Labels = map[string]string{"team": "blue"}
	if err := w.admin.Update(t.Context(), labelled); err != nil {
		t.Fatal(err)
	}
	said("a label", func(_ *archive.State, r *v1alpha1.MeetingRecording) bool { return r.Labels["team"] == "blue" })
	w.hold(w.get(), v1alpha1.LegalHold{Name: "case-1"})
	said("a hold", func(_ *archive.State, r *v1alpha1.MeetingRecording) bool { return len(r.Spec.Holds) == 1 })
	w.hold(w.get())
	w.setState(v1alpha1.StateTrashed)
	inTrash := func(s *archive.State, r *v1alpha1.MeetingRecording) bool {
		return !s.TrashedAt.IsZero() && r.Spec.State == v1alpha1.StateTrashed
	}
	said("in the trash", inTrash)
	w.clock.Step(time.Hour)
	w.patch(`{"spec":{"state":null}}`)
	said("back", func(s *archive.State, r *v1alpha1.MeetingRecording) bool {
		return s.TrashedAt.IsZero() && r.Spec.State == ""
	})
	w.clock.SetTime(w.get().Status.ExpiresAt.Time)
	said("expired", inTrash)
	if got := w.get(); got.Spec.State != "" || got.EffectiveState() != v1alpha1.StateTrashed {
		t.Errorf("expired with the spec.state %q", got.Spec.State)
	}
}

// A store that does not answer delays what the bucket says, not the trash.
func TestAStoreThatIsAwayDoesNotKeepARecordingFromTheTrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.setState(v1alpha1.StateTrashed)
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: operatorNamespace, Name: "s3-" + w.namespace}
	if err := w.admin.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	good := secret.DeepCopy()
	secret.Data[stores.SecretAccessKey] = []byte("wrong")
	if err := w.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pass(); err == nil {
		t.Error("the pass is not tried again")
	}
	trashed := w.get()
	if got := condition(trashed, v1alpha1.ConditionRecoverable); !is(v1alpha1.ReasonTrashed)(trashed) || got.Reason != v1alpha1.ReasonStateNotWritten {
		t.Errorf("status = %+v", trashed.Status)
	}
	good.ResourceVersion = secret.ResourceVersion
	if err := w.admin.Update(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	if got := condition(w.get(), v1alpha1.ConditionRecoverable); got.Status != metav1.ConditionTrue || w.state(trashed).TrashedAt.IsZero() {
		t.Errorf("Recoverable = %+v", got)
	}
}

func TestCrashesOfAnAdoptionLeaveOneRecordingAndNoTombstone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.available()
	w.deleted(first)
	var c crashes
	w.gate = c.gate
	w.record(adoption(first))
	second := w.drive(is(v1alpha1.ReasonAvailable))
	w.gate = nil
	c.expect(t, "audit: record Restored", "archive: write the state", "recording: write the status")

	// The tombstone that a crash before its removal left is void: it goes when it is due, and nothing with it.
	w.clock.Step(31 * day)
	if _, err := w.sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{second.Status.Storage.ManifestKey, w.names(second).StateKey(), second.Status.Storage.Key}
	if diff := cmp.Diff(want, w.stored()); diff != "" {
		t.Errorf("in the bucket (-want +got):\n%s", diff)
	}
}

// A recording that is deleted when the bucket says already that it has the media, and its own status does not, leaves a tombstone
// of its own.
func TestR25DeletedInTheMidstOfAdoptingIsUndoableToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.available()
	w.deleted(first)
	w.record(adoption(first))
	w.gate = func(name effect.Name, write func() error) error {
		if name == "archive: write the state" {
			return effecttest.DieAfter.Strike(write)
		}
		return write()
	}
	if _, err := w.pass(); !errors.Is(err, effecttest.ErrDied) {
		t.Fatalf("the pass ended with %v", err)
	}
	w.gate = nil
	w.deleted(w.get())
	state := w.state(first)
	if state.DeletedAt.IsZero() || state.AvailableAt.IsZero() || !slices.Contains(w.stored(), w.names(first).TombstoneKey(state.PurgeAt)) {
		t.Errorf("state %+v; in the bucket: %v", state, w.stored())
	}
	w.record(adoption(first))
	w.drive(is(v1alpha1.ReasonAvailable))
}
