// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// in are the departments of somebody of the organisation.
func in(subject access.Subject, departments ...string) access.Subject {
	subject.Departments = departments
	return subject
}

func labelled(subject access.Subject, labels ...string) access.Subject {
	subject.Labels = labels
	return subject
}

func holding(subject access.Subject, links ...string) access.Subject {
	subject.Links = links
	return subject
}

// grantTo is a grant of View and Download that counts, to one person, until tomorrow.
func grantTo(name string, edits ...func(*access.Grant)) access.Grant {
	g := access.Grant{
		Name: "replay", Ready: true, Subjects: []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: name}},
		Permissions: policy.Permissions(v1alpha1.PermissionView, v1alpha1.PermissionDownload),
		CreatedAt:   governancetest.Now.Add(-time.Hour), ExpiresAt: governancetest.Now.Add(24 * time.Hour),
	}
	for _, edit := range edits {
		edit(&g)
	}
	return g
}

func TestDecide(t *testing.T) {
	t.Parallel()
	carol, dave, eve := askers["participant"], askers["colleague"], askers["outsider who attended"]
	cases := map[string]struct {
		policies   string
		subject    access.Subject
		permission v1alpha1.Permission // View unless given
		recording  func(*access.Recording)
		grants     []access.Grant
		wantReason access.Reason
		wantAllow  bool
		wantKnow   bool // of a refusal; whoever is allowed knows
	}{
		"R8 who may view may not download": {
			subject: carol, permission: v1alpha1.PermissionDownload, wantReason: access.NotPermitted, wantKnow: true,
		},
		"R8 R23 who was let in to watch hears that they may not download, not that they were not let in": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Invited}}}`,
			subject:  dave, permission: v1alpha1.PermissionDownload,
			grants:     []access.Grant{grantTo("dave@example.com", func(g *access.Grant) { g.Permissions = policy.Permissions(v1alpha1.PermissionView) })},
			wantReason: access.NotPermitted, wantKnow: true,
		},
		"R8 a grant to download is no grant to view": {
			subject: dave, grants: []access.Grant{grantTo("dave@example.com", func(g *access.Grant) { g.Permissions = policy.Permissions(v1alpha1.PermissionDownload) })},
			wantReason: access.NotPermitted, wantKnow: true,
		},
		"R9 a creator purges for good": {
			subject: askers["creator"], permission: v1alpha1.PermissionPurge, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R9 a creator is known whichever case their address is written in": {
			subject: member("Alice@EXAMPLE.com"), permission: v1alpha1.PermissionPurge, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R9 a look-alike address is somebody else": {
			subject:   member("ſam@example.com"),
			recording: func(r *access.Recording) { r.Creator = "sam@example.com" }, wantReason: access.NotPermitted, wantKnow: true,
		},
		"R10 a host never purges": {
			subject: askers["host"], permission: v1alpha1.PermissionPurge, wantReason: access.NotPermitted, wantKnow: true,
		},
		"R11 a participant downloads where a policy says so": {
			policies: `{kind: RecordingPolicy, spec: {access: {roles: [{role: Participant, permissions: [View, Download]}]}}}`,
			subject:  carol, permission: v1alpha1.PermissionDownload, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R12 an outsider who attended does not learn that there is a recording": {
			subject: eve, wantReason: access.NotInternal,
		},
		"R12 an outsider who is granted it views": {
			subject: eve, grants: []access.Grant{grantTo("eve@partner.example")}, wantReason: access.PermittedByGrant, wantAllow: true,
		},
		"R12 an outsider gains nothing by a grant where the policy forbids granting to outsiders": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {external: Forbidden}}}`,
			subject:  eve, grants: []access.Grant{grantTo("eve@partner.example")}, wantReason: access.ExternalForbidden,
		},
		"R12 an outsider who claims a department, or a label, is not whom a grant for those means": {
			subject: labelled(in(eve, "finance"), "manager"), grants: []access.Grant{grantTo("", func(g *access.Grant) {
				g.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectDepartment, Name: "finance"}, {Kind: v1alpha1.SubjectLabel, Name: "manager"}}
			})},
			wantReason: access.NotInternal,
		},
		"R12 an outsider who made the meeting is an outsider": {
			subject: eve, recording: func(r *access.Recording) { r.Creator = "eve@partner.example" }, wantReason: access.NotInternal,
		},
		"R13 a participant from another department is refused": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Departments, departments: [legal]}}}`,
			subject:  carol, wantReason: access.OtherDepartment, wantKnow: true,
		},
		"R14 a host cannot exceed the organisation's override": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Host, permissions: [View]}]}}}}`,
			subject:  askers["host"], permission: v1alpha1.PermissionDownload, wantReason: access.OrganisationForbids, wantKnow: true,
		},
		"R14 a namespace policy cannot exceed the organisation's override": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}
