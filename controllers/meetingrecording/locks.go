// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/moment"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const (
	// A legal hold in the bucket is the flag and a retention that is kept ahead of now, because some servers delete a version
	// under the flag alone. Renewing at half its length costs a held recording two writes a month, and leaves a fortnight in
	// which the controller may be down.
	holdAhead = 30 * 24 * time.Hour
	holdRenew = 15 * 24 * time.Hour

	// lockRetry is how soon a bucket is asked again that refused to lock, or to lift.
	lockRetry = 10 * time.Minute
)

// withLock has the bucket enforce what keeps a recording with media, and says so in the condition Locked.
func (d decision) withLock(o *observation) decision {
	if d.status == nil || d.status.Storage.Key == "" || o.mediaMissing != "" {
		return d
	}
	plan, recorded := scheduleOf(o, d.status), d.status.Storage.Lock
	d.lock = wantedLock(o, plan, recorded)
	if !sameLock(d.lock, recorded) {
		d.steps = append(d.steps, lockObjects)
	}
	d.status.Storage.Lock = d.lock
	explainLock(o, d.status, plan, "")
	d = d.withLateLift(o, plan)
	d.wake = sooner(d.wake, lockChange(o, plan, d.lock))
	if o.namespace.going && isKept(d.status) && !saysWaiting(&o.recording.Status) {
		d.notices = append(d.notices, notice{warning: true, ofNamespace: true, reason: "RecordingKept", action: "Delete",
			note: fmt.Sprintf("The namespace waits for MeetingRecording %s: %s", o.recording.Name, lockedMessage(d.status))})
	}
	return d
}

func lockedMessage(status *v1alpha1.MeetingRecordingStatus) string {
	if locked := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionLocked); locked != nil {
		return locked.Message
	}
	return ""
}

func isKept(status *v1alpha1.MeetingRecordingStatus) bool { return lockedMessage(status) != "" }

// saysWaiting says that people have been told already that the namespace waits.
func saysWaiting(status *v1alpha1.MeetingRecordingStatus) bool {
	return strings.Contains(lockedMessage(status), "is being deleted, and waits")
}

// wantedLock is what the bucket should enforce. A store that does not lock, or cannot be asked now, changes nothing.
func wantedLock(o *observation, plan policy.Schedule, recorded v1alpha1.BucketLock) v1alpha1.BucketLock {
	if o.store.open == nil || noBucketLock(o.store.open.Object) != "" {
		return recorded
	}
	var wanted v1alpha1.BucketLock
	if plan.Locked(o.now) {
		wanted.Until, wanted.Mode = stampOf(plan.LockedUntil), plan.LockMode
		if o.store.open.Object.Spec.Buckets.ObjectLock != v1alpha1.ObjectLockCompliance {
			wanted.Mode = v1alpha1.LockGovernance // the platform team keeps the key to the bucket
		}
	}
	if len(o.recording.Spec.Holds) == 0 {
		return wanted
	}
	wanted.LegalHold = v1alpha1.LegalHoldOn
	if wanted.Mode == v1alpha1.LockCompliance {
		return wanted // its retention cannot be prolonged for a while only; the hold's own follows when it ends
	}
	wanted.Mode = v1alpha1.LockGovernance
	ahead := metav1.NewTime(moment.CeilSecond(o.now.Add(holdAhead)))
	if recorded.LegalHold == v1alpha1.LegalHoldOn && recorded.Mode == v1alpha1.LockGovernance && recorded.Until.After(o.now.Add(holdRenew)) {
		ahead = recorded.Until
	}
	if wanted.Until.Before(&ahead) {
		wanted.Until = ahead
	}
	return wanted
}

// noBucketLock says why a store's buckets lock nothing; empty where they do.
func noBucketLock(store *v1alpha1.RecordingStore) string {
	switch {
	case store.Spec.Buckets.ObjectLock == "" || store.Spec.Buckets.ObjectLock == v1alpha1.ObjectLockNone:
		return fmt.Sprintf("spec.buckets.objectLock of RecordingStore %s is None", store.Name)
	case !stores.Can(store, v1alpha1.CapabilityObjectLock):
		return fmt.Sprintf("the server of RecordingStore %s was not seen to lock objects", store.Name)
	}
	return ""
}

func sameLock(a, b v1alpha1.BucketLock) bool {
	return a.Mode == b.Mode && a.Until.Equal(&b.Until) && (a.LegalHold == v1alpha1.LegalHoldOn) == (b.LegalHold == v1alpha1.LegalHoldOn)
}

// lockChange is when the bucket's lock, or the condition, has to be looked at again: when the lock ends, and when a hold's
// retention is to be renewed.
func lockChange(o *observation, plan policy.Schedule, lock v1alpha1.BucketLock) time.Time {
	var at time.Time
	if plan.Locked(o.now) {
		at = moment.CeilSecond(plan.LockedUntil)
	}
	if lock.LegalHold == v1alpha1.LegalHoldOn && lock.Mode == v1alpha1.LockGovernance {
		at = sooner(at, lock.Until.Add(-holdRenew))
	}
	return at
}

