// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/moment"
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

func TestARecordingChoosesItsOwnTimeInsideThePolicies(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		overrides, defaults, own string // retention of the organisation and of the department
		wish                     v1alpha1.DurationOrNever
		want                     time.Duration
		wantFrom                 string
		wantBounded              bool
	}{
		"without a wish the policy decides":           {own: `{expireAfter: 90d}`, want: 90 * day, wantFrom: "RecordingPolicy finance/own spec.retention.expireAfter"},
		"shorter is always possible":                  {own: `{expireAfter: 90d}`, wish: "1d", want: day, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter"},
		"at once is possible too":                     {own: `{expireAfter: 90d}`, wish: "0s", want: 0, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter"},
		"longer is not, unless a policy says so":      {own: `{expireAfter: 90d}`, wish: "91d", want: 90 * day, wantFrom: "RecordingPolicy finance/own spec.retention.expireAfter", wantBounded: true},
		"nor for ever":                                {own: `{expireAfter: 90d}`, wish: "Never", want: 90 * day, wantFrom: "RecordingPolicy finance/own spec.retention.expireAfter", wantBounded: true},
		"longer up to extendTo":                       {own: `{expireAfter: 90d, extendTo: 365d}`, wish: "365d", want: 365 * day, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter"},
		"not beyond extendTo":                         {own: `{expireAfter: 90d, extendTo: 365d}`, wish: "366d", want: 365 * day, wantFrom: "RecordingPolicy finance/own spec.retention.extendTo", wantBounded: true},
		"for ever where extendTo is Never":            {own: `{expireAfter: 90d, extendTo: Never}`, wish: "Never", want: v1alpha1.Forever, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter"},
		"an extendTo that is shorter shortens nobody": {own: `{expireAfter: 90d, extendTo: 10d}`, wish: "80d", want: 80 * day, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter"},
		"R14 an override's expireAfter bounds extensions too": {
			overrides: `{expireAfter: 180d}`, own: `{expireAfter: 90d, extendTo: Never}`, wish: "Never",
			want: 180 * day, wantFrom: "ClusterRecordingPolicy house spec.overrides.retention.expireAfter", wantBounded: true,
		},
		"R14 an override that names extendTo allows as much": {
			overrides: `{expireAfter: 180d, extendTo: 365d}`, own: `{expireAfter: 90d, extendTo: Never}`, wish: "Never",
			want: 365 * day, wantFrom: "ClusterRecordingPolicy house spec.overrides.retention.extendTo", wantBounded: true,
		},
		"R14 and no more than the policies below do": {
			overrides: `{extendTo: 365d}`, own: `{expireAfter: 90d}`, wish: "365d",
			want: 90 * day, wantFrom: "RecordingPolicy finance/own spec.retention.expireAfter", wantBounded: true,
		},
		"the organisation's default of extendTo reaches departments": {
			defaults: `{extendTo: 365d}`, own: `{expireAfter: 90d}`, wish: "100d", want: 100 * day, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter",
		},
		"a wish that cannot be read deletes nothing": {own: `{expireAfter: 90d}`, wish: "soon", want: 90 * day, wantFrom: "RecordingPolicy finance/own spec.retention.expireAfter", wantBounded: true},
		"an extendTo that cannot be read takes nothing back": {
			own: `{expireAfter: 90d, extendTo: long}`, wish: "365d", want: 365 * day, wantFrom: "MeetingRecording finance/q3 spec.retention.expireAfter",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			or := func(s string) string {
				if s == "" {
					return "{}"
				}
				return s
			}
			rules := policy.Resolve(governancetest.Policies(t, `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {retention: `+or(tc.overrides)+
				`}, defaults: {retention: `+or(tc.defaults)+`}}}`+"\n---\n"+`{kind: RecordingPolicy, metadata: {name: own}, spec: {retention: `+tc.own+`}}`))
			recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "q3"}}
			recording.Spec.Retention.ExpireAfter = tc.wish
			ttl, bounded := rules.Retention.TimeToLive(policy.LifeOf(recording).Wish)
			if ttl.Value != tc.want || bounded != tc.wantBounded || ttl.Source().Place() != tc.wantFrom {
				t.Errorf("time to live = %v (bounded: %v) from %q, want %v (%v) from %q", ttl.Value, bounded, ttl.Source().Place(), tc.want, tc.wantBounded, tc.wantFrom)
			}
		})
	}
}

// R14: whatever policies and recordings say.
func TestR14NoRecordingExceedsAnOverrideByItsOwnWish(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in := governancetest.Input(t)
		rules := policy.Resolve(in)
		wish := policy.Field[time.Duration]{
			Value: rapid.SampledFrom([]time.Duration{0, day, 100 * day, 1000 * day, v1alpha1.Forever}).Draw(t, "wish"),
			From:  &policy.Provenance{Kind: policy.KindRecording},
		}
		ttl, bounded := rules.Retention.TimeToLive(wish)
		if ttl.Value > wish.Value || bounded != (ttl.Value < wish.Value) {
			t.Fatalf("a wish for %v became %v (bounded: %v)", wish.Value, ttl.Value, bounded)
		}
		if wish.Value <= rules.Retention.ExpireAfter.Value && bounded {
			t.Fatalf("the wish to shorten to %v was refused, the policy says %v", wish.Value, rules.Retention.ExpireAfter.Value)
		}
		for _, p := range in.ClusterPolicies {
			said := p.Spec.Overrides.Retention
			// Whether it reaches the recording is seen from the rules: what they say comes from it, or is bounded by it as well.
			limit := said.ExtendTo
			if limit == "" {
				limit = said.ExpireAfter
			}
			most, err := limit.Parse()
			if said.ExpireAfter == "" || err != nil || p.Spec.Selector != nil || p.Spec.NamespaceSelector != nil {
				continue
			}
			plain, _ := said.ExpireAfter.Parse()
			if ttl.Value > max(most, plain) {
				t.Fatalf("%v exceeds the overrides of %s: %+v", ttl.Value, p.Name, said)
			}
		}
	})
}

