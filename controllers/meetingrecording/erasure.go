// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/trash"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/moment"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func asksForErasure(recording *v1alpha1.MeetingRecording) bool {
	return recording.Spec.Erasure.Reason != ""
}

// isErased says that the key is destroyed. Nothing but the status remembers that.
func isErased(status *v1alpha1.MeetingRecordingStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionErased)
}

// erasureObstacle is why the key is not destroyed now; nil where it is to be.
func erasureObstacle(o *observation) *problem {
	rule := o.rules.Retention.Erasure
	switch {
	case !asksForErasure(o.recording):
		return &problem{}
	case len(o.recording.Spec.Holds) > 0:
		return &problem{v1alpha1.ReasonHeld, "The key is not destroyed until the last hold is lifted: " + describeHolds(o.recording.Spec.Holds)}
	case rule.Value != v1alpha1.ErasureDestroyKey:
		return &problem{v1alpha1.ReasonErasureForbidden, fmt.Sprintf("The policy does not let keys be destroyed, by %s: ask who sets it for retention.erasure DestroyKey", rule.Source().String())}
	case o.store.open == nil:
		return &problem{v1alpha1.ReasonStoreNotReady, "The key is destroyed when the store can be reached. " + o.store.problem.message}
	}
	return nil
}

// decideErasure destroys the key alone. Viewing ends with it: nobody is left who could open the media.
func decideErasure(o *observation) decision {
	status := newErasedStatus(o, &o.recording.Status)
	return decision{steps: []step{destroyKey}, status: status, wake: status.PurgeAt.Time}
}

// decideErased waits for the end of the lock, and then lets go of the noise that is left.
func decideErased(o *observation) decision {
	if liftsLock(o) {
		return decideLifting(o)
	}
	status := newErasedStatus(o, &o.recording.Status)
	if len(o.recording.Spec.Holds) == 0 && !o.now.Before(status.PurgeAt.Time) {
		return decision{steps: []step{deleteObject}}
	}
	return decision{status: status, wake: status.PurgeAt.Time}
}

// newErasedStatus is the status of a recording without a key. It ends here: nothing brings the key back.
func newErasedStatus(o *observation, from *v1alpha1.MeetingRecordingStatus) *v1alpha1.MeetingRecordingStatus {
	life := from.DeepCopy()
	plan := scheduleOf(o, life)
	end := from.PurgeAt
	if !isErased(from) {
		end = metav1.NewTime(moment.CeilSecond(o.now))
	}
	end = metav1.NewTime(moment.Later(end.Time, moment.CeilSecond(plan.LockedUntil)))
	message := fmt.Sprintf("The key is destroyed: what lies in the bucket until %s is noise", spellTime(end))
	status := newStalledStatus(o, problem{v1alpha1.ReasonErased, message})
	leaveTrash(status)
	status.Link, status.ExpiresAt, status.LastWatchedAt = "", metav1.Time{}, metav1.Time{}
	status.Storage.ManifestKey = ""
	status.PurgeAt = end
	status.LockedUntil, status.LockMode, status.LockedBy = stampOf(plan.LockedUntil), plan.LockMode, plan.LockedBy
	setCondition(o, status, v1alpha1.ConditionErased, metav1.ConditionTrue, v1alpha1.ReasonErased, message)
	setCondition(o, status, v1alpha1.ConditionRecoverable, metav1.ConditionFalse, v1alpha1.ReasonErased, "The key is destroyed, and nothing brings it back")
	for _, kind := range []string{v1alpha1.ConditionRetained, v1alpha1.ConditionExpiring, v1alpha1.ConditionRetentionAccepted} {
		setCondition(o, status, kind, "", "", "")
	}
	return status
}

// withErasure says why the key is not destroyed although somebody asked for that.
func (d decision) withErasure(o *observation) decision {
	if d.status == nil || !asksForErasure(o.recording) || o.stage == erased || isErased(d.status) {
		return d
	}
	obstacle := erasureObstacle(o)
	if o.stage != kept || obstacle == nil {
		obstacle = &problem{v1alpha1.ReasonPending, "There is no key yet: the recording has no media. Delete it instead"}
	}
	setCondition(o, d.status, v1alpha1.ConditionErased, metav1.ConditionFalse, obstacle.reason, obstacle.message)
	return d
}

// destroyKey removes every version of everything that holds the data key, has the store confirm it, and records it. What the
// bucket locks is unlocked first where that can be done: the policy says that the key may go.
func (r *Reconciler) destroyKey(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	objects, bucket := o.store.open.Objects, o.recording.Status.Storage.Bucket
	err = effect.Do(ctx, "recording: unlock the manifests", func() error { return objects.Unprotect(ctx, bucket, names.ManifestPrefix(), o.now) })
	if err != nil && objectstore.Reason(err) != objectstore.ReasonLocked {
		return err
	}
	evidence, err := trash.DestroyKey(ctx, objects, bucket, names, o.recording.Status.Storage.ManifestKey)
	if err != nil {
		return err
	}
	rule := o.rules.Retention.Erasure.Source()
	event := audit.Event{
		Key: "erased/" + o.recording.StorageUID(), Since: o.recording.CreationTimestamp.Time,
		Action: v1alpha1.AuditErased, Reason: "ErasureRequested", Rule: rule.String(),
		Evidence: append(append([]string{"because of " + o.recording.Spec.Erasure.Reason}, evidence...), remaining(o)),
	}
	if by := o.recording.Spec.Erasure.By; by != "" {
		event.Actor = audit.User(by, "")
	}
	return r.write(ctx, o, event)
}

func remaining(o *observation) string {
	status := &o.recording.Status
	text := fmt.Sprintf("media %s/%s of %d bytes stays as noise", status.Storage.Bucket, status.Storage.Key, status.Media.Bytes)
	if plan := scheduleOf(o, status); plan.Locked(o.now) {
		text += " until " + spellTime(stampOf(plan.LockedUntil))
	}
	return text
}

// waitForBucket says that the bucket itself does not let go of an object yet, and when it will. Nothing is reported done.
func waitForBucket(o *observation, what step, err error) decision {
	end := objectstore.LockedUntil(err)
	retry := lockRetry
	if rest := end.Sub(o.now); rest > 0 && rest < retry {
		retry = rest + time.Second
	}
	message := err.Error()
	if what == destroyKey {
		status := o.recording.Status.DeepCopy()
		status.ObservedGeneration = o.recording.Generation
		setCondition(o, status, v1alpha1.ConditionErased, metav1.ConditionFalse, v1alpha1.ReasonLocked, "The key cannot be destroyed yet: "+message)
		return decision{status: status, look: retry}
	}
	return decision{status: newStatus(o, waiting(v1alpha1.ReasonPurging, "The purge waits for the bucket: "+message)), look: retry}
}
