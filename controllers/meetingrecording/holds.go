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

// withHolds has holds that were laid, changed or lifted recorded by the pass that writes the status, or that lets the recording go: status.holds
// are those that are in the audit log.
func (d decision) withHolds(o *observation) decision {
	recorded, wanted := o.recording.Status.Holds, o.recording.Spec.Holds
	goes := slices.Contains(d.steps, releaseFinalizer)
	if d.status == nil && !goes || apiequality.Semantic.DeepEqual(recorded, wanted) {
		return d
	}
	if d.status != nil {
		d.status.Holds = wanted
	}
	d.steps = append([]step{recordHolds}, d.steps...)
	return d
}

// recordHolds records every hold that is not in the log yet, every one that is no more, and every one of which the log says something else.
func (r *Reconciler) recordHolds(ctx context.Context, o *observation) error {
	recorded, wanted := o.recording.Status.Holds, o.recording.Spec.Holds
	for _, hold := range lacking(recorded, wanted) {
		if err := r.recordHold(ctx, o, lifted(hold)); err != nil {
			return err
		}
	}
	for _, hold := range wanted {
		change := laid(hold)
		if before := counterpart(hold, recorded); before != nil {
			change = changed(*before, hold)
		}
		if change == nil {
			continue
		}
		if err := r.recordHold(ctx, o, change); err != nil {
			return err
		}
	}
	return nil
}

// lacking are the holds that have no counterpart among others.
func lacking(holds, others []v1alpha1.LegalHold) []v1alpha1.LegalHold {
	var found []v1alpha1.LegalHold
	for _, hold := range holds {
		if counterpart(hold, others) == nil {
			found = append(found, hold)
		}
	}
	return found
}

// counterpart is the same hold among others, nil where there is none. One that went to somebody else was lifted and laid.
func counterpart(hold v1alpha1.LegalHold, others []v1alpha1.LegalHold) *v1alpha1.LegalHold {
	at := slices.IndexFunc(others, func(o v1alpha1.LegalHold) bool { return o.Name == hold.Name && o.By == hold.By })
	if at < 0 {
		return nil
	}
	return &others[at]
}

// holdChange is what the log has to say of a hold.
type holdChange struct {
	action v1alpha1.AuditAction
	reason string
	// key tells it from every other change of what the status says now.
	key string
	// by is who did it, where the API server has not written that down; empty is nobody known.
	by       string
	evidence []string
}

func laid(hold v1alpha1.LegalHold) *holdChange {
	return &holdChange{v1alpha1.AuditHeld, "HoldLaid", hold.Name + "/" + hold.By, hold.By, []string{describeHold(hold)}}
}

func lifted(hold v1alpha1.LegalHold) *holdChange {
	return &holdChange{v1alpha1.AuditReleased, "HoldLifted", hold.Name + "/" + hold.By, "", []string{describeHold(hold)}}
}

// changed is about a reason that was edited, nil where it was not. By whom the hold was laid does not tell who did so.
func changed(before, after v1alpha1.LegalHold) *holdChange {
	if before.Reason == after.Reason {
		return nil
	}
	key := fmt.Sprintf("%s/%s/changed/%q/%q", after.Name, after.By, before.Reason, after.Reason)
	return &holdChange{v1alpha1.AuditHeld, audit.HoldChanged, key, "", []string{"before: " + describeHold(before), "now: " + describeHold(after)}}
}

// recordHold writes one event. Its key names the generation that the status speaks of, which changes with the status alone:
// every try finds the same, and a hold that is laid again is recorded again.
func (r *Reconciler) recordHold(ctx context.Context, o *observation, change *holdChange) error {
	event := audit.Event{
		Since:  o.recording.CreationTimestamp.Time,
		Action: change.action, Reason: change.reason,
		Key:      fmt.Sprintf("%s/%s/%d/%s", change.action, o.recording.UID, o.recording.Status.ObservedGeneration, change.key),
		Evidence: change.evidence,
	}
	// The API server has written down who sent the request. Without that, the hold itself names who laid it.
	by := o.recording.Annotations[v1alpha1.AnnotationHoldsBy]
	if by == "" {
		by = change.by
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
