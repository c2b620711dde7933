// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"sync"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// reader reads the rules of one policy, or of a profile, into a Rules that holds only what they say.
type reader struct {
	// origin is the object; at says where in it the rules stand, such as "spec.overrides.".
	origin Provenance
	at     string
	rules  *Rules
}

// readRules returns the rules of in alone.
func readRules(origin Provenance, at string, in *v1alpha1.PolicyRules) *Rules {
	r := &reader{origin: origin, at: at, rules: &Rules{}}
	for _, f := range fields {
		f.read(r, in)
	}
	return r.rules
}

// builtIn returns the rules that hold where no policy says anything: those of Standard, and what all profiles leave open.
var builtIn = sync.OnceValue(func() *Rules {
	rules := readPreset(Field[v1alpha1.Profile]{v1alpha1.ProfileStandard, &Provenance{}})
	fillFrom(rules, readRules(Provenance{Profile: v1alpha1.ProfileStandard}, "", &common))
	return rules
})

// readPreset returns the rules of the profile that was chosen.
func readPreset(chosen Field[v1alpha1.Profile]) *Rules {
	preset := presetOf(chosen.Value)
	origin := *chosen.From
	origin.Profile = preset.Name
	rules := readRules(origin, "", &preset.Rules)
	rules.Profile = Field[v1alpha1.Profile]{preset.Name, &origin}
	return rules
}

// from returns the provenance of the value at path.
func (r *reader) from(path string) *Provenance {
	p := r.origin
	if p.Profile != "" {
		p.Preset = path
	} else {
		p.Field = r.at + path
	}
	return &p
}

// problem notes that the value at path could not be understood.
func (r *reader) problem(path, message string) {
	r.rules.Problems = append(r.rules.Problems, Problem{From: *r.from(path), Message: message})
}

// permissions returns the set of list, and notes what is not known.
func (r *reader) permissions(path string, list []v1alpha1.Permission) PermissionSet {
	for _, p := range list {
		if bit(p) == 0 {
			r.problem(path, fmt.Sprintf("permission %q is not known to this version and is not given: use one of %v", p, permissions))
		}
	}
	return Permissions(list...)
}
