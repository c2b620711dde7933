// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// crashes stops the process once before and once after every write that a life makes. A life that ends well in spite of
// that has resumed from each of these points.
type crashes struct {
	points []string
}

func (c *crashes) gate(name effect.Name, write func() error) error {
	for _, fault := range []effecttest.Fault{effecttest.DieBefore, effecttest.DieAfter} {
		if point := fmt.Sprint(fault, " ", name); !slices.Contains(c.points, point) {
			c.points = append(c.points, point)
			return fault.Strike(write)
		}
	}
	return write()
}

func (c *crashes) expect(t *testing.T, names ...effect.Name) {
	t.Helper()
	for _, name := range names {
		if !slices.Contains(c.points, fmt.Sprint(effecttest.DieAfter, " ", name)) {
			t.Errorf("no crash after %q: the life did not come by there", name)
		}
	}
	t.Logf("%d crash points", len(c.points))
}

func TestCrashesBetweenAnyTwoWritesChangeNothingInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var c crashes
	w.gate = c.gate

	recording := w.available()
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	w.drive(is(v1alpha1.ReasonTrashed))
	w.setState(v1alpha1.StateActive)
	restored := w.drive(is(v1alpha1.ReasonAvailable))
	w.clock.SetTime(restored.Status.ExpiresAt.Time) // this time where somebody has said Active
	w.drive(is(v1alpha1.ReasonTrashed))
	w.setState(v1alpha1.StateActive)
	w.drive(is(v1alpha1.ReasonAvailable))
	w.setState(v1alpha1.StateTrashed)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	w.drive(gone)

	w.expectPurged(recording)
	want := map[v1alpha1.AuditAction]int{
		v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1, v1alpha1.AuditExpired: 2, v1alpha1.AuditTrashed: 2,
		v1alpha1.AuditRestored: 2, v1alpha1.AuditPurged: 1,
	}
	if diff := cmp.Diff(want, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
	c.expect(t, "recording: offer the upload", "recording: write the status", "recording: remove the upload's Secret", "audit: record Uploaded",
		"recording: start the Job", "recording: arm the Job", "recording: begin the attempt's upload", "audit: record Processed",
		"recording: clear staging", "recording: abort uploads of an attempt", "recording: remove a Job", "audit: record Expired",
		"recording: set spec.state to Trashed", "audit: record Trashed", "audit: record Restored", "recording: delete the MeetingRecording",
		"trash: remove what lies under a prefix", "audit: record Purged", "recording: release the finalizer")
}

func TestCrashesOfADeletionLeaveOneTombstone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	var c crashes
	w.gate = c.gate
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.drive(gone)
	if stored := w.stored(); len(stored) != 4 || !strings.HasPrefix(stored[3], "trash/") {
		t.Errorf("in the bucket: %v", stored)
	}
	w.expectNoStrays(recording)
	c.expect(t, "trash: write the tombstone", "audit: record Deleted", "recording: release the finalizer")
}

func TestCrashesOfAMultipartOfferLeaveOneUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var c crashes
	w.gate = c.gate
	w.record(multipart("200Mi"))
	recording := w.drive(is(v1alpha1.ReasonUploading))
	var uploads []string
	for upload, err := range w.objects.Uploads(t.Context(), w.bucket(), "") {
		if err != nil {
			t.Fatal(err)
		}
		uploads = append(uploads, upload.ID)
	}
	if len(uploads) != 1 || uploads[0] != string(w.secret()[keyUploadID]) {
		t.Errorf("uploads = %v, the Secret says %s", uploads, w.secret()[keyUploadID])
	}
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.drive(gone)
	w.expectPurged(recording)
	c.expect(t, "recording: begin the upload", "recording: offer the upload", "recording: abort the upload that was offered", "recording: abort the upload", "trash: abort uploads", "audit: record Deleted")
}

// A Job that somebody deletes while it waits for its Secret, or works, is followed by another one with objects of its own.
func TestLostJobsAreReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	w.upload(mediatest.MP4(t))
	if _, err := w.pass(); err != nil { // starts the Job
		t.Fatal(err)
	}
	recording := w.get()
	jobs := w.jobs(recording)
	if len(jobs) != 1 {
		t.Fatalf("%d Jobs", len(jobs))
	}
	err := w.admin.Delete(t.Context(), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: jobs[0].Name}},
		client.PropagationPolicy(metav1.DeletePropagationForeground))
	if err != nil {
		t.Fatal(err)
	}
	recording = w.drive(is(v1alpha1.ReasonAvailable))
	if stored := w.stored(); len(stored) != 3 {
		t.Errorf("in the bucket: %v", stored)
	}
	w.expectNoStrays(recording)
}

func multipart(size string) func(*v1alpha1.MeetingRecording) {
	return func(r *v1alpha1.MeetingRecording) {
		r.Spec.Source.Upload = &v1alpha1.UploadSource{Method: v1alpha1.UploadMultipart, Size: quantity(size)}
	}
}

// The raw upload vanishes under a worker's eyes, which is no fault of the media, and comes back.
func TestFailuresThatMayPassAreTriedAgainAfterAWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	w.upload(mediatest.MP4(t))
	w.gate = func(name effect.Name, write func() error) error {
		if name != "recording: start the Job" {
			return write()
		}
		w.gate = nil
		return effecttest.DieAfter.Strike(write)
	}
	if _, err := w.pass(); !errors.Is(err, effecttest.ErrDied) {
		t.Fatalf("no crash before the Job is armed: %v", err)
	}
	recording := w.get()
	names, err := objectstore.NewRecording(w.namespace, string(recording.UID))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.objects.Delete(t.Context(), w.bucket(), names.RawKey()); err != nil {
		t.Fatal(err)
	}
	w.drive(func(*v1alpha1.MeetingRecording) bool {
		jobs := attemptsOf(w.jobs(recording))
		return len(jobs) == 1 && jobs[0].outcome == failed
	})
	w.drive(func(r *v1alpha1.MeetingRecording) bool {
		return r.Status.Upload.SecretRef.Name != "" && secretOf(w) != nil
	})
	w.upload(mediatest.MP4(t))

	waiting := w.drive(is(v1alpha1.ReasonProcessing))
	if got := condition(waiting, v1alpha1.ConditionReady).Message; !strings.Contains(got, "Attempt 1 of 5 failed with SourceUnreachable") {
		t.Errorf("Ready says %q", got)
	}
	if jobs := w.jobs(recording); len(jobs) != 1 {
		t.Errorf("%d Jobs before the wait is over", len(jobs))
	}
	w.clock.Step(time.Minute)
	w.drive(is(v1alpha1.ReasonAvailable))
	if stored := w.stored(); len(stored) != 3 || !strings.HasSuffix(stored[0], "/2.json") {
		t.Errorf("in the bucket: %v", stored)
	}
	w.expectNoStrays(recording)
}

// secretOf is the upload's Secret, nil while there is none.
func secretOf(w *world) *corev1.Secret {
	var secret corev1.Secret
	if err := w.admin.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: uploadSecretName(w.name)}, &secret); err != nil {
		return nil
	}
	return &secret
}
