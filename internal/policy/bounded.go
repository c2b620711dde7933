// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"time"
)

// Bounded is a wish about keeping recordings that does not hold, because somebody with more to say allows something else.
type Bounded struct {
	// Field is the path of the field in a policy, such as retention.expireAfter.
	Field string
	// Wished is what was asked for and Holds what holds, in words such as 365d.
	Wished, Holds string
	// By asked for it, Bound is what holds instead.
	By, Bound *Provenance
}

// boundedIn compares what policies asked for about keeping recordings with what is left of it. The built-in profile asks for nothing:
// nobody chose it.
func boundedIn(wished, left *Rules) []Bounded {
	var found []Bounded
	for _, f := range plain {
		if !strings.HasPrefix(f.name(), "retention.") {
			continue
		}
		asked, by := f.at(wished)
		if holds, bound := f.at(left); by != nil && by.Kind != "" && asked != holds {
			found = append(found, Bounded{f.name(), asked, holds, by, bound})
		}
	}
	return found
}

// BoundedWish is what became of the time to live that a recording asks for itself; false where it gets that, or asks for none.
func (r *Retention) BoundedWish(wish Field[time.Duration]) (Bounded, bool) {
	ttl, bounded := r.TimeToLive(wish)
	if !bounded {
		return Bounded{}, false
	}
	return Bounded{"retention.expireAfter", spell(wish.Value), spell(ttl.Value), wish.From, ttl.From}, true
}

// BoundedFor returns what was bounded of the field that decides when a recording leaves, nil if nothing was.
func (r *Rules) BoundedFor(decider Decider) *Bounded {
	field := map[Decider]string{
		DecidedByExpireAfter: "retention.expireAfter", DecidedByUnwatchedAfter: "retention.unwatchedAfter",
		DecidedByTrashFor: "retention.trashFor", DecidedByLock: "retention.lock",
	}[decider]
	for i := range r.Bounded {
		if r.Bounded[i].Field == field {
			return &r.Bounded[i]
		}
	}
	return nil
}