---
{kind: RecordingPolicy, spec: {access: {roles: [{role: Participant, permissions: [View, Download]}]}}}`,
			subject: carol, permission: v1alpha1.PermissionDownload, wantReason: access.OrganisationForbids, wantKnow: true,
		},
		"R14 a grant cannot exceed the organisation's override": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}`,
			subject:  carol, permission: v1alpha1.PermissionDownload, grants: []access.Grant{grantTo("carol@example.com")},
			wantReason: access.OrganisationForbids, wantKnow: true,
		},
		"R14 a label cannot exceed the organisation's override": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}
---
{kind: RecordingPolicy, spec: {access: {labels: [{label: manager, permissions: [View, Download]}]}}}`,
			subject: labelled(carol, "manager"), permission: v1alpha1.PermissionDownload, wantReason: access.OrganisationForbids, wantKnow: true,
		},
		"R15 only the departments that a policy names have access": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Departments, departments: [legal, finance]}}}`,
			subject:  carol, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R15 nor has a creator of another department": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Departments, departments: [legal]}}}`,
			subject:  askers["creator"], wantReason: access.OtherDepartment, wantKnow: true,
		},
		"R15 nor somebody of another department whom a grant names": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Departments, departments: [legal]}}}`,
			subject:  dave, grants: []access.Grant{grantTo("dave@example.com")}, wantReason: access.OtherDepartment,
		},
		"R15 nor an outsider who claims the department": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Departments, departments: [legal], roles: [{role: External, permissions: [View]}]}}}`,
			subject:  in(eve, "legal"), wantReason: access.OtherDepartment,
		},
		"R16 only hosts may download, in one line": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}, {role: Internal, permissions: [View]}]}}}}
---
{kind: RecordingPolicy, spec: {profile: Open}}`,
			subject: dave, permission: v1alpha1.PermissionDownload, wantReason: access.OrganisationForbids, wantKnow: true,
		},
		"R16 and hosts do download": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}, {role: Internal, permissions: [View]}]}}}}
---
{kind: RecordingPolicy, spec: {profile: Open}}`,
			subject: askers["host"], permission: v1alpha1.PermissionDownload, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R16 internal members only, in one line": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {audience: Internal}}}}
