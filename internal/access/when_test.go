// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	aWeekLater := func(r *access.Recording) { r.EndedAt = governancetest.Now.Add(-8 * 24 * time.Hour) }
	cases := map[string]struct {
		policies   string
		asker      string
		labels     []string
		permission v1alpha1.Permission
		recording  func(*access.Recording)
		grants     []access.Grant
		want       access.Reason
		wantRule   string
		wantTrial  access.Reason
	}{
		"a participant may download while the condition is true": {
			policies: participantsDownloadForAWeek, asker: "participant", permission: "Download",
			want: access.PermittedByRole, wantRule: "access.roles[Participant]",
		},
		"and not when it is not true any more": {
			policies: participantsDownloadForAWeek, asker: "participant", permission: "Download", recording: aWeekLater,
			want: access.ConditionNotMet, wantRule: "access.roles[Participant].when",
		},
		"a condition that looks at the permission leaves the others": {
			policies: participantsDownloadForAWeek, asker: "participant", permission: "View", recording: aWeekLater,
			want: access.PermittedByRole, wantRule: "access.roles[Participant]",
		},
		"a condition that looks for what is not there is not true": {
			policies: participantsDownloadForAWeek, asker: "participant", permission: "Download",
			recording: func(r *access.Recording) { r.EndedAt = time.Time{} },
			want:      access.ConditionBroken, wantRule: "access.roles[Participant].when",
		},
		"what an entry does not list is not for its condition to explain": {
			policies: participantsDownloadForAWeek, asker: "participant", permission: "Purge", recording: aWeekLater,
			want: access.NotPermitted, wantRule: "access.roles[Participant]",
		},
		"while it is not true the role does not fall back to what the profile gives": {
			policies: `{kind: RecordingPolicy, spec: {access: {roles: [{role: Participant, permissions: [View, Download], when: "false"}]}}}`,
			asker:    "participant", permission: "View",
			want: access.ConditionNotMet, wantRule: "access.roles[Participant].when",
		},
		"a condition that cannot be compiled gives nothing": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open, access: {roles: [{role: Host, permissions: [View], when: "subject.is.boss"}]}}}`,
			asker:    "host", permission: "View",
			want: access.ConditionBroken, wantRule: "access.roles[Host].when",
		},
		"and in an override it bounds to nothing": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Host, permissions: [View], when: "1 +"}]}}}}`,
			asker:    "host", permission: "View", grants: []access.Grant{grantTo("bob@example.com")},
			want: access.ConditionBroken, wantRule: "overrides.access.roles[Host].when",
		},
		"an override's condition bounds grants too": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Internal, permissions: [View], when: "now.getDayOfWeek() == 0"}]}}}}`,
			asker:    "colleague", permission: "View", grants: []access.Grant{grantTo("dave@example.com")},
			want: access.ConditionNotMet, wantRule: "overrides.access.roles[Internal].when",
		},
		"one that is true leaves the grant": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Internal, permissions: [View], when: "now.getDayOfWeek() == 3"}]}}}}`,
			asker:    "colleague", permission: "View", grants: []access.Grant{grantTo("dave@example.com")},
			want: access.PermittedByGrant,
		},
		"R17 managers may download from their own department": {
			policies: managersOfTheDepartment, asker: "participant", labels: []string{"manager"}, permission: "Download",
			recording: func(r *access.Recording) { r.Department = "finance" },
			want:      access.PermittedByLabel, wantRule: "access.labels[manager]",
		},
		"R17 and may only view elsewhere": {
			policies: managersOfTheDepartment, asker: "participant", labels: []string{"manager"}, permission: "Download",
			recording: func(r *access.Recording) { r.Department = "legal" },
			want:      access.ConditionNotMet, wantRule: "access.labels[manager].when",
		},
		"a label whose condition is not true limits to nothing": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: intern, permissions: [View, Download], when: "recording.held"}]}}}`,
			asker:    "host", labels: []string{"intern"}, permission: "View",
			want: access.ConditionNotMet, wantRule: "access.labels[intern].when",
		},
		"nothing counts of what nobody vouches for": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {audience: Anyone, roles: [{role: External, permissions: [View], when: "subject.name != ''"}]}}, defaults: {profile: Open}}}`,
			asker:    "nobody", permission: "View", grants: []access.Grant{grantTo("", func(g *access.Grant) {
				g.Name, g.Subjects = "held", []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectAnyone, Name: "*"}}
			})},
			want: access.NotSignedIn,
		},
		"in DryRun a condition refuses nothing, and says what it would have refused": {
			policies: `{kind: RecordingPolicy, spec: {enforcement: DryRun, access: {roles: [{role: Participant, permissions: [View], when: "recording.held"}]}}}`,
			asker:    "participant", permission: "View",
			want: access.PermittedByRole, wantTrial: access.ConditionNotMet,
		},
		"in DryRun also one that is broken": {
			policies: `{kind: RecordingPolicy, spec: {enforcement: DryRun, access: {roles: [{role: Participant, permissions: [View], when: "?"}]}}}`,
			asker:    "participant", permission: "View",
			want: access.PermittedByRole, wantTrial: access.ConditionBroken,
		},
		"in DryRun a condition that is true gives nothing either": {
			policies: `{kind: RecordingPolicy, spec: {enforcement: DryRun, access: {roles: [{role: Participant, permissions: [Download], when: "true"}]}}}`,
			asker:    "participant", permission: "Download",
			want: access.NotPermitted,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording := meeting
			recording.EndedAt = governancetest.Now.Add(-time.Hour)
			if tc.recording != nil {
				tc.recording(&recording)
			}
			asker := askers[tc.asker]
			asker.Labels = tc.labels
			d := access.Decide(policy.Resolve(governancetest.Policies(t, tc.policies)), &access.Request{
				Subject: asker, Permission: tc.permission, Recording: recording, Grants: tc.grants, Now: governancetest.Now,
			})
			if d.Reason != tc.want || !strings.Contains(d.Rule.Field, tc.wantRule) || d.Trial.Reason != tc.wantTrial {
				t.Errorf("%s with %s by %s, trial %s; want %s by %s, trial %s", d.Effect, d.Reason, d.Rule, d.Trial.Reason, tc.want, tc.wantRule, tc.wantTrial)
			}
		})
	}
}

