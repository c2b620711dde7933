// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package scale measures the manager with a hundred thousand recordings on a real API server. The manager is the program that is
// shipped, in a process of its own and with the settings of its Deployment. Every figure is printed beside what the API server
// allows in the same run.
//
//	SCALE_RECORDINGS=20000       how many recordings; 100,000 without it
//	SCALE_PHASES=start,timers    which phases: start, restart, timers, mass; all of them without it
//	SCALE_PROFILE=directory      how the API server spends CPU and memory in the mass, and before and after it in what that is compared with, is left there for go tool pprof
//	SCALE_DURABLE=true           etcd waits for the disk, which makes every write slow, also those that are compared with
package scale

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Main(m, testenv.Options{
		Options: controlplane.Options{
			Durable: os.Getenv("SCALE_DURABLE") == "true",
			APIServerArgs: []string{
				fmt.Sprintf("--profiling=%t", os.Getenv(profileDir) != ""),
				// Every five to eight minutes, the API server compares its cache with etcd, which with a hundred thousand recordings takes it tens of
				// seconds of CPU. It would fall into one of the things that are compared, and not into the other.
				"--feature-gates=DetectCacheInconsistency=false",
			},
		},
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/rbac", "config/admission"},
	}, &env)
}

// What is measured, and the limits that the project has set itself.
const (
	recordings = 100_000
	timers     = 2_000  // due one after the other over timerSpread
	masses     = 10_000 // due at the same moment; a tenth of all where there are fewer

	timerSpread = 20 * time.Second
	stillness   = 20 * time.Second

	maxLateness  = 50 * time.Millisecond
	maxOverRaw   = 1.25
	maxMemory    = 120_000_000
	maxColdStart = 10 * time.Second
)

// BenchmarkHundredThousand is one run. It takes forty minutes, most of them to let the machine rest before what is compared.
func BenchmarkHundredThousand(b *testing.B) {
	total := recordings
	if text := os.Getenv("SCALE_RECORDINGS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		total = n
	}
	mass, few := min(masses, total/10), min(timers, total/10)
	for b.Loop() {
		s := newScale(b)
		s.populate(total - mass - few)
		for _, phase := range []struct {
			name string
			run  func()
		}{
			{"start", func() { s.coldStart(); s.rest("after the start"); s.memory("at rest") }},
			{"restart", s.restart},
			{"timers", func() { s.timers(few) }},
			{"mass", func() { s.mass(mass) }},
		} {
			if !measure.Chosen("SCALE_PHASES", phase.name) {
				continue
			}
			measure.Say("     phase %s", phase.name)
			phase.run()
		}
		s.kill()
	}
}

// coldStart starts the manager over recordings that it has never seen, and at once has something urgent for it.
func (s *scale) coldStart() {
	s.b.Helper()
	urgent := s.observe("scale/kind=urgent")
	defer urgent.stop()
	s.make("urgent", 1, time.Now().Add(day))
	raw := s.rawList()
	before := s.version()
	s.kill()
	started := time.Now()
	s.startManager()
	s.patch("urgent-0", `{"spec":{"holds":[{"name":"case-1","reason":"litigation","by":"legal@example.com"}]}}`)
	held := urgent.wait(s, 1, 5*time.Minute, func(r *v1alpha1.MeetingRecording) bool {
		return r.Status.ObservedGeneration == r.Generation && r.Generation > 1
	})
	took := held[0].at.Sub(started)
	measure.Judge(s.b, took <= maxColdStart, "cold start: a hold that is set at once is dealt with %v after the start of the process, at most %v; one raw list of all recordings takes %v",
		took.Round(time.Millisecond), maxColdStart, raw.Round(time.Millisecond))
	s.waitUntilIdle()
	measure.Say("     cold start: idle after %v", time.Since(started).Round(time.Millisecond))
	answers := urgent.count() - 1 // the hold itself
	measure.Judge(s.b, answers == 1, "cold start: the hold is answered by %d writes to its recording, want 1", answers)
	changed := slices.DeleteFunc(s.changedSince(before), func(name string) bool { return name == "urgent-0" })
	measure.Judge(s.b, len(changed) == 0, "cold start: %d other recordings were written, want none%s", len(changed), some(changed))
	s.memory("after the start")
}

// restart starts the manager again, over recordings that need nothing.
func (s *scale) restart() {
	s.b.Helper()
	before := s.version()
	s.kill()
	begun := time.Now()
	s.startManager()
	s.waitUntilIdle()
	measure.Say("     restart: idle after %v", time.Since(begun).Round(time.Millisecond))
	changed := s.changedSince(before)
	measure.Judge(s.b, len(changed) == 0, "restart: %d recordings were written, want none%s", len(changed), some(changed))
	s.memory("after a restart")
}

// rest wants nothing to happen.
func (s *scale) rest(when string) {
	s.b.Helper()
	before := s.version()
	cpu := s.cpuTime()
	pause(s.b.Context(), stillness)
	used := s.cpuTime() - cpu
	changed := s.changedSince(before)
	measure.Judge(s.b, len(changed) == 0, "at rest %s: %d recordings were written in %v, want none%s", when, len(changed), stillness, some(changed))
	measure.Say("     at rest %s: the manager used %v of CPU in %v", when, used, stillness)
}

// memory holds what the manager takes up against the limit. It is for a manager at rest.
func (s *scale) memory(when string) {
	s.b.Helper()
	memory := s.resident(when)
	measure.Judge(s.b, memory <= maxMemory, "memory %s: %.1f MB resident with %d recordings, at most %.1f", when, megabytes(memory), s.made, megabytes(maxMemory))
	s.b.ReportMetric(megabytes(memory), "MB")
}

