// SPDX-License-Identifier: Apache-2.0

package media

import (
	"container/list"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// cacheIdle is how long a unit stays that nobody reads any more. What was read since is not given up for another, so that a
	// file which does not fit is not read through the cache over and over without a single hit.
	cacheIdle = time.Minute
	// largestCached bounds one unit: ten seconds at a bit rate that meetings do not have.
	largestCached = 16 << 20
)

// UnitCache keeps units in memory that were read more than once of late: as they are stored, and verified. What everybody watches then costs the
// object store, and the check, once a while. Units are known by their SHA-256, so that no two recordings, nor two versions of one, can be mixed up.
// It is safe for concurrent use. A nil cache keeps nothing.
type UnitCache struct {
	limit int64
	clock clock.PassiveClock

	mu    sync.Mutex
	bytes int64
	// found and missed count the units that were sent, out of the cache and not.
	found, missed int64
	units         map[Digest]*list.Element
	// used has the unit that was read last in front.
	used list.List
}

// cachedUnit is a unit that is kept, or about to be: then it has no bytes yet.
type cachedUnit struct {
	sha256 Digest
	size   int64
	bytes  []byte
	read   time.Time
}

// NewUnitCache returns a cache of so many bytes.
func NewUnitCache(limit int64, clock clock.PassiveClock) *UnitCache {
	return &UnitCache{limit: limit, clock: clock, units: map[Digest]*list.Element{}}
}

// Counts is how many bytes are kept now, and how many units were read so far, out of the cache and from the source.
func (c *UnitCache) Counts() (bytes, found, missed int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes, c.found, c.missed
}

// get returns a unit, nil if it is not kept. It must not be changed.
func (c *UnitCache) get(unit Unit) []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.units[unit.SHA256]
	if element == nil || element.Value.(*cachedUnit).bytes == nil {
		return nil
	}
	c.found++
	found := element.Value.(*cachedUnit)
	found.read = c.clock.Now()
	c.used.MoveToFront(element)
	return found.bytes
}

// miss counts a unit that comes from the source.
func (c *UnitCache) miss() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.missed++
}

// begin makes room for a unit that is about to be read, and returns where to put it. It is nil where there is no room, or where the unit is
// kept already or about to be.
func (c *UnitCache) begin(unit Unit) *cachedUnit {
	if c == nil || unit.Bytes > min(c.limit, largestCached) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	for last := c.used.Back(); last != nil && c.bytes+unit.Bytes > c.limit; last = c.used.Back() {
		idle := last.Value.(*cachedUnit)
		if idle.bytes == nil || now.Sub(idle.read) < cacheIdle {
			return nil
		}
		c.drop(idle)
	}
	if c.units[unit.SHA256] != nil || c.bytes+unit.Bytes > c.limit {
		return nil
	}
	begun := &cachedUnit{sha256: unit.SHA256, size: unit.Bytes, read: now}
	c.units[unit.SHA256] = c.used.PushFront(begun)
	c.bytes += begun.size
	return begun
}

// keep ends what begin began, with the verified unit.
func (c *UnitCache) keep(begun *cachedUnit, verified []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun.bytes = verified
}

// abandon ends what begin began, without the unit.
func (c *UnitCache) abandon(begun *cachedUnit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(begun)
}

func (c *UnitCache) drop(unit *cachedUnit) {
	if element := c.units[unit.sha256]; element != nil && element.Value == unit {
		c.used.Remove(element)
		delete(c.units, unit.sha256)
		c.bytes -= unit.size
	}
}
