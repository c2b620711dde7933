// SPDX-License-Identifier: Apache-2.0

// Package pacing bounds how fast, by how many players at once, and how often one person is given what they watch.
//
// It counts in memory, by each replica for itself: what a person is given by another replica it does not know. Who comes to a
// replica for the first time, or after an hour, begins with as much ahead as the policy gives at the start.
package pacing

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

const (
	// kept bounds how many viewers, and how many of their accounts, are remembered: of an hour's recording 200 bytes each.
	// What floods it makes it forget whoever was there longest.
	kept = 1 << 14
	// keptFor is how long what a viewer was given of a recording is remembered after the last time.
	keptFor = time.Hour
)

// Ledger is what viewers were given. It is safe for concurrent use.
type Ledger struct {
	clock    clock.PassiveClock
	accounts *lockedCache[account]
	players  *lockedCache[players]
	requests *throttle.Allowance
}

// New returns a Ledger in which nobody was given anything.
func New(clock clock.PassiveClock) *Ledger {
	return &Ledger{
		clock:    clock,
		accounts: newLockedCache[account](clock),
		players:  newLockedCache[players](clock),
		requests: throttle.NewAllowance(clock, 0, time.Minute),
	}
}

// Request takes one of a viewer's requests of this minute. It returns how long to wait where there is none left.
func (l *Ledger) Request(viewer string, limit int) (wait time.Duration) {
	_, wait = l.requests.TakeOf(viewer, limit)
	return wait
}

// Play notes that a player of the viewer, which began at that time, is in use, and says whether it may be: it may not while as
// many as the limit are in use that began later. So it is always the one who sits down last who sees something, and a player
// whose page was closed is in nobody's way.
func (l *Ledger) Play(viewer, player string, began int64, limit int) bool {
	entry := l.players.get(viewer, func() *players { return &players{seen: map[string]use{}} })
	return entry.play(player, use{began: began, last: l.clock.Now()}, limit)
}

// Take gives the viewer these units of a recording, of which each is paid for once: to see a scene again is free. The Purchase has
// to be waited for, and settled when it is known what of it was really sent. It is nil where that would take too long; wait then says how
// long.
func (l *Ledger) Take(viewer, recording string, terms Terms, units []Unit) (bought *Purchase, wait time.Duration) {
	entry := l.accounts.get(viewer+"\n"+recording, func() *account { return &account{open: map[int]int{}, ahead: terms.ahead(), at: l.clock.Now()} })
	return entry.take(terms, units, l.clock)
}

// lockedCache keeps the entries that were used last.
type lockedCache[T any] struct {
	mutex   sync.Mutex
	entries *cache.LRUExpireCache
}

func newLockedCache[T any](clock clock.PassiveClock) *lockedCache[T] {
	return &lockedCache[T]{entries: cache.NewLRUExpireCacheWithClock(kept, clock)}
}

// get returns an entry, a new one where there is none.
func (c *lockedCache[T]) get(key string, fresh func() *T) *T {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	entry, found := c.entries.Get(key)
	if !found {
		entry = fresh()
	}
	c.entries.Add(key, entry, keptFor)
	return entry.(*T)
}
