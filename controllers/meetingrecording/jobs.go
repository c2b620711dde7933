// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
)

// maxFailureMessage bounds what of a worker's words goes into a status, in characters.
const maxFailureMessage = 1024

// jobName is the Job of one attempt. Its Secret has the same name.
func jobName(uid types.UID, attempt int) string { return fmt.Sprintf("process-%s-%d", uid, attempt) }

// attemptOf reads a Job. A Job that somebody is deleting still runs: its Pod may.
func attemptOf(job *batchv1.Job) attempt {
	a := attempt{outcome: running, number: attemptNumber(job)}
	if job.Status.StartTime != nil {
		a.started = job.Status.StartTime.Time
	}
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue || !job.DeletionTimestamp.IsZero() {
			continue
		}
		if condition.Type == batchv1.JobComplete {
			a.outcome, a.finished = succeeded, condition.LastTransitionTime.Time
		}
		if condition.Type == batchv1.JobFailed {
			a.outcome, a.finished, a.failure = failed, condition.LastTransitionTime.Time, failureOfJob(condition)
		}
	}
	// A Pod that is ready has its Secret mounted; a Job that is on its way out needs none any more.
	a.armed = a.outcome != running || !job.DeletionTimestamp.IsZero() || job.Status.Ready != nil && *job.Status.Ready > 0
	return a
}

// attemptNumber reads the annotation, and the name where somebody removed it.
func attemptNumber(job *batchv1.Job) int {
	if number, err := strconv.Atoi(job.Annotations[v1alpha1.AnnotationAttempt]); err == nil && number > 0 {
		return number
	}
	number, _ := strconv.Atoi(job.Name[strings.LastIndex(job.Name, "-")+1:])
	return number
}

// attemptsOf reads all Jobs of a recording, the oldest attempt first.
func attemptsOf(jobs []batchv1.Job) []attempt {
	var attempts []attempt
	for i := range jobs {
		attempts = append(attempts, attemptOf(&jobs[i]))
	}
	slices.SortFunc(attempts, func(a, b attempt) int { return a.number - b.number })
	return attempts
}

// failureOfJob is what the Job itself says, for when no Pod is left to ask.
func failureOfJob(condition batchv1.JobCondition) failure {
	if condition.Reason == batchv1.JobReasonDeadlineExceeded {
		return failure{reason: worker.Timeout, message: "processing took longer than it may"}
	}
	return failure{reason: worker.Internal, message: "the worker ended without a word: it was evicted, or its node was lost"}
}

// failureOfPods is what the worker said last, the second value being false where it said nothing.
func failureOfPods(pods []corev1.Pod) (failure, bool) {
	for _, pod := range pods {
		for _, container := range pod.Status.ContainerStatuses {
			if ended := container.State.Terminated; ended != nil && ended.ExitCode != worker.ExitDone {
				return failureOfExit(ended), true
			}
		}
	}
	return failure{}, false
}

func failureOfExit(ended *corev1.ContainerStateTerminated) failure {
	lines := strings.Split(strings.TrimSpace(ended.Message), "\n")
	var said worker.Failure
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &said); err == nil && isReason(said.Reason) {
		return failure{reason: said.Reason, message: printable(said.Message), terminal: said.Terminal}
	}
	if ended.Reason == "OOMKilled" {
		return failure{reason: worker.Internal, message: "the worker ran out of memory: raise its limit"}
	}
	return failure{reason: worker.Internal, message: fmt.Sprintf("the worker ended with exit code %d: its log says more", ended.ExitCode)}
}

// isReason accepts what the schema of conditions accepts and no more: a Pod's status is not ours.
func isReason(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// printable drops control characters and what is too long for a status.
func printable(s string) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s))
	return string(clean[:min(len(clean), maxFailureMessage)])
}

// Work takes time by its size: half an hour for every recording, an hour more for each GiB. Software encoding of 720p takes a
// quarter of the playing time on one core, and an hour of 720p has about a GiB.
const (
	leastTime  = 30 * time.Minute
	timePerGiB = time.Hour
	mostTime   = 24 * time.Hour
	// lastWords is how long before its Job's deadline a worker ends by itself, so that it can say why.
	lastWords = time.Minute
)

// timeFor is how long an attempt may take on a raw recording of this many bytes.
func timeFor(size int64) time.Duration {
	byGiB := time.Duration(float64(size) / (1 << 30) * float64(timePerGiB))
	return min(leastTime+max(byGiB, 0), mostTime)
}

// jobLabels find the Jobs of a recording.
func jobLabels(recording *v1alpha1.MeetingRecording) map[string]string {
	return map[string]string{
		v1alpha1.LabelRecordingUID:       string(recording.UID),
		v1alpha1.LabelRecordingNamespace: recording.Namespace,
	}
}

func jobAnnotations(recording *v1alpha1.MeetingRecording, attempt int) map[string]string {
	return map[string]string{
		v1alpha1.AnnotationRecordingName: recording.Name,
		v1alpha1.AnnotationAttempt:       strconv.Itoa(attempt),
	}
}

func jobMeta(namespace string, recording *v1alpha1.MeetingRecording, attempt int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace:   namespace,
		Name:        jobName(recording.UID, attempt),
		Labels:      jobLabels(recording),
		Annotations: jobAnnotations(recording, attempt),
	}
}
