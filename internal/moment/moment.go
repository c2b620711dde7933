// SPDX-License-Identifier: Apache-2.0

// Package moment has what several parts do with dates. It knows no clock.
package moment

import "time"

// Later returns the later of two times.
func Later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Earlier returns the earlier of two times.
func Earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// RoundUp returns the first multiple of unit that is not before t. A date that is cut off would come early.
func RoundUp(t time.Time, unit time.Duration) time.Time {
	if whole := t.Truncate(unit); whole.Before(t) {
		return whole.Add(unit)
	}
	return t
}

// CeilSecond rounds up to whole seconds, which is what dates in a status are in.
func CeilSecond(t time.Time) time.Time { return RoundUp(t, time.Second) }
