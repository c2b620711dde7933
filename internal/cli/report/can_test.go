// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func TestCanSaysWhyAndWhatTheDecisionWentBy(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		objects    []any
		subject    access.Subject
		permission v1alpha1.Permission
		wantReason access.Reason
		wantRoles  []v1alpha1.Role
	}{
		"R8 a participant may view": {
			nil, inside("carol@example.com"), v1alpha1.PermissionView, access.PermittedByRole, []v1alpha1.Role{v1alpha1.RoleParticipant},
		},
		"R8 and may not download": {
			nil, inside("carol@example.com"), v1alpha1.PermissionDownload, access.NotPermitted, []v1alpha1.Role{v1alpha1.RoleParticipant},
		},
		"R12 an outsider who attended": {
			nil, outside("eve@partner.example"), v1alpha1.PermissionView, access.NotInternal, []v1alpha1.Role{v1alpha1.RoleExternal},
		},
		"R13 a participant from another department": {
			[]any{department("own", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Audience: v1alpha1.AudienceDepartments, Departments: []string{"finance"}}})},
			inside("carol@example.com"), v1alpha1.PermissionView, access.OtherDepartment, []v1alpha1.Role{v1alpha1.RoleParticipant},
		},
		"a grant that counts": {
			[]any{grant("g", "q3-review", "")}, inside("dave@example.com"), v1alpha1.PermissionView, access.PermittedByGrant, []v1alpha1.Role{v1alpha1.RoleInternal},
		},
		"a grant that its controller refused": {
			[]any{grant("g", "q3-review", v1alpha1.ReasonForbiddenByPolicy)},
			inside("dave@example.com"), v1alpha1.PermissionView, access.GrantNotReady, []v1alpha1.Role{v1alpha1.RoleInternal},
		},
		"nobody": {nil, access.Subject{Anonymous: true}, v1alpha1.PermissionView, access.NotSignedIn, []v1alpha1.Role{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recording("q3-review")
			d := report.NewBook(world(append(tc.objects, r)...)).Can(&r, tc.subject, tc.permission, now)
			if d.Reason != tc.wantReason {
				t.Errorf("reason %s, want %s", d.Reason, tc.wantReason)
			}
			if diff := cmp.Diff(tc.wantRoles, d.Trace.Roles); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
			if d.Allowed == (d.Admin != "") {
				t.Errorf("allowed %v, and an administrator is told %q", d.Allowed, d.Admin)
			}
		})
	}
}

func TestCanShowsEveryGrantAndWhatIsInItsWay(t *testing.T) {
	t.Parallel()
	r := recording("q3-review")
	other := grant("b-other", "q3-review", "")
	other.Spec.Subjects[0].Name = "frank@example.com"
	book := report.NewBook(world(r, grant("c-elsewhere", "all-hands", ""), other, grant("a-refused", "q3-review", v1alpha1.ReasonForbiddenByPolicy)))
	got := book.Can(&r, inside("dave@example.com"), v1alpha1.PermissionView, now).Trace.Grants
	view := []v1alpha1.Permission{v1alpha1.PermissionView}
	want := []report.Grant{
		{Name: "a-refused", Permissions: view, Names: true, Obstacle: access.GrantNotReady},
		{Name: "b-other", Permissions: view},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCanSaysWhatADryRunWouldRefuse(t *testing.T) {
	t.Parallel()
	r := recording("q3-review")
	trial := department("trial", v1alpha1.PolicyRules{Enforcement: v1alpha1.EnforcementDryRun, Access: v1alpha1.AccessRules{
		Roles: []v1alpha1.RolePermissions{{Role: v1alpha1.RoleParticipant}},
	}})
	d := report.NewBook(world(r, trial)).Can(&r, inside("carol@example.com"), v1alpha1.PermissionView, now)
	if !d.Allowed || d.Trial != access.NotPermitted || d.TrialRule.Short() != "RecordingPolicy finance/trial spec.access.roles[Participant] (generation 3)" {
		t.Errorf("allowed %v, would be refused for %s by %s", d.Allowed, d.Trial, d.TrialRule)
	}
}

func TestWhoCan(t *testing.T) {
	t.Parallel()
	everyone := department("open", v1alpha1.PolicyRules{Profile: v1alpha1.ProfileOpen})
	labels := department("labels", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Labels: []v1alpha1.LabelPermissions{
		{Label: "manager", Permissions: []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload}},
	}}})
	password := grant("locked", "q3-review", "")
	password.Status.PasswordHash = "$argon2id$"
	anyone := grant("public", "q3-review", "")
	anyone.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectAnyone, Name: "*"}, {Kind: v1alpha1.SubjectGroup, Name: "auditors"}}
	cases := map[string]struct {
		objects    []any
		permission v1alpha1.Permission
		want       []string
	}{
		"R9 R10 creator and host download": {nil, v1alpha1.PermissionDownload, []string{"alice@example.com", "bob@example.com"}},
		"R17 and managers who attended": {
			[]any{labels}, v1alpha1.PermissionDownload, []string{"alice@example.com", "bob@example.com", "participants with the label manager"},
		},
		"R18 the open profile": {
			[]any{everyone}, v1alpha1.PermissionView, []string{
				"alice@example.com", "bob@example.com", "carol@example.com", "eve@partner.example",
				"any other member of the organisation", "anybody outside the organisation",
			},
		},
		"whom a grant names, holding its link": {
			[]any{password}, v1alpha1.PermissionView, []string{"alice@example.com", "bob@example.com", "carol@example.com", "dave@example.com"},
		},
		"R20 whoever holds a link, where that is allowed": {
			[]any{everyone, anyone}, v1alpha1.PermissionView, []string{
				"alice@example.com", "bob@example.com", "carol@example.com", "eve@partner.example",
				"any other member of the organisation", "anybody outside the organisation",
				"whoever holds the link of public", "members of the group auditors",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := recording("q3-review")
			var got []string
			for _, c := range report.NewBook(world(append(tc.objects, r)...)).WhoCan(&r, tc.permission, member, now) {
				if c.Allowed {
					got = append(got, c.String())
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
