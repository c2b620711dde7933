// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

func TestR27TheStatusSaysWhichRuleDecidesAndWhen(t *testing.T) {
	lock := v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "30d"}
	cases := map[string]struct {
		seen        *observation
		want        metav1.ConditionStatus
		wantReason  string
		wantMessage string
	}{
		"the profile": {
			seen(availableSince(day)), metav1.ConditionTrue, v1alpha1.ReasonExpireAfter,
			"Kept until 2026-08-30T12:00:00Z by built-in profile Standard retention.expireAfter; then it goes to the trash",
		},
		"a policy": {
			seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "90d"}), availableSince(day)), metav1.ConditionTrue, v1alpha1.ReasonExpireAfter,
			"Kept until 2026-06-01T12:00:00Z by RecordingPolicy finance/rules spec.retention.expireAfter; then it goes to the trash",
		},
		"a profile that a policy chose": {
			seen(withPolicy(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted}), availableSince(day)), metav1.ConditionTrue, v1alpha1.ReasonExpireAfter,
			"Kept until 2026-06-01T12:00:00Z by profile Restricted retention.expireAfter, chosen by RecordingPolicy finance/rules spec.profile; then it goes to the trash",
		},
		"the recording itself": {
			seen(wishing("10d"), availableSince(day)), metav1.ConditionTrue, v1alpha1.ReasonExpireAfter,
			"Kept until 2026-03-13T12:00:00Z by MeetingRecording finance/q3-review spec.retention.expireAfter; then it goes to the trash",
		},
		"R28 nobody watches it": {
			seen(withRetention(v1alpha1.RetentionRules{UnwatchedAfter: "30d"}), availableSince(day)), metav1.ConditionTrue, v1alpha1.ReasonUnwatchedAfter,
			"Kept until 2026-04-02T12:00:00Z by RecordingPolicy finance/rules spec.retention.unwatchedAfter, longer if somebody watches it; then it goes to the trash",
		},
		"a hold": {
			seen(availableSince(day), held), metav1.ConditionTrue, v1alpha1.ReasonHold, "Kept as long as the legal hold case-2026-14 lies on it",
		},
		"a hold in the trash": {
			seen(trashedSince(day), held), metav1.ConditionTrue, v1alpha1.ReasonHold, "Kept as long as the legal hold case-2026-14 lies on it",
		},
		"a lock": {
			seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "1d", Lock: lock}), availableSince(2*day)), metav1.ConditionTrue, v1alpha1.ReasonLock,
			"Kept until 2026-04-01T12:00:00Z by RecordingPolicy finance/rules spec.retention.lock; then it goes to the trash",
		},
		"a lock whose policy is gone": {
			seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "1d", Lock: lock}), availableSince(2*day), withRetention(v1alpha1.RetentionRules{ExpireAfter: "1d"})),
			metav1.ConditionTrue, v1alpha1.ReasonLock,
			"Kept until 2026-04-01T12:00:00Z by the lock that was promised by RecordingPolicy finance/rules spec.retention.lock (generation 0); then it goes to the trash",
		},
		"a policy that cannot be understood": {
			seen(withRetention(v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "ages"}}), availableSince(2*day)),
			metav1.ConditionTrue, v1alpha1.ReasonPaused, "Kept until RecordingPolicy finance/rules spec.retention.lock.for can be understood: put it right",
		},
		"the trash": {
			seen(trashedSince(day)), metav1.ConditionFalse, v1alpha1.ReasonTrashFor,
			"Kept until 2026-04-02T12:00:00Z by built-in profile Standard retention.trashFor; then it is deleted for good",
		},
		"nothing": {
			seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never}), availableSince(day)), metav1.ConditionTrue, v1alpha1.ReasonNothing,
			"Kept: no rule says that it goes",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := meta.FindStatusCondition(decide(tc.seen).status.Conditions, v1alpha1.ConditionRetained)
			if got == nil || got.Status != tc.want || got.Reason != tc.wantReason || got.Message != tc.wantMessage {
				t.Errorf("Retained = %+v\nwant %s, %s: %s", got, tc.want, tc.wantReason, tc.wantMessage)
			}
		})
	}
}

