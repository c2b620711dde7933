// SPDX-License-Identifier: Apache-2.0

package deadline_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/deadline"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// wallClock is a clock as a machine has it: timers run by a clock that nobody can set, Now is a wall clock that can be.
type wallClock struct {
	clock.Clock // what timers run by

	mu     sync.Mutex
	offset time.Duration
}

func (c *wallClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Clock.Now().Add(c.offset)
}

// set sets the wall clock forward, or back. No timer notices.
func (c *wallClock) set(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += by
}

// bench is a Queue that runs inside a bubble of package synctest, where waiting for it to fall asleep is exact.
type bench struct {
	*deadline.Queue[string]
	steady *clocktesting.FakeClock
	wall   *wallClock

	mu     sync.Mutex
	handed []string
	early  []string
	dates  map[string]time.Time
}

func newBench() *bench {
	steady := clocktesting.NewFakeClock(noon)
	b := &bench{steady: steady, wall: &wallClock{Clock: steady}, dates: map[string]time.Time{}}
	b.Queue = deadline.New[string](b.wall)
	return b
}

// run runs the Queue until the returned function is called.
func (b *bench) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx, func(key string, _ time.Duration) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.handed = append(b.handed, key)
			if b.wall.Now().Before(b.dates[key]) {
				b.early = append(b.early, key)
			}
		})
	}()
	synctest.Wait()
	return func() { cancel(); <-done }
}

func (b *bench) set(key string, at time.Time) {
	b.mu.Lock()
	b.dates[key] = at
	b.mu.Unlock()
	b.Set(key, at)
}

// pass lets time pass, as the machine sees it: in steps, so that every timer fires that is due on the way.
func (b *bench) pass(d time.Duration) {
	synctest.Wait()
	for d > 0 {
		step := min(d, 250*time.Millisecond)
		b.steady.Step(step)
		synctest.Wait()
		d -= step
	}
}

func (b *bench) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, b.handed...)); diff != "" {
		t.Errorf("%s: handed over (-want +got):\n%s", what, diff)
	}
	if len(b.early) > 0 {
		t.Errorf("%s: early: %v", what, b.early)
	}
	b.handed = nil
}

func TestDatesAreExactAndNeverEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		defer b.run()()
		b.set("c", noon.Add(3*time.Second))
		b.set("a", noon.Add(500*time.Millisecond+time.Nanosecond))
		b.set("b", noon.Add(750*time.Millisecond))
		b.pass(500 * time.Millisecond)
		b.expect(t, "a nanosecond early")
		b.pass(250 * time.Millisecond)
		b.expect(t, "after three quarters of a second", "a", "b")
		b.pass(2250*time.Millisecond - 250*time.Millisecond)
		b.expect(t, "a quarter of a second early")
		b.pass(250 * time.Millisecond)
		b.expect(t, "on time", "c")
		if b.Len() != 0 {
			t.Errorf("%d dates are left", b.Len())
		}
	})
}

func TestDatesThatHavePassedAreHandedOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.set("before the start", noon.Add(-time.Hour))
		defer b.run()()
		b.expect(t, "as after a restart", "before the start")
		b.set("now", noon)
		b.expect(t, "now", "now")
	})
}

func TestDatesAreReplacedAndRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		defer b.run()()
		b.set("later", noon.Add(time.Second))
		b.set("later", noon.Add(5*time.Second))
		b.set("earlier", noon.Add(time.Hour))
		b.set("earlier", noon.Add(2*time.Second))
		b.set("removed", noon.Add(3*time.Second))
		b.set("again", noon.Add(time.Second))
		b.Set("removed", time.Time{})
		b.Set("unknown", time.Time{})
		if b.Len() != 3 {
			t.Errorf("%d dates, want 3", b.Len())
		}
		b.pass(time.Second)
		b.expect(t, "after a second", "again")
		b.set("again", noon.Add(4*time.Second))
		b.pass(time.Second)
		b.expect(t, "after two", "earlier")
		b.pass(3 * time.Second)
		b.expect(t, "after five", "again", "later")
		b.pass(2 * time.Hour)
		b.expect(t, "hours later")
	})
}

func TestAClockThatIsSetForwardIsNoticedWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		defer b.run()()
		b.set("tomorrow", noon.Add(24*time.Hour))
		b.set("next year", noon.Add(365*24*time.Hour))
		b.pass(time.Minute)
		b.expect(t, "today")
		b.wall.set(24 * time.Hour)
		b.expect(t, "before any timer has run")
		b.pass(time.Second)
		b.expect(t, "a second later", "tomorrow")
	})
}

func TestAClockThatIsSetBackMakesNothingEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		defer b.run()()
		b.set("soon", noon.Add(500*time.Millisecond))
		b.wall.set(-10 * time.Second)
		b.pass(10 * time.Second)
		b.expect(t, "when the timers of before are long over")
		b.pass(500 * time.Millisecond)
		b.expect(t, "when the wall clock says so", "soon")
	})
}

// Daylight saving changes what a clock on the wall shows, not when anything is: dates are instants. On 25 October 2026 at 01:00
// UTC clocks in Berlin go back from three to two, on 29 March forward from two to three.
func TestDaylightSavingAndTimeZonesMoveNoDate(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]time.Time{
		"summer ends":   time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC),
		"summer begins": time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				b.steady.SetTime(change.Add(-2 * time.Second).In(berlin))
				defer b.run()()
				b.set("before", change.Add(-time.Second).In(berlin))
				b.set("after", change.Add(time.Second).In(berlin))
				b.set("a day of 24 hours", change.Add(24*time.Hour).In(time.FixedZone("far", 14*3600)))
				b.pass(time.Second)
				b.expect(t, "a second before", "before")
				b.pass(2 * time.Second)
				b.expect(t, "a second after", "after")
				b.steady.SetTime(change.Add(24*time.Hour - time.Second))
				b.expect(t, "a second before the day is over")
				b.pass(time.Second)
				b.expect(t, "a day later", "a day of 24 hours")
			})
		})
	}
}

func TestWhatIsDueBeforeADate(t *testing.T) {
	q := deadline.New[int](clocktesting.NewFakeClock(noon))
	rapid.Check(t, func(t *rapid.T) {
		dates := rapid.SliceOfN(rapid.IntRange(0, 20), 1, 40).Draw(t, "seconds")
		var want []int
		before := rapid.IntRange(-1, 22).Draw(t, "before")
		for key, second := range dates {
			q.Set(key, noon.Add(time.Duration(second)*time.Second))
			if second < before {
				want = append(want, key)
			}
		}
		got := q.Before(noon.Add(time.Duration(before) * time.Second))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("before second %d: %v, want %v", before, got, want)
		}
		for key := range dates {
			q.Set(key, time.Time{})
		}
	})
}

func TestDatesBeyondWhatNanosecondsCanSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		defer b.run()()
		b.set("in 2300", time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC))
		b.set("in 9999", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
		b.pass(2 * time.Second)
		b.expect(t, "in 2026")
	})
}

// Against a model that looks at every date at every moment.
func TestNoneIsLostAndNoneIsEarly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(*testing.T) {
			b := newBench()
			stop := b.run()
			model, got := map[string]time.Time{}, []string{}
			var want []string
			for range rapid.IntRange(1, 40).Draw(rt, "steps") {
				key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(rt, "key")
				switch rapid.SampledFrom([]string{"set", "set", "remove", "pass", "clock"}).Draw(rt, "what") {
				case "set":
					at := b.wall.Now().Add(time.Duration(rapid.IntRange(-2000, 20000).Draw(rt, "in ms")) * time.Millisecond)
					model[key] = at
					b.set(key, at)
				case "remove":
					delete(model, key)
					b.Set(key, time.Time{})
				case "clock":
					b.wall.set(time.Duration(rapid.IntRange(-5, 5).Draw(rt, "by s")) * time.Second)
				case "pass":
					b.pass(time.Duration(rapid.IntRange(0, 20).Draw(rt, "quarters")) * 250 * time.Millisecond)
				}
				// What a clock that was set did is noticed within a second; only then can the model be asked.
				b.pass(time.Second)
				for _, key := range slices.Sorted(maps.Keys(model)) {
					if !b.wall.Now().Before(model[key]) {
						want = append(want, key)
						delete(model, key)
					}
				}
				b.mu.Lock()
				got = append(got, b.handed...)
				b.handed = nil
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(append([]string{}, want...), got); diff != "" || len(b.early) > 0 {
					b.mu.Unlock()
					stop()
					rt.Fatalf("handed over (-want +got):\n%s\nearly: %v", diff, b.early)
				}
				b.mu.Unlock()
			}
			stop()
		})
	})
}

func TestRunEndsInTheMiddleOfManyAndTheRestStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := deadline.New[int](clocktesting.NewFakeClock(noon))
		for i := range 10_000 {
			q.Set(i, noon)
		}
		ctx, cancel := context.WithCancel(t.Context())
		handed := 0
		q.Run(ctx, func(int, time.Duration) { handed++; cancel() })
		if handed+q.Len() != 10_000 || q.Len() == 0 {
			t.Errorf("%d were handed over and %d are left of 10000", handed, q.Len())
		}
	})
}
