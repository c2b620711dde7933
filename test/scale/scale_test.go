// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package scale measures the manager with a hundred thousand recordings on a real API server, whose etcd waits for the disk.
// The manager is the program that is shipped, in a process of its own. Every figure is printed beside what the API server
// allows in the same run.
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
)

var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Main(m, testenv.Options{
		Options:   controlplane.Options{Durable: true},
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/rbac", "config/admission"},
	}, &env)
}

// What is measured, and the limits that the project has set itself.
const (
	recordings = 100_000 // SCALE_RECORDINGS says otherwise
	timers     = 2_000   // due one after the other over timerSpread
	masses     = 10_000  // due at the same moment; a tenth of all where there are fewer

	timerSpread = 20 * time.Second
	stillness   = 20 * time.Second

	maxLateness  = 50 * time.Millisecond
	maxOverRaw   = 1.25
	maxMemory    = 120 << 20
	maxColdStart = 10 * time.Second
)

// BenchmarkHundredThousand is one run. It takes ten minutes, half of them for making the recordings.
func BenchmarkHundredThousand(b *testing.B) {
	total := recordings
	if text := os.Getenv("SCALE_RECORDINGS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		total = n
	}
	for b.Loop() {
		s := newScale(b)
		mass := min(masses, total/10)
		s.populate(total - mass - timers)
		s.coldStart()
		s.rest("after the start")
		if os.Getenv("SCALE_ONLY") == "memory" {
			s.manager.Kill()
			continue
		}
		s.restart()
		s.timers(timers)
		s.mass(mass)
		s.rest("in the end")
		s.manager.Kill()
	}
}

// say prints a line at once: a run is long.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// judge prints a figure beside its limit, and fails the run beyond it.
func (s *scale) judge(ok bool, format string, args ...any) {
	s.b.Helper()
	verdict := "ok  "
	if !ok {
		verdict = "MISS"
		s.b.Errorf(format, args...)
	}
	say("%s %s", verdict, fmt.Sprintf(format, args...))
}

// coldStart starts the manager over recordings that it has never seen, and at once has something urgent for it.
func (s *scale) coldStart() {
	s.b.Helper()
	urgent := s.observe("scale/kind=urgent")
	defer urgent.stop()
	s.make("urgent", 1, time.Now().Add(day))
	before := s.all.count()
	started := time.Now()
	s.startManager()
	s.patch("urgent-0", `{"spec":{"holds":[{"name":"case-1","reason":"litigation","by":"legal@example.com"}]}}`)
	held := urgent.wait(s, 1, time.Minute, func(r *v1alpha1.MeetingRecording) bool {
		return r.Status.ObservedGeneration == r.Generation && r.Generation > 1
	})
	took := held[0].at.Sub(started)
	s.judge(took <= maxColdStart, "cold start: a hold that is set at once is dealt with %v after the start of the process, at most %v", took.Round(time.Millisecond), maxColdStart)
	s.waitUntilIdle()
	say("     cold start: idle after %v", time.Since(started).Round(time.Millisecond))
	writes := s.all.count() - before - 1 // the hold itself
	s.judge(writes <= 1, "cold start: %d writes to recordings, the answer to the hold among them, at most 1", writes)
}

// restart starts the manager again, over recordings that need nothing.
func (s *scale) restart() {
	s.b.Helper()
	before := s.all.count()
	s.manager.Kill()
	s.startManager()
	s.waitUntilIdle()
	s.judge(s.all.count() == before, "restart: %d writes, want none", s.all.count()-before)
	s.memory("after a restart")
}

// rest wants nothing to happen.
func (s *scale) rest(when string) {
	s.b.Helper()
	before := s.all.count()
	cpu := s.cpuTime()
	pause(s.b.Context(), stillness)
	used := s.cpuTime() - cpu
	s.judge(s.all.count() == before, "at rest %s: %d writes in %v, want none", when, s.all.count()-before, stillness)
	say("     at rest %s: the manager used %v of CPU in %v", when, used, stillness)
	s.memory(when)
}

