// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

// R5: the recording lives in the organisation's bucket and nowhere else. R7: as one encrypted object.
func TestR5R7AnUploadBecomesAvailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()

	status := recording.Status
	if status.Link != "https://recordings.example.com/r/"+w.namespace+"/q3-review" {
		t.Errorf("link = %q", status.Link)
	}
	if status.Media.Duration != "6s" || status.Media.Codec != "avc1/mp4a" || status.Media.Height != 180 || status.Media.Segments == 0 {
		t.Errorf("media = %+v", status.Media)
	}
	if want := status.AvailableAt.Add(180 * day); !status.ExpiresAt.Time.Equal(want) {
		t.Errorf("expiresAt = %s, want %s", status.ExpiresAt, want)
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionStored, v1alpha1.ConditionProcessed, v1alpha1.ConditionRecoverable} {
		if got := condition(recording, kind); got.Status != metav1.ConditionTrue {
			t.Errorf("condition %s = %+v", kind, got)
		}
	}
	if status.Upload.SecretRef.Name != "" || status.Progress != "" {
		t.Errorf("the status still speaks of the upload: %+v", status)
	}
	if diff := cmp.Diff([]string{status.Storage.ManifestKey, w.names(recording).StateKey(), status.Storage.Key}, w.stored()); diff != "" {
		t.Errorf("objects in the bucket (-want +got):\n%s", diff)
	}
	w.expectNoStrays(recording)
	if diff := cmp.Diff(map[v1alpha1.AuditAction]int{v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1}, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

func TestAtRestNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.expectNoStrays(recording)
	for range 3 {
		w.restart()
		if _, err := w.pass(); err != nil {
			t.Fatal(err)
		}
	}
	if again := w.get(); again.ResourceVersion != recording.ResourceVersion {
		t.Errorf("a recording at rest was written: %s", cmp.Diff(recording, again))
	}
}

func TestR24R25R26FromExpiryToRestoreToPurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()

	w.clock.SetTime(recording.Status.ExpiresAt.Add(-time.Millisecond))
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	if got := w.get(); got.EffectiveState() != v1alpha1.StateActive {
		t.Fatalf("the state is %q a millisecond before the expiry", got.EffectiveState())
	}
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	if trashed.EffectiveState() != v1alpha1.StateTrashed || trashed.Spec.State != "" || !trashed.Status.PurgeAt.Time.Equal(trashed.Status.TrashedAt.Add(30*day)) {
		t.Errorf("in the trash: spec.state %q, since %s, until %s", trashed.Spec.State, trashed.Status.TrashedAt, trashed.Status.PurgeAt)
	}

	w.clock.Step(day)
	w.setState(v1alpha1.StateActive)
	restored := w.drive(is(v1alpha1.ReasonAvailable))
	if want := w.clock.Now().Add(180 * day); restored.Status.ExpiresAt.Sub(want).Abs() > time.Second || !restored.Status.PurgeAt.IsZero() {
		t.Errorf("restored: expires at %s, want %s; purge at %s", restored.Status.ExpiresAt, want, restored.Status.PurgeAt)
	}

	w.setState(v1alpha1.StateTrashed)
	trashed = w.drive(is(v1alpha1.ReasonTrashed))
	w.clock.SetTime(trashed.Status.PurgeAt.Add(-time.Millisecond))
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	if w.get() == nil || len(w.stored()) != 3 {
		t.Fatal("purged a millisecond early")
	}
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	w.drive(gone)
	w.expectPurged(trashed)
	want := map[v1alpha1.AuditAction]int{
		v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1, v1alpha1.AuditExpired: 1, v1alpha1.AuditTrashed: 1,
		v1alpha1.AuditRestored: 1, v1alpha1.AuditPurged: 1,
	}
	if diff := cmp.Diff(want, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

// expectPurged looks for any version of anything.
func (w *world) expectPurged(recording *v1alpha1.MeetingRecording) {
	w.Helper()
	for _, root := range []string{"media/", "manifests/", "staging/", "trash/"} {
		left, err := w.objects.DeleteAllVersionsUnder(w.Context(), w.bucket(), root)
		if err != nil || len(left) > 0 {
			w.Errorf("left under %s after the purge: %v, %v", root, left, err)
		}
	}
	w.expectNoStrays(recording)
}

func TestR25DeletionLeavesATombstoneAndTheSweeperPurgesItWhenDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	deleted := w.get()
	w.drive(gone)
	stored := w.stored()
	if len(stored) != 4 || !strings.HasPrefix(stored[3], "trash/") || !strings.HasSuffix(stored[3], "/"+w.namespace+"/"+string(recording.UID)) {
		t.Fatalf("in the bucket: %v", stored)
	}
	purgeAt := deleted.DeletionTimestamp.Add(30 * day)

	next, err := w.sweeper.Sweep(t.Context())
	if err != nil || next.After(w.clock.Now().Add(time.Hour)) || len(w.stored()) != 4 {
		t.Fatalf("first sweep: next %s, %v; in the bucket: %v", next, err, w.stored())
	}
	w.clock.SetTime(purgeAt.Add(-time.Second))
	if next, err = w.sweeper.Sweep(t.Context()); err != nil || !next.Equal(purgeAt) || len(w.stored()) != 4 {
		t.Fatalf("sweep a second early: next %s, want %s, %v; in the bucket: %v", next, purgeAt, err, w.stored())
	}
	w.clock.SetTime(purgeAt)
	if _, err = w.sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expectPurged(recording)
	want := map[v1alpha1.AuditAction]int{v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1, v1alpha1.AuditDeleted: 1, v1alpha1.AuditPurged: 1}
	if diff := cmp.Diff(want, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
}

func TestDeletionBeforeAnythingArrivesLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record(func(r *v1alpha1.MeetingRecording) {
		r.Spec.Source.Upload = &v1alpha1.UploadSource{Method: v1alpha1.UploadMultipart, Size: quantity("200Mi")}
	})
	recording := w.drive(is(v1alpha1.ReasonUploading))
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.drive(gone)
	w.expectPurged(recording)
}