const (
	participantsDownloadForAWeek = `{kind: RecordingPolicy, spec: {access: {roles: [
  {role: Participant, permissions: [View, Download], when: 'permission != "Download" || now < recording.endedAt + duration("168h")'}]}}}`
	managersOfTheDepartment = `{kind: RecordingPolicy, spec: {access: {labels: [
  {label: manager, permissions: [View, Download], when: 'permission != "Download" || recording.department in subject.departments'}]}}}`
)

func TestAConditionThatCannotBeCompiledIsReported(t *testing.T) {
	t.Parallel()
	in := governancetest.Policies(t, `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {access: {labels: [{label: intern, permissions: [View], when: "subject.x"}]}}}}
---
{kind: RecordingPolicy, metadata: {name: board}, spec: {access: {roles: [{role: Host, permissions: [View], when: "1"}]}}}`)
	var got []string
	for _, problem := range policy.Resolve(in).Problems {
		got = append(got, problem.String())
	}
	want := []string{
		"RecordingPolicy finance/board spec.access.roles[Host].when (generation 2): it yields a value of type int: write a condition that is true or false; " +
			"until this is put right, the entry counts as if it listed nothing",
		"ClusterRecordingPolicy house spec.overrides.access.labels[intern].when (generation 1): line 1, column 1: undeclared reference to 'subject': use subject.name, " +
			".internal, .departments, .groups, .labels, recording.namespace, .labels, .department, .startedAt, .endedAt, .trashed, .held, .participantCount, permission and now; " +
			"until this is put right, the entry counts as if it listed nothing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	own, cluster := policy.ProblemsOf(&in.Policies[0]), policy.ProblemsOfCluster(&in.ClusterPolicies[0])
	if diff := cmp.Diff(policy.Resolve(in).Problems, append(own, cluster...)); diff != "" {
		t.Errorf("the policies by themselves have other problems (-together +alone):\n%s", diff)
	}
}

// broken are conditions that cannot be compiled, or never evaluated.
var broken = []v1alpha1.Condition{`subject.internal &&`, `subject.nobody`, `"text"`, `recording.labels["no such label"] == ""`, `1 / 0 > 0`}

func TestR14AddingAConditionNeverAllowsMore(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		conditions := slices.Concat(governancetest.Conditions, broken)
		mustNotAllowMore(t, in, changed(in, func(rules *v1alpha1.PolicyRules) {
			for i := range rules.Access.Roles {
				if entry := &rules.Access.Roles[i]; entry.When == "" && rapid.Bool().Draw(t, "a role's") {
					entry.When = rapid.SampledFrom(conditions).Draw(t, "when")
				}
			}
			for i := range rules.Access.Labels {
				if entry := &rules.Access.Labels[i]; entry.When == "" && rapid.Bool().Draw(t, "a label's") {
					entry.When = rapid.SampledFrom(conditions).Draw(t, "when")
				}
			}
		}), req)
	})
}

