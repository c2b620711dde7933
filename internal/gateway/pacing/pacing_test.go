// SPDX-License-Identifier: Apache-2.0

package pacing_test

import (
	"fmt"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
)

const segment = 4 * time.Second

var standard = pacing.Terms{MaxAhead: 3 * time.Minute, Speed: 2}

// film is somebody who is given segments of one recording as time passes.
type film struct {
	*testing.T
	clock  *clocktesting.FakePassiveClock
	ledger *pacing.Ledger
	terms  pacing.Terms
}

func newFilm(t *testing.T, terms pacing.Terms) *film {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	return &film{t, clock, pacing.New(clock), terms}
}

func (f *film) pass(d time.Duration) { f.clock.SetTime(f.clock.Now().Add(d)) }

func (f *film) take(first, last int) (*pacing.Purchase, time.Duration) {
	return f.ledger.Take("carol", "review", f.terms, segments(first, last))
}

func segments(first, last int) []pacing.Unit {
	var units []pacing.Unit
	for i := first; i <= last; i++ {
		units = append(units, pacing.Unit{Index: i, Plays: segment})
	}
	return units
}

func TestCopyingTakesAsLongAsWatching(t *testing.T) {
	for name, terms := range map[string]pacing.Terms{
		"at double speed":         standard,
		"at normal speed":         {MaxAhead: 2 * time.Minute, Speed: 1},
		"with no lead":            {Speed: 1.5},
		"of a length that counts": {MaxAhead: 3 * time.Minute, Speed: 1.5, Length: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFilm(t, terms)
			const length = 900 // an hour
			begun := f.clock.Now()
			for i := range length {
				bought, wait := f.take(i, i)
				if bought == nil {
					t.Fatalf("segment %d is refused for %s, though only one is asked for at a time", i, wait)
				}
				f.pass(wait)
			}
			least := time.Duration(float64(length*segment-max(terms.MaxAhead, 30*time.Second)) / terms.Speed)
			if terms.Length > 0 {
				least = time.Duration(float64(terms.Length) / terms.Speed)
			}
			if took := f.clock.Now().Sub(begun); took < least-time.Second || took > least+10*time.Second {
				t.Errorf("a copy took %s, want %s", took, least)
			}
		})
	}
}

// However somebody asks, they have the last part of a recording no sooner than they could have watched it.
func TestR8NobodyHasTheWholeSoonerThanByWatching(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		count := rapid.IntRange(9, 400).Draw(r, "segments")
		length := time.Duration(count) * segment
		terms := pacing.Terms{
			MaxAhead: time.Duration(rapid.IntRange(0, 600).Draw(r, "ahead")) * time.Second,
			Speed:    rapid.SampledFrom([]float64{1, 1.25, 1.5, 2}).Draw(r, "speed"), Length: length,
		}
		f := newFilm(t, terms)
		begun := f.clock.Now()
		for left := rapid.Permutation(segments(0, count-1)).Draw(r, "order"); len(left) > 0; {
			some := left[:min(len(left), rapid.IntRange(1, 40).Draw(r, "at once"))]
			bought, wait := f.ledger.Take("carol", "review", terms, some)
			f.pass(wait)
			if bought != nil {
				left = left[len(some):]
			}
		}
		least := time.Duration(float64(length) / terms.Speed)
		if took := f.clock.Now().Sub(begun); took < least-time.Millisecond {
			r.Fatalf("%s took %s, want at least %s", length, took, least)
		}
	})
}

// Replicas that do not reach each other do not know what the others gave: this is how much faster that makes somebody who uses all of
// them, and no more. What they do when they reach each other is in package peers.
func TestReplicasThatDoNotReachEachOtherGiveSeveralTimesAsMuch(t *testing.T) {
	terms := pacing.Terms{MaxAhead: 3 * time.Minute, Speed: 1.5, Length: time.Hour}
	for _, replicas := range []int{1, 2, 3} {
		clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
		var ledgers []*pacing.Ledger
		for range replicas {
			ledgers = append(ledgers, pacing.New(clock))
		}
		begun := clock.Now()
		for i := range 900 {
			_, wait := ledgers[i%replicas].Take("carol", "review", terms, segments(i, i))
			clock.SetTime(clock.Now().Add(wait))
		}
		least := (time.Hour - time.Duration(replicas)*terms.MaxAhead) * 2 / 3 / time.Duration(replicas)
		if took := clock.Now().Sub(begun); took < least || took > time.Hour*2/3/time.Duration(replicas)+time.Second {
			t.Errorf("by %d replicas a copy of an hour took %s, want at least %s", replicas, took, least)
		}
	}
}

