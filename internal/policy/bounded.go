// SPDX-License-Identifier: Apache-2.0

package policy

import "time"

// Bounded is a wish about keeping recordings that does not hold, because somebody with more to say allows something else.
type Bounded struct {
	// Field is the path of the field in a policy, such as retention.expireAfter.
	Field string
	// Wished is what was asked for and Holds what holds, in words such as 365d.
	Wished, Holds string
	// By asked for it, Bound is what holds instead.
	By, Bound *Provenance
}

// boundedIn compares what policies asked for with what is left of it. The built-in profile asks for nothing: nobody chose it.
func boundedIn(wished, left *Retention) []Bounded {
	var found []Bounded
	for _, f := range []struct {
		path string
		of   func(*Retention) *Field[time.Duration]
	}{
		{"retention.expireAfter", func(r *Retention) *Field[time.Duration] { return &r.ExpireAfter }},
		{"retention.unwatchedAfter", func(r *Retention) *Field[time.Duration] { return &r.UnwatchedAfter }},
		{"retention.trashFor", func(r *Retention) *Field[time.Duration] { return &r.TrashFor }},
		{"retention.warnBefore", func(r *Retention) *Field[time.Duration] { return &r.WarnBefore }},
		{"retention.extendTo", func(r *Retention) *Field[time.Duration] { return &r.ExtendTo }},
	} {
		found = appendBounded(found, f.path, f.of(wished), f.of(left), spell)
	}
	found = appendBounded(found, "retention.lock", &wished.Lock, &left.Lock, Lock.String)
	return appendBounded(found, "retention.erasure", &wished.Erasure, &left.Erasure, asText)
}

func asText[T ~string](value T) string { return string(value) }

func appendBounded[T comparable](found []Bounded, path string, wished, left *Field[T], say func(T) string) []Bounded {
	if wished.From == nil || wished.From.Kind == "" || wished.Value == left.Value {
		return found
	}
	return append(found, Bounded{path, say(wished.Value), say(left.Value), wished.From, left.From})
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
