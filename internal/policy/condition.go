// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/condition"
)

// Condition is what an entry of access.roles or access.labels says in `when`. While it does not hold, the entry counts as
// if it listed nothing. So a condition can only take away, wherever it stands: from what the entry gives without it, and
// from what would hold without the entry.
type Condition struct {
	// Expression is the condition as the policy has it.
	Expression string
	// From is where it stands.
	From *Provenance

	// program is nil for an expression that could not be compiled.
	program *condition.Program
}

// Equal says whether both are the same condition of the same object.
func (c Condition) Equal(other Condition) bool {
	return c.Expression == other.Expression && c.From.String() == other.From.String()
}

// Broken says that the expression could not be compiled. It never holds; Rules.Problems says why.
func (c *Condition) Broken() bool { return c.program == nil }

// Holds says whether the condition holds. It fails where that cannot be told, and then it does not hold.
func (c *Condition) Holds(facts *condition.Facts, permission v1alpha1.Permission) (bool, error) {
	if c.Broken() {
		return false, fmt.Errorf("the condition of %s cannot be compiled: put it right in the policy", c.From)
	}
	return c.program.Holds(facts, permission)
}

// Holding returns those permissions of the set for which all conditions hold.
func Holding(set PermissionSet, conditions []Condition, facts *condition.Facts) PermissionSet {
	for i := range conditions {
		set = conditions[i].holding(set, facts)
	}
	return set
}

// holding asks once for every permission, or once for all where the expression does not look at the permission.
func (c *Condition) holding(set PermissionSet, facts *condition.Facts) PermissionSet {
	if c.Broken() || set == 0 {
		return 0
	}
	if !c.program.PerPermission() {
		if holds, err := c.Holds(facts, ""); err != nil || !holds {
			return 0
		}
		return set
	}
	for i, p := range permissions {
		if set&(1<<i) == 0 {
			continue
		}
		if holds, err := c.Holds(facts, p); err != nil || !holds {
			set &^= 1 << i
		}
	}
	return set
}

// entry reads an entry of access.roles or access.labels: what it lists, and under which conditions.
func (r *reader) entry(path string, list []v1alpha1.Permission, when v1alpha1.Condition) (PermissionSet, []Condition) {
	set := r.permissions(path, list)
	if when == "" {
		return set, nil
	}
	path += ".when"
	program, err := condition.Compile(string(when))
	if err != nil {
		r.problem(path, err.Error()+"; until this is put right, the entry counts as if it listed nothing")
		set = 0
	}
	return set, []Condition{{Expression: string(when), From: r.from(path), program: program}}
}

// both returns the conditions of two lists, those that are in both once. Neither list is changed.
func both(a, b []Condition) []Condition {
	all := slices.Clip(a)
	for _, c := range b {
		if !slices.ContainsFunc(all, c.Equal) {
			all = append(all, c)
		}
	}
	return all
}
