// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// plainField is a field with one value, of which an override puts its own in the place when it is stricter.
type plainField interface {
	field
	// name is the field's path in a policy, such as retention.expireAfter.
	name() string
	// at returns the value in words, and where it comes from; nil where the rules say nothing.
	at(*Rules) (string, *Provenance)
	// binds bounds rules, which it may change, and says whether by was the stricter.
	binds(rules, by *Rules) bool
}

// plain are the fields of that kind, in the order of fields.
var plain = func() []plainField {
	var found []plainField
	for _, f := range fields {
		if p, ok := f.(plainField); ok {
			found = append(found, p)
		}
	}
	return found
}()

// limitOf returns what an override says about a field, in words, and where. It may say it in another field.
func limitOf(f plainField, override *Rules) (string, *Provenance) {
	if elsewhere, ok := f.(interface {
		limit(*Rules) (string, *Provenance)
	}); ok {
		return elsewhere.limit(override)
	}
	return f.at(override)
}

func binds(f plainField, rules, by *Rules) bool {
	_, before := f.at(rules)
	f.bound(rules, by)
	_, after := f.at(rules)
	return before != after
}

func (f enum[T]) name() string { return f.path }

func (f enum[T]) at(r *Rules) (string, *Provenance) {
	s := f.slot(r)
	return string(s.Value), s.From
}

func (f enum[T]) binds(rules, by *Rules) bool { return binds(f, rules, by) }

func (f length) name() string { return f.path }

func (f length) at(r *Rules) (string, *Provenance) {
	s := f.slot(r)
	return spell(s.Value), s.From
}

func (f length) binds(rules, by *Rules) bool { return binds(f, rules, by) }

func (f lead) binds(rules, by *Rules) bool { return binds(f, rules, by) }

// limit is what an override's rules let recordings extend their time to.
func (f extension) limit(r *Rules) (string, *Provenance) {
	limit := f.limitOf(r)
	return spell(limit.Value), limit.From
}

func (f extension) binds(rules, by *Rules) bool { return binds(f, rules, by) }

func (lock) name() string { return "retention.lock" }

func (f lock) at(r *Rules) (string, *Provenance) {
	s := r.Retention.Lock
	return s.Value.String(), s.From
}

func (f lock) binds(rules, by *Rules) bool { return binds(f, rules, by) }

func (f number) name() string { return f.path }

func (f number) at(r *Rules) (string, *Provenance) {
	s := f.slot(r)
	return strconv.Itoa(int(s.Value)), s.From
}

func (f number) binds(rules, by *Rules) bool { return binds(f, rules, by) }

// spell writes a length as policies do.
func spell(length time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case length == v1alpha1.Forever:
		return string(v1alpha1.Never)
	case length >= day && length%day == 0:
		return fmt.Sprintf("%dd", length/day)
	}
	return length.String()
}

// access looks at the fields of access that the policy itself says, which have an order of their own.
func (r *reviewer) access(own *source) {
	a := &own.rules.Access
	if from := a.audience.From; explicit(a.audience) && !r.shadowed(func(rules *Rules) *Provenance { return rules.Access.audience.From }, from) {
		r.audience(a, from)
	}
	if a.audience.From == nil && a.departments.From != nil {
		r.shadowed(func(rules *Rules) *Provenance { return rules.Access.departments.From }, a.departments.From)
	}
	for i := range Roles {
		said := a.Roles[i]
		if !explicit(said) || r.shadowed(func(rules *Rules) *Provenance { return rules.Access.Roles[i].From }, said.From) {
			continue
		}
		if !r.permissions(said.From, said.Value, func(o *Rules) Field[PermissionSet] { return o.Access.Roles[i] }) {
			r.condition(said.From, a.RoleConditions[i], func(o *Rules) []Condition { return o.Access.RoleConditions[i] })
		}
	}
	for _, said := range a.Labels {
		at := func(rules *Rules) Field[PermissionSet] {
			if label := rules.Access.label(said.Name); label != nil {
				return Field[PermissionSet]{label.Permissions, label.From}
			}
			return Field[PermissionSet]{}
		}
		if r.shadowed(func(rules *Rules) *Provenance { return at(rules).From }, said.From) || r.permissions(said.From, said.Permissions, at) {
			continue
		}
		r.condition(said.From, said.Conditions, func(rules *Rules) []Condition {
			if label := rules.Access.label(said.Name); label != nil {
				return label.Conditions
			}
			return nil
		})
	}
}

