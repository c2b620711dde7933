// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

var modes = []v1alpha1.LockMode{v1alpha1.LockGovernance, v1alpha1.LockCompliance}

// drawn is any observation that a pass may make, however unlikely.
func drawn(t *rapid.T) *observation {
	retention := v1alpha1.RetentionRules{
		ExpireAfter: rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "1d", "90d", v1alpha1.Never}).Draw(t, "expireAfter"),
		TrashFor:    rapid.SampledFrom([]v1alpha1.Duration{"", "1h", "30d"}).Draw(t, "trashFor"),
	}
	if rapid.Bool().Draw(t, "lock") {
		retention.Lock = v1alpha1.RetentionLock{Mode: rapid.SampledFrom(modes).Draw(t, "mode"), For: rapid.SampledFrom([]v1alpha1.Duration{"1h", "365d"}).Draw(t, "lockFor")}
	}
	retention.Erasure = rapid.SampledFrom([]v1alpha1.ErasureRule{"", v1alpha1.ErasureForbidden, v1alpha1.ErasureDestroyKey}).Draw(t, "erasure")
	ago := func(what string) time.Duration {
		return rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, time.Hour, 29 * day, 30 * day, 400 * day}).Draw(t, what)
	}
	retention.WarnBefore = rapid.SampledFrom([]v1alpha1.Duration{"", "1h", "30d"}).Draw(t, "warnBefore")
	retention.ExtendTo = rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "365d", v1alpha1.Never}).Draw(t, "extendTo")
	retention.UnwatchedAfter = rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "1h", "30d"}).Draw(t, "unwatchedAfter")
	changes := []func(*observation){withRetention(retention)}
	if rapid.Bool().Draw(t, "the bucket locks") {
		changes = append(changes, lockingStore(rapid.SampledFrom([]v1alpha1.ObjectLockMode{v1alpha1.ObjectLockGovernance, v1alpha1.ObjectLockCompliance}).Draw(t, "object lock")))
	}
	maybe := func(what string, change func(*observation)) {
		if rapid.Bool().Draw(t, what) {
			changes = append(changes, change)
		}
	}
	switch rapid.SampledFrom([]string{"incoming", "available", "trashed", "expired"}).Draw(t, "life") {
	case "available":
		changes = append(changes, availableSince(ago("available")))
		maybe("said to be Active", wantedActive)
	case "trashed":
		changes = append(changes, trashedSince(ago("trashed")))
		maybe("restored", wantedActive)
	case "expired":
		changes = append(changes, expiredSince(ago("expired")))
		maybe("taken back", wantedActive)
	default:
		maybe("imported", imported)
		maybe("offered", offered)
		maybe("arrived", arrived(rapid.SampledFrom([]int64{0, 1, 60 << 30}).Draw(t, "size")))
		maybe("processed", processed)
	}
	maybe("wishes", wishing(rapid.SampledFrom([]v1alpha1.DurationOrNever{"0s", "1d", "400d", v1alpha1.Never}).Draw(t, "wish")))
	maybe("watched", watchedAgo(ago("watched")))
	maybe("guarded", guarded(time.Time{}))
	maybe("trash requested", trashRequested)
	maybe("held", held)
	maybe("deleted", deletedAgo(ago("deleted")))
	maybe("lock lifted", unlocked)
	maybe("erasure", erasureAsked)
	maybe("namespace going", func(o *observation) { o.namespace.going = true })
	maybe("stale", func(o *observation) { o.stale = true })
	maybe("store gone", func(o *observation) {
		o.store = storeView{problem: problem{v1alpha1.ReasonStoreNotReady, "why"}}
		o.raw, o.result = objectView{}, nil
	})
	failures := rapid.IntRange(0, 6).Draw(t, "failures")
	for n := range failures {
		changes = append(changes, func(o *observation) {
			withAttempts(append(o.attempts, failedAt(n+1, time.Duration(failures-n)*time.Hour))...)(o)
		})
	}
	maybe("running", func(o *observation) {
		a := runningFor(ago("running for"))
		a.number = failures + 1
		withAttempts(append(o.attempts, a)...)(o)
	})
	return seen(changes...)
}

func has(d decision, what ...step) bool {
	return slices.ContainsFunc(slices.Concat(d.steps, d.after), func(s step) bool { return slices.Contains(what, s) })
}

