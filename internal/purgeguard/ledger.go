// SPDX-License-Identifier: Apache-2.0

package purgeguard

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// window is the time in which purges are counted.
const window = time.Hour

// What absent settings mean.
const (
	defaultPercent = 5
	defaultAlways  = 10
)

// settings are spec.purgeGuard with nothing absent.
type settings struct {
	percent, always int
	approvedUntil   time.Time
}

func settingsOf(store *v1alpha1.RecordingStore) settings {
	said := store.Spec.PurgeGuard
	s := settings{percent: int(said.PercentPerHour), always: defaultAlways, approvedUntil: said.ApprovedUntil.Time}
	if s.percent == 0 {
		s.percent = defaultPercent
	}
	if said.AlwaysAllowed != nil {
		s.always = int(*said.AlwaysAllowed)
	}
	return s
}

// off says that nothing is bounded, by the settings or because a person has approved.
func (s settings) off(now time.Time) bool { return s.percent >= 100 || now.Before(s.approvedUntil) }

// limit is how many of so many recordings may be purged within the window.
func (s settings) limit(recordings int) int { return max(recordings*s.percent/100, s.always) }

// ledger is what the Guard remembers of one store.
type ledger struct {
	// purged are the recordings that were let through, by UID.
	purged map[string]purge
	// stop is set while purging has stopped.
	stop *Stop
	// lifted is when a person let the last stop go on that the status spoke of: the status may still speak of it for a moment.
	lifted time.Time
	// counted is how many recordings the store had at countedAt, -1 before the first count.
	counted   int
	countedAt time.Time
}

// purge is when a recording was let through, and of how many the store was seen to have then.
type purge struct {
	at         time.Time
	recordings int
}

// question is what an answer follows from.
type question struct {
	uid        string
	now        time.Time
	settings   settings
	recordings int
	// stopped is what the store's status says, restarted when this process began.
	stopped   *Stop
	restarted time.Time
}

func (l *ledger) ask(q question) Answer {
	l.release(q.settings, q.stopped, q.now)
	l.forget(q.now)
	if q.settings.off(q.now) {
		return Answer{Allowed: true} // what a person approved uses nothing up
	}
	if _, before := l.purged[q.uid]; before {
		return Answer{Allowed: true}
	}
	if l.stop != nil {
		return Answer{}
	}
	recordings := l.most(q.recordings)
	limit := q.settings.limit(recordings)
	if len(l.purged) >= limit {
		l.stop = &Stop{At: q.now, Purged: len(l.purged), Recordings: recordings, Allowed: limit}
		return Answer{}
	}
	if known := q.restarted.Add(window); q.now.Before(known) && len(l.purged) >= q.settings.always {
		return Answer{Again: known}
	}
	l.purged[q.uid] = purge{q.now, q.recordings}
	return Answer{Allowed: true}
}

// most is what the share is of: what there was before the hour's purges. A count may be behind and have them still, so that adding them
// would count them twice.
func (l *ledger) most(recordings int) int {
	recordings = max(recordings, len(l.purged))
	for _, before := range l.purged {
		recordings = max(recordings, before.recordings)
	}
	return recordings
}

// release takes over what the status says, and lets purging go on where a person has allowed it: for a time, or by settings
// that allow more than those that it stopped at.
func (l *ledger) release(s settings, stopped *Stop, now time.Time) {
	if l.stop == nil && stopped != nil && stopped.At.After(l.lifted) {
		l.stop = stopped
	}
	if l.stop == nil {
		return
	}
	if s.off(now) || s.limit(l.stop.Recordings) > l.stop.Allowed {
		l.lifted, l.stop = l.stop.At, nil
	}
}

func (l *ledger) forget(now time.Time) {
	for uid, before := range l.purged {
		if !now.Before(before.at.Add(window)) {
			delete(l.purged, uid)
		}
	}
}

// stopOf reads a status, nil where it speaks of no stop.
func stopOf(status v1alpha1.PurgesStopped) *Stop {
	if status.At.IsZero() {
		return nil
	}
	number := func(n *int32) int {
		if n == nil {
			return 0
		}
		return int(*n)
	}
	return &Stop{status.At.Time, number(status.Purged), number(status.Recordings), number(status.Allowed)}
}
