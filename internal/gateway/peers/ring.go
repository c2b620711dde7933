// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// retryAfter is how long nobody asks a replica that did not answer. Then one request tries.
const retryAfter = time.Second

// Ring are the replicas of the gateway that are ready. It is safe for concurrent use.
type Ring struct {
	// self is this replica's own address, and patience how long others may take to answer it.
	self     string
	patience time.Duration

	mutex   sync.RWMutex
	members []*member
}

// member is a replica.
type member struct {
	// address is its host and port.
	address string

	mutex sync.Mutex
	// silent is until when it is not asked. It is zero while it answers.
	silent time.Time
}

// NewRing returns a Ring of nobody. Self is where the others reach this replica: host and port. Patience is how long they may take to answer.
func NewRing(self string, patience time.Duration) *Ring { return &Ring{self: self, patience: patience} }

// Set says which replicas are ready now, by their addresses. Whether this one is among them makes no difference to what it may ask.
func (r *Ring) Set(addresses []string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	known := map[string]*member{}
	for _, one := range r.members {
		known[one.address] = one
	}
	r.members = nil
	for _, address := range slices.Compact(slices.Sorted(slices.Values(addresses))) {
		one := known[address]
		if one == nil {
			one = &member{address: address}
		}
		r.members = append(r.members, one)
	}
}

// Self is where the others reach this replica.
func (r *Ring) Self() string { return r.self }

// Len is how many replicas are ready.
func (r *Ring) Len() int {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	return len(r.members)
}

// home is the replica that counts for a viewer: nil where that is this one, or there is none. When a replica comes or goes, the viewers of that one
// move, and no others.
func (r *Ring) home(viewer string) *member {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	var home *member
	var best uint64
	for _, one := range r.members {
		if weight := weigh(one.address, viewer); home == nil || weight > best {
			home, best = one, weight
		}
	}
	if home == nil || home.address == r.self {
		return nil
	}
	return home
}

// weigh is a number that depends on both by chance, but is the same everywhere.
func weigh(address, viewer string) uint64 {
	sum := sha256.Sum256([]byte(address + "\n" + viewer))
	return binary.BigEndian.Uint64(sum[:])
}

// mayAsk says whether the replica is to be asked now. Of one that is silent, it says so to one request every now and then.
func (m *member) mayAsk(now time.Time) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.silent.IsZero() {
		return true
	}
	if now.Before(m.silent) {
		return false
	}
	m.silent = now.Add(retryAfter)
	return true
}

// heard notes whether the replica answered.
func (m *member) heard(answered bool, now time.Time) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.silent = time.Time{}
	if !answered {
		m.silent = now.Add(retryAfter)
	}
}