// R27: whatever else is the case.
func TestR27NothingLeavesWhileItIsHeldOrLocked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if !has(d, expire, deleteObject, purgeMedia) && !expires(o, &d) {
			return
		}
		if len(o.recording.Spec.Holds) > 0 {
			t.Fatalf("%v in spite of a hold", d.steps)
		}
		if o.now.Before(o.recording.Status.LockedUntil.Time) && (o.stage != leaving || !has(d, recordUnlocked)) {
			t.Fatalf("%v before the lock ends", d.steps)
		}
	})
}

// What keeps a recording by the policies, the bucket is told to enforce, where it can: never for less long, and not so that more
// people can lift it than the store's platform team chose.
func TestR27TheBucketIsToldWhatKeepsARecording(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if d.status == nil || d.status.Storage.Key == "" || o.mediaMissing != "" || o.stage == leaving || o.store.open == nil || noBucketLock(o.store.open.Object) != "" {
			return
		}
		lock := d.status.Storage.Lock
		if held := len(o.recording.Spec.Holds) > 0; held != (lock.LegalHold == v1alpha1.LegalHoldOn) || held && !lock.Until.After(o.now) {
			t.Fatalf("held: %v, the bucket has %+v", held, lock)
		}
		if until := d.status.LockedUntil; o.now.Before(until.Time) && lock.Until.Before(&until) {
			t.Fatalf("locked until %s, the bucket has %+v", until, lock)
		}
		strict := d.status.LockMode == v1alpha1.LockCompliance && o.store.open.Object.Spec.Buckets.ObjectLock == v1alpha1.ObjectLockCompliance
		if o.now.Before(d.status.LockedUntil.Time) && strict != (lock.Mode == v1alpha1.LockCompliance) {
			t.Fatalf("a %s lock, the bucket has %+v", d.status.LockMode, lock)
		}
		if !sameLock(lock, o.recording.Status.Storage.Lock) && !has(d, lockObjects) {
			t.Fatalf("the status says %+v and nobody tells the bucket", lock)
		}
		if keeps := len(o.recording.Spec.Holds) > 0 || o.now.Before(d.status.LockedUntil.Time); keeps != (lockedMessage(d.status) != "") {
			t.Fatalf("kept: %v, the condition Locked says %q", keeps, lockedMessage(d.status))
		}
	})
}

func TestAKeyIsDestroyedOnlyWhereItIsAskedForAndAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if !has(d, destroyKey) {
			return
		}
		if !asksForErasure(o.recording) || len(o.recording.Spec.Holds) > 0 || o.rules.Retention.Erasure.Value != v1alpha1.ErasureDestroyKey {
			t.Fatalf("the key is destroyed: %+v, %s", o.recording.Spec, o.rules.Retention.Erasure.Value)
		}
		if readyReason(d.status) != v1alpha1.ReasonErased || d.status.Storage.ManifestKey != "" {
			t.Fatalf("the key is destroyed, and the status says %+v", d.status)
		}
	})
}

// What was laid and lifted is in the audit log before the status says so.
func TestHoldsAreRecordedBeforeTheStatusNamesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		maybeRecorded(t, o)
		d := decide(o)
		if d.status == nil || o.stage == leaving {
			return
		}
		if changed := len(lacking(d.status.Holds, o.recording.Status.Holds))+len(lacking(o.recording.Status.Holds, d.status.Holds)) > 0; changed && !has(d, recordHolds) {
			t.Fatalf("the holds %+v became %+v unseen", o.recording.Status.Holds, d.status.Holds)
		}
		if len(lacking(o.recording.Spec.Holds, d.status.Holds)) > 0 {
			t.Fatalf("the status forgets holds: %+v", d.status.Holds)
		}
	})
}

func maybeRecorded(t *rapid.T, o *observation) {
	if rapid.Bool().Draw(t, "recorded hold") {
		o.recording.Status.Holds = []v1alpha1.LegalHold{{Name: rapid.SampledFrom([]string{"case-2026-14", "tax"}).Draw(t, "recorded name")}}
	}
}

func TestR26OnlyWhatIsDueInTheTrashIsPurged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if has(d, deleteObject, purgeMedia) && (!o.trashRequested() || !o.inTrash()) && !isErased(&o.recording.Status) {
			t.Fatalf("%v of a recording that is not in the trash", d.steps)
		}
		if has(d, deleteObject, purgeMedia) && !o.purge.Allowed {
			t.Fatalf("%v in spite of the purge guard", d.steps)
		}
	})
}