func TestWhatIsShorterThanAPlayersBufferIsGivenAtOnce(t *testing.T) {
	f := newFilm(t, pacing.Terms{Speed: 1.5, Length: 28 * time.Second})
	if bought, wait := f.take(0, 6); bought == nil || wait != 0 {
		t.Errorf("28 seconds wait %s", wait)
	}
}

func TestTooMuchAtOnceIsRefused(t *testing.T) {
	f := newFilm(t, standard)
	if bought, wait := f.take(0, 899); bought != nil || wait != (time.Hour-3*time.Minute)/2 {
		t.Errorf("the whole is given, or in %s", wait)
	}
	if bought, wait := f.take(0, 44); bought == nil || wait != 0 {
		t.Errorf("what may be ahead has to wait %s", wait)
	}
	if bought, wait := f.take(45, 46); bought == nil || wait != 4*time.Second {
		t.Errorf("eight seconds more wait %s, want 4 s", wait)
	}
	if bought, wait := f.take(47, 50); bought != nil || wait != 12*time.Second {
		t.Errorf("many at a time wait %s, want a refusal for 12 s", wait)
	}
}

func TestAViewerIsNotHindered(t *testing.T) {
	// buffer is how much the player keeps ahead, as hls.js does.
	const buffer = 30 * time.Second
	f := newFilm(t, pacing.Terms{MaxAhead: 3 * time.Minute, Speed: 2, Length: 2 * time.Hour})
	at := time.Duration(0)
	loaded := map[int]bool{}
	play := func(position, length time.Duration, speed float64) {
		t.Helper()
		for end := position + length; position < end; position += time.Second {
			for i := int(position / segment); i <= int((position+buffer)/segment); i++ {
				if loaded[i] {
					continue
				}
				if bought, wait := f.take(i, i); bought == nil || wait > 0 {
					t.Fatalf("segment %d has to wait %s at %s", i, wait, at)
				}
				loaded[i] = true
			}
			passed := time.Duration(float64(time.Second) / speed)
			f.pass(passed)
			at += passed
		}
	}
	play(0, 20*time.Minute, 2)
	for i := range 5 { // looks for something, and looks at each place for a few seconds
		play(time.Duration(25+5*i)*time.Minute, 6*time.Second, 1)
	}
	play(45*time.Minute, 5*time.Minute, 1)
	play(time.Minute, 5*time.Minute, 2)
	clear(loaded) // the page is loaded anew
	play(0, 10*time.Minute, 2)
}

func TestWhatIsSeenAgainIsFree(t *testing.T) {
	f := newFilm(t, standard)
	f.take(0, 44)
	for range 100 {
		if bought, wait := f.take(0, 44); bought == nil || wait != 0 {
			t.Fatalf("to see it again waits %s", wait)
		}
	}
	if _, wait := f.ledger.Take("carol", "another", f.terms, segments(0, 44)); wait != 0 {
		t.Errorf("another recording waits %s", wait)
	}
	if _, wait := f.ledger.Take("dave", "review", f.terms, segments(0, 44)); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
}

func TestWhatWasNotSentIsGivenBack(t *testing.T) {
	f := newFilm(t, standard)
	bought, _ := f.take(0, 44)
	bought.Settle(5)
	bought.Settle(0)
	if _, wait := f.take(100, 139); wait != 0 {
		t.Errorf("what was given back has to wait %s", wait)
	}
	if _, wait := f.take(5, 5); wait == 0 {
		t.Error("a segment that was not sent is taken for sent")
	}
	if _, wait := f.take(4, 4); wait != 0 {
		t.Error("a segment that was begun is paid for twice")
	}
}

func TestToDropARequestIsNoWayAroundPaying(t *testing.T) {
	f := newFilm(t, standard)
	first, _ := f.take(0, 44)
	second, _ := f.take(0, 44) // free, while the first is on its way
	first.Settle(0)
	second.Settle(45)
	if _, wait := f.take(100, 100); wait == 0 {
		t.Error("what was sent once is given back because it was dropped once")
	}
}

