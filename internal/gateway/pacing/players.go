// SPDX-License-Identifier: Apache-2.0

package pacing

import (
	"maps"
	"sync"
	"time"
)

const (
	// inUseFor is how long after its last request a player counts as in use: longer than what it has in its buffer.
	inUseFor = time.Minute
	// playersKept bounds how many players of one viewer are remembered.
	playersKept = 1024
)

// players are those of one viewer.
type players struct {
	mutex sync.Mutex
	seen  map[string]use
}

// use is when a player began, in seconds since 1970, and when it last asked for something.
type use struct {
	began int64
	last  time.Time
}

func (p *players) play(player string, now use, limit int) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	maps.DeleteFunc(p.seen, func(_ string, other use) bool { return now.last.Sub(other.last) > inUseFor })
	later := 0
	for id, other := range p.seen {
		if id != player && (other.began > now.began || other.began == now.began && id > player) {
			later++
		}
	}
	if later >= limit {
		delete(p.seen, player)
		return false
	}
	if len(p.seen) < playersKept {
		p.seen[player] = now
	}
	return true
}
