// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

func TestCheckGrant(t *testing.T) {
	t.Parallel()
	to := func(kind v1alpha1.SubjectKind, name string) func(*access.Grant) {
		return func(g *access.Grant) { g.Subjects = []v1alpha1.GrantSubject{{Kind: kind, Name: name}} }
	}
	cases := map[string]struct {
		policies    string
		grant       access.Grant
		noFacts     bool
		wantReason  access.Reason // empty: it may count
		wantMessage string        // part of it
	}{
		"a grant inside the policy": {grant: grantTo("dave@example.com")},
		"R14 links are forbidden": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {sharing: {links: Forbidden}}}}`,
			grant:    grantTo("dave@example.com"), wantReason: access.LinksForbidden,
			wantMessage: "Rule: ClusterRecordingPolicy house spec.overrides.sharing.links (generation 1).",
		},
		"R19 a password is required": {
			policies: `{kind: RecordingPolicy, metadata: {name: board}, spec: {profile: Restricted}}`,
			grant:    grantTo("dave@example.com"), wantReason: access.PasswordRequired,
			wantMessage: "Set password: Generate in the AccessGrant, or sharing.links to PasswordOptional. " +
				"Rule: profile Restricted sharing.links, chosen by RecordingPolicy finance/board spec.profile (generation 1).",
		},
		"R19 an end is required": {
			grant:      grantTo("dave@example.com", func(g *access.Grant) { g.ExpiresAt = time.Time{} }),
			wantReason: access.ExpiryRequired, wantMessage: "Set expiresAt",
		},
		"R19 the end is too late": {
			policies:   `{kind: RecordingPolicy, spec: {sharing: {maxTTL: 24h}}}`,
			grant:      grantTo("dave@example.com"),
			wantReason: access.ExpiryTooLate, wantMessage: "until 2026-07-01 23:00 UTC at the latest",
		},
		"R19 the end is just in time": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {maxTTL: 25h}}}`,
			grant:    grantTo("dave@example.com"),
		},
		"R12 an outsider where the policy forbids it": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {external: Forbidden}}}`,
			grant:    grantTo("eve@partner.example"), wantReason: access.ExternalForbidden, wantMessage: "(User eve@partner.example)",
		},
		"R12 an outsider where the policy allows it": {grant: grantTo("eve@partner.example")},
		"R20 an anonymous link where the audience is Internal": {
			grant: grantTo("*", toAnyone), wantReason: access.AnyoneForbidden, wantMessage: "built-in profile Standard access.audience",
		},
		"R20 an anonymous link where the audience is Anyone": {
			policies: `{kind: RecordingPolicy, spec: {profile: Open}}`, grant: grantTo("*", toAnyone),
		},
		"R21 an anonymous link where public channels are forbidden": {
			policies: `{kind: RecordingPolicy, metadata: {name: own}, spec: {profile: Open, sharing: {publicChannels: Forbidden}}}`, grant: grantTo("*", toAnyone),
			wantReason: access.PublicForbidden, wantMessage: "Rule: RecordingPolicy finance/own spec.sharing.publicChannels (generation 1).",
		},
		"R21 a group, by default": {
			grant: grantTo("", to(v1alpha1.SubjectGroup, "board")), wantReason: access.PublicForbidden,
			wantMessage: "or set sharing.publicChannels to Allowed. Rule: built-in profile Standard sharing.publicChannels.",
		},
		"R21 a group among others, where the organisation forbids it and the department does not": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {sharing: {publicChannels: Forbidden}}}}
---
` + publicAllowed,
			grant: grantTo("dave@example.com", func(g *access.Grant) {
				g.Subjects = append(g.Subjects, v1alpha1.GrantSubject{Kind: v1alpha1.SubjectGroup, Name: "board"})
			}),
			wantReason: access.PublicForbidden, wantMessage: "Rule: ClusterRecordingPolicy house spec.overrides.sharing.publicChannels (generation 1).",
		},
		"R21 a group where public channels are allowed": {
			policies: publicAllowed, grant: grantTo("", to(v1alpha1.SubjectGroup, "board")),
		},
		"R21 departments and labels are no public channels": {
			grant: grantTo("", to(v1alpha1.SubjectDepartment, "legal"), func(g *access.Grant) {
				g.Subjects = append(g.Subjects, v1alpha1.GrantSubject{Kind: v1alpha1.SubjectLabel, Name: "manager"})
			}),
		},
		"R14 a permission that the override keeps from participants": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}`,
			grant:    grantTo("carol@example.com"), wantReason: access.PermissionForbidden, wantMessage: "(Download to User carol@example.com)",
		},
		"R14 but not from colleagues": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}`,
			grant:    grantTo("dave@example.com"),
		},
		"R14 a group may have somebody in it who can be given it": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {publicChannels: Allowed}}}
