// SPDX-License-Identifier: Apache-2.0

// Package quota decides which recordings of a namespace have room in a store, and remembers what no object of the API says: how
// large what has arrived is, which recordings were let in a moment ago, and what deleted recordings still take up.
//
//	stored (in the trash or not) + deleted, but not purged + let in   ≤   quota
//
// Who is let in next is decided by age, the oldest first. One that does not fit waits, and does not keep smaller ones after it
// from coming in. The answer follows from what there is and not from who asks first, so that two at once never both take the
// last room.
package quota

import (
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Claim is a recording that has no media in the store yet.
type Claim struct {
	UID     types.UID
	Created time.Time
	// Bytes is how large it is, or at most is; 0 where nobody knows yet.
	Bytes int64
	// Started says that it was let in.
	Started bool
}

// Answer says whether a recording has room.
type Answer struct {
	Fits bool
	// Taken is how many bytes are taken by what comes before it, Wants how many it needs.
	Taken, Wants int64
}

// Decide answers for one of the claims.
func Decide(limit, settled int64, claims []Claim, mine types.UID) Answer {
	taken := settled
	var waiting []Claim
	for _, claim := range claims {
		switch {
		case !claim.Started:
			waiting = append(waiting, claim)
		case claim.UID == mine:
			return Answer{Fits: true, Taken: taken, Wants: claim.Bytes}
		default:
			taken += claim.Bytes
		}
	}
	slices.SortFunc(waiting, func(a, b Claim) int {
		if order := a.Created.Compare(b.Created); order != 0 {
			return order
		}
		return strings.Compare(string(a.UID), string(b.UID))
	})
	for _, claim := range waiting {
		// Of what nobody knows the size of, there is room for at least a byte.
		fits := taken+max(claim.Bytes, 1) <= limit
		if claim.UID == mine {
			return Answer{Fits: fits, Taken: taken, Wants: claim.Bytes}
		}
		if fits {
			taken += claim.Bytes
		}
	}
	return Answer{Taken: taken}
}

// Place is a namespace's share of a store.
type Place struct{ Store, Namespace string }

// Ledger remembers. It lives in memory: after a restart, Jobs tell which recordings were let in, and the buckets tell the rest
// when they are next looked at. It is safe for concurrent use, and its zero value is usable.
type Ledger struct {
	mu      sync.Mutex
	arrived map[Place]map[types.UID]int64
	started map[Place]map[types.UID]bool
	deleted map[Place]Deleted
}

// Deleted is what deleted recordings that can still be restored take up.
type Deleted struct {
	Recordings int32
	Bytes      int64
}

// Arrived notes how large a recording is that has arrived.
func (l *Ledger) Arrived(place Place, uid types.UID, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	note(&l.arrived, place, uid, bytes)
}

// Admit decides about one of the claims, which are all that the place has, and with reserve remembers that it was let in. What
// recordings have stored is settled; what was deleted, and what has arrived, the Ledger knows itself.
func (l *Ledger) Admit(place Place, limit, settled int64, claims []Claim, mine types.UID, reserve bool) Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgetOthers(place, claims)
	for i := range claims {
		if bytes, known := l.arrived[place][claims[i].UID]; known {
			claims[i].Bytes = bytes
		}
		claims[i].Started = claims[i].Started || l.started[place][claims[i].UID]
	}
	answer := Decide(limit, settled+l.deleted[place].Bytes, claims, mine)
	if reserve && answer.Fits {
		note(&l.started, place, mine, true)
	}
	return answer
}

// forgetOthers drops what is no claim any more.
func (l *Ledger) forgetOthers(place Place, claims []Claim) {
	gone := func(uid types.UID) bool {
		return !slices.ContainsFunc(claims, func(c Claim) bool { return c.UID == uid })
	}
	for uid := range l.arrived[place] {
		if gone(uid) {
			delete(l.arrived[place], uid)
		}
	}
	for uid := range l.started[place] {
		if gone(uid) {
			delete(l.started[place], uid)
		}
	}
}

// Deleted adds what a recording that was just deleted leaves in the bucket.
func (l *Ledger) Deleted(place Place, bytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deleted == nil {
		l.deleted = map[Place]Deleted{}
	}
	before := l.deleted[place]
	l.deleted[place] = Deleted{Recordings: before.Recordings + 1, Bytes: before.Bytes + bytes}
}

// SetDeleted replaces what is known of a store's deleted recordings by what was seen in its buckets, by namespace.
func (l *Ledger) SetDeleted(store string, seen map[string]Deleted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for place := range l.deleted {
		if place.Store == store {
			delete(l.deleted, place)
		}
	}
	for namespace, deleted := range seen {
		if l.deleted == nil {
			l.deleted = map[Place]Deleted{}
		}
		l.deleted[Place{store, namespace}] = deleted
	}
}

// DeletedFrom is what deleted recordings take up in a store, by namespace.
func (l *Ledger) DeletedFrom(store string) map[string]Deleted {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]Deleted{}
	for place, deleted := range l.deleted {
		if place.Store == store {
			found[place.Namespace] = deleted
		}
	}
	return found
}

func note[V any](in *map[Place]map[types.UID]V, place Place, uid types.UID, value V) {
	if *in == nil {
		*in = map[Place]map[types.UID]V{}
	}
	if (*in)[place] == nil {
		(*in)[place] = map[types.UID]V{}
	}
	(*in)[place][uid] = value
}