// TestR14AnEntryWhoseConditionIsNotTrueAllowsNoMoreThanNone is the other half: what is not true, or cannot be told, opens nothing
// that would be shut if the entry were not there.
func TestR14AnEntryWhoseConditionIsNotTrueAllowsNoMoreThanNone(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		role, label := rapid.SampledFrom(policy.Roles[:]).Draw(t, "role"), rapid.SampledFrom([]string{"manager", "intern"}).Draw(t, "label")
		never := rapid.SampledFrom(append([]v1alpha1.Condition{"false"}, broken...)).Draw(t, "never")
		without := changed(in, func(rules *v1alpha1.PolicyRules) {
			rules.Access.Roles = slices.DeleteFunc(rules.Access.Roles, func(e v1alpha1.RolePermissions) bool { return e.Role == role })
			rules.Access.Labels = slices.DeleteFunc(rules.Access.Labels, func(e v1alpha1.LabelPermissions) bool { return e.Label == label })
		})
		mustNotAllowMore(t, without, changed(in, func(rules *v1alpha1.PolicyRules) {
			for i := range rules.Access.Roles {
				if entry := &rules.Access.Roles[i]; entry.Role == role {
					entry.When = never
				}
			}
			for i := range rules.Access.Labels {
				if entry := &rules.Access.Labels[i]; entry.Label == label {
					entry.When = never
				}
			}
		}), req)
	})
}

// changed returns the policies after a change to the entries of each; the policies that were given stay as they are.
func changed(in policy.Input, change func(*v1alpha1.PolicyRules)) policy.Input {
	apply := func(rules *v1alpha1.PolicyRules) {
		rules.Access.Roles, rules.Access.Labels = slices.Clone(rules.Access.Roles), slices.Clone(rules.Access.Labels)
		change(rules)
	}
	in.Policies, in.ClusterPolicies = slices.Clone(in.Policies), slices.Clone(in.ClusterPolicies)
	for i := range in.Policies {
		apply(&in.Policies[i].Spec.PolicyRules)
	}
	for i := range in.ClusterPolicies {
		apply(&in.ClusterPolicies[i].Spec.Overrides)
		apply(&in.ClusterPolicies[i].Spec.Defaults)
	}
	return in
}

// BenchmarkDecideUnderACondition shows what a condition costs: it is evaluated for every permission that the entry lists,
// where it looks at the permission, else once.
func BenchmarkDecideUnderACondition(b *testing.B) {
	for name, when := range map[string]string{
		"of the subject":    `recording.department in subject.departments`,
		"of the permission": `permission != "Download" || recording.department in subject.departments`,
	} {
		rules := policy.Resolve(governancetest.Policies(b, `{kind: RecordingPolicy, spec: {access: {roles: [{role: Participant, permissions: [View, Download], when: '`+when+`'}]}}}`))
		req := access.Request{Subject: askers["participant"], Permission: v1alpha1.PermissionDownload, Recording: meeting, Now: governancetest.Now}
		req.Recording.Department = "finance"
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !access.Decide(rules, &req).Allowed() {
					b.Fatal("refused")
				}
			}
		})
	}
}
