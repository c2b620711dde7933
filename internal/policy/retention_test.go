// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

const day = 24 * time.Hour

// The rules that locks come from in these tests.
const (
	tenant       = "RecordingPolicy finance/tenant spec.retention.lock (generation 2)"
	organisation = "ClusterRecordingPolicy organisation spec.overrides.retention.lock (generation 3)"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	start := governancetest.Epoch
	after := func(days int) time.Time { return start.Add(time.Duration(days) * day) }
	cases := map[string]struct {
		retention string // of a policy: expireAfter 10d and trashFor 30d unless it says otherwise
		override  string // of the organisation
		life      policy.Life
		want      policy.Schedule // without From
	}{
		"R24 a recording expires by itself": {
			life: policy.Life{AvailableAt: start},
			want: policy.Schedule{ExpiresAt: after(10), Decider: policy.DecidedByExpireAfter},
		},
		"one that is not available yet has no end": {
			want: policy.Schedule{Decider: policy.DecidedByNothing},
		},
		"one that is kept for ever has no end": {
			retention: `{expireAfter: Never}`,
			life:      policy.Life{AvailableAt: start},
			want:      policy.Schedule{Decider: policy.DecidedByNothing},
		},
		"R25 one that was restored has its whole time again": {
			life: policy.Life{AvailableAt: after(50)},
			want: policy.Schedule{ExpiresAt: after(60), Decider: policy.DecidedByExpireAfter},
		},
		"R25 the trash keeps it for its time": {
			life: policy.Life{AvailableAt: start, TrashedAt: after(3)},
			want: policy.Schedule{PurgeAt: after(33), Decider: policy.DecidedByTrashFor},
		},
		"what never became available leaves the trash too": {
			life: policy.Life{TrashedAt: after(3)},
			want: policy.Schedule{PurgeAt: after(33), Decider: policy.DecidedByTrashFor},
		},
		"R28 nobody watches it any more": {
			retention: `{expireAfter: 100d, unwatchedAfter: 5d}`,
			life:      policy.Life{AvailableAt: start, LastWatchedAt: after(20)},
			want:      policy.Schedule{ExpiresAt: after(25), Decider: policy.DecidedByUnwatchedAfter},
		},
		"R28 the earlier deletion decides": {
			retention: `{expireAfter: 22d, unwatchedAfter: 5d}`,
			life:      policy.Life{AvailableAt: start, LastWatchedAt: after(20)},
			want:      policy.Schedule{ExpiresAt: after(22), Decider: policy.DecidedByExpireAfter},
		},
		"R28 one that was restored unwatched has its time again": {
			retention: `{expireAfter: 100d, unwatchedAfter: 5d}`,
			life:      policy.Life{AvailableAt: after(30), LastWatchedAt: after(20)},
			want:      policy.Schedule{ExpiresAt: after(35), Decider: policy.DecidedByUnwatchedAfter},
		},
		"R28 where nobody knows who watched, nothing counts as unwatched": {
			retention: `{expireAfter: 100d, unwatchedAfter: 5d}`,
			life:      policy.Life{AvailableAt: start},
			want:      policy.Schedule{ExpiresAt: after(100), Decider: policy.DecidedByExpireAfter},
		},
		"R27 a hold beats an expiry": {
			life: policy.Life{AvailableAt: start, Held: true},
			want: policy.Schedule{Decider: policy.DecidedByHold},
		},
		"R27 a hold beats a purge": {
			life: policy.Life{AvailableAt: start, TrashedAt: after(3), Held: true},
			want: policy.Schedule{Decider: policy.DecidedByHold},
		},
		"R27 a lock beats an expiry": {
			retention: `{expireAfter: 10d, lock: {mode: Governance, for: 40d}}`,
			life:      policy.Life{AvailableAt: start},
			want:      policy.Schedule{ExpiresAt: after(40), LockedUntil: after(40), LockMode: v1alpha1.LockGovernance, LockedBy: tenant, Decider: policy.DecidedByLock},
		},
		"R27 a lock beats a purge": {
			retention: `{lock: {mode: Governance, for: 40d}}`,
			life:      policy.Life{AvailableAt: start, TrashedAt: after(3)},
			want:      policy.Schedule{PurgeAt: after(40), LockedUntil: after(40), LockMode: v1alpha1.LockGovernance, LockedBy: tenant, Decider: policy.DecidedByLock},
		},
		"R27 a shorter lock than what is kept anyway decides nothing": {
			retention: `{expireAfter: 10d, lock: {mode: Governance, for: 4d}}`,
			life:      policy.Life{AvailableAt: start},
			want:      policy.Schedule{ExpiresAt: after(10), LockedUntil: after(4), LockMode: v1alpha1.LockGovernance, LockedBy: tenant, Decider: policy.DecidedByExpireAfter},
		},
		"R27 a lock that was promised outlives its policy": {
			life: policy.Life{AvailableAt: start, LockedUntil: after(90)},
			want: policy.Schedule{ExpiresAt: after(90), LockedUntil: after(90), LockMode: v1alpha1.LockGovernance, Decider: policy.DecidedByLock},
		},
		"R27 Compliance that was promised stays Compliance under a longer Governance lock": {
			retention: `{lock: {mode: Governance, for: 40d}}`,
			life:      policy.Life{AvailableAt: start, LockedUntil: after(20), LockMode: v1alpha1.LockCompliance, LockedBy: "the old rule"},
			want:      policy.Schedule{ExpiresAt: after(40), LockedUntil: after(40), LockMode: v1alpha1.LockCompliance, LockedBy: tenant, Decider: policy.DecidedByLock},
		},
		"R27 Governance that was promised becomes Compliance, and no shorter": {
			retention: `{lock: {mode: Compliance, for: 20d}}`,
			life:      policy.Life{AvailableAt: start, LockedUntil: after(40), LockMode: v1alpha1.LockGovernance, LockedBy: "the old rule"},
			want:      policy.Schedule{ExpiresAt: after(40), LockedUntil: after(40), LockMode: v1alpha1.LockCompliance, LockedBy: tenant, Decider: policy.DecidedByLock},
		},
		"R27 the organisation's mode and the department's longer time hold together": {
			override:  `{lock: {mode: Compliance, for: 5d}}`,
			retention: `{lock: {mode: Governance, for: 40d}}`,
			life:      policy.Life{AvailableAt: start},
			want:      policy.Schedule{ExpiresAt: after(40), LockedUntil: after(40), LockMode: v1alpha1.LockCompliance, LockedBy: organisation, Decider: policy.DecidedByLock},
		},
		"R27 Governance can be lifted": {
			retention: `{lock: {mode: Governance, for: 40d}}`,
			life:      policy.Life{AvailableAt: start, LockedUntil: after(40), LockMode: v1alpha1.LockGovernance, Unlocked: true},
			want:      policy.Schedule{ExpiresAt: after(10), Decider: policy.DecidedByExpireAfter},
		},
		"R27 Compliance cannot": {
			retention: `{lock: {mode: Compliance, for: 40d}}`,
			life:      policy.Life{AvailableAt: start, LockedUntil: after(40), LockMode: v1alpha1.LockGovernance, Unlocked: true},
			want:      policy.Schedule{ExpiresAt: after(40), LockedUntil: after(40), LockMode: v1alpha1.LockCompliance, LockedBy: tenant, Decider: policy.DecidedByLock},
		},
		"R27 a policy that cannot be understood lets nothing go": {
			retention: `{expireAfter: 1d, lock: {mode: Governance, for: ages}}`,
			life:      policy.Life{AvailableAt: start},
			want:      policy.Schedule{Decider: policy.DecidedByPause},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			documents := `{kind: ClusterRecordingPolicy, spec: {defaults: {retention: {expireAfter: 10d, trashFor: 30d}}}}`
			if tc.retention != "" {
				documents += "\n---\n{kind: RecordingPolicy, metadata: {name: tenant}, spec: {retention: " + tc.retention + "}}"
			}
			if tc.override != "" {
				documents += "\n---\n{kind: ClusterRecordingPolicy, metadata: {name: organisation}, spec: {overrides: {retention: " + tc.override + "}}}"
			}
			rules := policy.Resolve(governancetest.Policies(t, documents))
			got := rules.Retention.Schedule(tc.life)
			got.From = policy.Provenance{}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("schedule (-want +got):\n%s", diff)
			}
		})
	}
}

