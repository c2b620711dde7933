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
	// For is how long it lies on a recording, from when that became available.
	For time.Duration
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

// lock keeps what was promised, or makes it stricter where the policy asks for more. It returns the rule that the end of the
// lock follows from; the zero value where its policy is gone, or asks for less by now.
func (s *Schedule) lock(rule Field[Lock], life Life) (from Provenance) {
	s.LockedUntil, s.LockMode, s.LockedBy = life.LockedUntil, life.LockMode, life.LockedBy
	if !s.LockedUntil.IsZero() && s.LockMode == "" {
		s.LockMode = v1alpha1.LockGovernance // promised before modes were written down
	}
	if until := after(life.AvailableAt, rule.Value.For); rule.From != nil && !until.IsZero() {
		mode, longer := stricterMode(s.LockMode, rule.Value.Mode), until.After(s.LockedUntil)
		if longer || mode != s.LockMode {
			s.LockMode, s.LockedBy = mode, rule.Source().String()
		}
		if !until.Before(s.LockedUntil) {
			s.LockedUntil, from = until, rule.Source()
		}
	}
	if life.Unlocked && s.LockMode != v1alpha1.LockCompliance {
		s.LockedUntil, s.LockMode, s.LockedBy = time.Time{}, "", ""
		return Provenance{}
	}
	return from
}
