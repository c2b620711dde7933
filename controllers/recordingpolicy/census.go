// SPDX-License-Identifier: Apache-2.0

package recordingpolicy

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
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
func (c *census) update(
	ctx context.Context, reader client.Reader, index *policy.Index, namespaces map[string]map[string]string, now time.Time,
) (time.Duration, error) {
	if !c.counted || c.index != index {
		c.markAll()
	}
	if !c.pending() {
		return 0, nil
	}
	if wait := c.last.Add(CountEvery).Sub(now); c.counted && wait > 0 {
		return wait, nil
	}
	all, dirty := c.take()
	if all {
		c.tally = map[string]map[policy.Ref]int{}
	}
	for namespace, labels := range namespaces {
		if !all && !dirty[namespace] {
			continue
		}
		counts, err := count(ctx, reader, index, namespace, labels)
		if err != nil {
			c.markAll()
			return 0, err
		}
		c.tally[namespace] = counts
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
	return 0, nil
}

// of returns the number to report of a policy. A policy that was made or changed after the last count keeps what it has.
func (c *census) of(ref policy.Ref, reported *int32) *int32 {
	if !c.counted || c.pending() && c.totals[ref] == 0 {
		return reported
	}
	return new(int32(min(c.totals[ref], math.MaxInt32)))
}

// count counts the recordings of one namespace.
func count(ctx context.Context, reader client.Reader, index *policy.Index, namespace string, labels map[string]string) (map[policy.Ref]int, error) {
	var recordings v1alpha1.MeetingRecordingList
	if err := reader.List(ctx, &recordings, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the recordings of namespace %s: %w", namespace, err)
	}
	return index.Tally(namespace, labels, labelsOf(recordings.Items)), nil
}

func labelsOf(recordings []v1alpha1.MeetingRecording) iter.Seq[map[string]string] {
	return func(yield func(map[string]string) bool) {
		for i := range recordings {
			if !yield(recordings[i].Labels) {
				return
			}
		}
	}
}
