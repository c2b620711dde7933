// SPDX-License-Identifier: Apache-2.0

// Package deadline hands keys over when their dates have come: exactly, never early, and without polling.
//
// A workqueue can delay too, and dates do not belong there: it forgets nothing that was put off, cannot be told of another
// date, and mixes what is due now with what is due next year. A Queue holds one date for each key, which can be replaced and
// removed, sleeps until the first of them, and then puts the key into the workqueue, with nothing to wait for any more.
//
//	a pass over an object ── Set(key, its next date) ──▶ Queue ── when the date has come ──▶ workqueue ──▶ the next pass
//
// Dates are not kept anywhere: after a restart the first pass over every object sets them again.
package deadline

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// longestSleep bounds how long a clock that was set forward goes unnoticed: timers run by a clock that nobody sets. One waking a
// second, however many dates there are, costs nothing that could be measured.
const longestSleep = time.Second

// batch is how many keys are taken at once, so that who sets a date meanwhile does not wait for thousands of others.
const batch = 256

// Queue holds at most one date for each key. Make it with New; its methods can be called side by side.
type Queue[K comparable] struct {
	clock clock.Clock
	// earlier has room for one: who finds it full knows that Run is about to look anyway.
	earlier chan struct{}

	mu    sync.Mutex
	known map[K]*entry[K]
	dates dates[K]
}

// New returns a Queue that goes by a clock.
func New[K comparable](clock clock.Clock) *Queue[K] {
	return &Queue[K]{clock: clock, earlier: make(chan struct{}, 1), known: map[K]*entry[K]{}}
}

// Set makes at the date of a key, in place of the one that it had. The zero time removes it.
func (q *Queue[K]) Set(key K, at time.Time) {
	if q.set(key, at) {
		select {
		case q.earlier <- struct{}{}:
		default:
		}
	}
}

// SetDue makes a key due at once. A date that is now would be a microsecond away, which a clock that stands still never reaches.
func (q *Queue[K]) SetDue(key K) {
	q.Set(key, q.clock.Now().Truncate(time.Microsecond))
}

// set says whether the first date of all has become earlier.
func (q *Queue[K]) set(key K, at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e, found := q.known[key]
	switch {
	case at.IsZero() && found:
		heap.Remove(&q.dates, e.index)
		delete(q.known, key)
		return false
	case at.IsZero():
		return false
	case found:
		e.at = ceil(at)
		heap.Fix(&q.dates, e.index)
	default:
		e = &entry[K]{key: key, at: ceil(at)}
		q.known[key] = e
		heap.Push(&q.dates, e)
	}
	return e.index == 0
}

// At returns the date of a key, in whole microseconds; the zero time if it has none.
func (q *Queue[K]) At(key K) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e, found := q.known[key]; found {
		return time.UnixMicro(e.at)
	}
	return time.Time{}
}

// Before returns the keys that are due before a date, in no order. It costs their number and not that of all.
func (q *Queue[K]) Before(date time.Time) []K {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dates.before(date.UnixMicro(), 0, nil)
}

// Len returns how many keys have a date.
func (q *Queue[K]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.dates)
}

// Run hands over every key whose date has come, and how long ago that was, until ctx ends. What it has handed over has no date any
// more. It is not handed over again unless it is set again. Only one Run may run at a time.
func (q *Queue[K]) Run(ctx context.Context, hand func(key K, late time.Duration)) {
	timer := q.clock.NewTimer(longestSleep)
	defer timer.Stop()
	for {
		due, sleep, asleep := q.take()
		for _, e := range due {
			hand(e.key, q.clock.Now().Sub(time.UnixMicro(e.at)))
		}
		if len(due) == batch {
			if ctx.Err() != nil {
				return
			}
			continue
		}
		if asleep {
			timer.Stop()
		} else {
			timer.Reset(sleep)
		}
		select {
		case <-ctx.Done():
			return
		case <-q.earlier:
		case <-timer.C():
		}
	}
}

// take removes and returns entries that are due, and says how long to sleep when there are none left; asleep is until something is set.
func (q *Queue[K]) take() (due []*entry[K], sleep time.Duration, asleep bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.clock.Now()
	for len(q.dates) > 0 && len(due) < batch {
		first := q.dates[0]
		// The wall clock decides, again at every waking: one that was set back puts off what it has not reached yet.
		if wait := time.UnixMicro(first.at).Sub(now.Round(0)); wait > 0 {
			return due, min(wait, longestSleep), false
		}
		heap.Pop(&q.dates)
		delete(q.known, first.key)
		due = append(due, first)
	}
	return due, 0, len(q.dates) == 0
}

// ceil is a date in microseconds since 1970, rounded up: rounded down it would come early. Nanoseconds would end in 2262.
func ceil(at time.Time) int64 {
	micros := at.UnixMicro()
	if time.UnixMicro(micros).Before(at) {
		micros++
	}
	return micros
}

// entry is a key with its date and its place in the heap.
type entry[K comparable] struct {
	key   K
	at    int64
	index int
}

// dates is a heap of entries, the earliest first.
type dates[K comparable] []*entry[K]

// before adds the keys from a place of the heap downwards to those that were found: below what is due later, all is.
func (d dates[K]) before(date int64, place int, found []K) []K {
	if place >= len(d) || d[place].at >= date {
		return found
	}
	found = append(found, d[place].key)
	return d.before(date, 2*place+2, d.before(date, 2*place+1, found))
}

func (d dates[K]) Len() int           { return len(d) }
func (d dates[K]) Less(i, j int) bool { return d[i].at < d[j].at }

func (d dates[K]) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push is for package heap.
func (d *dates[K]) Push(x any) {
	e := x.(*entry[K])
	e.index = len(*d)
	*d = append(*d, e)
}

// Pop is for package heap.
func (d *dates[K]) Pop() any {
	last := len(*d) - 1
	e := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return e
}