func TestToAskTwiceIsNoWayAroundWaiting(t *testing.T) {
	f := newFilm(t, standard)
	f.take(0, 44)
	if _, wait := f.take(45, 46); wait != 4*time.Second {
		t.Fatalf("what is ahead by eight seconds waits %s", wait)
	}
	f.pass(time.Second)
	again, wait := f.take(46, 46)
	if wait != 3*time.Second {
		t.Errorf("asked for again, it waits %s, want the three seconds that are left", wait)
	}
	again.Settle(46) // who asked has gone, but not who asked first
	if _, wait := f.take(0, 44); wait != 0 {
		t.Errorf("what was seen before waits %s", wait)
	}
	f.pass(3 * time.Second)
	if _, wait := f.take(45, 46); wait != 0 {
		t.Errorf("when it is due, it waits %s", wait)
	}
}

func TestWhatWasGivenVeryOftenIsNeverTakenForNotGiven(t *testing.T) {
	f := newFilm(t, standard)
	f.take(0, 44) // sent
	for range 1000 {
		bought, _ := f.take(0, 44)
		bought.Settle(45)
	}
	for range 1000 {
		bought, _ := f.take(0, 44)
		bought.Settle(0)
	}
	if _, wait := f.take(100, 100); wait == 0 {
		t.Error("what was sent a thousand times is given back")
	}
}

// However somebody asks, drops and asks again, what they are given is what time has earned them.
func TestNobodyGetsMoreThanTimeEarns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := newFilm(t, pacing.Terms{MaxAhead: time.Minute, Speed: 1.5})
		begun, given := f.clock.Now(), map[int]bool{}
		for range rapid.IntRange(1, 200).Draw(r, "steps") {
			first := rapid.IntRange(0, 500).Draw(r, "first")
			last := first + rapid.IntRange(0, 5).Draw(r, "more")
			if bought, wait := f.take(first, last); bought != nil {
				f.pass(wait)
				sent := rapid.IntRange(first, last+1).Draw(r, "sent")
				bought.Settle(sent)
				for i := first; i < sent; i++ {
					given[i] = true
				}
			}
			f.pass(time.Duration(rapid.IntRange(0, 5000).Draw(r, "pause")) * time.Millisecond)
			earned := time.Minute + time.Duration(1.5*float64(f.clock.Now().Sub(begun)))
			if got := time.Duration(len(given)) * segment; got > earned+time.Millisecond {
				r.Fatalf("%s were given where %s were earned", got, earned)
			}
		}
	})
}

func TestPlayersAtTheSameTime(t *testing.T) {
	f := newFilm(t, standard)
	playOf := func(viewer, player string, began int64) bool {
		return !f.ledger.Admit(viewer, pacing.Visit{Player: player, Began: began, MaxRequests: 1000, MaxPlayers: 2}).Crowded
	}
	play := func(player string, began int64) bool { return playOf("carol", player, began) }
	for i := range 3 {
		if !play(fmt.Sprint("p", i), int64(i)) {
			t.Fatalf("player %d, the one that began last, is stopped", i)
		}
	}
	if play("p0", 0) {
		t.Error("the player that began first goes on beside two others")
	}
	if !play("p1", 1) || !play("p2", 2) {
		t.Error("one of the two that began last is stopped")
	}
	if !playOf("dave", "p0", 0) {
		t.Error("somebody else's players count")
	}
	f.pass(2 * time.Minute) // both pages are closed
	if !play("p0", 0) {
		t.Error("players that are not in use any more are in the way")
	}
}

func TestRequestsInAMinute(t *testing.T) {
	f := newFilm(t, standard)
	request := func(viewer string) time.Duration {
		return f.ledger.Admit(viewer, pacing.Visit{Player: "p", MaxRequests: 60, MaxPlayers: 1}).Wait
	}
	for range 60 {
		if wait := request("carol"); wait != 0 {
			t.Fatal("a request within the limit waits")
		}
	}
	if wait := request("carol"); wait != time.Minute {
		t.Errorf("one too many waits %s, want a minute", wait)
	}
	if wait := request("dave"); wait != 0 {
		t.Error("somebody else waits")
	}
}
