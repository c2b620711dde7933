// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// drawn is any observation that a pass may make, however unlikely.
func drawn(t *rapid.T) *observation {
	retention := v1alpha1.RetentionRules{
		ExpireAfter: rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "1d", "90d", v1alpha1.Never}).Draw(t, "expireAfter"),
		TrashFor:    rapid.SampledFrom([]v1alpha1.Duration{"", "1h", "30d"}).Draw(t, "trashFor"),
	}
	if rapid.Bool().Draw(t, "lock") {
		retention.Lock = v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: rapid.SampledFrom([]v1alpha1.Duration{"1h", "365d"}).Draw(t, "lockFor")}
	}
	ago := func(what string) time.Duration {
		return rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, time.Hour, 29 * day, 30 * day, 400 * day}).Draw(t, what)
	}
	retention.WarnBefore = rapid.SampledFrom([]v1alpha1.Duration{"", "1h", "30d"}).Draw(t, "warnBefore")
	retention.ExtendTo = rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "365d", v1alpha1.Never}).Draw(t, "extendTo")
	retention.UnwatchedAfter = rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "1h", "30d"}).Draw(t, "unwatchedAfter")
	changes := []func(*observation){withRetention(retention)}
	maybe := func(what string, change func(*observation)) {
		if rapid.Bool().Draw(t, what) {
			changes = append(changes, change)
		}
	}
	switch rapid.SampledFrom([]string{"incoming", "available", "trashed"}).Draw(t, "life") {
	case "available":
		changes = append(changes, availableSince(ago("available")))
	case "trashed":
		changes = append(changes, trashedSince(ago("trashed")))
		maybe("restored", func(o *observation) { o.recording.Spec.State = v1alpha1.StateActive })
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
		if !has(d, expire, deleteObject, purgeMedia) {
			return
		}
		if len(o.recording.Spec.Holds) > 0 {
			t.Fatalf("%v in spite of a hold", d.steps)
		}
		if o.now.Before(o.recording.Status.LockedUntil.Time) {
			t.Fatalf("%v before the lock ends", d.steps)
		}
	})
}

func TestR26OnlyWhatIsDueInTheTrashIsPurged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawn(t)
		d := decide(o)
		if has(d, deleteObject, purgeMedia) && (!o.trashRequested() || !o.inTrash()) {
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
		if d.wake.After(d.status.ExpiresAt.Time) && d.wake.After(d.status.PurgeAt.Time) {
			t.Fatalf("the next look is at %s, after every date", d.wake)
		}
	})
}
