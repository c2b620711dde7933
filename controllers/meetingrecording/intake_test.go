// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// save writes the Secret's keys to files, as its script asks for.
func (w *world) save() string {
	w.Helper()
	dir := w.TempDir()
	for key, value := range w.secret() {
		if err := os.WriteFile(filepath.Join(dir, key), value, 0o600); err != nil {
			w.Fatal(err)
		}
	}
	return dir
}

func (w *world) shell(dir, script string, args ...string) {
	w.Helper()
	cmd := exec.CommandContext(w.Context(), "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.Fatalf("%s: %v (is curl installed?): %s", script, err, out)
	}
}

func TestTheCurlLineOfTheSecretWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record()
	w.drive(is(v1alpha1.ReasonUploading))
	dir := w.save()
	w.shell(dir, "cp \"$1\" recording.mp4 && sh curl", mediatest.MP4(t))
	w.drive(is(v1alpha1.ReasonAvailable))
}

func TestTheScriptOfTheSecretSendsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Three parts of 64 MiB: a real video with a long box that players skip.
	video, err := os.ReadFile(mediatest.MP4(t))
	if err != nil {
		t.Fatal(err)
	}
	padding := make([]byte, 150<<20)
	copy(padding, []byte{0x09, 0x60, 0x00, 0x00, 'f', 'r', 'e', 'e'})
	file := filepath.Join(t.TempDir(), "large.mp4")
	if err := os.WriteFile(file, append(bytes.Clone(video), padding[:0x09600000]...), 0o600); err != nil {
		t.Fatal(err)
	}
	w.record(multipart("160Mi"))
	w.drive(is(v1alpha1.ReasonUploading))

	// Half the URLs' life later they are renewed, for the same upload.
	before := w.secret()
	w.clock.Step(uploadFor/2 + time.Minute)
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	renewed := w.secret()
	if bytes.Equal(before[keyValidUntil], renewed[keyValidUntil]) || !bytes.Equal(before[keyUploadID], renewed[keyUploadID]) {
		t.Errorf("renewed: valid until %s then %s, upload %s then %s", before[keyValidUntil], renewed[keyValidUntil], before[keyUploadID], renewed[keyUploadID])
	}

	w.shell(w.save(), "sh upload.sh \"$1\"", file)
	recording := w.drive(is(v1alpha1.ReasonAvailable))
	w.expectNoStrays(recording)
}

func TestImportedObjectsStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store *v1alpha1.RecordingStore) {
		store.Spec.Intake.Imports = []v1alpha1.ImportBucket{{Bucket: "imports", Namespaces: &metav1.LabelSelector{}}}
	})
	imports := func(bucket string) func(*v1alpha1.MeetingRecording) {
		return func(r *v1alpha1.MeetingRecording) {
			r.Spec.Source = v1alpha1.MediaSource{Object: &v1alpha1.ObjectSource{Bucket: bucket, Key: "2026/q3.mp4"}}
		}
	}
	if _, err := w.objects.EnsureBucket(t.Context(), "imports", objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	w.record(imports("imports"))
	w.drive(is(v1alpha1.ReasonSourceNotFound))

	file, err := os.ReadFile(mediatest.MP4(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.objects.Put(t.Context(), "imports", "2026/q3.mp4", bytes.NewReader(file), int64(len(file)), objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	recording := w.drive(is(v1alpha1.ReasonAvailable))
	w.expectNoStrays(recording)
	if _, err := w.objects.Head(t.Context(), "imports", "2026/q3.mp4"); err != nil {
		t.Errorf("the imported object: %v", err)
	}

	w.name = "elsewhere"
	w.record(imports("somebody-elses"))
	w.drive(is(v1alpha1.ReasonImportNotAllowed))

	for i, key := range []string{"../recordings/media/1", "2026/../../recordings", "./q3.mp4", ".."} {
		w.name = fmt.Sprint("path-", i)
		w.record(func(r *v1alpha1.MeetingRecording) {
			r.Spec.Source = v1alpha1.MediaSource{Object: &v1alpha1.ObjectSource{Bucket: "imports", Key: key}}
		})
		w.drive(is(v1alpha1.ReasonImportNotAllowed))
	}
}

func TestDatesThatSomebodyPutOffCountNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record()
	recording := w.drive(is(v1alpha1.ReasonUploading))
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: w.namespace, Name: recording.Status.Upload.SecretRef.Name}
	if err := w.admin.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	for _, annotation := range []string{annotationValidUntil, annotationDeadline} {
		secret.Annotations[annotation] = "2999-01-01T00:00:00Z"
	}
	if err := w.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.pass(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.admin.Get(t.Context(), key, secret); err != nil {
		t.Fatal(err)
	}
	for annotation, limit := range map[string]time.Duration{annotationValidUntil: uploadFor, annotationDeadline: uploadPatience} {
		date, err := time.Parse(time.RFC3339, secret.Annotations[annotation])
		if err != nil || date.After(w.clock.Now().Add(limit)) {
			t.Errorf("%s is still %s", annotation, secret.Annotations[annotation])
		}
	}
}

func TestUploadSecretsSayNothingToTheStatusAndEndWithTheOffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.record()
	recording := w.drive(is(v1alpha1.ReasonUploading))
	if printed := fmt.Sprint(recording.Status); strings.Contains(printed, "X-Amz-Signature") {
		t.Errorf("the status holds a presigned URL: %s", printed)
	}
	if err := w.admin.Delete(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: recording.Status.Upload.SecretRef.Name}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pass(); err != nil {
		t.Fatal(err)
	}
	if len(w.secret()[keyURL]) == 0 {
		t.Error("a Secret that somebody deleted is not made again")
	}
	w.clock.Step(uploadPatience + time.Minute)
	recording = w.drive(is(v1alpha1.ReasonUploadExpired))
	w.expectNoStrays(recording)
	if got := condition(recording, v1alpha1.ConditionStalled); got.Status != metav1.ConditionTrue {
		t.Errorf("Stalled = %+v", got)
	}
}

// TestQuotaIsWaitedFor has two recordings sent at once, of which one has room.
func TestQuotaIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(store *v1alpha1.RecordingStore) { store.Spec.Quota.PerNamespace = quantity("600k") })
	as := func(name string) *world { w.name = name; return w }
	for _, name := range []string{"q3-review", "q4-review"} {
		as(name).record()
		w.drive(is(v1alpha1.ReasonUploading))
		w.upload(mediatest.MP4(t)) // of 396 kB
	}
	// Whoever is seen first is let in; from then on the other one waits, also after a restart.
	if _, err := as("q4-review").pass(); err != nil {
		t.Fatal(err)
	}
	w.restart()
	as("q3-review").drive(is(v1alpha1.ReasonQuotaExceeded))
	if message := readyMessage(&w.get().Status); !strings.Contains(message, "of 600k") || !strings.Contains(message, "this one needs") {
		t.Errorf("message: %s", message)
	}
	let := as("q4-review").drive(is(v1alpha1.ReasonAvailable))
	// What lies in the trash takes up room, and so does what was deleted and can be restored.
	w.setState(v1alpha1.StateTrashed)
	w.drive(is(v1alpha1.ReasonTrashed))
	w.expectWaiting(as, "q3-review")
	if err := w.admin.Delete(t.Context(), as("q4-review").get()); err != nil {
		t.Fatal(err)
	}
	w.drive(gone)
	w.expectWaiting(as, "q3-review")
	// The store's controller sees the purge. Nobody has to do anything for the other one to come in.
	w.reconciler.options.Ledger.SetDeleted(w.store.Name, nil)
	as("q3-review").drive(is(v1alpha1.ReasonAvailable))
	w.expectNoStrays(let)
}

func (w *world) expectWaiting(as func(string) *world, name string) {
	w.Helper()
	result, err := as(name).pass()
	if err != nil || result.RequeueAfter != roomPoll || !is(v1alpha1.ReasonQuotaExceeded)(w.get()) {
		w.Errorf("%v, next look after %s: %+v", err, result.RequeueAfter, w.get().Status.Conditions)
	}
}

func TestASecretOfTheSameNameThatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "q3-review-upload"}, StringData: map[string]string{"mine": "yes"}})
	w.record()
	for range 3 {
		if _, err := w.pass(); err != nil {
			t.Fatal(err)
		}
	}
	var secret corev1.Secret
	if err := w.admin.Get(t.Context(), client.ObjectKey{Namespace: w.namespace, Name: "q3-review-upload"}, &secret); err != nil || len(secret.Data) != 1 {
		t.Errorf("the Secret has %d keys, %v", len(secret.Data), err)
	}
	if got := condition(w.get(), v1alpha1.ConditionReady); !strings.Contains(got.Message, "belongs to something else") {
		t.Errorf("Ready = %+v", got)
	}
}