// permissions notes those that an override takes away, and says whether one does.
func (r *reviewer) permissions(from *Provenance, said PermissionSet, at func(*Rules) Field[PermissionSet]) bool {
	for _, o := range r.overrides(r.entry) {
		limit := at(o.rules)
		if limit.From == nil || limit.Value.Includes(said) {
			continue
		}
		if said&limit.Value == 0 {
			r.lost++
		}
		r.find(FaultOverridden, from.Field, *limit.From, "%s does not give %s: %s allows %s", from.Field, said&^limit.Value, place(limit.From), limit.Value)
		return true
	}
	return false
}

// condition notes that an override adds a condition to an entry.
func (r *reviewer) condition(from *Provenance, said []Condition, at func(*Rules) []Condition) {
	for _, o := range r.overrides(r.entry) {
		for _, limit := range at(o.rules) {
			same := func(c Condition) bool { return c.Expression == limit.Expression }
			if !slices.ContainsFunc(said, same) {
				r.find(FaultOverridden, from.Field, *limit.From, "%s counts only while %s is true as well: %s", from.Field, place(limit.From), limit.Expression)
				return
			}
		}
	}
}

// profile notes what overrides of other objects change about the profile that the policy chooses: one finding for each of them.
func (r *reviewer) profile(own *source) {
	chosen := own.rules.Profile.From
	if chosen == nil {
		return
	}
	for _, other := range r.index.cluster {
		if other == r.entry || !r.covers(other, r.entry) {
			continue
		}
		if lost := bounded(own.rules, other.override.rules); len(lost) > 0 {
			by := Provenance{Kind: KindCluster, Name: other.ref.Name, Field: "spec.overrides", Generation: other.generation}
			r.find(FaultOverridden, chosen.Field, by, "%s %s does not give all that the profile says: %s bounds %s",
				chosen.Field, own.rules.Profile.Value, place(&by), strings.Join(lost, ", "))
		}
	}
}

// bounded returns the paths of those fields that rules have from a profile and that by bounds.
func bounded(rules, by *Rules) []string {
	var lost []string
	note := func(from *Provenance, binds bool) {
		if binds && from != nil && from.Profile != "" {
			lost = append(lost, from.Preset)
		}
	}
	for _, p := range plain {
		_, from := p.at(rules)
		trial := *rules
		note(from, p.binds(&trial, by))
	}
	a, limit := &rules.Access, &by.Access
	note(a.audience.From, limit.audience.From != nil && wider(a.audience.Value, limit.audience.Value))
	for i := range Roles {
		note(a.Roles[i].From, limit.Roles[i].From != nil && !limit.Roles[i].Value.Includes(a.Roles[i].Value))
	}
	return lost
}

// audience notes an audience that is wider than an override's.
func (r *reviewer) audience(a *Access, from *Provenance) {
	for _, o := range r.overrides(r.entry) {
		limit := o.rules.Access.audience
		if limit.From == nil || limit.Value == "" || !wider(a.audience.Value, limit.Value) {
			continue
		}
		r.lost++
		r.find(FaultOverridden, from.Field, *limit.From, "%s admits nobody beyond %s: %s has to admit as well", from.Field, limit.Value, place(limit.From))
		return
	}
	if a.audience.Value != v1alpha1.AudienceDepartments {
		return
	}
	for _, o := range r.overrides(r.entry) {
		if limit := o.rules.Access.departments; limit.From != nil && !subset(a.departments.Value, limit.Value) {
			r.find(FaultOverridden, a.departments.Source().Field, *limit.From, "%s admits only those departments that %s names too", a.departments.Source().Field, place(limit.From))
			return
		}
	}
}

