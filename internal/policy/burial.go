// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/internal/moment"
)

// Burial says what becomes of a recording with this life whose object was deleted at deletedAt, and the date for its tombstone: the
// end of its time in the trash where it was there already, else as if it had gone to the trash when it was deleted. The date is in
// whole seconds and never early.
//
// What is held has the earliest date that there could be. While a policy cannot be understood there is no date yet: then it is that of the
// deletion, so that each look at the trash finds the tombstone, and who looks has to ask again what keeps it.
func (r *Retention) Burial(life Life, deletedAt time.Time) (plan Schedule, purgeAt time.Time) {
	if life.TrashedAt.IsZero() {
		life.TrashedAt = deletedAt
	}
	plan = r.Schedule(life)
	purgeAt = plan.PurgeAt
	switch {
	case plan.Decider == DecidedByPause:
		purgeAt = deletedAt
	case purgeAt.IsZero():
		purgeAt = moment.Later(life.TrashedAt.Add(r.TrashFor.Value), plan.LockedUntil)
	}
	return plan, moment.CeilSecond(purgeAt)
}

// Keeps says that something keeps the recording and names no date.
func (s Schedule) Keeps() bool { return s.Decider == DecidedByHold || s.Decider == DecidedByPause }
