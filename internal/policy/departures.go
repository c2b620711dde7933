// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"cmp"
	"slices"
)

// Departures are people who have left the organisation, in the order of their addresses. Asking for somebody takes no
// allocation, however many have left.
type Departures []Departure

// Departure is somebody who has left.
type Departure struct {
	// Name is their e-mail address.
	Name string
	// From is where it stands.
	From *Provenance
	// Doubtful says that it cannot be told whether the policy that says so is about the recording. They may have left, so
	// that they are no member; they may be here, so that nobody succeeds them.
	Doubtful bool
}

// Of returns what is known of the departure of the person with that address, nil if they have not left.
func (d Departures) Of(name string) *Departure {
	if at, found := slices.BinarySearchFunc(d, name, func(e Departure, name string) int { return comparePeople(e.Name, name) }); found {
		return &d[at]
	}
	return nil
}

// readDepartures reads the list of one policy.
func readDepartures(list []string, from Provenance, doubtful bool) Departures {
	if len(list) == 0 {
		return nil
	}
	departures := make(Departures, 0, len(list))
	for _, name := range list {
		departures = append(departures, Departure{name, &from, doubtful})
	}
	return departures.sorted()
}

// join returns those of both lists. Neither is changed.
func (d Departures) join(others Departures) Departures {
	switch {
	case len(d) == 0:
		return others
	case len(others) == 0:
		return d
	}
	return slices.Concat(d, others).sorted()
}

// sorted puts people into their order and leaves each in once: as certain, if any policy is.
func (d Departures) sorted() Departures {
	slices.SortStableFunc(d, func(a, b Departure) int {
		return cmp.Or(comparePeople(a.Name, b.Name), compareDoubt(a.Doubtful, b.Doubtful))
	})
	return slices.CompactFunc(d, func(a, b Departure) bool { return comparePeople(a.Name, b.Name) == 0 })
}

func compareDoubt(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// comparePeople orders e-mail addresses; it is 0 for those that name one person.
func comparePeople(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] && Lower(a[i]) != Lower(b[i]) {
			return cmp.Compare(Lower(a[i]), Lower(b[i]))
		}
	}
	return cmp.Compare(len(a), len(b))
}

// SamePerson says whether two e-mail addresses name one person: upper and lower case are the same.
//
// Only for the letters A to Z. Unicode has letters that fold to an ASCII letter without looking like it (ſ and K, the
// Kelvin sign), and whoever registers such an address must not become somebody else.
func SamePerson(a, b string) bool { return len(a) == len(b) && comparePeople(a, b) == 0 }

// Lower returns a letter from A to Z in lower case, and everything else as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
