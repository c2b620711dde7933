// SPDX-License-Identifier: Apache-2.0

package purgeguard

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newLedger() *ledger { return &ledger{purged: map[string]purge{}, counted: -1} }

// asker asks for one recording after the other, each new.
type asker struct {
	*ledger
	question
	asked int
}

func newAsker(recordings int, s settings) *asker {
	return &asker{ledger: newLedger(), question: question{now: noon, settings: s, recordings: recordings, restarted: noon.Add(-window)}}
}

// next asks n times and returns how many were let through.
func (a *asker) next(n int) (allowed int) {
	for range n {
		a.asked++
		a.uid = fmt.Sprint("uid-", a.asked)
		if a.ask(a.question).Allowed {
			allowed++
			a.recordings--
		}
	}
	return allowed
}

func TestR26NoMoreThanItsShareOfAStoreIsPurgedWithinAnHour(t *testing.T) {
	usual := settingsOf(&v1alpha1.RecordingStore{})
	cases := map[string]struct {
		recordings int
		settings   settings
		want       int
	}{
		"5 % unless somebody says otherwise":  {1000, usual, 50},
		"10 however few there are":            {20, usual, 10},
		"a larger share":                      {1000, settings{percent: 20, always: 10}, 200},
		"none, where somebody says so":        {10, settings{percent: 5, always: 0}, 0},
		"all, where the guard is off":         {1000, settings{percent: 100}, 1000},
		"all, while a person has approved it": {1000, settings{percent: 5, always: 10, approvedUntil: noon.Add(time.Minute)}, 1000},
		"an approval that is over is none":    {1000, settings{percent: 5, always: 10, approvedUntil: noon}, 50},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := newAsker(tc.recordings, tc.settings)
			if got := a.next(tc.recordings); got != tc.want {
				t.Errorf("%d were let through, want %d", got, tc.want)
			}
			if stopped := a.stop != nil; stopped != (tc.want < tc.recordings) {
				t.Errorf("stopped: %v", stopped)
			}
		})
	}
}

// What is purged goes on being counted for a while: the store's status is written now and then.
func TestR26ACountThatIsBehindLetsNoMoreThrough(t *testing.T) {
	for _, percent := range []int{1, 5, 50, 90} {
		a := newAsker(1000, settings{percent: percent, always: 1})
		total := 0
		for range 1000 {
			total += a.next(1)
			a.recordings = 1000
		}
		if want := 10 * percent; total != want {
			t.Errorf("of %d %%, %d of 1000 were let through, want %d", percent, total, want)
		}
	}
}

func TestR26WhatHasStoppedWaitsForAPerson(t *testing.T) {
	a := newAsker(1000, settings{percent: 5, always: 10})
	a.next(60)
	a.now = a.now.Add(24 * time.Hour)
	if got := a.next(1); got != 0 {
		t.Error("a day later it goes on by itself")
	}
	a.settings.approvedUntil = a.now.Add(time.Hour)
	if got := a.next(500); got != 500 {
		t.Errorf("after an approval %d of 500 were let through", got)
	}
	a.now = a.now.Add(time.Hour)
	if got := a.next(100); got != 22 {
		t.Errorf("after its end %d of 100 were let through, want 5 %% of the 450 that are left", got)
	}
	a.settings.percent = 6
	if got := a.next(100); got == 0 {
		t.Error("settings that allow more do not let it go on")
	}
}

func TestMoreRecordingsAreNoPerson(t *testing.T) {
	a := newAsker(100, settings{percent: 10, always: 0})
	a.next(20)
	a.recordings, a.now = 100_000, a.now.Add(2*time.Hour)
	if a.next(1) != 0 {
		t.Error("a store that has grown goes on by itself")
	}
}

func TestTheSameRecordingIsCountedOnce(t *testing.T) {
	a := newAsker(100, settings{percent: 1, always: 2})
	for range 5 {
		a.asked = 0
		if got := a.next(2); got != 2 {
			t.Fatalf("%d of the same two were let through", got)
		}
	}
	if a.next(1) != 0 {
		t.Error("a third is let through")
	}
	a.asked = 0
	if a.next(2) != 2 {
		t.Error("what was let through before the stop cannot be finished")
	}
}

func TestR26AStopHoldsAcrossARestart(t *testing.T) {
	a := newAsker(1000, settings{percent: 5, always: 10})
	a.next(60)
	a.stopped, a.ledger, a.restarted = a.stop, newLedger(), a.now
	if got := a.next(10); got != 0 {
		t.Errorf("after a restart %d were let through", got)
	}
	a.settings.approvedUntil = a.now.Add(time.Hour)
	if a.next(1) != 1 || a.stop != nil {
		t.Error("an approval does not reach what the status says")
	}
	// The status is written a moment later.
	a.settings.approvedUntil = time.Time{}
	if a.next(1) != 1 {
		t.Error("what was released stops again because the status still speaks of it")
	}
}

func TestR26AfterARestartOnlyTheLeastIsLetThroughForAnHour(t *testing.T) {
	a := newAsker(1000, settings{percent: 5, always: 10})
	a.restarted = noon
	if got := a.next(30); got != 10 {
		t.Errorf("%d were let through", got)
	}
	if a.stop != nil {
		t.Error("what is only not known stops nothing")
	}
	if again := a.ask(a.question).Again; !again.Equal(noon.Add(window)) {
		t.Errorf("ask again at %s", again)
	}
	a.now = noon.Add(window)
	if got := a.next(100); got != 49 {
		t.Errorf("an hour later %d were let through, want 5 %% of 990", got)
	}
}

// Whatever is asked when: without a person, no hour sees more than its share of what there was.
func TestR26NoHourSeesMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings{percent: rapid.IntRange(1, 99).Draw(t, "percent"), always: rapid.IntRange(0, 20).Draw(t, "always")}
		total := rapid.IntRange(0, 300).Draw(t, "recordings")
		a := newAsker(total, s)
		var at []time.Time
		purged := 0
		for range rapid.IntRange(1, 200).Draw(t, "asks") {
			a.now = a.now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "seconds")) * time.Second)
			if rapid.IntRange(0, 30).Draw(t, "restart") == 0 {
				a.ledger, a.restarted, a.stopped = newLedger(), a.now, a.stop
				at = nil // what went before a restart is bounded by always, and not known
			}
			if seen := a.recordings; a.next(1) == 1 {
				at = append(at, a.now)
				purged++
				a.recordings = rapid.IntRange(total-purged, seen).Draw(t, "counted") // the count may be behind
			}
			hour := 0
			for _, then := range at {
				if a.now.Sub(then) < window {
					hour++
				}
			}
			if most := s.limit(total); hour > most {
				t.Fatalf("%d of %d were purged within an hour, the limit is %d", hour, total, most)
			}
		}
	})
}