// sooner returns the earlier of two dates; zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// lockObjects has the bucket enforce the lock. Where it refuses, the status says what it enforces instead: the recording is
// kept by the API server all the same.
func (r *Reconciler) lockObjects(ctx context.Context, o *observation, d *decision) error {
	status := d.status
	if status == nil {
		status = o.recording.Status.DeepCopy()
	}
	wanted := protectionOf(d.lock)
	actual, err := r.protect(ctx, o, status.Storage.Bucket, status.Storage.Key, wanted)
	if err == nil {
		manifest := wanted
		if o.rules.Retention.Erasure.Value == v1alpha1.ErasureDestroyKey {
			manifest = objectstore.Protection{} // the key in it can be destroyed while the media is locked
		}
		var other objectstore.Protection
		if other, err = r.protect(ctx, o, status.Storage.Bucket, status.Storage.ManifestKey, manifest); err != nil {
			actual = other
		}
	}
	if err == nil {
		d.notices = append(d.notices, lockApplied(o, d)...)
		return nil
	}
	switch objectstore.Reason(err) {
	case objectstore.ReasonObjectLockUnsupported, objectstore.ReasonLocked:
		status.Storage.Lock = lockOf(actual)
	case objectstore.ReasonForbidden, objectstore.ReasonNotFound, objectstore.ReasonNoSuchBucket:
		// What it enforces was not to be seen. A lock that may be there is not forgotten: it is lifted, or prolonged, at a later look.
		status.Storage.Lock = o.recording.Status.Storage.Lock
	default:
		return err
	}
	explainLock(o, status, scheduleOf(o, status), err.Error())
	d.lockRefused(o, err)
	return nil
}

func (r *Reconciler) protect(ctx context.Context, o *observation, bucket, key string, wanted objectstore.Protection) (actual objectstore.Protection, err error) {
	err = effect.Do(ctx, "recording: lock an object", func() error {
		actual, err = o.store.open.Objects.Protect(ctx, bucket, key, wanted, o.now)
		return err
	})
	return actual, err
}

func protectionOf(lock v1alpha1.BucketLock) objectstore.Protection {
	return objectstore.Protection{Mode: objectstore.LockMode(lock.Mode), Until: lock.Until.Time, LegalHold: lock.LegalHold == v1alpha1.LegalHoldOn}
}

func lockOf(p objectstore.Protection) v1alpha1.BucketLock {
	lock := v1alpha1.BucketLock{Mode: v1alpha1.LockMode(p.Mode)}
	if p.Mode != "" {
		lock.Until = metav1.NewTime(p.Until)
	}
	if p.LegalHold {
		lock.LegalHold = v1alpha1.LegalHoldOn
	}
	return lock
}

// explainLock derives the condition Locked: what keeps the recording, until when, by whom, and who enforces it. It is there only
// while something does.
func explainLock(o *observation, status *v1alpha1.MeetingRecordingStatus, plan policy.Schedule, refusal string) {
	reason, says := keptBy(o, plan)
	if reason != "" {
		says = append(says, enforcement(o, status.Storage.Lock, refusal))
		if o.namespace.going {
			says = append(says, fmt.Sprintf("Namespace %s is being deleted, and waits for this recording", o.recording.Namespace))
		}
	}
	setCondition(o, status, v1alpha1.ConditionLocked, metav1.ConditionTrue, reason, strings.Join(says, ". "))
}

// keptBy tells what keeps the recording, the holds first: they beat the lock.
func keptBy(o *observation, plan policy.Schedule) (reason string, says []string) {
	if holds := o.recording.Spec.Holds; len(holds) > 0 {
		reason = v1alpha1.ReasonHeld
		says = append(says, "Kept until the last hold is lifted: "+describeHolds(holds))
	}
	if !plan.Locked(o.now) {
		return reason, says
	}
	if reason == "" {
		reason = string(plan.LockMode)
	}
	by := ""
	if plan.LockedBy != "" {
		by = " by " + plan.LockedBy
	}
	who := "nobody can lift it"
	if plan.LockMode == v1alpha1.LockGovernance {
		who = "who holds the verb bypass can lift it"
	}
	return reason, append(says, fmt.Sprintf("Locked until %s%s (%s: %s)", spellTime(stampOf(plan.LockedUntil)), by, plan.LockMode, who))
}

// maxHoldsTold bounds how many holds a condition describes: its message has room for 32 KiB, and people for less.
const maxHoldsTold = 8

func describeHolds(holds []v1alpha1.LegalHold) string {
	var told []string
	for i, hold := range holds {
		if i == maxHoldsTold {
			told = append(told, fmt.Sprintf("and %d more", len(holds)-i))
			break
		}
		told = append(told, describeHold(hold))
	}
	return strings.Join(told, "; ")
}

// enforcement tells who keeps people from removing the recording.
func enforcement(o *observation, lock v1alpha1.BucketLock, refusal string) string {
	switch {
	case refusal != "":
		return "The bucket has " + protectionOf(lock).String() + ", and refused to change that: " + refusal
	case !sameLock(lock, v1alpha1.BucketLock{}) && lock.LegalHold == v1alpha1.LegalHoldOn:
		return "The bucket enforces it too, by a legal hold and a retention that is renewed in time"
	case !sameLock(lock, v1alpha1.BucketLock{}):
		return "The bucket enforces it too: " + protectionOf(lock).String()
	case o.store.open != nil && noBucketLock(o.store.open.Object) != "":
		return "The API server alone enforces it: " + noBucketLock(o.store.open.Object)
	}
	return "The API server enforces it"
}
