// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
)

func TestFailuresAreReadFromTheWorkersLastWords(t *testing.T) {
	cases := map[string]struct {
		ended corev1.ContainerStateTerminated
		want  failure
	}{
		"the worker says why": {
			corev1.ContainerStateTerminated{ExitCode: 3, Message: "some log\n" + worker.Failure{Reason: "NotAVideo", Message: "This is a picture.", Terminal: true}.Line() + "\n"},
			failure{reason: "NotAVideo", message: "This is a picture.", terminal: true},
		},
		"a worker killed for its memory": {
			corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"},
			failure{reason: "Internal", message: "the worker ran out of memory: raise its limit"},
		},
		"a worker that dies silently": {
			corev1.ContainerStateTerminated{ExitCode: 2, Message: "panic: oh\n"},
			failure{reason: "Internal", message: "the worker ended with exit code 2: its log says more"},
		},
		"a reason that no condition may have is not taken over": {
			corev1.ContainerStateTerminated{ExitCode: 1, Message: `{"reason":"not a <reason>","message":"x"}`},
			failure{reason: "Internal", message: "the worker ended with exit code 1: its log says more"},
		},
		"control characters do not reach a terminal": {
			corev1.ContainerStateTerminated{ExitCode: 1, Message: `{"reason":"Internal","message":"a\u001b[31mb\nc"}`},
			failure{reason: "Internal", message: "a [31mb c"},
		},
		"a long message is cut": {
			corev1.ContainerStateTerminated{ExitCode: 1, Message: `{"reason":"Internal","message":"` + strings.Repeat("ä", 5000) + `"}`},
			failure{reason: "Internal", message: strings.Repeat("ä", maxFailureMessage)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, said := failureOfPods([]corev1.Pod{{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &tc.ended}}}}}})
			if !said || got != tc.want {
				t.Errorf("failure = %+v, %v; want %+v", got, said, tc.want)
			}
		})
	}
	if _, said := failureOfPods(nil); said {
		t.Error("no Pod has said something")
	}
}

func TestAttemptsAreReadFromJobs(t *testing.T) {
	start, end := metav1.NewTime(noon.Add(-time.Minute)), metav1.NewTime(noon)
	job := func(change func(*batchv1.Job)) batchv1.Job {
		job := batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "process-uid-1-2", Annotations: map[string]string{v1alpha1.AnnotationAttempt: "2"}}}
		job.Status.StartTime = &start
		change(&job)
		return job
	}
	condition := func(kind batchv1.JobConditionType, reason string) []batchv1.JobCondition {
		return []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: end}}
	}
	gone := failure{reason: "Internal", message: "the worker ended without a word: it was evicted, or its node was lost"}
	cases := map[string]struct {
		job  batchv1.Job
		want attempt
	}{
		"running, its Pod not ready": {job(func(*batchv1.Job) {}), attempt{number: 2, outcome: running, started: start.Time}},
		"running":                    {job(func(j *batchv1.Job) { j.Status.Ready = new(int32(1)) }), attempt{number: 2, outcome: running, armed: true, started: start.Time}},
		"succeeded": {
			job(func(j *batchv1.Job) { j.Status.Conditions = condition(batchv1.JobComplete, "") }),
			attempt{number: 2, outcome: succeeded, armed: true, started: start.Time, finished: end.Time},
		},
		"failed": {
			job(func(j *batchv1.Job) { j.Status.Conditions = condition(batchv1.JobFailed, "BackoffLimitExceeded") }),
			attempt{number: 2, outcome: failed, armed: true, started: start.Time, finished: end.Time, failure: gone},
		},
		"out of time": {
			job(func(j *batchv1.Job) { j.Status.Conditions = condition(batchv1.JobFailed, "DeadlineExceeded") }),
			attempt{number: 2, outcome: failed, armed: true, started: start.Time, finished: end.Time, failure: failure{reason: "Timeout", message: "processing took longer than it may"}},
		},
		"being deleted: its Pod may still run": {
			job(func(j *batchv1.Job) {
				j.Status.Conditions = condition(batchv1.JobFailed, "")
				j.DeletionTimestamp = &end
			}),
			attempt{number: 2, outcome: running, armed: true, started: start.Time},
		},
		"without its annotation": {
			job(func(j *batchv1.Job) { j.Annotations = nil }), attempt{number: 2, outcome: running, started: start.Time},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, attemptOf(&tc.job), cmp.AllowUnexported(attempt{}, failure{})); diff != "" {
				t.Errorf("attempt (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPartsHaveRoomForTheMediaAndFitIntoASecret(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 60<<30).Draw(t, "size")
		partSize, parts := partsFor(size)
		if partSize < 5<<20 || partSize > 128<<20 {
			t.Fatalf("parts of %d bytes: a worker takes 5 to 128 MiB", partSize)
		}
		if room := partSize * int64(parts); room < size+size/50 {
			t.Fatalf("%d parts of %d bytes do not hold a copy of %d bytes", parts, partSize, size)
		}
		if parts > 1500 {
			t.Fatalf("%d URLs of 500 bytes leave no room in a Secret", parts)
		}
		uploadPart, uploadParts := uploadPartsFor(size)
		if uploadPart%mebibyte != 0 || uploadPart*int64(uploadParts) < size || uploadParts > mostUploadParts || uploadPart > 5<<30 {
			t.Fatalf("an upload of %d bytes is cut into %d parts of %d", size, uploadParts, uploadPart)
		}
	})
}

func TestTimeGrowsWithTheSize(t *testing.T) {
	for size, want := range map[int64]time.Duration{0: 30 * time.Minute, 1 << 30: 90 * time.Minute, 100 << 30: 24 * time.Hour} {
		if got := timeFor(size); got != want {
			t.Errorf("time for %d bytes = %s, want %s", size, got, want)
		}
	}
}

func TestNamesStayWithinTheirBoundsAndApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,251}[a-z0-9])?`)
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if len(uploadSecretName(a)) > 253 {
			t.Fatalf("%q is too long", uploadSecretName(a))
		}
		if a != b && uploadSecretName(a) == uploadSecretName(b) {
			t.Fatalf("%q and %q share a Secret", a, b)
		}
	})
}

func TestNotesFitIntoEvents(t *testing.T) {
	for _, note := range []string{"short", strings.Repeat("ä", 2000), strings.Repeat("a", 1023) + "ä"} {
		got := brief(note)
		if len(got) > maxNote || !strings.HasPrefix(note, strings.TrimSuffix(got, "…")) {
			t.Errorf("brief of %d bytes has %d", len(note), len(got))
		}
	}
}

// Nothing here runs the image, so that what it is made of is compared with what Jobs ask of it.
func TestJobsRunWhatTheImageHas(t *testing.T) {
	dockerfile, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	pod := newPodSpec(&Options{}, "secret", 1)
	program := pod.Containers[0].Command[0]
	if entrypoint := fmt.Sprintf("\nENTRYPOINT [%q]\n", program); !strings.Contains(string(dockerfile), entrypoint) {
		t.Errorf("the Jobs run %s, which is not the Dockerfile's ENTRYPOINT", program)
	}
	if user := fmt.Sprintf("\nUSER %d:%d\n", workerID, workerID); !strings.Contains(string(dockerfile), user) {
		t.Errorf("the Jobs run as user %d, which is not the Dockerfile's USER", workerID)
	}
}
