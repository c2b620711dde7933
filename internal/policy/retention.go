// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/moment"
)

// Retention says how long the recording is kept and how it leaves. Lengths are v1alpha1.Forever for never.
type Retention struct {
	// ExpireAfter is how long after it became available a recording goes to the trash.
	ExpireAfter Field[time.Duration]
	// UnwatchedAfter is how long nobody has watched a recording when it goes to the trash.
	UnwatchedAfter Field[time.Duration]
	// TrashFor is how long the trash keeps it.
	TrashFor Field[time.Duration]
	// WarnBefore is how long before it goes to the trash by itself that is announced; 0 for not at all.
	WarnBefore Field[time.Duration]
	// ExtendTo is the longest time to live that a single recording may choose; one that is no longer than ExpireAfter lets none
	// extend its time.
	ExtendTo Field[time.Duration]
	// Lock is the least time it is kept.
	Lock Field[Lock]
	// Erasure says whether the key can be destroyed while the media is locked.
	Erasure Field[v1alpha1.ErasureRule]
	// Paused is where a policy says something about keeping that cannot be understood: until that is put right, nothing
	// expires and nothing leaves the trash. Nil otherwise.
	Paused *Provenance
}

// Life is what has happened to a recording so far, and what is wanted for it alone. Times that have not come are zero.
type Life struct {
	// AvailableAt is when it became available or was last restored.
	AvailableAt time.Time
	// FirstAvailableAt is when it became available for the first time, zero where AvailableAt says so.
	FirstAvailableAt time.Time
	// TrashedAt is when it went to the trash, zero while it is not there.
	TrashedAt time.Time
	// LastWatchedAt is a time after which nobody has watched it; see Watched. Zero is not known, and then nothing counts as
	// unwatched.
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
	// Wish is the time to live that the recording itself asks for. From is nil where it asks for none.
	Wish Field[time.Duration]
}

// LifeOf reads the life of a recording from its object.
func LifeOf(recording *v1alpha1.MeetingRecording) Life {
	status := &recording.Status
	life := Life{
		AvailableAt:      status.AvailableAt.Time,
		FirstAvailableAt: status.FirstAvailableAt.Time,
		TrashedAt:        status.TrashedAt.Time,
		LastWatchedAt:    status.LastWatchedAt.Time,
		LockedUntil:      status.LockedUntil.Time,
		LockMode:         status.LockMode,
		LockedBy:         status.LockedBy,
		Unlocked:         recording.Annotations[v1alpha1.AnnotationBypassLock] != "",
		Held:             len(recording.Spec.Holds) > 0,
	}
	if wish := recording.Spec.Retention.ExpireAfter; wish != "" {
		length, err := wish.Parse()
		if err != nil {
			length = v1alpha1.Forever // what cannot be read deletes nothing; the policies bound it
		}
		life.Wish = Field[time.Duration]{length, &Provenance{
			Kind: KindRecording, Namespace: recording.Namespace, Name: recording.Name,
			Field: "spec.retention.expireAfter", Generation: recording.Generation,
		}}
	}
	return life
}

// TimeToLive returns how long after it became available a recording with this wish expires, and whether the policies allow
// less than it wishes for. A shorter time is always allowed, a longer one up to ExtendTo.
func (r *Retention) TimeToLive(wish Field[time.Duration]) (ttl Field[time.Duration], bounded bool) {
	if wish.From == nil {
		return r.ExpireAfter, false
	}
	most := r.ExpireAfter
	if r.ExtendTo.Value > most.Value {
		most = r.ExtendTo
	}
	if wish.Value > most.Value {
		return most, true
	}
	return wish, false
}

// Schedule says when a recording leaves. Times that never come are zero.
type Schedule struct {
	// ExpiresAt is when it goes to the trash. Zero while it is there.
	ExpiresAt time.Time
	// WarnAt is when that is announced. Zero where it is not.
	WarnAt time.Time
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

// Expiring says whether that is to be announced.
func (s Schedule) Expiring(now time.Time) bool { return due(s.WarnAt, now) }

// PurgeDue says whether it is to be deleted for good.
func (s Schedule) PurgeDue(now time.Time) bool { return due(s.PurgeAt, now) }

// Locked says whether the lock still lies on it.
func (s Schedule) Locked(now time.Time) bool { return now.Before(s.LockedUntil) }

// Next returns when something is going to happen by itself: exactly when it is due, never earlier. Zero is never; what is
// overdue is in the past.
func (s Schedule) Next(now time.Time) time.Time {
	switch {
	case !s.PurgeAt.IsZero():
		return s.PurgeAt
	case s.WarnAt.After(now):
		return s.WarnAt
	}
	return s.ExpiresAt
}

func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// Schedule says when a recording leaves, by Precedence.
func (r *Retention) Schedule(life Life) Schedule {
	s := Schedule{Decider: DecidedByNothing}
	keeps, until, leaves := r.weigh(life)
	s.LockedUntil = until.at
	s.LockMode, s.LockedBy = r.lockOf(life)
	decides := leaves
	switch {
	case keeps.by != "":
		s.Decider, s.From = keeps.by, keeps.from
		return s
	case leaves.by == "":
		return s
	case leaves.at.Before(until.at):
		decides = until
	}
	s.Decider, s.From = decides.by, decides.from
	if !life.TrashedAt.IsZero() {
		s.PurgeAt = decides.at
		return s
	}
	s.ExpiresAt = decides.at
	if r.WarnBefore.Value > 0 {
		s.WarnAt = moment.Later(s.ExpiresAt.Add(-r.WarnBefore.Value), life.AvailableAt)
	}
	return s
}

// after returns the time that is length after start; zero if start has not come or length is forever.
func after(start time.Time, length time.Duration) time.Time {
	if start.IsZero() || length == v1alpha1.Forever {
		return time.Time{}
	}
	return start.Add(length)
}
