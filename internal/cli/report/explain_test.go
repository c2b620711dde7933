// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// field returns the fields of that name as "value < source".
func field(fields []report.Field, name string) []string {
	var found []string
	for _, f := range fields {
		if f.Name == name {
			found = append(found, f.Value+" < "+f.From.Short())
		}
	}
	return found
}

func TestExplainSaysWhereAValueComesFrom(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		objects []any
		field   string
		want    []string
	}{
		"the built-in profile": {nil, "sharing.links", []string{"PasswordOptional < built-in profile Standard"}},
		"a policy": {
			[]any{department("own", v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkViewer})},
			"watermark", []string{"Viewer < RecordingPolicy finance/own spec.watermark (generation 3)"},
		},
		"a profile that a policy chose": {
			[]any{house(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted}, v1alpha1.PolicyRules{})},
			"sharing.links", []string{"PasswordRequired < ClusterRecordingPolicy house spec.defaults.profile: Restricted (generation 2)"},
		},
		"R14 an override beside what it bounds": {
			[]any{house(v1alpha1.PolicyRules{}, v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{
				Audience: v1alpha1.AudienceDepartments, Departments: []string{"finance", "legal"},
			}})},
			"access.audience", []string{
				"Internal < built-in profile Standard",
				"Departments: finance, legal < ClusterRecordingPolicy house spec.overrides.access.audience (generation 2)",
			},
		},
		"R14 the most that a role can be given": {
			[]any{house(v1alpha1.PolicyRules{}, v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Roles: []v1alpha1.RolePermissions{{Role: v1alpha1.RoleHost}}}})},
			"most for Host", []string{"nothing < ClusterRecordingPolicy house spec.overrides.access.roles[Host] (generation 2)"},
		},
		"R11 the condition of a role": {
			[]any{department("own", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Roles: []v1alpha1.RolePermissions{
				{Role: v1alpha1.RoleParticipant, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, When: "!recording.held"},
			}}})},
			"access.roles[Participant].when", []string{"!recording.held < RecordingPolicy finance/own spec.access.roles[Participant].when (generation 3)"},
		},
		"R14 the condition of an override": {
			[]any{house(v1alpha1.PolicyRules{}, v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Roles: []v1alpha1.RolePermissions{
				{Role: v1alpha1.RoleHost, Permissions: policy.AllPermissions.List(), When: "subject.internal"},
			}}})},
			"most for Host.when", []string{"subject.internal < ClusterRecordingPolicy house spec.overrides.access.roles[Host].when (generation 2)"},
		},
		"R17 the condition of a label, which cannot be compiled": {
			[]any{department("own", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Labels: []v1alpha1.LabelPermissions{
				{Label: "intern", Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}, When: "now +"},
			}}})},
			"access.labels[intern].when", []string{
				"now + (cannot be compiled, and is never true) < RecordingPolicy finance/own spec.access.labels[intern].when (generation 3)",
			},
		},
		"R27 a lock": {
			[]any{department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "36h"}}})},
			"retention.lock", []string{"Governance for 1d12h < RecordingPolicy finance/own spec.retention.lock (generation 3)"},
		},
		"R27 a policy that cannot be understood pauses expiry": {
			[]any{department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "soon"}}})},
			"retention", []string{"paused: nothing expires until the policy can be understood < RecordingPolicy finance/own spec.retention.lock.for (generation 3)"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recording("q3-review")
			e := report.NewBook(world(append(tc.objects, r)...)).Explain(&r)
			if diff := cmp.Diff(tc.want, field(e.Fields, tc.field)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestR27ExplainSaysWhichRuleDecidesAndWhen(t *testing.T) {
	t.Parallel()
	locked := department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{
		ExpireAfter: "1d", Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "10d"},
	}})
	kept := department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never}})
	cases := map[string]struct {
		recording v1alpha1.MeetingRecording
		objects   []any
		want      string
	}{
		"expiry":            {recording("a"), nil, "ExpireAfter: Goes to the trash at 2027-04-03 10:00 UTC."},
		"hold":              {recording("a", held), nil, "Hold: Kept as long as the legal hold case-1 lies on it."},
		"trash":             {recording("a", trashed), nil, "TrashFor: In the trash, deleted for good at 2026-11-04 10:00 UTC."},
		"lock":              {recording("a"), []any{locked}, "Lock: Goes to the trash at 2026-10-15 10:00 UTC."},
		"nothing":           {recording("a"), []any{kept}, "Nothing: Kept: no rule says that it goes."},
		"not yet available": {recording("a", func(r *v1alpha1.MeetingRecording) { r.Status = v1alpha1.MeetingRecordingStatus{} }), nil, "Nothing: Its time begins when it becomes available."},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := report.NewBook(world(append(tc.objects, tc.recording)...)).Explain(&tc.recording)
			if got := string(e.Retention.Decider) + ": " + e.Retention.Says; got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestExplainShowsWhatATrialWouldChange(t *testing.T) {
	t.Parallel()
	r := recording("a")
	trial := department("trial", v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkViewer, Enforcement: v1alpha1.EnforcementDryRun})
	e := report.NewBook(world(r, trial)).Explain(&r)
	if diff := cmp.Diff([]string{"None < built-in profile Standard"}, field(e.Fields, "watermark")); diff != "" {
		t.Errorf("what holds (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Viewer < RecordingPolicy finance/trial spec.watermark (generation 3)"}, field(e.Trial, "watermark")); diff != "" {
		t.Errorf("what is tried out (-want +got):\n%s", diff)
	}
}

