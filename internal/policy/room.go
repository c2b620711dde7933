// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
)

// matchBuffer holds, four bytes each, the numbers of as many policies as a recording is commonly about.
const matchBuffer = 128

// pair is a label with its value.
type pair struct{ key, value string }

// room is an index over the policies that can be about recordings of one namespace. A policy's number is its place among
// entries; they stand in the order in which the resolution looks at them, so that a sorted set of numbers is a chain.
type room struct {
	labels  map[string]string
	entries []*entry

	// everywhere are the numbers of the policies that are about all recordings here.
	everywhere []uint32
	// byPair, byKey and others hold those of all other policies, each by one thing that it requires: a label with a value, a
	// label with any value, nothing of the kind.
	byPair map[pair][]uint32
	byKey  map[string][]uint32
	others []uint32

	mu sync.RWMutex
	// merged are the rules that were put together before, by the numbers of the policies that match.
	merged map[string]*Rules
}

func newRoom(x *Index, namespace string, namespaceLabels map[string]string) *room {
	r := &room{labels: namespaceLabels, byPair: map[pair][]uint32{}, byKey: map[string][]uint32{}, merged: map[string]*Rules{}}
	for _, e := range x.cluster {
		if e.reach.namespaces.Matches(labels.Set(namespaceLabels)) {
			r.entries = append(r.entries, e)
		}
	}
	r.entries = append(r.entries, x.namespaced[namespace]...)
	usage := map[pair]int{}
	for _, e := range r.entries {
		requirements, _ := e.reach.recordings.Requirements()
		for i := range requirements {
			for _, at := range required(&requirements[i]) {
				usage[at]++
			}
		}
	}
	for i, e := range r.entries {
		r.file(uint32(i), e.reach.recordings, usage)
	}
	return r
}

// file puts a policy where recordings that it is about lead to it: under the label and values that the fewest others require.
func (r *room) file(number uint32, selector labels.Selector, usage map[pair]int) {
	requirements, selectable := selector.Requirements()
	if !selectable {
		return
	}
	if len(requirements) == 0 {
		r.everywhere = append(r.everywhere, number)
		return
	}
	var rarest []pair
	least := math.MaxInt
	for i := range requirements {
		pairs, total := required(&requirements[i]), 0
		for _, at := range pairs {
			total += usage[at]
		}
		if len(pairs) > 0 && total < least {
			rarest, least = pairs, total
		}
	}
	for _, at := range rarest {
		r.byPair[at] = append(r.byPair[at], number)
	}
	if len(rarest) > 0 {
		return
	}
	for i := range requirements {
		if requirements[i].Operator() == selection.Exists {
			key := requirements[i].Key()
			r.byKey[key] = append(r.byKey[key], number)
			return
		}
	}
	r.others = append(r.others, number)
}

// resolve returns the rules for a recording with these labels.
func (r *room) resolve(recording map[string]string) *Rules {
	var buffer [matchBuffer]byte
	key := r.match(recording, buffer[:0])
	r.mu.RLock()
	rules := r.merged[string(key)]
	r.mu.RUnlock()
	if rules != nil {
		return rules
	}
	rules = r.combine(key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.merged) >= maxMerged {
		clear(r.merged)
	}
	r.merged[string(key)] = rules
	return rules
}

// match appends to key the numbers of the policies that are about a recording with these labels, in ascending order,
// without those that are about all.
func (r *room) match(recording map[string]string, key []byte) []byte {
	var buffer [matchBuffer / 4]uint32
	found := r.matching(buffer[:0], r.others, recording)
	for name, value := range recording {
		found = r.matching(found, r.byPair[pair{name, value}], recording)
		found = r.matching(found, r.byKey[name], recording)
	}
	slices.Sort(found)
	for _, number := range found {
		key = binary.BigEndian.AppendUint32(key, number)
	}
	return key
}

// required returns the label and the values that a recording must have one of; nothing where more than these will do.
func required(requirement *labels.Requirement) []pair {
	if !picks(requirement) {
		return nil
	}
	var pairs []pair
	for value := range requirement.Values() {
		pairs = append(pairs, pair{requirement.Key(), value})
	}
	return pairs
}

// matching appends to found those candidates that are about a recording with these labels.
func (r *room) matching(found, candidates []uint32, recording labels.Set) []uint32 {
	for _, number := range candidates {
		if r.entries[number].reach.recordings.Matches(recording) {
			found = append(found, number)
		}
	}
	return found
}

// combine puts the rules together of the policies that are about all recordings and those of a key.
func (r *room) combine(key []byte) *Rules {
	all := slices.AppendSeq(slices.Clone(r.everywhere), numbers(key))
	slices.Sort(all)
	var overrides, policies, defaults []*source
	for _, number := range all {
		switch e := r.entries[number]; e.override {
		case nil:
			policies = append(policies, e.own)
		default:
			overrides, defaults = append(overrides, e.override), append(defaults, e.own)
		}
	}
	return combine(overrides, policies, defaults)
}
