// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

func setOf(in map[string]string) labels.Set { return in }

// covers says whether a reaches every recording that b does. False is also where that cannot be told.
func (r *reviewer) covers(a, b *entry) bool {
	if a.own.doubtful || a.override != nil && a.override.doubtful {
		return false
	}
	if !implied(a.reach.recordings, b.reach.recordings) {
		return false
	}
	switch {
	case a.override == nil:
		return a.ref.Namespace == b.ref.Namespace
	case b.override == nil:
		return a.reach.namespaces.Matches(setOf(r.namespaces[b.ref.Namespace]))
	}
	return implied(a.reach.namespaces, b.reach.namespaces)
}

// implied says whether whatever matches given also matches wide, as far as that can be told from their requirements one
// by one.
func implied(wide, given labels.Selector) bool {
	required, _ := wide.Requirements()
	present, _ := given.Requirements()
	for i := range required {
		if !impliedByAny(&required[i], present) {
			return false
		}
	}
	return true
}

func impliedByAny(required *labels.Requirement, present []labels.Requirement) bool {
	for i := range present {
		if present[i].Key() == required.Key() && impliedBy(required, &present[i]) {
			return true
		}
	}
	return false
}

// impliedBy says whether a label that meets present meets required too.
func impliedBy(required, present *labels.Requirement) bool {
	switch required.Operator() {
	case selection.Equals, selection.DoubleEquals, selection.In:
		return picks(present) && required.Values().IsSuperset(present.Values())
	case selection.NotIn, selection.NotEquals:
		switch {
		case picks(present):
			return !required.Values().HasAny(present.Values().UnsortedList()...)
		case present.Operator() == selection.NotIn, present.Operator() == selection.NotEquals:
			return present.Values().IsSuperset(required.Values())
		}
		return present.Operator() == selection.DoesNotExist
	case selection.Exists:
		return picks(present) || present.Operator() == selection.Exists
	case selection.DoesNotExist:
		return present.Operator() == selection.DoesNotExist
	case selection.GreaterThan, selection.LessThan:
		// Label selectors of the API have no such operators.
	}
	return false
}

// picks says whether a requirement names the values that a label may have.
func picks(r *labels.Requirement) bool {
	operator := r.Operator()
	return operator == selection.Equals || operator == selection.DoubleEquals || operator == selection.In
}