func TestR28WatchedIsRememberedCoarselyAndNeverTooEarly(t *testing.T) {
	t.Parallel()
	start := governancetest.Epoch
	cases := map[string]struct {
		unwatchedAfter  string
		life            policy.Life
		seen, now, want time.Time
	}{
		"nothing is remembered without the rule":            {"Never", policy.Life{AvailableAt: start, LastWatchedAt: start}, start.Add(day), start.Add(2 * day), time.Time{}},
		"nor before there is anything to watch":             {"30d", policy.Life{}, time.Time{}, start, time.Time{}},
		"one that has just become available counts from it": {"30d", policy.Life{AvailableAt: start}, time.Time{}, start.Add(-time.Millisecond), start},
		"a new rule counts from when it came":               {"30d", policy.Life{AvailableAt: start}, time.Time{}, start.Add(99 * day), start.Add(99 * day)},
		"being watched is rounded up to the day":            {"30d", policy.Life{AvailableAt: start, LastWatchedAt: start}, start.Add(time.Hour), start.Add(time.Hour), start.Truncate(day).Add(day)},
		"again on that day changes nothing": {
			"30d", policy.Life{AvailableAt: start, LastWatchedAt: start.Truncate(day).Add(day)}, start.Add(2 * time.Hour), start.Add(2 * time.Hour), start.Truncate(day).Add(day),
		},
		"a short rule is remembered more finely": {
			"10h", policy.Life{AvailableAt: start, LastWatchedAt: start}, start.Truncate(time.Hour).Add(time.Hour + time.Second), start.Add(2 * time.Hour),
			start.Truncate(time.Hour).Add(2 * time.Hour),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := policy.Resolve(governancetest.Policies(t, `{kind: RecordingPolicy, spec: {retention: {unwatchedAfter: `+tc.unwatchedAfter+`}}}`))
			if got := rules.Retention.Watched(tc.life, tc.seen, tc.now); !got.Equal(tc.want) {
				t.Errorf("remembered %s, want %s", got, tc.want)
			}
		})
	}
}

func TestR28NothingExpiresUnwatchedWithinTheTimeAfterItWasWatched(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		after := time.Duration(rapid.Int64Range(int64(time.Second), int64(400*day)).Draw(t, "unwatchedAfter")).Truncate(time.Second)
		rules := policy.Retention{
			ExpireAfter:    policy.Field[time.Duration]{Value: v1alpha1.Forever, From: &policy.Provenance{}},
			UnwatchedAfter: policy.Field[time.Duration]{Value: after, From: &policy.Provenance{}},
		}
		life := policy.Life{AvailableAt: governancetest.Epoch}
		now, changes, last := life.AvailableAt, 0, life.AvailableAt
		for range rapid.IntRange(1, 30).Draw(t, "times") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(after)/4).Draw(t, "later")))
			next := rules.Watched(life, now, now)
			if !next.Equal(life.LastWatchedAt) {
				changes++
			}
			life.LastWatchedAt, last = next, now
			if s := rules.Schedule(life); s.ExpiresAt.Before(last.Add(after)) {
				t.Fatalf("watched at %s, expires at %s, which is earlier than %v after", last, s.ExpiresAt, after)
			} else if late := s.ExpiresAt.Sub(last.Add(after)); late > max(min(day, after/10), time.Second) {
				t.Fatalf("expires %v late", late)
			}
		}
		granule := max(min(day, after/10).Truncate(time.Second), time.Second)
		if most := int(last.Sub(life.AvailableAt)/granule) + 3; changes > most {
			t.Fatalf("%d writes in %v, granules are %v", changes, last.Sub(life.AvailableAt), granule)
		}
	})
}

