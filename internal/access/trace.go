// SPDX-License-Identifier: Apache-2.0

package access

import (
	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Trace is what a decision went by, for those who run the policies. Nothing of it may reach the person: it speaks of the
// recording also where Answer must not.
type Trace struct {
	// Roles are what the subject is to the recording; none without a verified name.
	Roles []v1alpha1.Role
	// Audiences are the outer bounds, and whether each admits the subject without any grant.
	Audiences []Admission
	// ByRole is what their roles permit, ByLabel what their role labels add: both are empty outside an audience.
	ByRole, ByLabel policy.PermissionSet
	// Ceiling is the most that the organisation's overrides let their roles be given, Labelled all that their labels leave.
	Ceiling, Labelled policy.PermissionSet
	// Grants are the grants that name them, in the order of the request.
	Grants []Consideration
}

// Admission is an outer bound and whether somebody is inside.
type Admission struct {
	policy.Audience
	// Admits says whether the subject is inside.
	Admits bool
}

// Consideration is a grant that names somebody, and why it does not count for them.
type Consideration struct {
	// Name is the grant's name.
	Name string
	// Permissions are what it would give.
	Permissions policy.PermissionSet
	// Reason is why it gives nothing, empty for one that counts. Rule is the rule in its way, if there is one.
	Reason Reason
	Rule   policy.Provenance
}

// TraceOf returns what Decide goes by for the same arguments.
func TraceOf(rules *policy.Rules, req *Request) Trace {
	c := inquiry{rules: rules, Request: asTheyAre(rules, req), lazy: &lazyFacts{}}
	c.gather()
	t := Trace{Roles: c.roles.list(), ByRole: c.byRole, ByLabel: c.byLabel, Ceiling: c.ceiling, Labelled: c.labelled}
	for i := range rules.Access.Audiences {
		a := &rules.Access.Audiences[i]
		t.Audiences = append(t.Audiences, Admission{*a, c.admits(a, false)})
	}
	for i := range c.Grants {
		g := &c.Grants[i]
		if !g.names(&c.Subject) {
			continue
		}
		o := c.inTheWayOf(g)
		t.Grants = append(t.Grants, Consideration{g.Name, g.Permissions, o.reason, provenance(o.rule)})
	}
	return t
}

// RolesOf returns what the subject is to the recording, in the order of policy.Roles.
func RolesOf(rules *policy.Rules, recording Recording, subject Subject) []v1alpha1.Role {
	return recording.rolesOf(rules, &subject).list()
}

// list returns the roles of the set, in the order of policy.Roles.
func (s roleSet) list() []v1alpha1.Role {
	var roles []v1alpha1.Role
	for i, role := range policy.Roles {
		if s&(1<<i) != 0 {
			roles = append(roles, role)
		}
	}
	return roles
}
