// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// A bucket may refuse to lock, and to lift. Then the condition LockApplied says so, and what to do; a recording that has it is not at rest,
// so that a process that starts asks the bucket again too, as it does when the store becomes ready.

// lockRefused says in the status, and once by an Event, that the bucket refused, and has it asked again.
func (d *decision) lockRefused(o *observation, refusal error) {
	d.look = lockRetry
	if d.status == nil {
		return // the recording is going, and its purge says what it waits for
	}
	reason, message := v1alpha1.ReasonLockRefused, "The bucket refused to lock the recording"
	if lifts(d.lock, d.status.Storage.Lock) {
		reason, message = v1alpha1.ReasonLiftRefused, fmt.Sprintf("The bucket still has %s, which nothing asks for any more, and refused to lift it", protectionOf(d.status.Storage.Lock))
	}
	d.explainApplied(o, reason, fmt.Sprintf("%s: %s. %s. It is asked again every %s", message, refusal, remedy(o, d.lock, refusal), inMinutes(lockRetry)))
}

// withLateLift says so where a lock should be lifted and the store cannot be opened.
func (d decision) withLateLift(o *observation, plan policy.Schedule) decision {
	if o.store.open != nil || !o.store.problem.found() || len(o.recording.Spec.Holds) > 0 || plan.Locked(o.now) || protectionOf(d.lock).At(o.now) == (objectstore.Protection{}) {
		return d
	}
	if what := o.store.problem.reason; what != v1alpha1.ReasonStoreNotReady && what != v1alpha1.ReasonStoreNotFound { // else its status wakes the recording
		d.look = lockRetry
	}
	d.explainApplied(o, v1alpha1.ReasonLiftRefused, fmt.Sprintf("The bucket still has %s, which nothing asks for any more, and cannot be asked to lift it: %s",
		protectionOf(d.lock), o.store.problem.message))
	return d
}

func (d *decision) explainApplied(o *observation, reason, message string) {
	setCondition(o, d.status, v1alpha1.ConditionLockApplied, metav1.ConditionFalse, reason, message)
	before := meta.FindStatusCondition(o.recording.Status.Conditions, v1alpha1.ConditionLockApplied)
	if before == nil || before.Reason != reason {
		d.notices = append(d.notices, notice{warning: true, reason: reason, action: "Lock", note: message})
	}
}

// lockApplied tells people that a bucket that had refused does so no more.
func lockApplied(o *observation, d *decision) []notice {
	if d.status == nil || meta.FindStatusCondition(o.recording.Status.Conditions, v1alpha1.ConditionLockApplied) == nil {
		return nil
	}
	return []notice{{reason: v1alpha1.ConditionLockApplied, action: "Lock", note: "The bucket enforces what it should again: " + protectionOf(d.lock).String()}}
}

// lifts says that less is wanted than the bucket has.
func lifts(wanted, has v1alpha1.BucketLock) bool {
	return protectionOf(has).Covers(protectionOf(wanted))
}

// remedy is what somebody can do about a refusal.
func remedy(o *observation, wanted v1alpha1.BucketLock, refusal error) string {
	store := o.store.open.Object.Name
	switch objectstore.Reason(refusal) {
	case objectstore.ReasonLocked:
		return fmt.Sprintf("Give the credentials of RecordingStore %s the permission to bypass governance (s3:BypassGovernanceRetention) and to change legal holds "+
			"(s3:PutObjectLegalHold), or wait until the retention ends; COMPLIANCE is lifted by nobody", store)
	case objectstore.ReasonForbidden:
		return fmt.Sprintf("Give the credentials of RecordingStore %s the permissions to read and change retentions and legal holds "+
			"(s3:GetObject, s3:GetObjectRetention, s3:PutObjectRetention, s3:GetObjectLegalHold, s3:PutObjectLegalHold, s3:BypassGovernanceRetention)", store)
	case objectstore.ReasonNotFound, objectstore.ReasonNoSuchBucket:
		return "Look who has removed it from the bucket: kubectl reelkeeper scrub tells what else is missing"
	default:
		return fmt.Sprintf("See that the bucket was made with Object Lock and that the credentials of RecordingStore %s may set %s, or set spec.buckets.objectLock to what the bucket can do",
			store, protectionOf(wanted))
	}
}

// inMinutes spells a duration of whole minutes.
func inMinutes(d time.Duration) string { return fmt.Sprintf("%d minutes", int(d.Minutes())) }
