// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

func TestTraceSaysWhatADecisionWentBy(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.October, 10, 0, 0, 0, 0, time.UTC)
	forDave := func(name string, ready bool) access.Grant {
		return access.Grant{
			Name: name, Ready: ready, Permissions: policy.Permissions(v1alpha1.PermissionView), CreatedAt: now, ExpiresAt: now.Add(time.Hour),
			Subjects: []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "DAVE@example.com"}},
		}
	}
	other := forDave("other", true)
	other.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "frank@example.com"}}
	meeting := access.Recording{Creator: "alice@example.com", Hosts: []string{"alice@example.com"}, Participants: []string{"carol@example.com"}}
	rules := policy.Resolve(policy.Input{Policies: []v1alpha1.RecordingPolicy{{Spec: v1alpha1.RecordingPolicySpec{
		PolicyRules: v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted, Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksPasswordOptional}},
	}}}})

	cases := map[string]struct {
		subject    access.Subject
		wantRoles  []v1alpha1.Role
		wantInside bool
		wantByRole string
		wantGrants []access.Consideration
	}{
		"several roles": {
			access.Subject{Name: "Alice@example.com", Verified: true, Internal: true},
			[]v1alpha1.Role{v1alpha1.RoleCreator, v1alpha1.RoleHost}, true, "View Download Share Trash Restore Purge Start Stop Approve", nil,
		},
		"R12 an outsider of the same name has none of them": {
			access.Subject{Name: "alice@example.com", Verified: true}, []v1alpha1.Role{v1alpha1.RoleExternal}, false, "nothing", nil,
		},
		"grants that name them, and what is in their way": {
			access.Subject{Name: "dave@example.com", Verified: true, Internal: true}, []v1alpha1.Role{v1alpha1.RoleInternal}, false, "nothing",
			[]access.Consideration{
				{Name: "good", Permissions: policy.Permissions(v1alpha1.PermissionView)},
				{Name: "refused", Permissions: policy.Permissions(v1alpha1.PermissionView), Reason: access.GrantNotReady},
			},
		},
		"nobody": {access.Subject{}, nil, false, "nothing", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := access.TraceOf(rules, &access.Request{
				Subject: tc.subject, Permission: v1alpha1.PermissionView, Recording: meeting, Now: now,
				Grants: []access.Grant{forDave("good", true), other, forDave("refused", false)},
			})
			if diff := gocmp.Diff(tc.wantRoles, trace.Roles); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(tc.wantRoles, access.RolesOf(&policy.Rules{}, meeting, tc.subject)); diff != "" {
				t.Errorf("RolesOf (-want +got):\n%s", diff)
			}
			if trace.Audiences[0].Admits != tc.wantInside || trace.ByRole.String() != tc.wantByRole {
				t.Errorf("inside %v, by role %s; want %v, %s", trace.Audiences[0].Admits, trace.ByRole, tc.wantInside, tc.wantByRole)
			}
			if diff := gocmp.Diff(tc.wantGrants, trace.Grants); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}
