// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Retention says how long the recording is kept and how it leaves. Lengths are v1alpha1.Forever for never.
type Retention struct {
	// ExpireAfter is how long after it became available a recording goes to the trash.
	ExpireAfter Field[time.Duration]
	// UnwatchedAfter is how long nobody has watched a recording when it goes to the trash.
	UnwatchedAfter Field[time.Duration]
	// TrashFor is how long the trash keeps it.
	TrashFor Field[time.Duration]
	// Lock is the least time it is kept.
	Lock Field[Lock]
	// Erasure says whether the key can be destroyed while the media is locked.
	Erasure Field[v1alpha1.ErasureRule]
	// Paused is where a policy says something about keeping that cannot be understood: until that is put right, nothing
	// expires and nothing leaves the trash. Nil otherwise.
	Paused *Provenance
}

// Life is what has happened to a recording so far. Times that have not come are zero.
type Life struct {
	// AvailableAt is when it became available or was last restored.
	AvailableAt time.Time
	// TrashedAt is when it went to the trash, zero while it is not there.
	TrashedAt time.Time
	// LastWatchedAt is when somebody last watched it; AvailableAt for a recording that nobody has watched. Zero is not
	// known, and then nothing counts as unwatched.
	LastWatchedAt time.Time
	// LockedUntil is the end of the lock that has been promised already, LockMode who can lift it, LockedBy the rule that
	// promised it. No change of a policy makes it earlier, or lets more people lift it.
	LockedUntil time.Time
	LockMode    v1alpha1.LockMode
	LockedBy    string
	// Unlocked says that somebody who may has lifted the lock. It opens no Compliance lock.
	Unlocked bool
	// Held says that a legal hold lies on it.
	Held bool
}

// Decider is the rule that decides how long a recording stays.
type Decider string

const (
	// DecidedByHold keeps it as long as there is a legal hold.
	DecidedByHold Decider = "Hold"
	// DecidedByPause keeps it until a policy can be understood again.
	DecidedByPause Decider = "Paused"
	// DecidedByLock keeps it until the retention lock ends.
	DecidedByLock Decider = "Lock"
	// DecidedByExpireAfter moves it to the trash at the end of its time.
	DecidedByExpireAfter Decider = "ExpireAfter"
	// DecidedByUnwatchedAfter moves it to the trash because nobody watches it.
	DecidedByUnwatchedAfter Decider = "UnwatchedAfter"
	// DecidedByTrashFor deletes it for good at the end of its time in the trash.
	DecidedByTrashFor Decider = "TrashFor"
	// DecidedByNothing keeps it: no rule says that it goes.
	DecidedByNothing Decider = "Nothing"
)

// Schedule says when a recording leaves. Times that never come are zero.
type Schedule struct {
	// ExpiresAt is when it goes to the trash. Zero while it is there.
	ExpiresAt time.Time
	// PurgeAt is when it is deleted for good. Zero while it is not in the trash.
	PurgeAt time.Time
	// LockedUntil is when the lock ends, also once that has passed. Zero if there never was one.
	LockedUntil time.Time
	// LockMode says who can lift the lock, LockedBy which rule promised it. Empty if there never was one.
	LockMode v1alpha1.LockMode
	LockedBy string
	// Decider is the rule that decides, From where that rule comes from (zero for a hold, and for a lock that outlived its policy).
	Decider Decider
	From    Provenance
}

// Expired says whether it is to go to the trash.
func (s Schedule) Expired(now time.Time) bool { return due(s.ExpiresAt, now) }

// PurgeDue says whether it is to be deleted for good.
func (s Schedule) PurgeDue(now time.Time) bool { return due(s.PurgeAt, now) }

// Locked says whether the lock still lies on it.
func (s Schedule) Locked(now time.Time) bool { return now.Before(s.LockedUntil) }

// Next returns how long after now the schedule has to be looked at again: exactly when the recording is due, never
// earlier. It is false if nothing is going to happen by itself.
func (s Schedule) Next(now time.Time) (time.Duration, bool) {
	at := s.ExpiresAt
	if at.IsZero() {
		at = s.PurgeAt
	}
	if at.IsZero() {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// Schedule says when a recording leaves: a hold beats everything, then the lock, then the longest required keeping,
// then the earliest deletion.
func (r *Retention) Schedule(life Life) Schedule {
	s := Schedule{Decider: DecidedByNothing}
	lockedBy := s.lock(r.Lock, life)
	if life.Held {
		s.Decider = DecidedByHold
		return s
	}
	if r.Paused != nil {
		s.Decider, s.From = DecidedByPause, *r.Paused
		return s
	}
	leaves := &s.ExpiresAt
	if life.TrashedAt.IsZero() {
		s.leave(leaves, after(life.AvailableAt, r.ExpireAfter.Value), DecidedByExpireAfter, r.ExpireAfter.Source())
		if watched := life.LastWatchedAt; !watched.IsZero() {
			s.leave(leaves, after(later(watched, life.AvailableAt), r.UnwatchedAfter.Value), DecidedByUnwatchedAfter, r.UnwatchedAfter.Source())
		}
	} else {
		leaves = &s.PurgeAt
		s.leave(leaves, after(life.TrashedAt, r.TrashFor.Value), DecidedByTrashFor, r.TrashFor.Source())
	}
	if !leaves.IsZero() && leaves.Before(s.LockedUntil) {
		*leaves, s.Decider, s.From = s.LockedUntil, DecidedByLock, lockedBy
	}
	return s
}

// leave makes the recording leave at the given time, unless something makes it leave earlier.
func (s *Schedule) leave(leaves *time.Time, at time.Time, by Decider, from Provenance) {
	if at.IsZero() || !leaves.IsZero() && !at.Before(*leaves) {
		return
	}
	*leaves, s.Decider, s.From = at, by, from
}

// after returns the time that is length after start; zero if start has not come or length is forever.
func after(start time.Time, length time.Duration) time.Time {
	if start.IsZero() || length == v1alpha1.Forever {
		return time.Time{}
	}
	return start.Add(length)
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
