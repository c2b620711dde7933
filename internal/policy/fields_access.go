// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// audience is access.audience together with access.departments. Audiences have no order (Departments and Invited are
// both strict, in different ways), so an override is not put in the place of what it bounds but beside it: both have to
// admit.
type audience struct{}

var audiences = []v1alpha1.Audience{v1alpha1.AudienceAnyone, v1alpha1.AudienceInternal, v1alpha1.AudienceDepartments, v1alpha1.AudienceInvited}

func (audience) read(r *reader, in *v1alpha1.PolicyRules) {
	if kind := in.Access.Audience; kind != "" {
		if !slices.Contains(audiences, kind) {
			r.problem("access.audience", fmt.Sprintf("%q is not known to this version and admits nobody: use one of %v", kind, audiences))
		}
		r.rules.Access.audience = Field[v1alpha1.Audience]{kind, r.from("access.audience")}
	}
	if len(in.Access.Departments) > 0 {
		r.rules.Access.departments = Field[[]string]{in.Access.Departments, r.from("access.departments")}
	}
}

func (audience) fill(into, from *Rules) {
	fill(&into.Access.audience, &from.Access.audience)
	fill(&into.Access.departments, &from.Access.departments)
}

func (audience) bound(into, by *Rules) {
	kind, departments := by.Access.audience, by.Access.departments
	if kind.From == nil && departments.From != nil && into.Access.audience.Value == v1alpha1.AudienceDepartments {
		// An override that says only which departments bounds those that are named below.
		kind = Field[v1alpha1.Audience]{v1alpha1.AudienceDepartments, departments.From}
	}
	if kind.From != nil {
		into.Access.Audiences = append(into.Access.Audiences, Audience{kind.Value, departments.Value, kind.From})
	}
}

// role is an entry of access.roles, by its place in Roles.
type role int

func (i role) read(r *reader, in *v1alpha1.PolicyRules) {
	for _, entry := range in.Access.Roles {
		if entry.Role == Roles[i] {
			path := "access.roles[" + string(entry.Role) + "]"
			set, conditions := r.entry(path, entry.Permissions, entry.When)
			r.rules.Access.Roles[i] = Field[PermissionSet]{set, r.from(path)}
			r.rules.Access.RoleConditions[i] = conditions
		}
	}
}

func (i role) fill(into, from *Rules) {
	if into.Access.Roles[i].From == nil {
		into.Access.Roles[i] = from.Access.Roles[i]
		into.Access.RoleConditions[i] = from.Access.RoleConditions[i]
	}
}

func (i role) bound(into, by *Rules) {
	limit := by.Access.Roles[i]
	if limit.From == nil {
		return
	}
	intersect(&into.Access.Roles[i], limit)
	intersect(&into.Access.Ceilings[i], limit)
	conditions := by.Access.RoleConditions[i]
	into.Access.RoleConditions[i] = both(into.Access.RoleConditions[i], conditions)
	into.Access.CeilingConditions[i] = both(into.Access.CeilingConditions[i], conditions)
}

// intersect takes out of into what is not in limit, and notes who did.
func intersect(into *Field[PermissionSet], limit Field[PermissionSet]) {
	if !limit.Value.Includes(into.Value) {
		*into = Field[PermissionSet]{into.Value & limit.Value, limit.From}
	}
}

// roleLabels are the entries of access.labels, merged by label.
type roleLabels struct{}

func (roleLabels) read(r *reader, in *v1alpha1.PolicyRules) {
	for _, entry := range in.Access.Labels {
		path := "access.labels[" + entry.Label + "]"
		set, conditions := r.entry(path, entry.Permissions, entry.When)
		r.rules.Access.Labels = append(r.rules.Access.Labels, Label{
			Name: entry.Label, Permissions: set, Conditions: conditions, Gives: true, From: r.from(path),
		})
	}
}

func (roleLabels) fill(into, from *Rules) {
	for _, label := range from.Access.Labels {
		if into.Access.label(label.Name) == nil {
			into.Access.Labels = append(into.Access.Labels, label)
		}
	}
}

func (roleLabels) bound(into, by *Rules) {
	for _, limit := range by.Access.Labels {
		label := into.Access.label(limit.Name)
		if label == nil {
			limit.Gives = false
			into.Access.Labels = append(into.Access.Labels, limit)
			continue
		}
		if !limit.Permissions.Includes(label.Permissions) {
			label.Permissions &= limit.Permissions
			label.From = limit.From
		}
		label.Conditions = both(label.Conditions, limit.Conditions)
	}
}

// label returns the entry of that name, nil if there is none.
func (a *Access) label(name string) *Label {
	for i := range a.Labels {
		if a.Labels[i].Name == name {
			return &a.Labels[i]
		}
	}
	return nil
}
