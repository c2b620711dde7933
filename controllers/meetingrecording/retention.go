// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/moment"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// decideKept leads a recording that has its media: available, expiring, in the trash, restored, purged.
func decideKept(o *observation) decision {
	var d decision
	switch {
	case liftsLock(o):
		d = decideLifting(o)
	case erasureObstacle(o) == nil:
		d = decideErasure(o)
	case o.trashRequested() && !o.inTrash():
		d = decideTrash(o)
	case o.trashRequested():
		d = decideInTrash(o)
	case o.inTrash():
		d = decideRestore(o)
	default:
		d = decideAvailable(o)
	}
	if len(o.attempts) > 0 {
		d.after = append(d.after, removeJobs)
	}
	return d
}

// decideAvailable watches over the dates. A policy that has changed moves them; where none moves, nothing is written.
func decideAvailable(o *observation) decision {
	status := newStatus(o, ready(availableMessage(o)))
	status.Link = o.link
	plan := keepTime(o, status)
	if plan.Expired(o.now) {
		return decideExpiry(o)
	}
	return decision{status: status, notices: warning(o, status), wake: plan.Next(o.now)}
}

func availableMessage(o *observation) string {
	if names := holdNames(o.recording); len(names) > 0 {
		return fmt.Sprintf("The recording can be watched by those who may, and is kept as long as the legal hold %s lies on it", strings.Join(names, ", "))
	}
	return "The recording can be watched by those who may"
}

// decideExpiry moves the recording to the trash because its time to live is over. Where nobody has set spec.state, the status says so, in
// one write. Where it is Active, it is set to Trashed, and the next pass does the rest: whoever wants the recording back must have
// something left to change.
func decideExpiry(o *observation) decision {
	if o.recording.Spec.State != "" {
		return decision{steps: []step{recordExpired, expire}}
	}
	d := decideInTrashFromNow(o, v1alpha1.TrashCauseExpiry)
	d.steps = append([]step{recordExpired}, d.steps...)
	return d
}

// decideTrash moves the recording to the trash because somebody wants it there.
func decideTrash(o *observation) decision {
	d := decideInTrashFromNow(o, v1alpha1.TrashCauseRequest)
	d.steps = append([]step{recordTrashed}, d.steps...)
	return d
}

// decideInTrashFromNow moves the recording to the trash. Nothing is moved in the bucket.
func decideInTrashFromNow(o *observation, cause v1alpha1.TrashCause) decision {
	d := decideInTrashSince(o, metav1.NewTime(moment.CeilSecond(o.now)))
	d.status.TrashCause = cause
	return d
}

// decideInTrash waits for the purge date or for somebody to take the recording back.
func decideInTrash(o *observation) decision {
	if purgeDue(o) && !o.purge.Allowed {
		d := decideInTrashSince(o, o.recording.Status.TrashedAt)
		d.wake = o.purge.Again
		return d
	}
	if purgeDue(o) {
		// Deletion is the point of no return, guarded by the resourceVersion: who restores the recording in this moment either
		// wins, or is told that it is gone. The media goes after it, while the finalizer holds the object.
		return decision{steps: []step{deleteObject}}
	}
	return decideInTrashSince(o, o.recording.Status.TrashedAt)
}

func decideInTrashSince(o *observation, trashedAt metav1.Time) decision {
	life := o.recording.Status.DeepCopy()
	life.TrashedAt = trashedAt
	plan := scheduleOf(o, life)
	status := newStatus(o, waiting(v1alpha1.ReasonTrashed, inTrashMessage(o, plan)))
	status.TrashedAt = trashedAt
	stamp(o, status, plan)
	return decision{status: status, wake: plan.Next(o.now)}
}

func inTrashMessage(o *observation, plan policy.Schedule) string {
	switch {
	case plan.Decider == policy.DecidedByHold:
		return fmt.Sprintf("In the trash, and kept there by the legal hold %s: set spec.state to Active to take it back", strings.Join(holdNames(o.recording), ", "))
	case plan.PurgeAt.IsZero():
		return fmt.Sprintf("In the trash, and kept there because %s cannot be understood: set spec.state to Active to take it back", plan.From)
	case plan.PurgeDue(o.now):
		return fmt.Sprintf("The time in the trash is over, and the purge waits: RecordingStore %s purges no faster than its purge guard allows, "+
			"see its condition PurgesAllowed. Set spec.state to Active to take the recording back", o.recording.StoreName())
	default:
		return fmt.Sprintf("In the trash until %s, then it is deleted for good: set spec.state to Active to take it back", plan.PurgeAt.UTC().Format(time.RFC3339))
	}
}

