// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// source is one policy's part in the resolution, read once: its rules, and which recordings it reaches.
type source struct {
	// rules are what it says, by itself or by choosing a profile, and nothing else.
	rules *Rules
	// namespaces and recordings are its selectors.
	namespaces, recordings labels.Selector
	// requirements is how many requirements both have together: more is more specific.
	requirements int
	// created and name order policies that are equally specific.
	created time.Time
	name    string
	// departed are those who have left, by what an organisation's policy says beside its rules.
	departed Departures
	// doubtful says that it cannot be told which recordings it reaches. It then bounds all of them and gives nothing.
	doubtful bool
}

// compileNamespace reads a department's policy.
func compileNamespace(p *v1alpha1.RecordingPolicy) *source {
	origin := Provenance{Kind: KindNamespace, Namespace: p.Namespace, Name: p.Name, Generation: p.Generation}
	return compile(origin, p.CreationTimestamp.Time, nil, p.Spec.Selector, "spec.", &p.Spec.PolicyRules)
}

// compileDefaults reads the defaults of one of the organisation's policies.
func compileDefaults(p *v1alpha1.ClusterRecordingPolicy) *source {
	origin := Provenance{Kind: KindCluster, Name: p.Name, Generation: p.Generation}
	return compile(origin, p.CreationTimestamp.Time, p.Spec.NamespaceSelector, p.Spec.Selector, "spec.defaults.", &p.Spec.Defaults)
}

// compileOverrides reads the overrides of one of the organisation's policies.
func compileOverrides(p *v1alpha1.ClusterRecordingPolicy) *source {
	origin := Provenance{Kind: KindCluster, Name: p.Name, Generation: p.Generation}
	s := compile(origin, p.CreationTimestamp.Time, p.Spec.NamespaceSelector, p.Spec.Selector, "spec.overrides.", &p.Spec.Overrides)
	origin.Field = "spec.departed"
	s.departed = readDepartures(p.Spec.Departed, origin, s.doubtful)
	return s
}

func compile(origin Provenance, created time.Time, namespaces, recordings *metav1.LabelSelector, at string, in *v1alpha1.PolicyRules) *source {
	s := &source{rules: readRules(origin, at, in), created: created, name: origin.Name}
	s.namespaces = s.selector(origin, "spec.namespaceSelector", namespaces)
	s.recordings = s.selector(origin, "spec.selector", recordings)
	if !s.doubtful {
		s.spellOutProfile()
	}
	return s
}

// selector reads a label selector; nil selects everything. One that cannot be read makes the policy doubtful.
func (s *source) selector(origin Provenance, path string, in *metav1.LabelSelector) labels.Selector {
	if in == nil {
		return labels.Everything()
	}
	s.requirements += len(in.MatchLabels) + len(in.MatchExpressions)
	selector, err := metav1.LabelSelectorAsSelector(in)
	if err != nil {
		origin.Field = path
		s.doubt(origin, err)
		return labels.Everything()
	}
	return selector
}

// doubt notes that it cannot be told which recordings the policy reaches. Until it can, the policy bounds every
// recording that it might mean, and gives nothing. Nothing is let go of on its word either: where it says something
// about keeping, everything is kept.
func (s *source) doubt(at Provenance, err error) {
	s.doubtful = true
	s.rules.Problems = append(s.rules.Problems, Problem{at, fmt.Sprintf(
		"%v; until this is put right, the policy bounds every recording it might mean and gives nothing", err)})
	kept := Retention{}
	if s.rules.Retention != kept {
		kept.Paused = &at
	}
	s.spellOutProfile()
	s.rules.Retention = kept
}

// spellOutProfile sets every field that the policy's profile sets and that it leaves open itself: choosing a profile is
// saying all that it says.
func (s *source) spellOutProfile() {
	if s.rules.Profile.From != nil {
		fillFrom(s.rules, readPreset(s.rules.Profile))
	}
}

// reaches says whether the policy is about recordings with these labels in a namespace with those.
func (s *source) reaches(namespace, recording labels.Set) bool {
	return s.namespaces.Matches(namespace) && s.recordings.Matches(recording)
}

// bySpecificity orders policies: more requirements first, then older, then by name.
func bySpecificity(a, b *source) int {
	return cmp.Or(
		cmp.Compare(b.requirements, a.requirements),
		a.created.Compare(b.created),
		cmp.Compare(a.name, b.name),
	)
}

// Set holds policies that have been read: the organisation's, and those of one namespace. It never changes, and can be
// shared between goroutines.
type Set struct {
	overrides, policies, defaults []*source
}

// NewSet reads policies. The order of the lists has no meaning.
func NewSet(cluster []v1alpha1.ClusterRecordingPolicy, namespaced []v1alpha1.RecordingPolicy) *Set {
	set := &Set{}
	for i := range cluster {
		set.overrides = append(set.overrides, compileOverrides(&cluster[i]))
		set.defaults = append(set.defaults, compileDefaults(&cluster[i]))
	}
	for i := range namespaced {
		set.policies = append(set.policies, compileNamespace(&namespaced[i]))
	}
	for _, list := range [][]*source{set.overrides, set.policies, set.defaults} {
		slices.SortFunc(list, bySpecificity)
	}
	return set
}
