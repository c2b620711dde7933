// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Input is everything that rules follow from.
type Input struct {
	// ClusterPolicies are the organisation's policies, all of them.
	ClusterPolicies []v1alpha1.ClusterRecordingPolicy
	// Policies are the policies of the recording's namespace, all of them.
	Policies []v1alpha1.RecordingPolicy
	// NamespaceLabels are the labels of the recording's namespace.
	NamespaceLabels map[string]string
	// RecordingLabels are the labels of the recording.
	RecordingLabels map[string]string
}

// Resolve returns the rules for one recording. It never fails: what cannot be understood is treated as the strictest
// that it can mean, and listed in Rules.Problems.
func Resolve(in Input) *Rules {
	return NewSet(in.ClusterPolicies, in.Policies).Resolve(in.NamespaceLabels, in.RecordingLabels)
}

// Resolve returns the rules for a recording with these labels, in a namespace with those.
func (s *Set) Resolve(namespaceLabels, recordingLabels map[string]string) *Rules {
	reaching := func(list []*source) []*source {
		var found []*source
		for _, candidate := range list {
			if candidate.reaches(labels.Set(namespaceLabels), labels.Set(recordingLabels)) {
				found = append(found, candidate)
			}
		}
		return found
	}
	return combine(reaching(s.overrides), reaching(s.policies), reaching(s.defaults))
}

// combine returns what follows from the policies that reach a recording.
func combine(overrides, policies, defaults []*source) *Rules {
	chain := slices.Concat(policies, defaults)
	enforced, trial := splitTrial(overrides, chain, defaults)
	rules := merge(overrides, enforced)
	if trial.From != nil {
		rules.Trial = merge(overrides, chain)
		rules.Enforcement = trial
	}
	return rules
}

// splitTrial returns those policies of the chain that are enforced, and where the first of the others says that it is
// only being tried out. A policy that says nothing is as the organisation's defaults say. Overrides are always
// enforced, and one that says Enforce ends every trial.
func splitTrial(overrides, chain, defaults []*source) (enforced []*source, trial Field[v1alpha1.Enforcement]) {
	if slices.ContainsFunc(overrides, func(s *source) bool { return s.rules.Enforcement.Value == v1alpha1.EnforcementEnforce }) {
		return chain, trial
	}
	var inherited Field[v1alpha1.Enforcement]
	for _, s := range defaults {
		fill(&inherited, &s.rules.Enforcement)
	}
	for _, s := range chain {
		own := s.rules.Enforcement
		fill(&own, &inherited)
		if own.Value == v1alpha1.EnforcementDryRun {
			fill(&trial, &own)
			continue
		}
		enforced = append(enforced, s)
	}
	return enforced, trial
}

// merge puts the rules of the chain together, the first of it deciding, and bounds them by the overrides.
func merge(overrides, chain []*source) *Rules {
	rules := &Rules{}
	for _, s := range chain {
		rules.note(s.rules.Problems)
		if !s.doubtful {
			fillFrom(rules, s.rules)
		}
	}
	fillFrom(rules, builtIn())
	fill(&rules.Enforcement, &Field[v1alpha1.Enforcement]{v1alpha1.EnforcementEnforce, rules.Profile.From})
	rules.Access.open()
	for _, s := range chain {
		if s.doubtful {
			boundBy(rules, s.rules)
		}
	}
	wished := &Rules{Retention: rules.Retention}
	for _, s := range overrides {
		rules.note(s.rules.Problems)
		boundBy(rules, s.rules)
		rules.Succession.Departed = rules.Succession.Departed.join(s.departed)
	}
	rules.Bounded = boundedIn(wished, rules)
	return rules
}

// fillFrom gives rules whatever they do not say yet and from says.
func fillFrom(rules, from *Rules) {
	for _, f := range fields {
		f.fill(rules, from)
	}
}

// boundBy makes rules at least as strict as by.
func boundBy(rules, by *Rules) {
	for _, f := range fields {
		f.bound(rules, by)
	}
}

// note adds problems that are not noted yet: a policy's overrides and defaults share its selectors.
func (r *Rules) note(problems []Problem) {
	for _, p := range problems {
		if !slices.Contains(r.Problems, p) {
			r.Problems = append(r.Problems, p)
		}
	}
}

// open prepares what bounds are going to narrow: the audience that the policies themselves say, and ceilings that leave
// everything open.
func (a *Access) open() {
	a.Audiences = []Audience{{a.audience.Value, a.departments.Value, a.audience.From}}
	for i := range a.Ceilings {
		a.Ceilings[i].Value = AllPermissions
	}
}
