// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// World is what was read from a cluster at one moment. Nothing changes it.
type World struct {
	// ClusterPolicies are the organisation's policies, all of them.
	ClusterPolicies []v1alpha1.ClusterRecordingPolicy
	// Policies, Recordings and Grants are those of the namespaces that were read. There are no recordings where the question is about
	// none, or about a single one.
	Policies   []v1alpha1.RecordingPolicy
	Recordings []v1alpha1.MeetingRecording
	Grants     []v1alpha1.AccessGrant
	// Namespace is the one namespace that was read, empty for all of them.
	Namespace string
	// Namespaces are the labels of the namespaces that were read, by name.
	Namespaces map[string]map[string]string
}

// Book resolves the rules of a world's recordings, once for all recordings of a namespace that have the same labels. It is not
// safe for use by several goroutines.
type Book struct {
	world *World
	sets  map[string]*policy.Set
	rules map[place]*policy.Rules
	// named are the grants that name a recording, by its name; picking those that pick recordings, by namespace.
	named, picking map[string][]*v1alpha1.AccessGrant
}

// place is all that rules depend on within one world: two recordings in the same place have the same rules.
type place struct{ namespace, labels string }

// placeOf returns the place of recordings of the namespace with these labels.
func placeOf(namespace string, recordingLabels map[string]string) place {
	return place{namespace, labels.Set(recordingLabels).String()}
}

// NewBook returns a book about the world.
func NewBook(world *World) *Book {
	b := &Book{
		world:   world,
		sets:    map[string]*policy.Set{},
		rules:   map[place]*policy.Rules{},
		named:   map[string][]*v1alpha1.AccessGrant{},
		picking: map[string][]*v1alpha1.AccessGrant{},
	}
	for i := range world.Grants {
		g := &world.Grants[i]
		index, key := b.picking, g.Namespace
		if g.Spec.RecordingSelector == nil {
			index, key = b.named, g.Namespace+"/"+g.Spec.RecordingRef.Name
		}
		if g.DeletionTimestamp.IsZero() {
			index[key] = append(index[key], g)
		}
	}
	return b
}

// Rules returns the rules for recordings of the namespace that have the given labels, also if there is none yet.
func (b *Book) Rules(namespace string, recordingLabels map[string]string) *policy.Rules {
	at := placeOf(namespace, recordingLabels)
	if rules, known := b.rules[at]; known {
		return rules
	}
	rules := b.set(namespace).Resolve(b.world.Namespaces[namespace], recordingLabels)
	b.rules[at] = rules
	return rules
}

// RulesOf returns the rules for the recording.
func (b *Book) RulesOf(recording *v1alpha1.MeetingRecording) *policy.Rules {
	return b.Rules(recording.Namespace, recording.Labels)
}

func (b *Book) set(namespace string) *policy.Set {
	if set, known := b.sets[namespace]; known {
		return set
	}
	var policies []v1alpha1.RecordingPolicy
	for i := range b.world.Policies {
		if b.world.Policies[i].Namespace == namespace {
			policies = append(policies, b.world.Policies[i])
		}
	}
	set := policy.NewSet(b.world.ClusterPolicies, policies)
	b.sets[namespace] = set
	return set
}

// GrantsOf returns the grants that are about the recording, ordered by name.
func (b *Book) GrantsOf(recording *v1alpha1.MeetingRecording) []access.Grant {
	var grants []access.Grant
	for _, g := range b.concerning(recording) {
		grants = append(grants, access.FactsOfGrant(g, governance.Accepted(g)))
	}
	return grants
}

// concerning returns the grants that are about the recording, ordered by name.
func (b *Book) concerning(recording *v1alpha1.MeetingRecording) []*v1alpha1.AccessGrant {
	var found []*v1alpha1.AccessGrant
	for _, g := range slices.Concat(b.named[nameOf(recording)], b.picking[recording.Namespace]) {
		if governance.Concerns(g, recording) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *v1alpha1.AccessGrant) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// reach is which recordings a policy may be about. One whose selectors cannot be read may be about any.
type reach struct {
	namespace              string // of a RecordingPolicy; empty for the organisation's
	namespaces, recordings labels.Selector
}

func reachOf(namespace string, namespaces, recordings *metav1.LabelSelector) reach {
	return reach{namespace, selectorOf(namespaces), selectorOf(recordings)}
}

func selectorOf(in *metav1.LabelSelector) labels.Selector {
	if in == nil {
		return labels.Everything()
	}
	selector, err := metav1.LabelSelectorAsSelector(in)
	if err != nil {
		return labels.Everything()
	}
	return selector
}

func (r reach) includes(w *World, recording *v1alpha1.MeetingRecording) bool {
	if r.namespace != "" && r.namespace != recording.Namespace {
		return false
	}
	return r.namespaces.Matches(labels.Set(w.Namespaces[recording.Namespace])) && r.recordings.Matches(labels.Set(recording.Labels))
}

// count returns how many recordings the policy is about.
func (r reach) count(w *World) int {
	n := 0
	for i := range w.Recordings {
		if r.includes(w, &w.Recordings[i]) {
			n++
		}
	}
	return n
}

// nameOf is how reports call a recording.
func nameOf(r *v1alpha1.MeetingRecording) string { return r.Namespace + "/" + r.Name }

// foldCase makes A to Z lower case, as addresses are compared.
func foldCase(address string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, address)
}