func TestTerminalInputsDoNotLoop(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, content []byte) string {
		path := filepath.Join(t.TempDir(), "upload")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	video, err := os.ReadFile(mediatest.MP4(t))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		content []byte
		want    string
	}{
		"a text":              {[]byte(strings.Repeat("no video at all\n", 100)), v1alpha1.ReasonNotAVideo},
		"nothing":             {nil, v1alpha1.ReasonEmpty},
		"a video's beginning": {video[:len(video)/3], v1alpha1.ReasonTruncated},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.record()
			w.drive(is(v1alpha1.ReasonUploading))
			w.upload(write(t, tc.content))
			recording := w.drive(is(tc.want))
			if got := condition(recording, v1alpha1.ConditionStalled); got.Status != metav1.ConditionTrue || got.Reason != tc.want {
				t.Errorf("Stalled = %+v", got)
			}
			w.drive(func(*v1alpha1.MeetingRecording) bool { return len(w.jobs(recording)) == 0 })
			w.clock.Step(time.Hour)
			if _, err := w.pass(); err != nil {
				t.Fatal(err)
			}
			if again := w.get(); again.ResourceVersion != recording.ResourceVersion || len(w.jobs(recording)) > 0 {
				t.Errorf("an hour later: %+v and %d Jobs", again.Status, len(w.jobs(recording)))
			}
			if stored := w.stored(); len(stored) == 0 || !strings.HasSuffix(stored[len(stored)-1], "/raw") {
				t.Errorf("what was sent is not kept: %v", stored)
			}
		})
	}
}

func TestR27HeldTombstonesAndLivingRecordingsAreNotPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	tombstone := archive.Tombstone{
		Namespace: w.namespace, Name: w.name, UID: string(recording.UID), DeletedAt: w.clock.Now(), PurgeAt: w.clock.Now().Truncate(time.Second),
	}
	held := tombstone
	held.UID, held.Holds = "another-uid", []string{"case-2026-14"}
	for _, tombstone := range []archive.Tombstone{tombstone, held} {
		if err := archive.WriteTombstone(t.Context(), w.objects, w.bucket(), tombstone); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.DeleteFunc(w.stored(), func(key string) bool { return key == w.names(recording).TombstoneKey(tombstone.PurgeAt) })
	if _, err := w.sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, w.stored()); diff != "" {
		t.Errorf("of a living recording the tombstone goes and nothing else, and nothing of a held one; in the bucket (-want +got):\n%s", diff)
	}
}

func TestR29EachRestoreIsRecordedHoweverSoonItFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	for n := range 2 { // within the same second: the clock stands still
		w.setState(v1alpha1.StateTrashed)
		w.drive(is(v1alpha1.ReasonTrashed))
		w.setState(v1alpha1.StateActive)
		w.drive(is(v1alpha1.ReasonAvailable))
		if counts := w.audited(w.namespace); counts[v1alpha1.AuditTrashed] != n+1 || counts[v1alpha1.AuditRestored] != n+1 {
			t.Errorf("recorded %d times to the trash and %d times back, want %d", counts[v1alpha1.AuditTrashed], counts[v1alpha1.AuditRestored], n+1)
		}
	}
}

