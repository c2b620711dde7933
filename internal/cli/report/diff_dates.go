// SPDX-License-Identifier: Apache-2.0

package report

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// DateChange is what happens earlier or later to some recordings.
type DateChange struct {
	// What is that it goes to the trash, is deleted for good, or may be deleted because its lock ends.
	What string `json:"what"`
	// How is at once, earlier, later, from now on (there was no date) or no longer (there is none any more).
	How string `json:"how"`
	// Recordings is for how many, Details the first of them.
	Recordings int          `json:"recordings"`
	Details    []DateDetail `json:"details"`
}

// DateDetail is one recording's date, before and after. Absent is never.
type DateDetail struct {
	Recording string         `json:"recording"`
	Before    *time.Time     `json:"before,omitempty"`
	After     *time.Time     `json:"after,omitempty"`
	Decider   policy.Decider `json:"decider"`
}

// What happens on a date.
const (
	whatTrash = "goes to the trash"
	whatPurge = "is deleted for good"
	whatLock  = "may be deleted"
)

// dates notes what happens earlier or later to the recording.
func (t *tally) dates(recording *v1alpha1.MeetingRecording, old, next *policy.Rules, now time.Time) bool {
	before, after := planOf(old, recording, now), planOf(next, recording, now)
	different := false
	for _, date := range []struct {
		what          string
		before, after time.Time
	}{
		{whatTrash, before.ExpiresAt, after.ExpiresAt},
		{whatPurge, before.PurgeAt, after.PurgeAt},
		{whatLock, before.LockedUntil, after.LockedUntil},
	} {
		if date.before.Equal(date.after) {
			continue
		}
		different = true
		t.date(DateChange{What: date.what, How: how(date.before, date.after, now)}, DateDetail{
			nameOf(recording), timeOf(date.before), timeOf(date.after), after.Decider,
		})
	}
	return different
}

// planOf says when the recording leaves under rules that hold from now on: unwatchedAfter counts from now where it is new.
func planOf(rules *policy.Rules, recording *v1alpha1.MeetingRecording, now time.Time) policy.Schedule {
	life := policy.LifeOf(recording)
	life.LastWatchedAt = rules.Retention.Watched(life, time.Time{}, now)
	return rules.Retention.Schedule(life)
}

// how compares two dates; zero is never.
func how(before, after, now time.Time) string {
	switch {
	case after.IsZero():
		return "no longer"
	case !after.After(now):
		return "at once"
	case before.IsZero():
		return "from now on"
	case after.Before(before):
		return "earlier"
	default:
		return "later"
	}
}
