// SPDX-License-Identifier: Apache-2.0

package pacing

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// leastAhead is what a player needs to start and to seek, whatever a policy says.
	leastAhead = 30 * time.Second
	// longestWait is how long a request is held rather than refused: players give up after ten seconds without a byte.
	longestWait = 8 * time.Second
)

// Terms are what a policy says about one recording.
type Terms struct {
	// MaxAhead is how much may be given ahead of the speed of watching.
	MaxAhead time.Duration
	// Speed is the fastest speed of watching, 1 as it was recorded.
	Speed float64
	// Length is how long the whole recording plays; 0 where that is not known.
	Length time.Duration
}

func (t Terms) ahead() time.Duration { return max(t.MaxAhead, leastAhead) }

// cost is what so much of a recording costs together: what it plays, and, the more of it somebody has, the more of what they were given
// ahead. The whole costs its length and all of that, so that what was ahead at the start is earned by the end: nobody has a whole recording
// sooner than they could have watched it. What is no longer than a player needs to start costs what it plays.
func (t Terms) cost(given time.Duration) time.Duration {
	if t.Length <= leastAhead {
		return given
	}
	share := float64(given) / float64(t.Length)
	return given + time.Duration(share*share*float64(t.ahead()))
}

// Unit is a part of a recording that is paid for as a whole.
type Unit struct {
	// Index counts the units of a recording from 0.
	Index int
	// Plays is how long it plays.
	Plays time.Duration
}

// account is what one viewer was given of one recording: a bucket of playing time that fills at the speed of watching.
type account struct {
	mutex sync.Mutex
	// paid are the units that were paid for, sent those of which something was sent.
	paid, sent bitmap
	// open says how many purchases that are not settled hold a unit.
	open map[int]int
	// given is how long what was paid for plays.
	given time.Duration
	// ahead is how much can be given now. It is negative while some wait for what they have bought.
	ahead time.Duration
	at    time.Time
}

func (a *account) take(terms Terms, units []Unit, clock clock.PassiveClock) (*Purchase, time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := clock.Now()
	a.fill(terms, now)
	given := a.given
	for _, unit := range units {
		if !a.paid.has(unit.Index) {
			given += unit.Plays
		}
	}
	price := terms.cost(given) - terms.cost(a.given)
	wait := time.Duration(float64(price-a.ahead) / terms.Speed)
	if price == 0 || wait < 0 {
		wait = 0
	}
	if wait > longestWait {
		return nil, wait
	}
	a.ahead, a.given = a.ahead-price, given
	for _, unit := range units {
		a.paid.set(unit.Index, true)
		a.open[unit.Index]++
	}
	return &Purchase{Wait: wait, account: a, terms: terms, units: units}, wait
}

func (a *account) fill(terms Terms, now time.Time) {
	if passed := now.Sub(a.at); passed > 0 {
		a.ahead += time.Duration(min(float64(passed)*terms.Speed, float64(24*time.Hour)))
		a.at = now
	}
	a.ahead = min(a.ahead, terms.ahead())
}

// Purchase is what a viewer was given and has paid for.
type Purchase struct {
	// Wait is how long to wait before anything of it is sent.
	Wait time.Duration

	account *account
	terms   Terms
	units   []Unit
}

// Settle gives back what was paid for units from this one on, of which nothing was sent: whoever seeks drops what was on its way.
// What somebody else waits for, or was sent, stays paid.
func (p *Purchase) Settle(unsent int) {
	a := p.account
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, unit := range p.units {
		if unit.Index < unsent {
			a.sent.set(unit.Index, true)
		}
		if a.open[unit.Index]--; a.open[unit.Index] > 0 {
			continue
		}
		delete(a.open, unit.Index)
		if !a.sent.has(unit.Index) {
			a.paid.set(unit.Index, false)
			a.ahead += p.terms.cost(a.given) - p.terms.cost(a.given-unit.Plays)
			a.given -= unit.Plays
		}
	}
	p.units = nil
}

// bitmap is a set of small numbers.
type bitmap []uint64

func (b bitmap) has(i int) bool { return i/64 < len(b) && b[i/64]>>(i%64)&1 == 1 }

func (b *bitmap) set(i int, value bool) {
	for i/64 >= len(*b) {
		*b = append(*b, 0)
	}
	if value {
		(*b)[i/64] |= 1 << (i % 64)
	} else {
		(*b)[i/64] &^= 1 << (i % 64)
	}
}