---
{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}`,
			grant: grantTo("", to(v1alpha1.SubjectGroup, "board")),
		},
		"R14 without the meeting's facts anybody can be anything": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Participant, permissions: [View]}]}}}}`,
			grant:    grantTo("carol@example.com"), noFacts: true,
		},
		"R17 a label that must not have it": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: intern, permissions: [View]}]}}}`,
			grant:    grantTo("", to(v1alpha1.SubjectLabel, "intern")), wantReason: access.PermissionForbidden, wantMessage: "(Download to Label intern)",
		},
		"R17 a label limits watching and taking away, and nothing else": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: manager, permissions: [View, Download]}]}}}`,
			grant: grantTo("", to(v1alpha1.SubjectLabel, "manager"), func(g *access.Grant) {
				g.Permissions = policy.Permissions(v1alpha1.PermissionView, v1alpha1.PermissionShare)
			}),
		},
		"R14 a group of which nobody can be given it but outsiders": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {publicChannels: Allowed}}}
---
{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Creator, permissions: [View]}, {role: Host, permissions: [View]},
			  {role: Participant, permissions: [View]}, {role: Internal, permissions: [View]}]}}}}`,
			grant: grantTo("", to(v1alpha1.SubjectGroup, "partners")),
		},
		"R12 a group of which outsiders alone could be given it, where they must not": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {publicChannels: Allowed}}}
---
{kind: ClusterRecordingPolicy, spec: {overrides: {sharing: {external: Forbidden}, access: {roles: [{role: Creator, permissions: [View]},
			  {role: Host, permissions: [View]}, {role: Participant, permissions: [View]}, {role: Internal, permissions: [View]}]}}}}`,
			grant: grantTo("", to(v1alpha1.SubjectGroup, "partners")), wantReason: access.PermissionForbidden, wantMessage: "(Download to Group partners)",
		},
		"a condition that is not true now is no matter of policy either": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Internal, permissions: [View, Download], when: "false"}]}}}}`,
			grant:    grantTo("dave@example.com"),
		},
		"R14 one that cannot be compiled is": {
			policies: `{kind: ClusterRecordingPolicy, metadata: {name: house}, spec: {overrides: {access: {roles: [{role: Internal, permissions: [View, Download], when: "fals e"}]}}}}`,
			grant:    grantTo("dave@example.com"), wantReason: access.PermissionForbidden,
			wantMessage: "Rule: ClusterRecordingPolicy house spec.overrides.access.roles[Internal] (generation 1).",
		},
		"dates that have passed are no matter of policy": {
			grant: grantTo("dave@example.com", func(g *access.Grant) { g.ExpiresAt = governancetest.Now.Add(-time.Minute) }),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proposal := access.Proposal{Grant: tc.grant, Recording: meeting, Outsider: outsider}
			if tc.noFacts {
				proposal.Recording = access.Recording{}
			}
			v := access.CheckGrant(policy.Resolve(governancetest.Policies(t, tc.policies)), proposal)
			if v.Reason != tc.wantReason || v.Allowed() != (tc.wantReason == "") {
				t.Fatalf("verdict %q, want %q: %s", v.Reason, tc.wantReason, v.Message())
			}
			if !strings.Contains(v.Message(), tc.wantMessage) {
				t.Errorf("message %q does not say %q", v.Message(), tc.wantMessage)
			}
		})
	}
}

const publicAllowed = `{kind: RecordingPolicy, metadata: {name: public}, spec: {sharing: {publicChannels: Allowed}}}`

func outsider(email string) bool { return !strings.HasSuffix(email, "@example.com") }

// TestR14AGrantThatMustNotCountGivesNothing ties the two answers together: whatever CheckGrant refuses, no decision lets through.
// Where it refuses one permission to one of those whom the grant names, that much of the grant gives nothing.
func TestR14AGrantThatMustNotCountGivesNothing(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		rules, req := policy.Resolve(governancetest.Input(t)), governancetest.Request(t)
		for _, grant := range req.Grants {
			v := access.CheckGrant(rules, access.Proposal{Grant: grant, Recording: req.Recording})
			if v.Allowed() {
				continue
			}
			if v.Subject.Kind != "" {
				grant.Subjects = []v1alpha1.GrantSubject{v.Subject}
			}
			if v.Permission != "" {
				grant.Permissions = policy.Permissions(v.Permission)
			}
			d := access.Decide(rules, &access.Request{
				Subject: req.Subject, Permission: req.Permission, Recording: req.Recording, Grants: []access.Grant{grant}, Now: req.Now,
			})
			if d.Reason == access.PermittedByGrant {
				t.Fatalf("%s is forbidden (%s) and allows %s", grant.Name, v.Message(), req.Permission)
			}
		}
	})
}