// decideRestore takes the recording out of the trash, after a look whether its media is still there. Its time begins anew.
func decideRestore(o *observation) decision {
	if what := o.store.problem; what.found() {
		return decision{status: newStatus(o, waiting(what.reason, "The recording comes back from the trash when the store can be looked into. "+what.message))}
	}
	if o.mediaMissing != "" {
		return decision{status: newStatus(o, waiting(v1alpha1.ReasonMediaMissing, fmt.Sprintf(
			"The recording cannot be restored, %s is gone from bucket %s: bring back the object from a version or backup of the bucket",
			o.mediaMissing, o.recording.Status.Storage.Bucket))), look: latestPoll}
	}
	status := newStatus(o, ready(availableMessage(o)))
	leaveTrash(status)
	plan := startClock(o, status)
	restored := notice{reason: "Restored", action: "Restore", note: "The recording is back from the trash, and its time to live begins anew"}
	return decision{
		steps:   []step{recordRestored},
		status:  status,
		notices: append([]notice{restored}, warning(o, status)...),
		wake:    plan.Next(o.now),
	}
}

// decideShelved keeps a recording in the trash that never got as far as having media.
func decideShelved(o *observation) decision {
	if o.inTrash() {
		d := decideInTrash(o)
		if len(o.attempts) > 0 {
			d.after = append(d.after, removeJobs)
		}
		return d
	}
	d := decideTrash(o)
	d.steps = append(withdrawal(o), d.steps...)
	d.after = append(d.after, removeJobs)
	return d
}

// decideUnshelved takes such a recording back: it is as if it were new, and what failed before is tried again.
func decideUnshelved(o *observation) decision {
	status := newStatus(o, waiting(v1alpha1.ReasonPending, "Taken out of the trash"))
	leaveTrash(status)
	return decision{steps: []step{recordRestored}, status: status}
}

func leaveTrash(status *v1alpha1.MeetingRecordingStatus) {
	status.TrashedAt, status.TrashCause, status.PurgeAt = metav1.Time{}, "", metav1.Time{}
}

// startClock begins the time to live. A lock goes on counting from the first time.
func startClock(o *observation, status *v1alpha1.MeetingRecordingStatus) policy.Schedule {
	if status.FirstAvailableAt.IsZero() {
		status.FirstAvailableAt = status.AvailableAt
	}
	status.AvailableAt = metav1.NewTime(moment.CeilSecond(o.now))
	return keepTime(o, status)
}

// keepTime writes down when the recording was last watched, if that matters, and the dates that follow.
func keepTime(o *observation, status *v1alpha1.MeetingRecordingStatus) policy.Schedule {
	life := policy.LifeOf(withStatus(o.recording, status))
	status.LastWatchedAt = stampOf(o.rules.Retention.Watched(life, o.watched, o.now))
	plan := scheduleOf(o, status)
	stamp(o, status, plan)
	return plan
}

// scheduleOf asks the policy for the dates of a recording with this status.
func scheduleOf(o *observation, status *v1alpha1.MeetingRecordingStatus) policy.Schedule {
	plan := o.rules.Retention.Schedule(policy.LifeOf(withStatus(o.recording, status)))
	plan.PurgeAt = notSooner(o, plan.PurgeAt)
	return plan
}

// notSooner keeps a purge date from becoming earlier while the namespace is being deleted. Its policies go too, before its recordings or
// after them, and that must not purge what somebody deletes by mistake. A date that is that of a lock goes with the lock.
func notSooner(o *observation, purgeAt time.Time) time.Time {
	said := &o.recording.Status
	if !o.namespace.going || purgeAt.IsZero() || !said.PurgeAt.After(said.LockedUntil.Time) {
		return purgeAt
	}
	return moment.Later(purgeAt, said.PurgeAt.Time)
}

func withStatus(recording *v1alpha1.MeetingRecording, status *v1alpha1.MeetingRecordingStatus) *v1alpha1.MeetingRecording {
	other := *recording
	other.Status = *status
	return &other
}

// stamp writes the dates where people read them, in whole seconds and never early, and the rule that decides.
func stamp(o *observation, status *v1alpha1.MeetingRecordingStatus, plan policy.Schedule) {
	status.ExpiresAt = stampOf(plan.ExpiresAt)
	status.PurgeAt = stampOf(plan.PurgeAt)
	status.LockedUntil, status.LockMode, status.LockedBy = stampOf(plan.LockedUntil), plan.LockMode, plan.LockedBy
	explain(o, status, plan)
}

func stampOf(t time.Time) metav1.Time {
	if t.IsZero() {
		return metav1.Time{}
	}
	return metav1.NewTime(moment.CeilSecond(t))
}

func holdNames(recording *v1alpha1.MeetingRecording) []string {
	var names []string
	for _, hold := range recording.Spec.Holds {
		names = append(names, hold.Name)
	}
	return names
}