// Whatever a tombstone says: what the bucket itself says of the recording, which is authentic, keeps it.
func TestR27WhatTheStateHoldsOrLocksIsNotPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.deleted(recording)
	state, sealed, err := w.archive(recording).State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	says := func(change func(*archive.State)) {
		changed := *state
		change(&changed)
		if err := w.archive(recording).WriteState(t.Context(), sealed.StateKey, changed); err != nil {
			t.Fatal(err)
		}
		w.sweep()
	}
	w.clock.SetTime(state.PurgeAt)
	before := w.stored()
	held := recording.Spec
	held.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: recording.StorageUID()}}
	held.Holds = []v1alpha1.LegalHold{{Name: "case-1"}}
	spec, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	says(func(s *archive.State) { s.Spec = spec })
	says(func(s *archive.State) { s.LockedUntil = w.clock.Now().Add(time.Second) })
	if diff := cmp.Diff(before, w.stored()); diff != "" {
		t.Errorf("in the bucket (-want +got):\n%s", diff)
	}
	says(func(s *archive.State) { s.LockedUntil = w.clock.Now() })
	w.expectPurged(recording)
}

func TestR25ADeletedNamespaceGoesAndItsMediaStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	w.expectNoStrays(recording)
	w.deleteNamespace()
	w.drive(gone)
	if stored := w.stored(); len(stored) != 4 || !strings.HasPrefix(stored[3], "trash/") {
		t.Errorf("in the bucket: %v", stored)
	}
	var events v1alpha1.AuditEventList
	if err := w.admin.List(t.Context(), &events, client.InNamespace(operatorNamespace)); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events.Items, func(event v1alpha1.AuditEvent) bool {
		return event.Spec.Recording.UID == string(recording.UID) && event.Spec.Action == v1alpha1.AuditDeleted
	}) {
		t.Error("the deletion is not recorded in the operator's namespace")
	}
	w.eventually("the namespace is gone", func() bool {
		return apierrors.IsNotFound(w.admin.Get(t.Context(), client.ObjectKey{Name: w.namespace}, &corev1.Namespace{}))
	})
}

func TestATrashedUploadIsProcessedWhenItComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	w.upload(mediatest.MP4(t))
	w.setState(v1alpha1.StateTrashed)
	recording := w.drive(is(v1alpha1.ReasonTrashed))
	if stored := w.stored(); len(stored) != 1 || !strings.HasSuffix(stored[0], "/raw") {
		t.Errorf("in the bucket: %v", stored)
	}
	w.setState(v1alpha1.StateActive)
	w.drive(is(v1alpha1.ReasonAvailable))
	w.expectNoStrays(recording)
}

// TestCredentialsChangeWhileMediaIsOnItsWay has the store's server take other credentials while somebody uploads, and again while a
// worker is about to start.
func TestCredentialsChangeWhileMediaIsOnItsWay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := s3test.Start(t, s3test.Options{Dir: dir})
	w := newWorld(t, func(store *v1alpha1.RecordingStore) { store.Spec.S3.Endpoint = server.Endpoint })
	rotate := func(secretKey string) {
		server.Close()
		server = s3test.Start(t, s3test.Options{Dir: dir, Address: server.Address, AccessKey: server.AccessKey, SecretKey: secretKey})
		patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"stringData":{"accessKeyID":%q,"secretAccessKey":%q}}`, server.AccessKey, server.SecretKey))
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "s3-" + w.namespace}}
		if err := w.admin.Patch(t.Context(), secret, patch); err != nil {
			t.Fatal(err)
		}
		objects, err := objectstore.New(server.Config())
		if err != nil {
			t.Fatal(err)
		}
		w.objects = objects
	}
	rotate("the-first-secret-key")
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	before := string(w.secret()[keyURL])
	rotate("the-second-secret-key")
	w.drive(func(*v1alpha1.MeetingRecording) bool { return string(w.secret()[keyURL]) != before })
	w.upload(mediatest.MP4(t))
	rotate("the-third-secret-key")
	recording := w.drive(is(v1alpha1.ReasonAvailable))
	w.expectNoStrays(recording)
}

// TestR29WhatWasDoneInThePageIsNotRecordedAgain marks the trash as the gateway does, which has written down before who uses it.
func TestR29WhatWasDoneInThePageIsNotRecordedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	config, _ := env.KubeconfigFor(t, operatorNamespace, "reelkeeper-gateway")
	gateway, err := client.New(config, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	inPage := func(state v1alpha1.RecordingState) {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"system:serviceaccount:%s:reelkeeper-gateway"}},"spec":{"state":%q}}`,
			v1alpha1.AnnotationStateBy, operatorNamespace, state)
		if err := gateway.Patch(t.Context(), w.get(), client.RawPatch("application/merge-patch+json", patch)); err != nil {
			t.Fatal(err)
		}
	}
	inPage(v1alpha1.StateTrashed)
	w.drive(is(v1alpha1.ReasonTrashed))
	inPage(v1alpha1.StateActive)
	w.drive(is(v1alpha1.ReasonAvailable))
	if audited := w.audited(w.namespace); audited[v1alpha1.AuditTrashed] != 0 || audited[v1alpha1.AuditRestored] != 0 {
		t.Errorf("audit events: %v", audited)
	}
}