---
{kind: RecordingPolicy, spec: {profile: Open}}`,
			subject: eve, wantReason: access.NotInternal,
		},
		"R17 managers may download": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: manager, permissions: [View, Download]}, {label: intern, permissions: [View]}]}}}`,
			subject:  labelled(carol, "manager"), permission: v1alpha1.PermissionDownload, wantReason: access.PermittedByLabel, wantAllow: true,
		},
		"R17 interns may only view": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open, access: {labels: [{label: manager, permissions: [View, Download]}, {label: intern, permissions: [View]}]}}}`,
			subject:  labelled(carol, "intern"), permission: v1alpha1.PermissionDownload, wantReason: access.LabelForbids, wantKnow: true,
		},
		"R17 somebody who is both may do only what both allow": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open, access: {labels: [{label: manager, permissions: [View, Download]}, {label: intern, permissions: [View]}]}}}`,
			subject:  labelled(carol, "manager", "intern"), permission: v1alpha1.PermissionDownload, wantReason: access.LabelForbids, wantKnow: true,
		},
		"R17 R9 an intern who made the meeting still does with its recording what creators do": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: intern, permissions: [View]}]}}}`,
			subject:  labelled(askers["creator"], "intern"), permission: v1alpha1.PermissionTrash, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R17 an intern downloads not even what they made": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: intern, permissions: [View]}]}}}`,
			subject:  labelled(askers["creator"], "intern"), permission: v1alpha1.PermissionDownload, wantReason: access.LabelForbids, wantKnow: true,
		},
		"R17 an intern downloads by no grant either": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: intern, permissions: [View]}]}}}`,
			subject:  labelled(carol, "intern"), permission: v1alpha1.PermissionDownload, grants: []access.Grant{grantTo("carol@example.com")},
			wantReason: access.LabelForbids, wantKnow: true,
		},
		"R17 a label gives nothing to somebody who may not view": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: manager, permissions: [View, Download]}]}}}`,
			subject:  labelled(dave, "manager"), wantReason: access.NotPermitted, wantKnow: true,
		},
		"R17 an override's label gives nothing": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {labels: [{label: manager, permissions: [View, Download]}]}}}}`,
			subject:  labelled(carol, "manager"), permission: v1alpha1.PermissionDownload, wantReason: access.NotPermitted, wantKnow: true,
		},
		"R18 under Restricted a colleague who was not there does not learn that there is a recording": {
			policies: `{kind: RecordingPolicy, spec: {profile: Restricted}}`,
			subject:  dave, wantReason: access.NotInvited,
		},
		"R19 a grant with a password counts once that was given": {
			policies: `{kind: RecordingPolicy, spec: {profile: Restricted}}`,
			subject:  holding(dave, "replay"), grants: []access.Grant{grantTo("dave@example.com", withPassword)}, wantReason: access.PermittedByGrant, wantAllow: true,
		},
		"R19 a grant with a password counts for nothing without": {
			policies: `{kind: RecordingPolicy, spec: {profile: Restricted}}`,
			subject:  dave, grants: []access.Grant{grantTo("dave@example.com", withPassword)}, wantReason: access.PasswordNeeded, wantKnow: true,
		},
		"R19 a grant without a password ends when a policy begins to require one": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {links: PasswordRequired}}}`,
			subject:  dave, grants: []access.Grant{grantTo("dave@example.com")}, wantReason: access.PasswordRequired, wantKnow: true,
		},
		"R19 a grant that lasts longer than the policy allows counts for nothing": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {sharing: {maxTTL: 1h}}}}`,
			subject:  dave, grants: []access.Grant{grantTo("dave@example.com")}, wantReason: access.ExpiryTooLate, wantKnow: true,
		},
		"R20 a forwarded link is worth nothing to somebody whom it does not name": {
			policies: `{kind: RecordingPolicy, spec: {profile: Restricted}}`,
			subject:  holding(member("frank@example.com"), "replay"), grants: []access.Grant{grantTo("dave@example.com", withPassword)}, wantReason: access.NotInvited,
		},
		"R20 nor to somebody who has not signed in": {
			subject: holding(askers["nobody"], "replay"), grants: []access.Grant{grantTo("dave@example.com")}, wantReason: access.NotSignedIn,
		},
		"R20 an anonymous link works where the policy allows them": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open}}`,
			subject:  holding(askers["nobody"], "replay"), grants: []access.Grant{grantTo("*", toAnyone)}, wantReason: access.PermittedByGrant, wantAllow: true,
		},
		"R20 an anonymous link is worth nothing where it does not": {
			subject: holding(askers["nobody"], "replay"), grants: []access.Grant{grantTo("*", toAnyone)}, wantReason: access.AnyoneForbidden,
		},
		"R12 a member by a link for anyone, where nothing is shared with outsiders": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open, sharing: {external: Forbidden}, access: {roles: [{role: Internal, permissions: [View]}]}}}`,
			subject:  holding(askers["colleague"], "replay"), permission: v1alpha1.PermissionDownload, grants: []access.Grant{grantTo("*", toAnyone)},
			wantReason: access.ExternalForbidden, wantKnow: true,
		},
		"R20 an anonymous link does nothing for who does not hold it": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open}}`,
			subject:  askers["nobody"], grants: []access.Grant{grantTo("*", toAnyone)}, wantReason: access.NotSignedIn,
		},
		"R23 whose link has expired is told so": {
			subject: dave, grants: []access.Grant{grantTo("dave@example.com", func(g *access.Grant) { g.ExpiresAt = governancetest.Now })},
			wantReason: access.GrantExpired, wantKnow: true,
		},
		"a grant that has not begun": {
			subject: eve, grants: []access.Grant{grantTo("eve@partner.example", func(g *access.Grant) { g.NotBefore = governancetest.Now.Add(time.Second) })},
			wantReason: access.GrantNotYet, wantKnow: true,
		},
		"a grant that has been used up": {
			subject: eve, grants: []access.Grant{grantTo("eve@partner.example", func(g *access.Grant) { g.MaxUses, g.Uses = 2, 2 })},
			wantReason: access.GrantUsedUp, wantKnow: true,
		},
		"a grant that its controller has not accepted": {
			subject: eve, grants: []access.Grant{grantTo("eve@partner.example", func(g *access.Grant) { g.Ready = false })},
			wantReason: access.GrantNotReady,
		},
		"a name that nobody vouches for": {
			subject: askers["unverified creator"], wantReason: access.Unverified,
		},
		"R25 what is in the trash cannot be watched": {
			subject: carol, recording: trashed, wantReason: access.Trashed, wantKnow: true,
		},
		"R25 what is in the trash can be restored": {
			subject: askers["host"], permission: v1alpha1.PermissionRestore, recording: trashed, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R27 a hold beats a delete": {
			subject: askers["creator"], permission: v1alpha1.PermissionTrash, recording: func(r *access.Recording) { r.Held = true },
			wantReason: access.Held, wantKnow: true,
		},
		"R27 a lock beats a purge": {
			subject: askers["creator"], permission: v1alpha1.PermissionPurge,
			recording: func(r *access.Recording) { r.LockedUntil = governancetest.Now.Add(time.Second) }, wantReason: access.Locked, wantKnow: true,
		},
		"R27 a lock that has ended does not": {
			subject: askers["creator"], permission: v1alpha1.PermissionPurge,
			recording: func(r *access.Recording) { r.LockedUntil = governancetest.Now }, wantReason: access.PermittedByRole, wantAllow: true,
		},
		"R1 where recording is disabled nobody starts one": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {recording: {mode: Disabled}}}}`,
			subject:  askers["host"], permission: v1alpha1.PermissionStart, wantReason: access.RecordingDisabled, wantKnow: true,
		},
		"R3 a participant does not start a recording": {
			subject: carol, permission: v1alpha1.PermissionStart, wantReason: access.NotPermitted, wantKnow: true,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording := meeting
			if tc.recording != nil {
				tc.recording(&recording)
			}
			if tc.permission == "" {
				tc.permission = v1alpha1.PermissionView
			}
			d := access.Decide(policy.Resolve(governancetest.Policies(t, tc.policies)), &access.Request{
				Subject: tc.subject, Permission: tc.permission, Recording: recording, Grants: tc.grants, Now: governancetest.Now,
			})
			type outcome struct {
				Allowed, MayKnow bool
				Reason           access.Reason
			}
			want := outcome{tc.wantAllow, tc.wantKnow || tc.wantAllow, tc.wantReason}
			if diff := cmp.Diff(want, outcome{d.Allowed(), d.MayKnow, d.Reason}); diff != "" {
				t.Errorf("decision (-want +got):\n%s\nrule: %s", diff, d.Rule)
			}
		})
	}
}

func withPassword(g *access.Grant) { g.Password = true }

func toAnyone(g *access.Grant) {
	g.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectAnyone, Name: "*"}}
}

func trashed(r *access.Recording) { r.Trashed = true }

func TestR14ARefusalNamesItsRule(t *testing.T) {
	t.Parallel()
	input := governancetest.Policies(t, `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}