// resident is how many bytes of memory the manager takes up. After a mass that is more than before it, which is said and not judged: client-go keeps
// every Event for at least six minutes, to count those that come again.
func (s *scale) resident(when string) int64 {
	s.b.Helper()
	memory, err := process.MemoryOf(s.manager.PID())
	if err != nil {
		s.b.Fatal(err)
	}
	measure.Say("     memory %s: %.1f MB, of which %.1f of its own and %.1f of the program's file; the most so far %.1f",
		when, megabytes(memory.Resident), megabytes(memory.Own), megabytes(memory.File), megabytes(memory.Peak))
	return memory.Resident
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// timers lets recordings expire one after the other. When a timer fires is the manager's, how soon after that everything is written is the
// API server's as well: both are printed, and what the writes take by themselves.
func (s *scale) timers(n int) {
	s.b.Helper()
	first := s.soon()
	due := func(i int) time.Time {
		return first.Add(timerSpread * time.Duration(i) / time.Duration(n)).Truncate(time.Second)
	}
	s.makeDue("timer", n, due)
	seen := s.observe("scale/kind=timer")
	defer seen.stop()
	s.readyBefore(first)
	inTimeBefore, firedBefore := s.fired(maxLateness)
	late := s.lateness(seen, n, due)
	inTime, fired := s.fired(maxLateness)
	inTime, fired = inTime-inTimeBefore, fired-firedBefore
	measure.Judge(s.b, fired >= n && inTime*100 >= fired*99, "timers: of %d that fired, %d were at most %v late, at least 99 of 100", fired, inTime, maxLateness)
	measure.Judge(s.b, late[0] >= 0, "timers: %d over %v, the earliest written %v after its date", n, timerSpread, late[0].Round(time.Millisecond))
	raw, writes := s.rawTrash("timers", n, time.Now()), s.rawWrites()
	measure.Say("     timers: written p50 %v, p99 %v, max %v after the date. One such write by itself takes p50 %v, p99 %v, and all writes for %d by themselves %v",
		late[n/2].Round(time.Millisecond), late[n*99/100].Round(time.Millisecond), late[n-1].Round(time.Millisecond),
		writes[len(writes)/2].Round(time.Microsecond), writes[len(writes)*99/100].Round(time.Microsecond), n, raw.Round(10*time.Millisecond))
}

// lateness is how long after its date each recording's expiry was written, in ascending order.
func (s *scale) lateness(seen *observer, n int, due func(int) time.Time) []time.Duration {
	s.b.Helper()
	dates := map[string]time.Time{}
	for i := range n {
		dates[fmt.Sprint("timer-", i)] = due(i)
	}
	var late []time.Duration
	for _, event := range seen.wait(s, n, time.Until(due(n-1))+time.Minute, isTrashed) {
		late = append(late, event.at.Sub(dates[event.name]))
	}
	slices.Sort(late)
	return late
}

func isTrashed(r *v1alpha1.MeetingRecording) bool { return !r.Status.TrashedAt.IsZero() }

// mass lets recordings expire all at once, and holds how long that takes against the same writes without a manager. Those are made before and
// after, because a machine that others share is not as fast at one time as at another, and begin after as long a rest.
func (s *scale) mass(n int) {
	s.b.Helper()
	rest := time.Until(s.soon())
	before := s.rawTrash("before", n, time.Now().Add(rest))
	due := s.soon()
	s.makeDue("mass", n, func(int) time.Time { return due })
	seen := s.observe("scale/kind=mass")
	defer seen.stop()
	s.readyBefore(due)
	pause(s.b.Context(), time.Until(due))
	s.profileAPI("mass")
	used := s.usage()
	events := seen.wait(s, n, 10*time.Minute, isTrashed)
	took := events[len(events)-1].at.Sub(due)
	s.sayUsage("mass", n, used)
	measure.Judge(s.b, !events[0].at.Before(due), "mass: the first of %d is trashed %v after the date, the last %v", n, events[0].at.Sub(due).Round(time.Millisecond), took.Round(10*time.Millisecond))
	s.waitUntilIdle()
	s.rest("after the mass")
	s.resident("after the mass")
	after := s.rawTrash("after", n, time.Now().Add(rest))
	ratio := 2 * took.Seconds() / (before + after).Seconds()
	measure.Judge(s.b, ratio <= maxOverRaw, "mass: %d due at once are trashed after %v; the same writes by themselves take %v before that and %v after it: %.2f times their mean, at most %.2f",
		n, took.Round(10*time.Millisecond), before.Round(10*time.Millisecond), after.Round(10*time.Millisecond), ratio, maxOverRaw)
	s.b.ReportMetric(ratio, "times-raw")
}

// soon is a date that recordings can be due at which are made now, and which a manager then reads at its start: a minute after
// that, should it take twice as long as the longest so far, or two milliseconds a recording.
func (s *scale) soon() time.Time {
	start := max(s.start*2, 2*time.Millisecond*time.Duration(s.made))
	return time.Now().Add(time.Minute + start).Truncate(time.Second)
}

// readyBefore starts the manager, and ends the run if it and the API server are not at rest before a date.
func (s *scale) readyBefore(due time.Time) {
	s.b.Helper()
	s.startManager()
	s.waitUntilIdle()
	s.settle()
	if late := time.Since(due); late > 0 {
		s.b.Fatalf("the manager and the API server came to rest %v after recordings were due: let the machine do nothing else", late)
	}
}

// some names a few of those that should not be.
func some(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(", such as %v", names[:min(len(names), 5)])
}

// pause waits; the system under test is another process, with a clock of its own.
func pause(ctx context.Context, d time.Duration) {
	_ = wait.PollUntilContextTimeout(ctx, d, d, false, func(context.Context) (bool, error) { return true, nil })
}