func TestWhatARecordingAsksForIsBoundedAndSaidSo(t *testing.T) {
	cases := map[string]struct {
		wish        v1alpha1.DurationOrNever
		wantDays    int
		want        metav1.ConditionStatus
		wantMessage string
	}{
		"no wish": {"", 90, "", ""},
		"less":    {"10d", 10, metav1.ConditionTrue, "The recording has the time to live that its spec.retention asks for"},
		"more":    {"100d", 100, metav1.ConditionTrue, "The recording has the time to live that its spec.retention asks for"},
		"too much": {"400d", 365, metav1.ConditionFalse, "spec.retention.expireAfter asks for 400d and gets 365d, the most that " +
			"RecordingPolicy finance/rules spec.retention.extendTo allows: ask for less, or have extendTo raised there"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "90d", ExtendTo: "365d"}), wishing(tc.wish), availableSince(0))
			status := decide(o).status
			if want := noon.Add(time.Duration(tc.wantDays) * day); !status.ExpiresAt.Time.Equal(want) {
				t.Errorf("expires at %s, want %s", status.ExpiresAt, want)
			}
			got := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionRetentionAccepted)
			if tc.want == "" {
				if got != nil {
					t.Errorf("RetentionAccepted = %+v without a wish", got)
				}
				return
			}
			if got == nil || got.Status != tc.want || got.Message != tc.wantMessage {
				t.Errorf("RetentionAccepted = %+v", got)
			}
		})
	}
}

func TestR14WhatAPolicyAsksForIsBoundedAndSaidSo(t *testing.T) {
	overriding := func(asked, most v1alpha1.RetentionRules) func(*observation) {
		own := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "rules"}}
		own.Spec.Retention = asked
		house := v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "house"}}
		house.Spec.Overrides.Retention = most
		return func(o *observation) {
			o.rules = policy.Resolve(policy.Input{Policies: []v1alpha1.RecordingPolicy{own}, ClusterPolicies: []v1alpha1.ClusterRecordingPolicy{house}})
		}
	}
	cases := map[string]struct {
		seen        *observation
		wantMessage string
	}{
		"a department's time to live": {
			seen(overriding(v1alpha1.RetentionRules{ExpireAfter: "365d"}, v1alpha1.RetentionRules{ExpireAfter: "90d"}), availableSince(0)),
			"Kept until 2026-06-02T12:00:00Z by ClusterRecordingPolicy house spec.overrides.retention.expireAfter; then it goes to the trash. " +
				"RecordingPolicy finance/rules spec.retention.expireAfter asks for 365d and gets 90d",
		},
		"a shorter one": {
			seen(overriding(v1alpha1.RetentionRules{ExpireAfter: "30d"}, v1alpha1.RetentionRules{ExpireAfter: "90d"}), availableSince(0)),
			"Kept until 2026-04-03T12:00:00Z by RecordingPolicy finance/rules spec.retention.expireAfter; then it goes to the trash",
		},
		"the recording's own, inside both": {
			seen(overriding(v1alpha1.RetentionRules{ExpireAfter: "365d"}, v1alpha1.RetentionRules{ExpireAfter: "90d"}), wishing("10d"), availableSince(0)),
			"Kept until 2026-03-14T12:00:00Z by MeetingRecording finance/q3-review spec.retention.expireAfter; then it goes to the trash",
		},
		"R28 how long nobody has to watch it": {
			seen(overriding(v1alpha1.RetentionRules{UnwatchedAfter: "60d"}, v1alpha1.RetentionRules{UnwatchedAfter: "30d"}), availableSince(0)),
			"Kept until 2026-04-03T12:00:00Z by ClusterRecordingPolicy house spec.overrides.retention.unwatchedAfter, longer if somebody watches it; " +
				"then it goes to the trash. RecordingPolicy finance/rules spec.retention.unwatchedAfter asks for 60d and gets 30d",
		},
		"R25 the time in the trash": {
			seen(overriding(v1alpha1.RetentionRules{TrashFor: "60d"}, v1alpha1.RetentionRules{TrashFor: "7d"}), trashedSince(0)),
			"Kept until 2026-03-11T12:00:00Z by ClusterRecordingPolicy house spec.overrides.retention.trashFor; then it is deleted for good. " +
				"RecordingPolicy finance/rules spec.retention.trashFor asks for 60d and gets 7d",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := meta.FindStatusCondition(decide(tc.seen).status.Conditions, v1alpha1.ConditionRetained)
			if got == nil || got.Message != tc.wantMessage {
				t.Errorf("Retained = %+v\nwant %s", got, tc.wantMessage)
			}
		})
	}
}