// wider says whether the one audience admits everybody whom the other does, and more.
func wider(a, b v1alpha1.Audience) bool {
	if a == v1alpha1.AudienceInternal {
		return b == v1alpha1.AudienceInvited || b == v1alpha1.AudienceDepartments
	}
	return a == v1alpha1.AudienceAnyone && b != v1alpha1.AudienceAnyone
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// appointed looks at whom the policy names to answer requests and to succeed creators, which only a policy that comes first decides.
func (r *reviewer) appointed(own *source) {
	for _, at := range []func(*Rules) *Provenance{
		func(rules *Rules) *Provenance { return rules.Sharing.Approvers.From },
		func(rules *Rules) *Provenance { return rules.Succession.Successors.From },
	} {
		if from := at(own.rules); from != nil {
			r.shadowed(at, from)
		}
	}
}

// says whether overrides bound anything, or name anybody who has left. A department has none.
func (s *source) says() bool { return s != nil && (!s.rules.empty() || len(s.departed) > 0) }

// empty says whether the rules say nothing.
func (r *Rules) empty() bool {
	if slices.ContainsFunc(plain, func(p plainField) bool { _, from := p.at(r); return from != nil }) {
		return false
	}
	a := &r.Access
	return a.audience.From == nil && a.departments.From == nil && len(a.Labels) == 0 &&
		!slices.ContainsFunc(a.Roles[:], func(f Field[PermissionSet]) bool { return f.From != nil })
}

// alone looks for what can have no effect beside the rest of the same rules. What a profile supplies does not count.
func (r *reviewer) alone(rules *Rules) {
	pointless := func(from *Provenance, because string, args ...any) {
		if from != nil && from.Profile == "" {
			r.find(FaultNoEffect, from.Field, Provenance{}, from.Field+" has no effect: "+because, args...)
		}
	}
	if rules.Sharing.Links.Value == v1alpha1.LinksForbidden && rules.Sharing.Links.From.Profile == "" {
		because := "with sharing.links Forbidden nothing is shared; remove one of the two"
		pointless(rules.Sharing.MaxTTL.From, because)
		if rules.Sharing.External.Value == v1alpha1.Allowed {
			pointless(rules.Sharing.External.From, because)
		}
	}
	if rules.Recording.Mode.Value == v1alpha1.ModeDisabled {
		pointless(rules.Recording.Notice.From, "with recording.mode Disabled nothing is recorded; remove one of the two")
	}
	keep := &rules.Retention
	expires := keep.ExpireAfter
	if explicit(expires) && explicit(keep.UnwatchedAfter) && expires.Value != v1alpha1.Forever && keep.UnwatchedAfter.Value >= expires.Value {
		pointless(keep.UnwatchedAfter.From, "retention.expireAfter is never later; make unwatchedAfter shorter than %s", spell(expires.Value))
	}
	if extend := keep.ExtendTo; explicit(extend) && extend.Value > 0 && explicit(expires) && extend.Value <= expires.Value {
		pointless(extend.From, "a recording lives for expireAfter anyway; make extendTo longer than %s, or remove it", spell(expires.Value))
	}
	if lock := keep.Lock; lock.From != nil && explicit(expires) && lock.Value.For >= expires.Value {
		pointless(expires.From, "retention.lock keeps recordings for %s; make expireAfter longer than that", spell(lock.Value.For))
	}
	a := &rules.Access
	if a.departments.From != nil && a.audience.From == nil && !r.anyDepartments() {
		pointless(a.departments.From, "no policy says audience Departments; set access.audience to Departments")
	}
	if external := a.Roles[len(Roles)-1]; a.audience.Value == v1alpha1.AudienceDepartments && external.Value != 0 {
		pointless(external.From, "audience Departments admits no outsiders, whatever role they have; choose another audience, or remove the role")
	}
	if o := r.entry.override; o != nil && o.rules == rules && rules.Enforcement.Value == v1alpha1.EnforcementDryRun {
		pointless(rules.Enforcement.From, "overrides are always enforced; to try them out, put them into the defaults")
	}
}

func explicit[T any](f Field[T]) bool { return f.From != nil && f.From.Profile == "" }

// anyDepartments says whether any policy that can meet this one says audience Departments.
func (r *reviewer) anyDepartments() bool {
	says := func(s *source) bool { return s != nil && s.rules.Access.audience.Value == v1alpha1.AudienceDepartments }
	others := slices.Concat(r.index.cluster, r.index.namespaced[r.entry.ref.Namespace])
	if r.entry.override != nil {
		for _, list := range r.index.namespaced {
			others = append(others, list...)
		}
	}
	return slices.ContainsFunc(others, func(e *entry) bool { return says(e.own) || says(e.override) })
}