func TestR27TheScheduleNamesItsRule(t *testing.T) {
	t.Parallel()
	rules := policy.Resolve(governancetest.Policies(t, `{kind: RecordingPolicy, metadata: {name: tax}, spec: {retention: {expireAfter: 1d, lock: {mode: Compliance, for: 10d}}}}`))
	got := rules.Retention.Schedule(policy.Life{AvailableAt: governancetest.Epoch}).From.String()
	if want := "RecordingPolicy finance/tax spec.retention.lock (generation 1)"; got != want {
		t.Errorf("decided by %q, want %q", got, want)
	}
}

func TestScheduleIsDueExactlyThen(t *testing.T) {
	t.Parallel()
	end := governancetest.Epoch
	s := policy.Schedule{ExpiresAt: end, LockedUntil: end}
	before := end.Add(-time.Nanosecond)
	if s.Expired(before) || !s.Expired(end) || s.PurgeDue(end) {
		t.Error("a recording expires at the instant that is stamped, not earlier and not later")
	}
	if !s.Locked(before) || s.Locked(end) {
		t.Error("a lock ends at the instant that is stamped")
	}
	if next, something := s.Next(before); next != time.Nanosecond || !something {
		t.Errorf("the next look is after %v (%v)", next, something)
	}
	if next, something := s.Next(end.Add(time.Hour)); next != 0 || !something {
		t.Errorf("what is overdue is looked at after %v (%v)", next, something)
	}
	if _, something := (policy.Schedule{}).Next(end); something {
		t.Error("what never leaves is looked at again")
	}
}

