// SPDX-License-Identifier: Apache-2.0

package throttle

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
)

// Allowance bounds how often something is done for a key, such as a person, in each stretch of time. It is kept in memory, by
// each replica for itself; what floods it makes it forget whoever was there longest.
type Allowance struct {
	mutex sync.Mutex
	clock clock.PassiveClock
	limit int
	per   time.Duration
	taken *cache.LRUExpireCache
}

type taken struct {
	times int
	ends  time.Time
}

// NewAllowance allows something limit times in every stretch of this length.
func NewAllowance(clock clock.PassiveClock, limit int, per time.Duration) *Allowance {
	return &Allowance{clock: clock, limit: limit, per: per, taken: cache.NewLRUExpireCacheWithClock(entries, clock)}
}

// Take takes one of a key's times. It returns how many are left after it, or how long to wait where none was.
func (a *Allowance) Take(key string) (left int, wait time.Duration) { return a.TakeOf(key, a.limit) }

// Spent returns how long to wait where a key has no time left, and takes none.
func (a *Allowance) Spent(key string) (wait time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := a.clock.Now()
	if known, found := a.taken.Get(key); found && known.(taken).times >= a.limit {
		return max(0, known.(taken).ends.Sub(now))
	}
	return 0
}

// TakeOf is Take where a key has as many times as it is said here.
func (a *Allowance) TakeOf(key string, limit int) (left int, wait time.Duration) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	now := a.clock.Now()
	entry := taken{ends: now.Add(a.per)}
	if known, found := a.taken.Get(key); found && now.Before(known.(taken).ends) {
		entry = known.(taken)
	}
	if entry.times >= limit {
		return 0, entry.ends.Sub(now)
	}
	entry.times++
	a.taken.Add(key, entry, entry.ends.Sub(now))
	return limit - entry.times, 0
}
