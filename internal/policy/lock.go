// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Lock is the least time that a recording is kept.
type Lock struct {
	// Mode says who can lift the lock; empty for no lock.
	Mode v1alpha1.LockMode
	// For is how long it lies on a recording, from when that became available for the first time.
	For time.Duration
}

// String says it in words, such as Governance for 30d.
func (a Lock) String() string {
	if a.Mode == "" {
		return "None"
	}
	return string(a.Mode) + " for " + spell(a.For)
}

// strictest returns the longest time and the stricter mode of both, each for itself: whoever asks for Compliance, or for a
// year, gets it, whatever else is asked for.
func (a Lock) strictest(b Lock) Lock {
	return Lock{Mode: stricterMode(a.Mode, b.Mode), For: max(a.For, b.For)}
}

// stricterMode returns the mode that fewer people can lift; empty is no lock.
func stricterMode(a, b v1alpha1.LockMode) v1alpha1.LockMode {
	if a == v1alpha1.LockCompliance || b == "" {
		return a
	}
	return b
}

// lockOf says who can lift the lock on a recording and which rule promised it: what was promised stays, unless the policy asks
// for more. Both are empty without a lock.
func (r *Retention) lockOf(life Life) (mode v1alpha1.LockMode, by string) {
	if r.lifted(life) {
		return "", ""
	}
	mode, by = promisedMode(life), life.LockedBy
	demanded, applies := r.lock(life)
	if !applies {
		return mode, by
	}
	stricter := stricterMode(mode, r.Lock.Value.Mode)
	if stricter != mode || demanded.at.After(life.LockedUntil) {
		by = demanded.from.String()
	}
	return stricter, by
}

// lifted says that somebody who may has lifted the lock. Compliance cannot be lifted, be it promised or demanded.
func (r *Retention) lifted(life Life) bool {
	return life.Unlocked && stricterMode(promisedMode(life), r.Lock.Value.Mode) != v1alpha1.LockCompliance
}

// promisedMode is the mode of the lock that was promised. Those that were promised before modes were written down could be lifted.
func promisedMode(life Life) v1alpha1.LockMode {
	if life.LockMode == "" && !life.LockedUntil.IsZero() {
		return v1alpha1.LockGovernance
	}
	return life.LockMode
}
