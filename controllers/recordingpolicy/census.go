// SPDX-License-Identifier: Apache-2.0

package recordingpolicy

import (
	"iter"
	"math"
	"sync"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// census counts the recordings that each policy is about. It counts a namespace anew when something there has changed, all of
// them when policies or namespaces have, and never more often than CountEvery. The zero value has counted nothing.
type census struct {
	mu sync.Mutex
	// all says that every namespace has to be counted; dirty are those that have to.
	counted bool
	all     bool
	dirty   map[string]bool

	// The rest belongs to the one pass that runs.
	last   time.Time
	index  *policy.Index
	tally  map[string]map[policy.Ref]int
	totals map[policy.Ref]int
}

// markAll notes that recordings of any namespace may be governed by other policies than before.
func (c *census) markAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = true
}

// mark notes that recordings of a namespace have come, gone or changed their labels.
func (c *census) mark(namespace string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dirty == nil {
		c.dirty = map[string]bool{}
	}
	c.dirty[namespace] = true
}

// take returns what has to be counted and forgets it.
func (c *census) take() (all bool, dirty map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all, dirty = c.all, c.dirty
	c.all, c.dirty = false, nil
	return all, dirty
}

// pending says whether anything has to be counted.
func (c *census) pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all || len(c.dirty) > 0
}

// update counts what has to be counted, if it is time, and returns how long that is from now if it is not.
func (c *census) update(cards catalog.Reader, index *policy.Index, namespaces map[string]map[string]string, now time.Time) time.Duration {
	if !c.counted || c.index != index {
		c.markAll()
	}
	if !c.pending() {
		return 0
	}
	if wait := c.last.Add(CountEvery).Sub(now); c.counted && wait > 0 {
		return wait
	}
	all, dirty := c.take()
	if all {
		c.tally = map[string]map[policy.Ref]int{}
	}
	for namespace, labels := range namespaces {
		if !all && !dirty[namespace] {
			continue
		}
		c.tally[namespace] = index.Tally(namespace, labels, labelsOf(cards.Cards(namespace)))
	}
	c.index, c.last, c.counted = index, now, true
	c.totals = map[policy.Ref]int{}
	for namespace, counts := range c.tally {
		if _, exists := namespaces[namespace]; !exists {
			delete(c.tally, namespace)
			continue
		}
		for ref, n := range counts {
			c.totals[ref] += n
		}
	}
	return 0
}

// of returns the number to report of a policy. A policy that was made or changed after the last count keeps what it has.
func (c *census) of(ref policy.Ref, reported *int32) *int32 {
	if !c.counted || c.pending() && c.totals[ref] == 0 {
		return reported
	}
	return new(int32(min(c.totals[ref], math.MaxInt32)))
}

// labelsOf spells out the labels of each recording. Most have the same as others, which are spelled out once.
func labelsOf(cards []*catalog.Card) iter.Seq[map[string]string] {
	return func(yield func(map[string]string) bool) {
		known := map[string]map[string]string{}
		for _, card := range cards {
			labels, found := known[card.LabelSet()]
			if !found {
				labels = card.GetLabels()
				known[card.LabelSet()] = labels
			}
			if !yield(labels) {
				return
			}
		}
	}
}
