// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"

	"github.com/reelkeeper/reelkeeper/internal/condition"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// union returns what any of the roles may do under the conditions that hold now.
func (c *inquiry) union(roles roleSet, table *policy.RoleTable, conditions *policy.ConditionTable) policy.PermissionSet {
	var set policy.PermissionSet
	for i := range roles.each {
		set |= c.holding(table[i].Value, conditions[i])
	}
	return set
}

// holding returns those permissions of the set whose conditions hold.
func (c *inquiry) holding(set policy.PermissionSet, conditions []policy.Condition) policy.PermissionSet {
	if len(conditions) == 0 || set == 0 {
		return set
	}
	return policy.Holding(set, conditions, c.known())
}

// lazyFacts are nil until the first condition asks for them.
type lazyFacts struct{ *condition.Facts }

// known returns what conditions look at. It is put together only where there is a condition: without, a decision
// allocates nothing. Nothing counts of what is said about somebody whose name nobody vouches for.
func (c *inquiry) known() *condition.Facts {
	if c.lazy.Facts != nil {
		return c.lazy.Facts
	}
	r := &c.Recording
	facts := &condition.Facts{
		Recording: condition.Recording{
			Namespace: r.Namespace, Department: r.Department, Labels: r.Labels,
			StartedAt: r.StartedAt, EndedAt: r.EndedAt,
			Trashed: r.Trashed, Held: r.Held, Participants: len(r.Participants),
		},
		Now: c.Now,
	}
	if s := &c.Subject; s.known() {
		facts.Subject = condition.Subject{
			Name: s.Name, Internal: s.Internal, Departments: s.Departments, Groups: s.Groups, Labels: s.Labels,
		}
	}
	c.lazy.Facts = facts
	return facts
}

// permitting returns where the first of the subject's roles that may do it has that from.
func (c *inquiry) permitting() *policy.Provenance {
	a := &c.rules.Access
	for i := range a.Roles {
		if c.roles&(1<<i) != 0 && c.holding(a.Roles[i].Value, a.RoleConditions[i]).Has(c.Permission) {
			return a.Roles[i].From
		}
	}
	return nil
}

// unmet returns the first condition that keeps the permission from one of the roles, if any does: one that is not true, or
// that is broken and may therefore stand in the way of anything.
func (c *inquiry) unmet(roles roleSet, table *policy.RoleTable, conditions *policy.ConditionTable) obstacle {
	for i := range table {
		if roles&(1<<i) == 0 {
			continue
		}
		if o := c.unmetOf(table[i].Value, conditions[i]); o.reason != "" {
			return o
		}
	}
	return obstacle{}
}

func (c *inquiry) unmetOf(set policy.PermissionSet, conditions []policy.Condition) obstacle {
	if i := slices.IndexFunc(conditions, func(w policy.Condition) bool { return w.Broken() }); i >= 0 {
		return obstacle{reason: ConditionBroken, rule: conditions[i].From}
	}
	if !set.Has(c.Permission) {
		return obstacle{}
	}
	for i := range conditions {
		switch holds, err := conditions[i].Holds(c.known(), c.Permission); {
		case err != nil:
			return obstacle{reason: ConditionBroken, rule: conditions[i].From}
		case !holds:
			return obstacle{reason: ConditionNotMet, rule: conditions[i].From}
		}
	}
	return obstacle{}
}

// unmetByLabels returns the condition of a role label that keeps the permission from the subject, if one does.
func (c *inquiry) unmetByLabels() obstacle {
	for i := range c.rules.Access.Labels {
		label := &c.rules.Access.Labels[i]
		if !slices.Contains(c.Subject.Labels, label.Name) {
			continue
		}
		if o := c.unmetOf(label.Permissions, label.Conditions); o.reason != "" {
			return o
		}
	}
	return obstacle{}
}
