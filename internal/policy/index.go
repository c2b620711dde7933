// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Bounds of what an index remembers. Past them it forgets everything and begins anew, so that recordings with ever new
// labels cost time and never memory.
const (
	maxRooms  = 1024
	maxMerged = 4096
)

// Ref names a policy: its kind, its namespace (empty for the organisation's) and its name.
type Ref struct {
	Kind, Namespace, Name string
}

// entry is one policy, read once. An organisation's policy has two sources that share the selectors, a department's one.
type entry struct {
	ref        Ref
	uid        types.UID
	generation int64
	// reach is any of the sources: it knows the selectors.
	reach *source
	// override and own are what it says; override is nil for a department's.
	override, own *source
}

// Index holds all policies, the organisation's and those of every namespace, and answers which rules hold for a recording
// without looking at policies that cannot be about it. It can be shared between goroutines; the rules that it returns are
// shared too, and never change.
//
// Policies are found by a label that they require. Which of them match is looked up among the merges made before: however
// many recordings there are, few combinations of policies occur.
type Index struct {
	cluster    []*entry
	namespaced map[string][]*entry

	mu    sync.RWMutex
	rooms map[string]*room
}

// NewIndex reads policies; the order of the lists has no meaning. Of previous, which may be nil, it takes over what was read
// before: policies whose UID and generation are the same. When nothing else has changed, it returns previous.
func NewIndex(cluster []v1alpha1.ClusterRecordingPolicy, namespaced []v1alpha1.RecordingPolicy, previous *Index) *Index {
	known := previous.entries()
	x := &Index{namespaced: map[string][]*entry{}, rooms: map[string]*room{}}
	reused := 0
	take := func(ref Ref, uid types.UID, generation int64, read func(*entry)) *entry {
		if e := known[ref]; e != nil && uid != "" && e.uid == uid && e.generation == generation {
			reused++
			return e
		}
		e := &entry{ref: ref, uid: uid, generation: generation}
		read(e)
		e.reach = e.own
		return e
	}
	for i := range cluster {
		p := &cluster[i]
		x.cluster = append(x.cluster, take(Ref{Kind: KindCluster, Name: p.Name}, p.UID, p.Generation, func(e *entry) {
			e.override, e.own = compileOverrides(p), compileDefaults(p)
		}))
	}
	for i := range namespaced {
		p := &namespaced[i]
		x.namespaced[p.Namespace] = append(x.namespaced[p.Namespace],
			take(Ref{KindNamespace, p.Namespace, p.Name}, p.UID, p.Generation, func(e *entry) { e.own = compileNamespace(p) }))
	}
	if previous != nil && reused == len(known) && reused == len(cluster)+len(namespaced) {
		return previous
	}
	slices.SortFunc(x.cluster, inOrder)
	for _, entries := range x.namespaced {
		slices.SortFunc(entries, inOrder)
	}
	return x
}

// inOrder orders policies of one kind as the resolution looks at them.
func inOrder(a, b *entry) int { return bySpecificity(a.reach, b.reach) }

func (x *Index) entries() map[Ref]*entry {
	all := map[Ref]*entry{}
	if x == nil {
		return all
	}
	for _, e := range x.cluster {
		all[e.ref] = e
	}
	for _, entries := range x.namespaced {
		for _, e := range entries {
			all[e.ref] = e
		}
	}
	return all
}

// Resolve returns the rules for a recording with these labels, in the namespace of that name and labels. It returns what
// the function Resolve would.
func (x *Index) Resolve(namespace string, namespaceLabels, recordingLabels map[string]string) *Rules {
	return x.room(namespace, namespaceLabels).resolve(recordingLabels)
}

// Tally counts, for each policy that reaches any of them, the recordings that it is about. They are those of one namespace,
// and given by their labels.
func (x *Index) Tally(namespace string, namespaceLabels map[string]string, recordings func(yield func(labels map[string]string) bool)) map[Ref]int {
	room, total, matched := x.room(namespace, namespaceLabels), 0, map[string]*int{}
	var buffer [matchBuffer]byte
	for labels := range recordings {
		total++
		key := room.match(labels, buffer[:0])
		count := matched[string(key)]
		if count == nil {
			count = new(int)
			matched[string(key)] = count
		}
		*count++
	}
	counts := map[Ref]int{}
	if total == 0 {
		return counts
	}
	for _, i := range room.everywhere {
		counts[room.entries[i].ref] += total
	}
	for key, count := range matched {
		for i := range numbers([]byte(key)) {
			counts[room.entries[i].ref] += *count
		}
	}
	return counts
}

// room returns the policies that can be about recordings of a namespace.
func (x *Index) room(namespace string, namespaceLabels map[string]string) *room {
	x.mu.RLock()
	found := x.rooms[namespace]
	x.mu.RUnlock()
	if found != nil && maps.Equal(found.labels, namespaceLabels) {
		return found
	}
	made := newRoom(x, namespace, maps.Clone(namespaceLabels))
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.rooms) >= maxRooms {
		clear(x.rooms)
	}
	x.rooms[namespace] = made
	return made
}

// numbers yields the numbers that a key of a matching set is made of.
func numbers(key []byte) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for ; len(key) > 0; key = key[4:] {
			if !yield(binary.BigEndian.Uint32(key)) {
				return
			}
		}
	}
}
