// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
)

// step is one thing to do. A list of them reads as what happens.
type step string

const (
	// addFinalizer keeps the object until its media is taken care of.
	addFinalizer step = "add the finalizer"
	// offerUpload makes or renews the Secret with the presigned URLs.
	offerUpload step = "offer the upload"
	// withdrawUpload removes that Secret and whatever was sent of an unfinished multipart upload.
	withdrawUpload step = "withdraw the upload"
	// recordUploaded and the like write the audit event of what comes next.
	recordUploaded  step = "record Uploaded"
	recordProcessed step = "record Processed"
	recordExpired   step = "record Expired"
	recordTrashed   step = "record Trashed"
	recordRestored  step = "record Restored"
	recordDeleted   step = "record Deleted"
	recordAdopted   step = "record Restored from the store"
	// mirrorState writes into the bucket what has become of the recording.
	mirrorState step = "write the state into the bucket"
	// recordHolds records the holds that were laid and lifted, recordUnlocked a lock that was lifted before its time.
	recordHolds    step = "record holds"
	recordUnlocked step = "record Unlocked"
	// lockObjects has the bucket enforce what keeps the recording.
	lockObjects step = "lock the objects in the bucket"
	// destroyKey deletes the manifests, and with them every copy of the data key, and records it.
	destroyKey step = "destroy the data key"
	// startJob makes the Job of an attempt.
	startJob step = "start the Job"
	// armJob makes the Secret that the Job waits for.
	armJob step = "arm the Job"
	// removeJobs deletes every Job of the recording, with their Pods and Secrets.
	removeJobs step = "remove the Jobs"
	// clearStaging deletes the raw upload and the progress note.
	clearStaging step = "clear staging"
	// clearOtherAttempts deletes what attempts other than the successful one left.
	clearOtherAttempts step = "clear other attempts"
	// expire asks for the trash where somebody has asked for the contrary.
	expire step = "set spec.state to Trashed"
	// deleteObject asks the API server to delete the MeetingRecording, which commits to the purge.
	deleteObject step = "delete the MeetingRecording"
	// discard deletes what a recording without media left in the bucket.
	discard step = "discard leftovers"
	// purgeMedia deletes everything in the bucket for good and records it, with the evidence.
	purgeMedia step = "purge the media"
	// bury writes the tombstone of a deleted recording.
	bury step = "write the tombstone"
	// unbury removes the tombstone of a recording that was adopted.
	unbury step = "remove the tombstone"
	// releaseFinalizer lets the object go.
	releaseFinalizer step = "release the finalizer"
)

// state is the Ready condition.
type state struct {
	status          metav1.ConditionStatus
	reason, message string
}

// problem is what keeps a recording from going on. The zero value is none.
type problem struct{ reason, message string }

func (p problem) found() bool { return p.reason != "" }

// notice is an Event for people, for what does not show as a change of the Ready condition's reason.
type notice struct {
	warning        bool
	reason, action string
	note           string
	// ofNamespace tells those who look at the namespace, which takes no Events of its own while it is being deleted.
	ofNamespace bool
	// isState says the new state too, of which nothing else has to be told then.
	isState bool
}

// decision is what a pass does.
type decision struct {
	// steps are done before the status is written, after once it is.
	steps, after []step
	// attempt is the number that startJob and armJob are about.
	attempt int
	// purgeAt is the date on the tombstone.
	purgeAt time.Time
	// state is what mirrorState writes, mirrored that it has.
	state    *archive.State
	mirrored bool
	// lock is what lockObjects has the bucket enforce.
	lock v1alpha1.BucketLock
	// status is what the status should be; nil leaves it alone.
	status *v1alpha1.MeetingRecordingStatus
	// showsProgress says that the status carries the worker's progress.
	showsProgress bool
	// notices are sent when the pass wrote something.
	notices []notice
	// look is how soon to ask the outside world again; zero is not at all.
	look time.Duration
	// wake is the next date on which something happens by itself; zero is never.
	wake time.Time
}

// decide is the whole behaviour of the controller.
func decide(o *observation) decision {
	if o.stale {
		// The cache is about to bring the newer object, and with it the next pass.
		return decision{}
	}
	if o.stage == leaving {
		return decideLeaving(o).withHolds(o)
	}
	var d decision
	switch o.stage {
	case kept:
		d = decideKept(o)
	case adopting:
		d = decideAdopting(o)
	case shelved:
		d = decideShelved(o)
	case stalled:
		d = decideStalled(o)
	case erased:
		d = decideErased(o)
	default:
		d = decideIncoming(o)
	}
	d = d.withErasure(o).withHolds(o).withLock(o)
	if !hasFinalizer(o.recording) {
		d.steps = append([]step{addFinalizer}, d.steps...)
	}
	return d
}

// until returns how long it is to a date, a moment where the date has passed: a pass that should be over is repeated.
func until(date, now time.Time) time.Duration {
	return max(date.Sub(now), time.Millisecond)
}

func eventType(warning bool) string {
	if warning {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}