func TestStoredMediaIsNeverDiscarded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		if o.recording.Status.Storage.ManifestKey != "" {
			o.leftovers.manifestKey = o.recording.Status.Storage.ManifestKey
		}
		d := decide(o)
		if has(d, discard) && o.leftovers.manifestKey != "" {
			t.Fatalf("%v of a recording with media", d.steps)
		}
		if has(d, clearStaging, clearOtherAttempts) && o.result == nil {
			t.Fatalf("%v without a verified result", d.steps)
		}
		if has(d, releaseFinalizer) && o.leftovers.manifestKey != "" && !has(d, bury, purgeMedia) {
			t.Fatalf("%v forgets media in the bucket", d.steps)
		}
	})
}

func TestAtMostOneWorkerAtATimeAndFiveInAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if !has(d, startJob) {
			return
		}
		if o.running() != nil {
			t.Fatal("a Job starts while another one runs")
		}
		if len(o.attempts) >= maxAttempts {
			t.Fatalf("attempt %d starts after %d failures", d.attempt, len(o.attempts))
		}
		if d.attempt <= o.highest {
			t.Fatalf("attempt number %d is used again, %d is the highest so far", d.attempt, o.highest)
		}
	})
}

// The schema refuses a cause without a date, and the pass would be repeated for ever.
func TestWhyItIsInTheTrashIsSaidOfNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if d := decide(drawn(t)); d.status != nil && d.status.TrashedAt.IsZero() != (d.status.TrashCause == "") {
			t.Fatalf("in the trash since %s because of %q", d.status.TrashedAt, d.status.TrashCause)
		}
	})
}

// Whatever the status says, an expiry that it alone says is undone by spec.state: Active, and by nothing that nobody does.
func TestR25WhatHasExpiredIsInTheTrashUntilSomebodySaysActive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if d.status == nil || d.status.TrashCause != v1alpha1.TrashCauseExpiry {
			return
		}
		after := withStatus(o.recording, d.status)
		switch after.Spec.State {
		case v1alpha1.StateActive:
			// It is about to come back, when the store can be looked into.
			if readyReason(d.status) == v1alpha1.ReasonTrashed && o.stage != leaving && !has(d, recordUnlocked) {
				t.Fatal("said to be Active, and still in the trash")
			}
		default:
			if after.EffectiveState() != v1alpha1.StateTrashed || d.status.TrashedAt.IsZero() {
				t.Fatalf("expired, and not in the trash: %+v", d.status)
			}
		}
		if expires(o, &d) && d.status.TrashedAt.Time.Before(o.now) {
			t.Fatalf("in the trash since %s, before it expired", d.status.TrashedAt)
		}
	})
}

// A second look at what a pass left behind finds nothing to write, unless the pass did something else besides.
func TestDecisionsSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		first := decide(o)
		if first.status == nil || len(first.steps) > 0 || o.stale {
			return
		}
		next := *o
		next.recording = o.recording.DeepCopy()
		next.recording.Status = *first.status
		next.stage = stageOf(next.recording)
		next.progressWritten = o.now
		if second := decide(&next); second.status != nil && next.stage == o.stage && !sameStatus(first.status, second.status) {
			t.Fatalf("the status is written again: %+v, then %+v", *first.status, *second.status)
		}
	})
}

func TestDecisionsLeaveTheirInputAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		before := o.recording.DeepCopy()
		first, second := outlineOf(decide(o)), outlineOf(decide(o))
		if !sameStatus(&before.Status, &o.recording.Status) {
			t.Fatal("deciding has changed the recording")
		}
		if first.Look != second.Look || first.Ready != second.Ready || !slices.Equal(first.Steps, second.Steps) {
			t.Fatalf("the same observation yields %+v and %+v", first, second)
		}
	})
}

// A date is waited for to the moment: when the wait is over, it has come.
func TestR24WaitsEndExactlyAtTheDate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if d.status == nil || d.wake.IsZero() || o.stage != kept {
			return
		}
		for _, date := range []time.Time{d.status.ExpiresAt.Time, d.status.PurgeAt.Time} {
			if !date.IsZero() && date.After(o.now) && d.wake.After(date) {
				t.Fatalf("the next look is at %s, the date is %s", d.wake, date)
			}
		}
		if dates := d.status; d.wake.After(dates.ExpiresAt.Time) && d.wake.After(dates.PurgeAt.Time) && d.wake.After(dates.LockedUntil.Time) && d.wake.After(dates.Storage.Lock.Until.Time) {
			t.Fatalf("the next look is at %s, after every date", d.wake)
		}
	})
}
