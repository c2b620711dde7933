// SPDX-License-Identifier: Apache-2.0

// Package pacing bounds how fast, by how many players at once, and how often one person is given what they watch.
//
// It counts in memory, and what is not counted in the same Ledger it does not know: package peers has one replica count for each person. Who comes
// for the first time, or after an hour, begins with as much ahead as the policy gives at the start.
package pacing

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

const (
	// kept bounds how many viewers, and how many of their accounts, are remembered: of an hour's recording a kilobyte each.
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

// Visit is a request that a viewer's player makes.
type Visit struct {
	// Player names the player. Began is when it began, in seconds since 1970.
	Player string
	Began  int64
	// MaxRequests is how many requests the viewer may make in a minute, MaxPlayers how many of their players may be in use at once.
	MaxRequests, MaxPlayers int
}

// Admission is the answer to a Visit. The zero value lets it in.
type Admission struct {
	// Wait is how long the viewer has no request left.
	Wait time.Duration
	// Crowded says that as many players of the viewer as may be are in use that began later. So it is always the one who sits down last who sees
	// something, and a player whose page was closed is in nobody's way.
	Crowded bool
}

// Admit takes one of a viewer's requests of this minute, and notes that a player is in use.
func (l *Ledger) Admit(viewer string, visit Visit) Admission {
	if _, wait := l.requests.TakeOf(viewer, visit.MaxRequests); wait > 0 {
		return Admission{Wait: wait}
	}
	entry := l.players.get(viewer, func() *players { return &players{seen: map[string]use{}} })
	return Admission{Crowded: !entry.play(visit.Player, use{began: visit.Began, last: l.clock.Now()}, visit.MaxPlayers)}
}

// Take gives the viewer these units of a recording, of which each is paid for once: to see a scene again is free. The Purchase has
// to be waited for, and settled when it is known what of it was really sent. It is nil where that would take too long; wait then says how
// long.
func (l *Ledger) Take(viewer, recording string, terms Terms, units []Unit) (bought *Purchase, wait time.Duration) {
	wait, sold := l.account(viewer, recording, terms).take(terms, units, l.clock.Now())
	if !sold {
		return nil, wait
	}
	return NewPurchase(wait, units, func(unsent []Unit) { l.GiveBack(viewer, recording, terms, unsent) }), wait
}

// GiveBack takes back units of a Purchase that were not sent. To settle the Purchase does so.
func (l *Ledger) GiveBack(viewer, recording string, terms Terms, unsent []Unit) {
	l.account(viewer, recording, terms).giveBack(terms, unsent)
}

func (l *Ledger) account(viewer, recording string, terms Terms) *account {
	return l.accounts.get(viewer+"\n"+recording, func() *account { return &account{due: map[int]time.Time{}, ahead: terms.ahead(), at: l.clock.Now()} })
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
