// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

// withHolds has holds that were laid or lifted recorded by the pass that writes the status: status.holds are those that are in
// the audit log.
func (d decision) withHolds(o *observation) decision {
	recorded, wanted := o.recording.Status.Holds, o.recording.Spec.Holds
	if d.status == nil || apiequality.Semantic.DeepEqual(recorded, wanted) {
		return d
	}
	d.status.Holds = wanted
	d.steps = append([]step{recordHolds}, d.steps...)
	return d
}

// recordHolds records every hold that is not in the log yet, and every one that is no more.
func (r *Reconciler) recordHolds(ctx context.Context, o *observation) error {
	recorded, wanted := o.recording.Status.Holds, o.recording.Spec.Holds
	for _, hold := range lacking(recorded, wanted) {
		if err := r.recordHold(ctx, o, v1alpha1.AuditReleased, "HoldLifted", hold); err != nil {
			return err
		}
	}
	for _, hold := range lacking(wanted, recorded) {
		if err := r.recordHold(ctx, o, v1alpha1.AuditHeld, "HoldLaid", hold); err != nil {
			return err
		}
	}
	return nil
}

// lacking are the holds of which there is none of that name among others. One that went to somebody else was lifted and laid.
func lacking(holds, others []v1alpha1.LegalHold) []v1alpha1.LegalHold {
	var found []v1alpha1.LegalHold
	for _, hold := range holds {
		if !slices.ContainsFunc(others, func(o v1alpha1.LegalHold) bool { return o.Name == hold.Name && o.By == hold.By }) {
			found = append(found, hold)
		}
	}
	return found
}

// recordHold writes one event. Its key names the generation that the status speaks of, which changes with the status alone:
// every try finds the same, and a hold that is laid again is recorded again.
func (r *Reconciler) recordHold(ctx context.Context, o *observation, action v1alpha1.AuditAction, reason string, hold v1alpha1.LegalHold) error {
	event := audit.Event{
		Since:  o.recording.CreationTimestamp.Time,
		Action: action, Reason: reason,
		Key:      fmt.Sprintf("%s/%s/%d/%s/%s", action, o.recording.UID, o.recording.Status.ObservedGeneration, hold.Name, hold.By),
		Evidence: []string{describeHold(hold)},
	}
	// The API server has written down who sent the request. Without that, the hold itself names who laid it.
	by := o.recording.Annotations[v1alpha1.AnnotationHoldsBy]
	if by == "" && action == v1alpha1.AuditHeld {
		by = hold.By
	}
	if by != "" {
		event.Actor = audit.User(by, "")
	}
	return r.write(ctx, o, event)
}

func describeHold(hold v1alpha1.LegalHold) string {
	text := "legal hold " + hold.Name
	if hold.By != "" {
		text += ", laid by " + hold.By
	}
	if hold.Reason != "" {
		text += ", because of " + hold.Reason
	}
	return text
}

// liftsLock says that somebody who may has lifted a lock that lies on the recording, and that this is not written down yet.
func liftsLock(o *observation) bool {
	until := o.recording.Status.LockedUntil
	return !until.IsZero() && o.now.Before(until.Time) && scheduleOf(o, &o.recording.Status).LockedUntil.IsZero()
}

// decideLifting takes the lock off the status, before anything that the lock forbade: the admission policy goes by the status.
func decideLifting(o *observation) decision {
	status := o.recording.Status.DeepCopy()
	status.ObservedGeneration = o.recording.Generation
	stamp(o, status, scheduleOf(o, status))
	return decision{
		steps:   []step{recordUnlocked},
		status:  status,
		notices: []notice{{warning: true, reason: "Unlocked", action: "Unlock", note: lifting(o)}},
		look:    time.Millisecond,
	}
}

// unlocking takes a lifted lock off a recording that is already being deleted, so that nothing but the trash keeps its media.
func unlocking(o *observation) []step {
	if !liftsLock(o) {
		return nil
	}
	steps := []step{recordUnlocked}
	if !sameLock(o.recording.Status.Storage.Lock, v1alpha1.BucketLock{}) && len(o.recording.Spec.Holds) == 0 {
		steps = append(steps, lockObjects)
	}
	return steps
}

// lockedSince is when something began to keep the recording, in seconds since 1970.
func lockedSince(status *v1alpha1.MeetingRecordingStatus) int64 {
	if locked := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionLocked); locked != nil {
		return locked.LastTransitionTime.Unix()
	}
	return 0
}

// lifting tells what became of the lock, by whom and why.
func lifting(o *observation) string {
	by := o.recording.Annotations[v1alpha1.AnnotationBypassLockBy]
	if by != "" {
		by = " by " + by
	}
	status := &o.recording.Status
	return fmt.Sprintf("The lock until %s was lifted%s: %s", status.LockedUntil.UTC().Format(time.RFC3339),
		by, o.recording.Annotations[v1alpha1.AnnotationBypassLock])
}
