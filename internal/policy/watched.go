// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/moment"
)

// How coarsely it is remembered when a recording was last watched: at most a day, at most a tenth of the time that counts, at
// least the second that a Kubernetes object can hold.
const (
	coarsest = 24 * time.Hour
	share    = 10
	finest   = time.Second
)

// Watched returns what to remember as Life.LastWatchedAt, when somebody was seen to watch the recording at seen (zero for
// nobody) and the time is now. It is zero while UnwatchedAfter does not count, so that nothing has to be remembered then.
//
// It is rounded up: what is remembered is never before what happened, so nothing expires early, and it changes at most once in
// every granule however often the recording is watched. A rule that is new to a recording counts from now: who watched before
// was not remembered, and a rule must not reach back.
func (r *Retention) Watched(life Life, seen, now time.Time) time.Time {
	if r.UnwatchedAfter.Value == v1alpha1.Forever || life.AvailableAt.IsZero() {
		return time.Time{}
	}
	known := life.LastWatchedAt
	if known.IsZero() {
		known = moment.Later(life.AvailableAt, moment.RoundUp(now, finest))
	}
	if seen.After(known) {
		known = moment.RoundUp(seen, r.granule())
	}
	return known
}

func (r *Retention) granule() time.Duration {
	return min(coarsest, max(r.UnwatchedAfter.Value/share, finest)).Truncate(finest)
}
