// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// crashes stops the process once before and once after every write that a life makes. A life that ends well in spite of
// that has resumed from each of these points.
type crashes struct {
	points []string
	off    bool
}

func (c *crashes) strike(when string, what step) error {
	point := when + " " + string(what)
	for _, seen := range c.points {
		if seen == point || c.off {
			return nil
		}
	}
	c.points = append(c.points, point)
	return errCrash
}

func (c *crashes) struck(what step) bool {
	return strings.Contains(strings.Join(c.points, "\n"), after+" "+string(what))
}

func (c *crashes) expect(t *testing.T, steps ...step) {
	t.Helper()
	for _, what := range steps {
		if !c.struck(what) {
			t.Errorf("no crash after %q: the life did not come by there", what)
		}
	}
	t.Logf("%d crash points", len(c.points))
}

func TestCrashesBetweenAnyTwoWritesChangeNothingInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var c crashes
	w.reconciler.interrupt = c.strike

	recording := w.available()
	w.clock.SetTime(recording.Status.ExpiresAt.Time)
	w.drive(is(v1alpha1.ReasonTrashed))
	w.setState(v1alpha1.StateActive)
	w.drive(is(v1alpha1.ReasonAvailable))
	w.setState(v1alpha1.StateTrashed)
	trashed := w.drive(is(v1alpha1.ReasonTrashed))
	w.clock.SetTime(trashed.Status.PurgeAt.Time)
	w.drive(gone)

	w.expectPurged(recording)
	want := map[v1alpha1.AuditAction]int{
		v1alpha1.AuditUploaded: 1, v1alpha1.AuditProcessed: 1, v1alpha1.AuditExpired: 1, v1alpha1.AuditTrashed: 2,
		v1alpha1.AuditRestored: 1, v1alpha1.AuditPurged: 1,
	}
	if diff := cmp.Diff(want, w.audited(w.namespace)); diff != "" {
		t.Errorf("audit events (-want +got):\n%s", diff)
	}
	c.expect(t, offerUpload, writeTheStatus, withdrawUpload, recordUploaded, startJob, armJob, "begin the attempt's upload",
		recordProcessed, clearStaging, clearOtherAttempts, removeJobs, recordExpired, expire, recordTrashed, recordRestored,
		deleteObject, purgeMedia, "record Purged", releaseFinalizer)
}

func TestCrashesOfADeletionLeaveOneTombstone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	var c crashes
	w.reconciler.interrupt = c.strike
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	w.drive(gone)
	if stored := w.stored(); len(stored) != 3 || !strings.HasPrefix(stored[2], "trash/") {
		t.Errorf("in the bucket: %v", stored)
	}
	w.expectNoStrays(recording)
	c.expect(t, bury, recordDeleted, releaseFinalizer)
}

func TestCrashesOfAMultipartOfferLeaveOneUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var c crashes
	w.reconciler.interrupt = c.strike
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
	c.expect(t, "begin the upload", offerUpload, withdrawUpload, discard, recordDeleted)
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
	if stored := w.stored(); len(stored) != 2 {
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
	w.reconciler.interrupt = func(when string, what step) error {
		if when == after && what == startJob {
			w.reconciler.interrupt = nil
			return errCrash
		}
		return nil
	}
	if _, err := w.pass(); !errors.Is(err, errCrash) {
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
	if stored := w.stored(); len(stored) != 2 || !strings.HasSuffix(stored[0], "/2.json") {
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
