// SPDX-License-Identifier: Apache-2.0

// Package throttle makes guessing slow: after a few wrong tries, each further one has to wait longer than the one before.
// Throttle counts in memory, by each replica for itself; Wait, Wrong and Right count in a list that replicas share.
package throttle

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

const (
	// free is how many tries come without waiting: people mistype.
	free = 3
	// first and longest bound the wait, which doubles from the one to the other: 1 s, 2 s, 4 s … 5 min.
	first   = time.Second
	longest = 5 * time.Minute
	// memory is how long a wrong try is remembered. It is longer than the longest wait.
	memory = time.Hour
	// entries bounds the memory, at about 200 bytes each. Whoever floods it makes it forget the oldest.
	entries = 1 << 16
)

// Throttle counts wrong tries by key.
type Throttle struct {
	mutex sync.Mutex
	clock clock.PassiveClock
	tries *cache.LRUExpireCache
}

type tries struct {
	wrong int
	next  time.Time
}

// New returns a Throttle that remembers nothing.
func New(clock clock.PassiveClock) *Throttle {
	return &Throttle{clock: clock, tries: cache.NewLRUExpireCacheWithClock(entries, clock)}
}

// Try takes one try for all the keys, such as a link and an address, and returns how long to wait instead when one of them
// has had too many. A try counts as wrong until Right says otherwise, so that many at the same time are no way around.
func (t *Throttle) Try(keys ...string) time.Duration {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.clock.Now()
	var wait time.Duration
	for _, key := range keys {
		wait = max(wait, t.get(key).next.Sub(now))
	}
	if wait > 0 {
		return wait
	}
	for _, key := range keys {
		entry := t.get(key)
		entry.wrong++
		entry.next = now.Add(delay(entry.wrong))
		t.tries.Add(key, entry, memory)
	}
	return 0
}

// Right forgets the wrong tries of the keys.
func (t *Throttle) Right(keys ...string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, key := range keys {
		t.tries.Remove(key)
	}
}

func (t *Throttle) get(key string) tries {
	entry, found := t.tries.Get(key)
	if !found {
		return tries{}
	}
	return entry.(tries)
}

// delay is how long to wait after so many wrong tries.
func delay(wrong int) time.Duration {
	if wrong < free {
		return 0
	}
	return min(first<<min(wrong-free, 20), longest)
}