---
{kind: RecordingPolicy, metadata: {name: generous}, spec: {access: {audience: Internal, roles: [{role: Participant, permissions: [View, Download]}]}}}`)
	rules := policy.Resolve(input)
	rule := func(subject access.Subject, permission v1alpha1.Permission) string {
		return access.Decide(rules, &access.Request{Subject: subject, Permission: permission, Recording: meeting, Now: governancetest.Now}).Rule.String()
	}
	got := map[string]string{
		"override":  rule(askers["participant"], v1alpha1.PermissionDownload),
		"namespace": rule(askers["outsider"], v1alpha1.PermissionView),
		"profile":   rule(askers["colleague"], v1alpha1.PermissionView),
	}
	want := map[string]string{
		"override":  "ClusterRecordingPolicy house spec.overrides.access.roles[Participant] (generation 1)",
		"namespace": "RecordingPolicy finance/generous spec.access.audience (generation 2)",
		"profile":   "built-in profile Standard access.roles[Internal]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestDryRunAllowsWhatItWouldRefuse(t *testing.T) {
	t.Parallel()
	rules := policy.Resolve(governancetest.Policies(t, `{kind: RecordingPolicy, metadata: {name: trial}, spec: {enforcement: DryRun, access: {roles: [{role: Participant, permissions: []}]}}}`))
	d := access.Decide(rules, &access.Request{Subject: askers["participant"], Permission: v1alpha1.PermissionView, Recording: meeting, Now: governancetest.Now})
	if !d.Allowed() || !d.WouldDeny() {
		t.Fatalf("allowed: %v, would deny: %v; want both", d.Allowed(), d.WouldDeny())
	}
	if want := "RecordingPolicy finance/trial spec.access.roles[Participant] (generation 1)"; d.Trial.Reason != access.NotPermitted || d.Trial.Rule.String() != want {
		t.Errorf("the trial refuses with %s by %q, want %s by %q", d.Trial.Reason, d.Trial.Rule, access.NotPermitted, want)
	}
}

func TestDryRunNeverLiftsAnOverride(t *testing.T) {
	t.Parallel()
	rules := policy.Resolve(governancetest.Policies(t, `{kind: ClusterRecordingPolicy, spec: {overrides: {enforcement: DryRun, access: {audience: Internal, roles: [{role: Participant, permissions: [View]}]}}}}
---
{kind: RecordingPolicy, spec: {enforcement: DryRun, profile: Open}}`))
	if got := mayDo(rules, askers["participant"]); got != policy.Permissions(v1alpha1.PermissionView) {
		t.Errorf("a participant may do %s", got)
	}
	if got := mayDo(rules, askers["outsider"]); got != 0 {
		t.Errorf("an outsider may do %s", got)
	}
}

func TestOfSeveralGrantsTheFirstByNameIsUsed(t *testing.T) {
	t.Parallel()
	named := func(name string) access.Grant {
		return grantTo("dave@example.com", func(g *access.Grant) { g.Name = name })
	}
	d := access.Decide(policy.Resolve(policy.Input{}), &access.Request{
		Subject: askers["colleague"], Permission: v1alpha1.PermissionView, Recording: meeting, Now: governancetest.Now,
		Grants: []access.Grant{named("b"), named("a"), named("c")},
	})
	if d.GrantName != "a" {
		t.Errorf("allowed by grant %q, want a", d.GrantName)
	}
}