func TestR14ExplainSaysWhatWasAskedForAndBounded(t *testing.T) {
	t.Parallel()
	days := func(length v1alpha1.DurationOrNever) v1alpha1.PolicyRules {
		return v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{ExpireAfter: length}}
	}
	cases := map[string]struct {
		objects []any
		wish    v1alpha1.DurationOrNever
		want    []string
	}{
		"nothing asked for":         {[]any{house(v1alpha1.PolicyRules{}, days("90d"))}, "", nil},
		"a department that gets it": {[]any{department("own", days("30d")), house(v1alpha1.PolicyRules{}, days("90d"))}, "", nil},
		"a department": {[]any{department("own", days("365d")), house(v1alpha1.PolicyRules{}, days("90d"))}, "", []string{
			"retention.expireAfter: RecordingPolicy finance/own spec.retention.expireAfter (generation 3) asks for 365d, " +
				"ClusterRecordingPolicy house spec.overrides.retention.expireAfter (generation 2) leaves 90d",
		}},
		"the organisation's own default": {[]any{house(days("365d"), days("90d"))}, "", []string{
			"retention.expireAfter: ClusterRecordingPolicy house spec.defaults.retention.expireAfter (generation 2) asks for 365d, " +
				"ClusterRecordingPolicy house spec.overrides.retention.expireAfter (generation 2) leaves 90d",
		}},
		"a recording": {[]any{department("own", days("90d"))}, "365d", []string{
			"retention.expireAfter: MeetingRecording finance/q3-review spec.retention.expireAfter (generation 0) asks for 365d, " +
				"RecordingPolicy finance/own spec.retention.expireAfter (generation 3) leaves 90d",
		}},
		"R27 a lock that the organisation makes stricter": {[]any{
			department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "30d"}}}),
			house(v1alpha1.PolicyRules{}, v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "7d"}}}),
		}, "", []string{
			"retention.lock: RecordingPolicy finance/own spec.retention.lock (generation 3) asks for Governance for 30d, " +
				"ClusterRecordingPolicy house spec.overrides.retention.lock (generation 2) leaves Compliance for 30d",
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asking := recording("q3-review")
			asking.Spec.Retention.ExpireAfter = tc.wish
			var got []string
			for _, b := range report.NewBook(world(append(tc.objects, asking)...)).Explain(&asking).Bounded {
				got = append(got, b.Field+": "+b.By.Short()+" asks for "+b.Wished+", "+b.Bound.Short()+" leaves "+b.Holds)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("bounded (-want +got):\n%s", diff)
			}
		})
	}
}
