// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Fault says what is wrong with something in a policy.
type Fault string

const (
	// FaultInvalid cannot be understood.
	FaultInvalid Fault = "Invalid"
	// FaultOverridden asks for more than an override allows, wherever the policy reaches.
	FaultOverridden Fault = "Overridden"
	// FaultShadowed is decided by another policy, wherever the policy reaches.
	FaultShadowed Fault = "Shadowed"
	// FaultNoEffect has no effect beside the rest of the same policy, or without more of it.
	FaultNoEffect Fault = "NoEffect"
)

// Finding is something in a policy that does not do what it says.
type Finding struct {
	// Fault says what is wrong.
	Fault Fault
	// Field is where in the reviewed policy, such as spec.access.audience.
	Field string
	// By is the object and field that keep it from having its effect; the zero value where nothing else does.
	By Provenance
	// Message says so in words, with what to do.
	Message string
}

// Review is what was found about one policy.
type Review struct {
	// Findings are in the order of the fields.
	Findings []Finding
	// Idle says that nothing of what the policy says can have an effect, because others decide all of it.
	Idle bool
	// Trial says that the policy is only being tried out.
	Trial bool
}

// Review looks for what cannot be understood in a policy, and for what in it can have no effect, whatever recordings there
// are. namespaces are the labels of all namespaces by name. A finding is certain: a selector of which it cannot be told that
// it reaches all that the policy reaches is no conflict. It is false if there is no such policy.
func (x *Index) Review(ref Ref, namespaces map[string]map[string]string) (Review, bool) {
	list := x.cluster
	if ref.Kind == KindNamespace {
		list = x.namespaced[ref.Namespace]
	}
	for i, e := range list {
		if e.ref == ref {
			r := &reviewer{index: x, entry: e, before: list[:i], namespaces: namespaces}
			return r.review(), true
		}
	}
	return Review{}, false
}

// reviewer reviews one policy.
type reviewer struct {
	index      *Index
	entry      *entry
	before     []*entry // those of its kind that come first
	namespaces map[string]map[string]string
	found      Review
	said, lost int // how many fields the policy says, and how many of them others decide
}

func (r *reviewer) review() Review {
	own := r.entry.own
	for _, problem := range own.rules.Problems {
		r.find(FaultInvalid, problem.From.Field, Provenance{}, problem.Message)
	}
	if o := r.entry.override; o != nil {
		for _, problem := range o.rules.Problems {
			// Both share the selectors.
			if !slices.Contains(own.rules.Problems, problem) {
				r.find(FaultInvalid, problem.From.Field, Provenance{}, problem.Message)
			}
		}
	}
	r.found.Trial = r.trial(r.entry)
	if own.doubtful {
		return r.found
	}
	r.reachesNothing()
	r.alone(own.rules)
	for _, p := range plain {
		r.field(p, own)
	}
	r.access(own)
	r.appointed(own)
	r.profile(own)
	if o := r.entry.override; o != nil {
		r.alone(o.rules)
		r.overrideAgainstOverrides(o)
	}
	r.found.Idle = r.said > 0 && r.lost == r.said && !r.entry.override.says()
	return r.found
}

func (r *reviewer) find(fault Fault, field string, by Provenance, message string, args ...any) {
	if len(args) > 0 {
		message = fmt.Sprintf(message, args...)
	}
	r.found.Findings = append(r.found.Findings, Finding{fault, field, by, message})
}

// place is a provenance in words, without the generation: what was found does not change because something else in the other
// object did.
func place(p *Provenance) string {
	at := p.object() + " " + p.Field
	if p.Profile == "" {
		return at
	}
	return fmt.Sprintf("profile %s %s, chosen by %s,", p.Profile, p.Preset, at)
}

// trial says whether a policy is only being tried out. Where it says nothing, that is as the organisation's defaults say that
// reach all that it does.
func (r *reviewer) trial(e *entry) bool {
	for _, o := range r.overrides(e) {
		if o.rules.Enforcement.Value == v1alpha1.EnforcementEnforce {
			return false
		}
	}
	if own := e.own.rules.Enforcement; own.From != nil {
		return own.Value == v1alpha1.EnforcementDryRun
	}
	for _, other := range r.index.cluster {
		if said := other.own.rules.Enforcement; said.From != nil && !other.own.doubtful && r.covers(other, e) {
			return said.Value == v1alpha1.EnforcementDryRun
		}
	}
	return false
}

// overrides are those that bound every recording that e is about.
func (r *reviewer) overrides(e *entry) []*source {
	var list []*source
	for _, other := range r.index.cluster {
		if r.covers(other, e) {
			list = append(list, other.override)
		}
	}
	return list
}

// field looks at one plain field of what the policy itself says: whether a policy that comes first decides it, or an override
// bounds it.
func (r *reviewer) field(p plainField, own *source) {
	value, from := p.at(own.rules)
	if from == nil || from.Profile != "" {
		return
	}
	if r.shadowed(func(rules *Rules) *Provenance { _, from := p.at(rules); return from }, from) {
		return
	}
	for _, o := range r.overrides(r.entry) {
		limit, by := limitOf(p, o.rules)
		if by == nil || *by == *from {
			continue
		}
		if trial := *own.rules; p.binds(&trial, o.rules) {
			r.lost++
			r.find(FaultOverridden, from.Field, *by, "%s is not %s but %s: %s bounds it", from.Field, value, limit, place(by))
			return
		}
	}
}

// shadowed says whether another policy decides a field wherever this one could, and notes it.
func (r *reviewer) shadowed(at func(*Rules) *Provenance, from *Provenance) bool {
	r.said++
	for _, first := range r.before {
		by := at(first.own.rules)
		if by == nil || first.own.doubtful || r.trial(first) != r.found.Trial || !r.covers(first, r.entry) {
			continue
		}
		r.lost++
		r.find(FaultShadowed, from.Field, *by, "%s decides nothing: %s comes first, because its policy is %s", from.Field, place(by), before(first.own, r.entry.own))
		return true
	}
	return false
}

// before says why a policy comes before another.
func before(first, second *source) string {
	switch {
	case first.requirements != second.requirements:
		return "more specific"
	case !first.created.Equal(second.created):
		return "as specific and older"
	}
	return "as specific, as old and first by name"
}

// overrideAgainstOverrides looks for overrides that another's stricter one makes pointless.
func (r *reviewer) overrideAgainstOverrides(own *source) {
	for _, p := range plain {
		value, from := p.at(own.rules)
		if from == nil || from.Profile != "" {
			continue
		}
		for _, o := range r.overrides(r.entry) {
			limit, by := p.at(o.rules)
			if trial := *own.rules; by != nil && *by != *from && p.binds(&trial, o.rules) {
				r.find(FaultOverridden, from.Field, *by, "%s %s bounds nothing: %s is stricter with %s", from.Field, value, place(by), limit)
				break
			}
		}
	}
}

// reachesNothing notes a namespace selector that picks none of the namespaces there are.
func (r *reviewer) reachesNothing() {
	if r.entry.override == nil || r.entry.reach.namespaces.Empty() {
		return
	}
	for _, namespace := range r.namespaces {
		if r.entry.reach.namespaces.Matches(setOf(namespace)) {
			return
		}
	}
	r.find(FaultNoEffect, "spec.namespaceSelector", Provenance{}, "spec.namespaceSelector picks no namespace that there is: check its labels, or label a namespace")
}
