// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/moment"
)

// Decider is the rule that decides how long a recording stays. It is the reason of the condition Retained.
type Decider string

const (
	// DecidedByHold keeps it as long as there is a legal hold.
	DecidedByHold Decider = v1alpha1.ReasonHold
	// DecidedByPause keeps it until a policy can be understood again.
	DecidedByPause Decider = v1alpha1.ReasonPaused
	// DecidedByLock keeps it until the retention lock ends.
	DecidedByLock Decider = v1alpha1.ReasonLock
	// DecidedByExpireAfter moves it to the trash at the end of its time.
	DecidedByExpireAfter Decider = v1alpha1.ReasonExpireAfter
	// DecidedByUnwatchedAfter moves it to the trash because nobody watches it.
	DecidedByUnwatchedAfter Decider = v1alpha1.ReasonUnwatchedAfter
	// DecidedByTrashFor deletes it for good at the end of its time in the trash.
	DecidedByTrashFor Decider = v1alpha1.ReasonTrashFor
	// DecidedByNothing keeps it: no rule says that it goes.
	DecidedByNothing Decider = v1alpha1.ReasonNothing
)

// Force is how a rule weighs against others.
type Force string

const (
	// Keeps beats everything, for as long as the rule applies.
	Keeps Force = "keeps it"
	// KeepsUntil beats every deletion before its date. Of several, the longest required keeping counts.
	KeepsUntil Force = "keeps it until"
	// Leaves lets it go at its date. Of several, the earliest deletion counts.
	Leaves Force = "lets it go at"
)

// Precedent is one row of the table of precedence.
type Precedent struct {
	// Decider names the rule, Force says how it weighs.
	Decider Decider
	Force   Force
	// Rule says what the rule is, Date which date it names.
	Rule, Date string
	// claim says whether the rule applies to a recording with this life, since when or until when, and where it comes from.
	claim func(*Retention, Life) (claim, bool)
}

// Precedence is the table by which all that wants to keep a recording or to let it go is weighed, from the strongest to the
// weakest. docs/retention.md shows it.
var Precedence = [...]Precedent{
	{DecidedByHold, Keeps, "a legal hold in spec.holds", "until the last hold is lifted", (*Retention).hold},
	{DecidedByPause, Keeps, "a policy whose retention cannot be understood", "until that is put right", (*Retention).pause},
	{DecidedByLock, KeepsUntil, "a lock that was promised already, status.lockedUntil", "that date, whatever policies say now", (*Retention).promise},
	{DecidedByLock, KeepsUntil, "the policy's retention.lock", "lock.for after it became available for the first time", (*Retention).lock},
	{DecidedByExpireAfter, Leaves, "retention.expireAfter, the recording's own or the policy's", "expireAfter after it became available or was restored", (*Retention).expiry},
	{DecidedByUnwatchedAfter, Leaves, "the policy's retention.unwatchedAfter", "unwatchedAfter after it was last watched, became available or was restored", (*Retention).neglect},
	{DecidedByTrashFor, Leaves, "the policy's retention.trashFor, for what is in the trash", "trashFor after it went there", (*Retention).trash},
}

// claim is what one rule says about one recording.
type claim struct {
	by   Decider
	at   time.Time // zero for a rule that names no date
	from Provenance
}

// weigh returns the strongest claim of each force; the zero claim where no rule of it applies.
func (r *Retention) weigh(life Life) (keeps, until, leaves claim) {
	for _, rule := range Precedence {
		said, applies := rule.claim(r, life)
		if !applies {
			continue
		}
		said.by = rule.Decider
		switch rule.Force {
		case Keeps:
			if keeps.by == "" {
				keeps = said
			}
		case KeepsUntil:
			// Of the same date, the later row: it knows where the lock comes from.
			if !said.at.Before(until.at) {
				until = said
			}
		case Leaves:
			if leaves.by == "" || said.at.Before(leaves.at) {
				leaves = said
			}
		}
	}
	return keeps, until, leaves
}

func (r *Retention) hold(life Life) (claim, bool) { return claim{}, life.Held }

func (r *Retention) pause(Life) (claim, bool) {
	if r.Paused == nil {
		return claim{}, false
	}
	return claim{from: *r.Paused}, true
}

func (r *Retention) promise(life Life) (claim, bool) {
	return claim{at: life.LockedUntil}, !life.LockedUntil.IsZero() && !r.lifted(life)
}

func (r *Retention) lock(life Life) (claim, bool) {
	if r.Lock.From == nil || r.lifted(life) {
		return claim{}, false
	}
	since := life.FirstAvailableAt
	if since.IsZero() {
		since = life.AvailableAt
	}
	return dated(after(since, r.Lock.Value.For), r.Lock.From)
}

func (r *Retention) expiry(life Life) (claim, bool) {
	ttl, _ := r.TimeToLive(life.Wish)
	return unlessTrashed(life, after(life.AvailableAt, ttl.Value), ttl.From)
}

func (r *Retention) neglect(life Life) (claim, bool) {
	if life.LastWatchedAt.IsZero() {
		return claim{}, false
	}
	since := moment.Later(life.LastWatchedAt, life.AvailableAt)
	return unlessTrashed(life, after(since, r.UnwatchedAfter.Value), r.UnwatchedAfter.From)
}

func (r *Retention) trash(life Life) (claim, bool) {
	return dated(after(life.TrashedAt, r.TrashFor.Value), r.TrashFor.From)
}

func unlessTrashed(life Life, at time.Time, from *Provenance) (claim, bool) {
	if !life.TrashedAt.IsZero() {
		return claim{}, false
	}
	return dated(at, from)
}

// dated is a claim that applies if its date ever comes.
func dated(at time.Time, from *Provenance) (claim, bool) {
	if at.IsZero() {
		return claim{}, false
	}
	said := claim{at: at}
	if from != nil {
		said.from = *from
	}
	return said, true
}
