// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

// TestWhatIsFoundAboutAPolicy reviews the first policy of each case.
func TestWhatIsFoundAboutAPolicy(t *testing.T) {
	t.Parallel()
	const own = `{kind: RecordingPolicy, metadata: {name: own}, spec: {selector: {matchLabels: {sensitivity: high}}, %}}`
	const house = `
---
{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {%}}}`
	cases := map[string]struct {
		spec, others string
		want         []string
		idle         bool
	}{
		"nothing": {spec: "watermark: Viewer"},
		"R14 longer than an override allows": {
			spec: "sharing: {maxTTL: 30d}", others: strings.Replace(house, "%", "sharing: {maxTTL: 7d}", 1), idle: true,
			want: []string{"Overridden: spec.sharing.maxTTL is not 30d but 7d: ClusterRecordingPolicy house spec.overrides.sharing.maxTTL bounds it"},
		},
		"R14 as an override allows": {spec: "sharing: {maxTTL: 7d}", others: strings.Replace(house, "%", "sharing: {maxTTL: 7d}", 1)},
		"R14 an override by a profile": {
			spec: "sharing: {external: Allowed}, watermark: Viewer", others: strings.Replace(house, "%", "profile: Restricted", 1),
			want: []string{"Overridden: spec.sharing.external is not Allowed but Forbidden: profile Restricted sharing.external, chosen by ClusterRecordingPolicy house spec.overrides.profile, bounds it"},
		},
		"an override for other recordings": {
			spec: "sharing: {maxTTL: 30d}", others: strings.Replace(strings.Replace(house, "spec: {", "spec: {selector: {matchLabels: {region: eu}}, ", 1), "%", "sharing: {maxTTL: 7d}", 1),
		},
		"an override for other namespaces": {
			spec: "sharing: {maxTTL: 30d}", others: strings.Replace(strings.Replace(house, "spec: {", "spec: {namespaceSelector: {matchLabels: {team: legal}}, ", 1), "%", "sharing: {maxTTL: 7d}", 1),
		},
		"R14 permissions that an override takes away": {
			spec: "access: {roles: [{role: Participant, permissions: [View, Download]}]}", others: strings.Replace(house, "%", "access: {roles: [{role: Participant, permissions: [View]}]}", 1),
			want: []string{"Overridden: spec.access.roles[Participant] does not give Download: ClusterRecordingPolicy house spec.overrides.access.roles[Participant] allows View"},
		},
		"R17 a label's permissions that an override takes away": {
			spec: "access: {labels: [{label: intern, permissions: [Download]}]}", others: strings.Replace(house, "%", "access: {labels: [{label: intern, permissions: [View]}]}", 1), idle: true,
			want: []string{"Overridden: spec.access.labels[intern] does not give Download: ClusterRecordingPolicy house spec.overrides.access.labels[intern] allows View"},
		},
		"R14 a profile of which an override leaves less": {
			spec: "profile: Open", others: strings.Replace(house, "%", "access: {audience: Internal, roles: [{role: Participant, permissions: [View]}]}, sharing: {maxTTL: 7d}", 1),
			want: []string{"Overridden: spec.profile Open does not give all that the profile says: ClusterRecordingPolicy house spec.overrides bounds sharing.maxTTL, access.audience, access.roles[Participant]"},
		},
		"R14 a profile as an override allows": {spec: "profile: Restricted", others: strings.Replace(house, "%", "access: {audience: Internal}", 1)},
		"R14 a condition that an override adds": {
			spec: "access: {roles: [{role: Participant, permissions: [View]}]}", others: strings.Replace(house, "%", "access: {roles: [{role: Participant, permissions: [View], when: '!recording.held'}]}", 1),
			want: []string{"Overridden: spec.access.roles[Participant] counts only while ClusterRecordingPolicy house spec.overrides.access.roles[Participant].when is true as well: !recording.held"},
		},
		"R17 a condition that an override adds to a label": {
			spec: "access: {labels: [{label: manager, permissions: [View], when: subject.internal}]}", others: strings.Replace(house, "%", "access: {labels: [{label: manager, permissions: [View], when: '!recording.held'}]}", 1),
			want: []string{"Overridden: spec.access.labels[manager] counts only while ClusterRecordingPolicy house spec.overrides.access.labels[manager].when is true as well: !recording.held"},
		},
		"R14 a condition that an override has too": {
			spec: "access: {roles: [{role: Participant, permissions: [View], when: '!recording.held'}]}", others: strings.Replace(house, "%", "access: {roles: [{role: Participant, permissions: [View], when: '!recording.held'}]}", 1),
		},
		"a condition that cannot be compiled": {
			spec: "access: {roles: [{role: Participant, permissions: [View], when: subject.x}]}",
			want: []string{"Invalid: line 1, column 1: undeclared reference to 'subject': use subject.name, .internal, .departments, .groups, .labels, recording.namespace, .labels, " +
				".department, .startedAt, .endedAt, .trashed, .held, .participantCount, permission and now; until this is put right, the entry counts as if it listed nothing"},
		},
		"R14 a wider audience": {
			spec: "access: {audience: Anyone}", others: strings.Replace(house, "%", "access: {audience: Internal}", 1), idle: true,
			want: []string{"Overridden: spec.access.audience admits nobody beyond Internal: ClusterRecordingPolicy house spec.overrides.access.audience has to admit as well"},
		},
		"R15 departments that an override does not name": {
			spec: "access: {audience: Departments, departments: [finance, sales]}", others: strings.Replace(house, "%", "access: {audience: Departments, departments: [finance]}", 1),
			want: []string{"Overridden: spec.access.departments admits only those departments that ClusterRecordingPolicy house spec.overrides.access.departments names too"},
		},
		"a shorter lock than an override demands": {
			spec: "retention: {lock: {mode: Governance, for: 1d}}", others: strings.Replace(house, "%", "retention: {lock: {mode: Governance, for: 10d}}", 1), idle: true,
			want: []string{"Overridden: spec.retention.lock is not Governance for 1d but Governance for 10d: ClusterRecordingPolicy house spec.overrides.retention.lock bounds it"},
		},
		"a trial that an override ends": {
			spec: "watermark: Viewer, enforcement: DryRun", others: strings.Replace(house, "%", "enforcement: Enforce", 1),
			want: []string{"Overridden: spec.enforcement is not DryRun but Enforce: ClusterRecordingPolicy house spec.overrides.enforcement bounds it"},
		},
		"an older policy as specific": {
			spec:   "watermark: None, sharing: {links: Forbidden}",
			others: "\n---\n{kind: RecordingPolicy, metadata: {name: older, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {sensitivity: high}}, watermark: Viewer}}",
			want:   []string{"Shadowed: spec.watermark decides nothing: RecordingPolicy finance/older spec.watermark comes first, because its policy is as specific and older"},
		},
		"an older policy as specific that says all of it": {
			spec:   "watermark: None",
			others: "\n---\n{kind: RecordingPolicy, metadata: {name: older, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchExpressions: [{key: sensitivity, operator: In, values: [high, top]}]}, watermark: Viewer}}",
			want:   []string{"Shadowed: spec.watermark decides nothing: RecordingPolicy finance/older spec.watermark comes first, because its policy is as specific and older"},
			idle:   true,
		},
		"an older policy that is only tried out": {
			spec:   "watermark: None",
			others: "\n---\n{kind: RecordingPolicy, metadata: {name: older, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {sensitivity: high}}, watermark: Viewer, enforcement: DryRun}}",
		},
		"departments without an audience": {
			spec: "access: {departments: [finance]}",
			want: []string{"NoEffect: spec.access.departments has no effect: no policy says audience Departments; set access.audience to Departments"},
		},
		"rules for links that are forbidden": {
			spec: "sharing: {links: Forbidden, maxTTL: 3d, external: Allowed}",
			want: []string{
				"NoEffect: spec.sharing.maxTTL has no effect: with sharing.links Forbidden nothing is shared; remove one of the two",
				"NoEffect: spec.sharing.external has no effect: with sharing.links Forbidden nothing is shared; remove one of the two",
			},
		},
		"a notice of nothing": {
			spec: "recording: {mode: Disabled, notice: Announce}",
			want: []string{"NoEffect: spec.recording.notice has no effect: with recording.mode Disabled nothing is recorded; remove one of the two"},
		},
		"unwatched later than expired": {
			spec: "retention: {expireAfter: 30d, unwatchedAfter: 60d}",
			want: []string{"NoEffect: spec.retention.unwatchedAfter has no effect: retention.expireAfter is never later; make unwatchedAfter shorter than 30d"},
		},
		"R27 a lock that outlasts the expiry": {
			spec: "retention: {expireAfter: 30d, lock: {mode: Compliance, for: 60d}}",
			want: []string{"NoEffect: spec.retention.expireAfter has no effect: retention.lock keeps recordings for 60d; make expireAfter longer than that"},
		},
		"outsiders where only departments are admitted": {
			spec: "access: {audience: Departments, departments: [finance], roles: [{role: External, permissions: [View]}]}",
			want: []string{"NoEffect: spec.access.roles[External] has no effect: audience Departments admits no outsiders, whatever role they have; choose another audience, or remove the role"},
		},
		"approvers beside what another decides": {
			spec:   "watermark: None, sharing: {approval: {approvers: [{kind: Group, name: board}]}}",
			others: "\n---\n{kind: RecordingPolicy, metadata: {name: older, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {sensitivity: high}}, watermark: Viewer}}",
			want:   []string{"Shadowed: spec.watermark decides nothing: RecordingPolicy finance/older spec.watermark comes first, because its policy is as specific and older"},
		},
		"successors and approvers that another names": {
			spec: "succession: {successors: [{kind: Hosts}]}, sharing: {approval: {approvers: [{kind: Group, name: board}]}}", idle: true,
			others: "\n---\n{kind: RecordingPolicy, metadata: {name: older, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {sensitivity: high}}, " +
				"succession: {successors: [{kind: Approvers}]}, sharing: {approval: {approvers: [{kind: Group, name: legal}]}}}}",
			want: []string{
				"Shadowed: spec.sharing.approval.approvers decides nothing: RecordingPolicy finance/older spec.sharing.approval.approvers comes first, because its policy is as specific and older",
				"Shadowed: spec.succession.successors decides nothing: RecordingPolicy finance/older spec.succession.successors comes first, because its policy is as specific and older",
			},
		},
		"R15 departments that another names for the same audience": {
			spec: "access: {departments: [finance]}", idle: true,
			others: "\n---\n{kind: RecordingPolicy, metadata: {name: older, creationTimestamp: '2020-01-01T00:00:00Z'}, spec: {selector: {matchLabels: {sensitivity: high}}, " +
				"access: {audience: Departments, departments: [legal]}}}",
			want: []string{"Shadowed: spec.access.departments decides nothing: RecordingPolicy finance/older spec.access.departments comes first, because its policy is as specific and older"},
		},
		"what cannot be understood": {
			spec: "retention: {expireAfter: soon}",
			want: []string{`Invalid: "soon" is not a duration: write days, hours, minutes and seconds in that order, such as 90d or 12h30m; until then nothing expires by it`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := governancetest.Policies(t, strings.Replace(own, "%", tc.spec, 1)+tc.others)
			review := reviewed(t, in, policy.Ref{Kind: policy.KindNamespace, Namespace: governancetest.Namespace, Name: "own"})
			var got []string
			for _, finding := range review.Findings {
				got = append(got, string(finding.Fault)+": "+finding.Message)
				if !strings.HasPrefix(finding.Field, "spec.") {
					t.Errorf("no field: %+v", finding)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if review.Idle != tc.idle {
				t.Errorf("idle: %v, want %v", review.Idle, tc.idle)
			}
		})
	}
}

func TestWhatIsFoundAboutAnOrganisationsPolicy(t *testing.T) {
	t.Parallel()
	in := governancetest.Policies(t, `{kind: ClusterRecordingPolicy, metadata: {name: own}, spec: {
  namespaceSelector: {matchLabels: {team: nobody}}, overrides: {sharing: {maxTTL: 30d}, enforcement: DryRun}, defaults: {sharing: {maxTTL: 60d}}}}
---
{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {sharing: {maxTTL: 7d}}}}`)
	var got []string
	for _, finding := range reviewed(t, in, policy.Ref{Kind: policy.KindCluster, Name: "own"}).Findings {
		got = append(got, string(finding.Fault)+": "+finding.Message)
	}
	want := []string{
		"NoEffect: spec.namespaceSelector picks no namespace that there is: check its labels, or label a namespace",
		"Overridden: spec.defaults.sharing.maxTTL is not 60d but 30d: ClusterRecordingPolicy own spec.overrides.sharing.maxTTL bounds it",
		"NoEffect: spec.overrides.enforcement has no effect: overrides are always enforced; to try them out, put them into the defaults",
		"Overridden: spec.overrides.sharing.maxTTL 30d bounds nothing: ClusterRecordingPolicy house spec.overrides.sharing.maxTTL is stricter with 7d",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestR36NamingWhoHasLeftIsAnEffect: such a policy is not told that nothing in it can have one.
func TestR36NamingWhoHasLeftIsAnEffect(t *testing.T) {
	t.Parallel()
	const policies = `{kind: ClusterRecordingPolicy, metadata: {name: own}, spec: {departed: [%], defaults: {watermark: None}}}
---
{kind: ClusterRecordingPolicy, metadata: {name: house, creationTimestamp: "2020-01-01T00:00:00Z"}, spec: {defaults: {watermark: Viewer}}}`
	for departed, want := range map[string]bool{"": true, "alice@example.com": false} {
		in := governancetest.Policies(t, strings.Replace(policies, "%", departed, 1))
		if review := reviewed(t, in, policy.Ref{Kind: policy.KindCluster, Name: "own"}); review.Idle != want {
			t.Errorf("with %q idle: %v, want %v: %v", departed, review.Idle, want, review.Findings)
		}
	}
}

// TestWhatIsFoundToDecideNothingDecidesNothing looks whether a rule comes from it all the same.
func TestWhatIsFoundToDecideNothingDecidesNothing(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in := governancetest.Input(t)
		index := policy.NewIndex(in.ClusterPolicies, in.Policies, nil)
		rules := policy.Resolve(in)
		for i := range in.Policies {
			ref := policy.Ref{Kind: policy.KindNamespace, Namespace: governancetest.Namespace, Name: in.Policies[i].Name}
			review, found := index.Review(ref, map[string]map[string]string{governancetest.Namespace: in.NamespaceLabels})
			if !found {
				t.Fatalf("no review of %v", ref)
			}
			for _, finding := range review.Findings {
				if from := rules.Sharing.MaxTTL.From; finding.Fault != policy.FaultNoEffect && finding.Field == "spec.sharing.maxTTL" &&
					from != nil && from.Name == ref.Name && from.Kind == ref.Kind && from.Field == finding.Field && rules.Trial == nil {
					t.Fatalf("%s, but it decides", finding.Message)
				}
				if finding.Message == "" || finding.Field == "" {
					t.Fatalf("a finding without words: %+v", finding)
				}
			}
		}
	})
}

func reviewed(t *testing.T, in policy.Input, ref policy.Ref) policy.Review {
	t.Helper()
	namespaces := map[string]map[string]string{governancetest.Namespace: in.NamespaceLabels}
	review, found := policy.NewIndex(in.ClusterPolicies, in.Policies, nil).Review(ref, namespaces)
	if !found {
		t.Fatalf("no policy %v", ref)
	}
	return review
}