func (s *scale) memory(when string) {
	s.b.Helper()
	rss, peak := s.resident()
	s.judge(rss <= maxMemory, "memory %s: %d MiB resident with %d recordings (peak %d), at most %d", when, rss>>20, s.made, peak>>20, maxMemory>>20)
	say("     memory %s: %s", when, s.mapped())
	s.b.ReportMetric(float64(rss>>20), "MiB")
}

// timers lets recordings expire one after the other.
func (s *scale) timers(n int) {
	s.b.Helper()
	seen := s.observe("scale/kind=timer")
	defer seen.stop()
	first := time.Now().Add(allowance(n)).Truncate(time.Second)
	due := func(i int) time.Time {
		return first.Add(timerSpread * time.Duration(i) / time.Duration(n)).Truncate(time.Second)
	}
	s.makeDue("timer", n, due)
	late := s.lateness(seen, n, due)
	raw := s.rawApply()
	p50, p99 := late[n/2], late[n*99/100]
	s.judge(late[0] >= 0, "timers: %d over %v, the earliest %v after its date", n, timerSpread, late[0].Round(time.Millisecond))
	say("     timers: spec.state written p50 %v, p99 %v, max %v after the date; one such write by itself takes p50 %v, p99 %v",
		p50.Round(time.Millisecond), p99.Round(time.Millisecond), late[n-1].Round(time.Millisecond), raw[len(raw)/2].Round(time.Microsecond), raw[len(raw)*99/100].Round(time.Microsecond))
	s.judge(p99-raw[len(raw)*99/100] <= maxLateness, "timers: p99 %v late without the write itself, at most %v", (p99 - raw[len(raw)*99/100]).Round(time.Millisecond), maxLateness)
}

// lateness is how long after its date each recording's expiry was written, in ascending order.
func (s *scale) lateness(seen *observer, n int, due func(int) time.Time) []time.Duration {
	s.b.Helper()
	dates := map[string]time.Time{}
	for i := range n {
		dates[fmt.Sprint("timer-", i)] = due(i)
	}
	var late []time.Duration
	for _, event := range seen.wait(s, n, time.Until(due(n-1))+time.Minute, isTrashRequested) {
		late = append(late, event.at.Sub(dates[event.name]))
	}
	slices.Sort(late)
	return late
}

func isTrashRequested(r *v1alpha1.MeetingRecording) bool {
	return r.Spec.State == v1alpha1.StateTrashed
}

func isTrashed(r *v1alpha1.MeetingRecording) bool { return !r.Status.TrashedAt.IsZero() }

// mass lets recordings expire all at once.
func (s *scale) mass(n int) {
	s.b.Helper()
	seen := s.observe("scale/kind=mass")
	defer seen.stop()
	due := time.Now().Add(allowance(n)).Truncate(time.Second)
	s.makeDue("mass", n, func(int) time.Time { return due })
	events := seen.wait(s, n, time.Until(due)+10*time.Minute, isTrashed)
	took := events[len(events)-1].at.Sub(due)
	s.judge(!events[0].at.Before(due), "mass: the first of %d is trashed %v after the date", n, events[0].at.Sub(due).Round(time.Millisecond))
	s.memory("after the mass")
	raw := s.rawTrash(n)
	ratio := took.Seconds() / raw.Seconds()
	s.judge(ratio <= maxOverRaw, "mass: %d due at once are trashed after %v; the same writes by themselves take %v: %.2f times that, at most %.2f",
		n, took.Round(10*time.Millisecond), raw.Round(10*time.Millisecond), ratio, maxOverRaw)
	s.b.ReportMetric(ratio, "times-raw")
}

// allowance is how long before its date the making of n recordings begins.
func allowance(n int) time.Duration { return 15*time.Second + time.Duration(n)*5*time.Millisecond }

// pause waits; the system under test is another process, with a clock of its own.
func pause(ctx context.Context, d time.Duration) {
	_ = wait.PollUntilContextTimeout(ctx, d, d, false, func(context.Context) (bool, error) { return true, nil })
}
