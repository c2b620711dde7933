// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Source says which field of which object a value or a refusal comes from.
type Source struct {
	// Kind, Namespace and Name are the policy; empty for the built-in profile, which no policy chose.
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	// Field is the path in that object, Generation the object's when it was read.
	Field      string `json:"field,omitempty"`
	Generation int64  `json:"generation,omitempty"`
	// Profile and Preset are the profile that supplied the value and the path within it.
	Profile v1alpha1.Profile `json:"profile,omitempty"`
	Preset  string           `json:"preset,omitempty"`
}

// sourceOf returns p in the words of reports; nil where nothing says anything.
func sourceOf(p policy.Provenance) *Source {
	if p == (policy.Provenance{}) {
		return nil
	}
	return &Source{p.Kind, p.Namespace, p.Name, p.Field, p.Generation, p.Profile, p.Preset}
}

func sourceAt(p *policy.Provenance) *Source {
	if p == nil {
		return nil
	}
	return sourceOf(*p)
}

// String returns the source in the words that conditions and logs use, "–" where nothing says anything.
func (s *Source) String() string {
	if s == nil {
		return "–"
	}
	return policy.Provenance{
		Kind: s.Kind, Namespace: s.Namespace, Name: s.Name, Field: s.Field, Generation: s.Generation, Profile: s.Profile, Preset: s.Preset,
	}.String()
}

// Short returns the object, field and generation, and the profile where one supplied the value: String without the path within the
// profile, for where that stands beside it.
func (s *Source) Short() string {
	switch {
	case s == nil:
		return "–"
	case s.Kind == "":
		return fmt.Sprintf("built-in profile %s", s.Profile)
	case s.Profile != "":
		return fmt.Sprintf("%s %s: %s (generation %d)", s.object(), s.Field, s.Profile, s.Generation)
	default:
		return s.String()
	}
}

// object returns the kind and name of the policy.
func (s *Source) object() string {
	if s.Namespace == "" {
		return s.Kind + " " + s.Name
	}
	return s.Kind + " " + s.Namespace + "/" + s.Name
}
