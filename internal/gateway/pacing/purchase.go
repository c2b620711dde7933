// SPDX-License-Identifier: Apache-2.0

package pacing

import (
	"slices"
	"time"
)

// Purchase is what a viewer was given and has paid for.
type Purchase struct {
	// Wait is how long to wait before anything of it is sent.
	Wait time.Duration

	units    []Unit
	giveBack func(unsent []Unit)
}

// NewPurchase returns a Purchase of these units. What of them is not sent goes to giveBack.
func NewPurchase(wait time.Duration, units []Unit, giveBack func(unsent []Unit)) *Purchase {
	return &Purchase{Wait: wait, units: units, giveBack: giveBack}
}

// Settle gives back what was paid for units from this one on, of which nothing was sent: whoever seeks drops what was on its way.
// What somebody else waits for, or was sent, stays paid. Where everything was sent there is nothing to do.
func (p *Purchase) Settle(unsent int) {
	rest := slices.DeleteFunc(slices.Clone(p.units), func(unit Unit) bool { return unit.Index < unsent })
	if p.units = nil; len(rest) > 0 {
		p.giveBack(rest)
	}
}
