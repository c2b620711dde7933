// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/moment"
)

const (
	// maxAttempts is how often processing is tried before it takes a person.
	maxAttempts = 5
	// The waits between attempts are 10 s, 40 s, 160 s and 640 s: together a quarter of an hour, longer than most restarts of
	// an object store.
	firstBackoff  = 10 * time.Second
	backoffFactor = 4

	// showAfter is how long processing takes before the status says so, showEvery how often it then tells the progress.
	showAfter = 10 * time.Second
	showEvery = 30 * time.Second
)

// outcome is how far an attempt is.
type outcome string

const (
	running   outcome = "running"
	succeeded outcome = "succeeded"
	failed    outcome = "failed"
)

// attempt is one processing Job.
type attempt struct {
	number  int
	outcome outcome
	// armed says that the Secret is there that the Job's Pod waits for.
	armed bool
	// started and finished are zero before that.
	started, finished time.Time
	// failure is set for a failed attempt.
	failure failure
}

// failure is why an attempt failed, in the worker's words where it had any.
type failure struct {
	reason, message string
	terminal        bool
}

func (f failure) String() string {
	if f.message == "" {
		return f.reason
	}
	return f.reason + ": " + f.message
}

// backoffAfter is how long to wait after the nth attempt failed, counted from 1.
func backoffAfter(n int) time.Duration {
	wait := firstBackoff
	for range n - 1 {
		wait *= backoffFactor
	}
	return wait
}

// decideStart starts an attempt. Where people read Uploading already, it costs no write of the status: short Jobs go
// straight from there to Available.
func decideStart(o *observation) decision {
	number := o.highest + 1
	d := decision{
		steps:   withdrawal(o),
		attempt: number,
		notices: []notice{{reason: v1alpha1.ReasonProcessing, action: "Process", note: fmt.Sprintf("Processing started (attempt %d)", number)}},
	}
	if len(o.attempts) == 0 && !fetches(o) {
		d.steps = append(d.steps, recordUploaded)
	}
	d.steps = append(d.steps, startJob, armJob)
	if shown := readyReason(&o.recording.Status); shown != v1alpha1.ReasonUploading && shown != v1alpha1.ReasonProcessing {
		d.status = newStatus(o, waiting(v1alpha1.ReasonProcessing, "The media is being processed"))
		d.showsProgress = true
	}
	// The Job's end is watched; this is for showing that it takes long.
	d.look = showAfter
	return d
}

// decideRunning arms an attempt whose start was interrupted, and tells people how far it is when it takes long.
func decideRunning(o *observation, job *attempt) decision {
	d := decision{attempt: job.number}
	if !job.armed {
		if o.store.problem.found() {
			d.status = newStatus(o, waiting(v1alpha1.ReasonProcessing, "Processing waits for the store: "+o.store.problem.message))
			return d
		}
		if what := credentialsMissing(o); what.found() {
			d.status = newStatus(o, waiting(what.reason, what.message))
			d.look = pollAfter(o.now.Sub(o.recording.CreationTimestamp.Time))
			return d
		}
		d.steps = []step{armJob}
	}
	if job.started.IsZero() {
		// It is queued, by Kueue for example. Its start shows as a change of the Job.
		if readyReason(&o.recording.Status) != v1alpha1.ReasonUploading {
			d.status = newStatus(o, waiting(v1alpha1.ReasonProcessing, "Processing is queued"))
		}
		return d
	}
	showAt := job.started.Add(showAfter)
	if readyReason(&o.recording.Status) == v1alpha1.ReasonProcessing {
		showAt = moment.Later(showAt, o.progressWritten.Add(showEvery))
	}
	if o.now.Before(showAt) {
		d.look = until(showAt, o.now)
		return d
	}
	d.status = newStatus(o, waiting(v1alpha1.ReasonProcessing, "The media is being processed"))
	d.status.Progress = o.progress
	d.showsProgress = true
	d.look = showEvery
	return d
}

// decideFinished makes the recording available. The raw copy goes only here, when the packaged object has been verified; the
// Jobs go last, because they are what tells a crash in between that there was success.
func decideFinished(o *observation) decision {
	status := newStatus(o, ready(availableMessage(o)))
	takeResult(o, status)
	plan := startClock(o, status)
	steps := withdrawal(o)
	if fetches(o) {
		// Only now is it known what has come.
		steps = append(steps, recordUploaded)
	}
	return decision{
		attempt: o.result.attempt,
		steps:   append(steps, recordProcessed, clearStaging, clearOtherAttempts),
		status:  status,
		notices: warning(o, status),
		after:   []step{removeJobs},
		wake:    plan.Next(o.now),
	}
}

// takeResult shows the media that the recording has from now on.
func takeResult(o *observation, status *v1alpha1.MeetingRecordingStatus) {
	status.Media = o.result.facts
	status.Storage = v1alpha1.StorageLocation{Bucket: o.result.bucket, Key: o.result.mediaKey, ManifestKey: o.result.manifestKey}
	status.Link = o.link
}

// decideFailed tries again, after a while, unless that makes no sense.
func decideFailed(o *observation, last *attempt) decision {
	if last.failure.terminal {
		return decideHopeless(o, problem{last.failure.reason, last.failure.message})
	}
	failures := len(o.attempts)
	if failures >= maxAttempts {
		return decideHopeless(o, problem{v1alpha1.ReasonFailed, fmt.Sprintf(
			"Processing failed %d times, last with %s. Mend that, then put the recording into the trash and take it out again to start anew", failures, last.failure)})
	}
	if what := unusable(o); what.found() {
		return decideHopeless(o, what)
	}
	if o.raw.looked && !o.raw.found {
		return decideArrival(o)
	}
	if again := last.finished.Add(backoffAfter(failures)); o.now.Before(again) {
		message := fmt.Sprintf("Attempt %d of %d failed with %s. The next one starts at %s",
			failures, maxAttempts, last.failure, again.UTC().Format(time.RFC3339))
		return decision{
			status:  newStatus(o, waiting(v1alpha1.ReasonProcessing, message)),
			notices: []notice{{warning: true, reason: last.failure.reason, action: "Process", note: message}},
			look:    until(again, o.now),
		}
	}
	return decideStart(o)
}