func TestR24AWarningIsOneWriteAndOneEvent(t *testing.T) {
	rules := withRetention(v1alpha1.RetentionRules{ExpireAfter: "90d", WarnBefore: "7d"})
	before := seen(rules, availableSince(83*day-time.Second))
	d := decide(before)
	if d.wake != noon.Add(time.Second) || !sameStatus(&before.recording.Status, d.status) || len(d.notices) > 0 {
		t.Fatalf("a second before the warning: wake at %s, notices %v", d.wake, d.notices)
	}
	o := seen(rules, availableSince(83*day))
	d = decide(o)
	got := meta.FindStatusCondition(d.status.Conditions, v1alpha1.ConditionExpiring)
	if got == nil || got.Status != metav1.ConditionTrue || got.Reason != v1alpha1.ReasonExpireAfter || !strings.Contains(got.Message, "2026-03-11T12:00:00Z") {
		t.Fatalf("Expiring = %+v", got)
	}
	if len(d.notices) != 1 || !d.notices[0].warning || d.notices[0].note != got.Message || d.wake != noon.Add(7*day) {
		t.Errorf("notices %+v, wake at %s", d.notices, d.wake)
	}
	next := seen(rules, func(next *observation) { next.recording = o.recording; next.recording.Status = *d.status })
	if again := decide(next); !sameStatus(d.status, again.status) || len(again.notices) > 0 {
		t.Errorf("people are warned again: %+v", again.notices)
	}
	extended := seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: "180d", WarnBefore: "7d"}), func(o *observation) { o.recording = next.recording })
	if left := meta.FindStatusCondition(decide(extended).status.Conditions, v1alpha1.ConditionExpiring); left != nil {
		t.Errorf("with a longer time it still says %+v", left)
	}
}

func TestR28BeingWatchedPutsOffTheExpiryAtMostOnceInAGranule(t *testing.T) {
	rules := withRetention(v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never, UnwatchedAfter: "30d"})
	o := seen(rules, availableSince(29*day), watchedAgo(time.Hour))
	d := decide(o)
	midnight := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	if !d.status.LastWatchedAt.Time.Equal(midnight) || !d.status.ExpiresAt.Time.Equal(midnight.Add(30*day)) {
		t.Fatalf("last watched at %s, expires at %s", d.status.LastWatchedAt, d.status.ExpiresAt)
	}
	o.recording.Status = *d.status
	again := seen(rules, func(next *observation) { next.recording = o.recording }, watchedAgo(0))
	if got := decide(again); !sameStatus(d.status, got.status) {
		t.Error("being watched twice on a day is written twice")
	}
	if got := decide(seen(rules, availableSince(30*day))); !has(got, recordExpired) {
		t.Errorf("a recording that nobody watched for 30 days stays: %+v", outlineOf(got))
	}
	if got := decide(seen(rules, availableSince(30*day), watchedAgo(day))); has(got, recordExpired) {
		t.Error("a recording that was watched yesterday expires")
	}
}

func TestR28ARuleThatIsNewReachesNobodyAtOnce(t *testing.T) {
	rules := withRetention(v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never, UnwatchedAfter: "30d"})
	o := seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never}), availableSince(400*day), rules)
	d := decide(o)
	if has(d, recordExpired) || !d.status.ExpiresAt.Time.Equal(noon.Add(30*day)) {
		t.Fatalf("expires at %s, %+v", d.status.ExpiresAt, outlineOf(d))
	}
	o.recording.Status = *d.status
	without := decide(seen(withRetention(v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never}), func(next *observation) { next.recording = o.recording }))
	if !without.status.LastWatchedAt.IsZero() || !without.status.ExpiresAt.IsZero() {
		t.Error("without the rule it is still remembered when the recording was watched: once the rule is back, that would be old")
	}
}
