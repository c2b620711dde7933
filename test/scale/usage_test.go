// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/internal/testenv/measure"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// usage is how much CPU each process of the run has used so far, the bench among them.
func (s *scale) usage() map[string]time.Duration {
	s.b.Helper()
	used := map[string]time.Duration{"bench": s.cpuOf(os.Getpid()), "S3 server": s.cpuOf(s.s3.PID())}
	for name, running := range env.Processes() {
		used[name] = s.cpuOf(running.PID())
	}
	if s.running {
		used["manager"] = s.cpuTime()
	}
	return used
}

// sayUsage says what CPU each of n things took since an earlier usage. It tells a slow machine from much work.
func (s *scale) sayUsage(what string, n int, since map[string]time.Duration) {
	s.b.Helper()
	var parts []string
	var sum time.Duration
	for name, now := range s.usage() {
		each := (now - since[name]) / time.Duration(n)
		sum += each
		parts = append(parts, fmt.Sprintf("%s %v", name, each.Round(10*time.Microsecond)))
	}
	slices.Sort(parts)
	measure.Say("     %s: CPU for each of %d: %v (%s)", what, n, sum.Round(10*time.Microsecond), strings.Join(parts, ", "))
}

func (s *scale) cpuOf(pid int) time.Duration {
	s.b.Helper()
	used, err := process.UsageOf(pid)
	if err != nil {
		s.b.Fatal(err)
	}
	return used.CPU
}

// settle waits until the API server has had next to nothing to do for ten seconds. When many recordings were put into etcd at once, it has
// garbage to collect and watches to serve for a while.
func (s *scale) settle() {
	s.b.Helper()
	s.awaitCalm("the API server", env.Processes()["kube-apiserver"].PID(), 300*time.Millisecond, 5)
}

// awaitCalm waits until a process has used less CPU than idle between two looks, so many times one after the other.
func (s *scale) awaitCalm(who string, pid int, idle time.Duration, times int) {
	s.b.Helper()
	const look = 2 * time.Second
	before, calm := s.cpuOf(pid), 0
	err := wait.PollUntilContextTimeout(s.b.Context(), look, 5*time.Minute, false, func(context.Context) (bool, error) {
		now := s.cpuOf(pid)
		if calm++; now-before >= idle {
			calm = 0
		}
		before = now
		return calm >= times, nil
	})
	if err != nil {
		s.b.Fatalf("%s does not come to rest: %v", who, err)
	}
}
