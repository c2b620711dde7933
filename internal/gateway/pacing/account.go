// SPDX-License-Identifier: Apache-2.0

package pacing

import (
	"maps"
	"math"
	"sync"
	"time"
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
	// holds says how many purchases each unit was given by, of those that were not given back. What has any is paid for.
	holds []uint8
	// due is when those units may be sent that were paid for, but not yet earned.
	due map[int]time.Time
	// given is how long what was paid for plays.
	given time.Duration
	// ahead is how much can be given now. It is negative while some wait for what they have bought.
	ahead time.Duration
	at    time.Time
}

// held is how many purchases of a unit are counted: one that was given so often is not taken back any more.
const held = math.MaxUint8

func (a *account) paid(unit Unit) bool { return unit.Index < len(a.holds) && a.holds[unit.Index] > 0 }

func (a *account) hold(unit Unit) {
	if missing := unit.Index + 1 - len(a.holds); missing > 0 {
		a.holds = append(a.holds, make([]uint8, missing)...)
	}
	a.holds[unit.Index] += min(1, held-a.holds[unit.Index])
}

// take sells units, or says how long it is until it can.
func (a *account) take(terms Terms, units []Unit, now time.Time) (wait time.Duration, sold bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.fill(terms, now)
	given := a.given
	for _, unit := range units {
		if !a.paid(unit) {
			given += unit.Plays
		}
	}
	price := terms.cost(given) - terms.cost(a.given)
	wait = time.Duration(float64(price-a.ahead) / terms.Speed)
	if price == 0 || wait < 0 {
		wait = 0
	}
	wait = max(wait, a.untilDue(units, now))
	if wait > longestWait {
		return wait, false
	}
	for _, unit := range units {
		if !a.paid(unit) && wait > 0 {
			a.due[unit.Index] = now.Add(wait)
		}
		a.hold(unit)
	}
	a.ahead, a.given = a.ahead-price, given
	return wait, true
}

// untilDue is how long it is until all of these units may be sent that are paid for: to ask twice is no way around waiting.
func (a *account) untilDue(units []Unit, now time.Time) (wait time.Duration) {
	maps.DeleteFunc(a.due, func(_ int, due time.Time) bool { return !due.After(now) })
	if len(a.due) == 0 {
		return 0
	}
	for _, unit := range units {
		if due, waits := a.due[unit.Index]; waits {
			wait = max(wait, due.Sub(now))
		}
	}
	return wait
}

// giveBack takes back what was paid for units that one purchase did not bring. What another brought, or is to bring, stays paid.
func (a *account) giveBack(terms Terms, units []Unit) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, unit := range units {
		if !a.paid(unit) || a.holds[unit.Index] == held {
			continue
		}
		if a.holds[unit.Index]--; a.holds[unit.Index] == 0 {
			a.ahead += terms.cost(a.given) - terms.cost(a.given-unit.Plays)
			a.given -= unit.Plays
			delete(a.due, unit.Index)
		}
	}
}

func (a *account) fill(terms Terms, now time.Time) {
	if passed := now.Sub(a.at); passed > 0 {
		a.ahead += time.Duration(min(float64(passed)*terms.Speed, float64(24*time.Hour)))
		a.at = now
	}
	a.ahead = min(a.ahead, terms.ahead())
}