func TestTheWarningComesItsLeadBeforeTheExpiry(t *testing.T) {
	t.Parallel()
	start := governancetest.Epoch
	cases := map[string]struct {
		retention string
		life      policy.Life
		want      time.Time
	}{
		"none unless a policy says so":                   {`{expireAfter: 90d}`, policy.Life{AvailableAt: start}, time.Time{}},
		"by its lead":                                    {`{expireAfter: 90d, warnBefore: 7d}`, policy.Life{AvailableAt: start}, start.Add(83 * day)},
		"at once where the lead is longer than the time": {`{expireAfter: 1d, warnBefore: 7d}`, policy.Life{AvailableAt: start}, start},
		"before the end of a lock that delays it": {
			`{expireAfter: 1d, warnBefore: 7d, lock: {mode: Governance, for: 30d}}`, policy.Life{AvailableAt: start}, start.Add(23 * day),
		},
		"not under a hold":                 {`{expireAfter: 90d, warnBefore: 7d}`, policy.Life{AvailableAt: start, Held: true}, time.Time{}},
		"not in the trash":                 {`{expireAfter: 90d, warnBefore: 7d}`, policy.Life{AvailableAt: start, TrashedAt: start}, time.Time{}},
		"not for what is kept for ever":    {`{expireAfter: Never, warnBefore: 7d}`, policy.Life{AvailableAt: start}, time.Time{}},
		"before one that nobody watches":   {`{expireAfter: Never, unwatchedAfter: 30d, warnBefore: 7d}`, policy.Life{AvailableAt: start, LastWatchedAt: start}, start.Add(23 * day)},
		"none where it cannot be read":     {`{expireAfter: 90d, warnBefore: soon}`, policy.Life{AvailableAt: start}, time.Time{}},
		"none where it is switched off":    {`{expireAfter: 90d, warnBefore: 0s}`, policy.Life{AvailableAt: start}, time.Time{}},
		"none before it becomes available": {`{expireAfter: 90d, warnBefore: 7d}`, policy.Life{}, time.Time{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules := policy.Resolve(governancetest.Policies(t, `{kind: RecordingPolicy, spec: {retention: `+tc.retention+`}}`))
			if got := rules.Retention.Schedule(tc.life).WarnAt; !got.Equal(tc.want) {
				t.Errorf("warns at %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAnOverridesWarningIsTheLeastLead(t *testing.T) {
	t.Parallel()
	for own, want := range map[string]time.Duration{"0s": 7 * day, "1d": 7 * day, "30d": 30 * day} {
		rules := policy.Resolve(governancetest.Policies(t, `{kind: ClusterRecordingPolicy, spec: {overrides: {retention: {warnBefore: 7d}}}}
---
{kind: RecordingPolicy, spec: {retention: {warnBefore: `+own+`}}}`))
		if got := rules.Retention.WarnBefore.Value; got != want {
			t.Errorf("a department says %s, an override 7d: %v, want %v", own, got, want)
		}
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
	if next := s.Next(before); !next.Equal(end) {
		t.Errorf("the next look is at %v", next)
	}
	if next := s.Next(end.Add(time.Hour)); !next.Equal(end) {
		t.Errorf("what is overdue is looked at %v", next)
	}
	if next := (policy.Schedule{}).Next(end); !next.IsZero() {
		t.Error("what never leaves is looked at again")
	}
	s.WarnAt = end.Add(-day)
	if s.Expiring(s.WarnAt.Add(-time.Nanosecond)) || !s.Expiring(s.WarnAt) {
		t.Error("a warning comes at its instant")
	}
	if next := s.Next(s.WarnAt.Add(-time.Nanosecond)); !next.Equal(s.WarnAt) {
		t.Errorf("before the warning, the next look is at %v", next)
	}
	if next := s.Next(s.WarnAt); !next.Equal(end) {
		t.Errorf("after the warning, the next look is at %v", next)
	}
}

func TestR27NothingLeavesBeforeItsLockOrUnderAHold(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		rules := policy.Resolve(governancetest.Input(t))
		at := func(label string) time.Time {
			return governancetest.Epoch.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, label)) * day)
		}
		life := policy.Life{AvailableAt: at("available"), Held: rapid.Bool().Draw(t, "held")}
		if rapid.Bool().Draw(t, "watched") {
			life.LastWatchedAt = at("last watched")
		}
		if rapid.Bool().Draw(t, "wishes") {
			life.Wish = policy.Field[time.Duration]{
				Value: rapid.SampledFrom([]time.Duration{0, day, v1alpha1.Forever}).Draw(t, "wish"), From: &policy.Provenance{Kind: policy.KindRecording},
			}
		}
		if rapid.Bool().Draw(t, "trashed") {
			life.TrashedAt = moment.Later(at("trashed"), life.AvailableAt)
		}
		if rapid.Bool().Draw(t, "promised") {
			life.LockedUntil = at("locked until")
			life.LockMode = rapid.SampledFrom([]v1alpha1.LockMode{"", v1alpha1.LockGovernance, v1alpha1.LockCompliance}).Draw(t, "mode")
		}
		s := rules.Retention.Schedule(life)
		now := at("now")
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
		if life.Wish.From == nil && rules.Retention.ExpireAfter.Value == v1alpha1.Forever && rules.Retention.UnwatchedAfter.Value == v1alpha1.Forever && s.Expired(now) {
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