func TestR27NothingLeavesBeforeItsLockOrUnderAHold(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		rules := policy.Resolve(governancetest.Input(t))
		moment := func(label string) time.Time {
			return governancetest.Epoch.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, label)) * day)
		}
		life := policy.Life{AvailableAt: moment("available"), Held: rapid.Bool().Draw(t, "held")}
		if rapid.Bool().Draw(t, "trashed") {
			life.TrashedAt = later(moment("trashed"), life.AvailableAt)
		}
		if rapid.Bool().Draw(t, "promised") {
			life.LockedUntil = moment("locked until")
			life.LockMode = rapid.SampledFrom([]v1alpha1.LockMode{"", v1alpha1.LockGovernance, v1alpha1.LockCompliance}).Draw(t, "mode")
		}
		s := rules.Retention.Schedule(life)
		now := moment("now")
		leaves := s.Expired(now) || s.PurgeDue(now)
		if leaves && (life.Held || s.Locked(now) || now.Before(life.LockedUntil)) {
			t.Fatalf("%+v leaves at %s", life, now)
		}
		if s.LockedUntil.Before(life.LockedUntil) {
			t.Fatalf("a lock until %s became one until %s", life.LockedUntil, s.LockedUntil)
		}
		if lock := rules.Retention.Lock.Value.For; lock > 0 && s.LockedUntil.Before(life.AvailableAt.Add(lock)) {
			t.Fatalf("a lock for %s ends %s", lock, s.LockedUntil)
		}
		if rules.Retention.ExpireAfter.Value == v1alpha1.Forever && rules.Retention.UnwatchedAfter.Value == v1alpha1.Forever && s.Expired(now) {
			t.Fatal("what is kept for ever expired")
		}
	})
}

// R27: whatever policies come and go, and whenever the dates are stamped, a promise is kept.
func TestR27ALockThatWasPromisedIsNeverShortenedNorMadeLiftable(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		life := policy.Life{AvailableAt: governancetest.Epoch}
		for range rapid.IntRange(1, 6).Draw(t, "policies") {
			life.AvailableAt = life.AvailableAt.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "restored after")) * day)
			rules := policy.Resolve(governancetest.Input(t))
			next := rules.Retention.Schedule(life)
			if next.LockedUntil.Before(life.LockedUntil) {
				t.Fatalf("a lock until %s became one until %s", life.LockedUntil, next.LockedUntil)
			}
			if life.LockMode == v1alpha1.LockCompliance && next.LockMode != v1alpha1.LockCompliance {
				t.Fatalf("a Compliance lock became %q", next.LockMode)
			}
			if demanded := rules.Retention.Lock.Value; demanded.Mode == v1alpha1.LockCompliance && next.LockMode != v1alpha1.LockCompliance {
				t.Fatalf("a policy demands Compliance, the lock is %q", next.LockMode)
			}
			if next.LockedUntil.IsZero() != (next.LockMode == "") || next.LockedUntil.IsZero() != (next.LockedBy == "") {
				t.Fatalf("a lock needs an end, a mode and a rule: %+v", next)
			}
			life.LockedUntil, life.LockMode, life.LockedBy = next.LockedUntil, next.LockMode, next.LockedBy
			if again := rules.Retention.Schedule(life); again.LockedUntil != next.LockedUntil || again.LockMode != next.LockMode || again.LockedBy != next.LockedBy {
				t.Fatalf("the same rules promise %+v, then %+v", next, again)
			}
			lifted := life
			lifted.Unlocked = true
			if open := rules.Retention.Schedule(lifted); open.LockedUntil.IsZero() == (next.LockMode == v1alpha1.LockCompliance) && next.LockMode != "" {
				t.Fatalf("lifting a %s lock leaves it until %s", next.LockMode, open.LockedUntil)
			}
		}
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
