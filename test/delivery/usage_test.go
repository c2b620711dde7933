// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// usage is how much CPU the programs of a run have used so far: ours, which is the client, and all that it has started, by their names.
type usage map[string]time.Duration

const client = "client"

// used reads it from /proc.
func (d *delivery) used() usage {
	d.b.Helper()
	running, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(running) == 0 {
		d.b.Fatalf("reading /proc, which this measurement needs: %v", err)
	}
	own, all := os.Getpid(), map[int]process.Usage{}
	for _, path := range running {
		pid, err := strconv.Atoi(filepath.Base(path))
		if err != nil {
			d.b.Fatal(err)
		}
		if one, err := process.UsageOf(pid); err == nil { // else it has ended
			all[pid] = one
		}
	}
	sums := usage{}
	for pid, one := range all {
		ancestor := pid
		for ancestor != own && ancestor != 0 {
			ancestor = all[ancestor].Parent
		}
		switch {
		case pid == own:
			sums[client] += one.CPU
		case ancestor == own:
			sums[one.Name] += one.CPU
		}
	}
	return sums
}

// since is what was used between two readings.
func (u usage) since(before usage) usage {
	spent := usage{}
	for name, now := range u {
		spent[name] = now - before[name]
	}
	return spent
}

func (u usage) add(other usage) {
	for name, more := range other {
		u[name] += more
	}
}

// shares tells how much of a core each program used for so long, from the most to the least.
func (u usage) shares(took time.Duration) string {
	var parts []string
	for _, name := range slices.SortedFunc(maps.Keys(u), func(a, b string) int { return cmp.Compare(u[b], u[a]) }) {
		if share := u[name].Seconds() / took.Seconds(); share >= 0.005 {
			parts = append(parts, fmt.Sprintf("%s %.2f", name, share))
		}
	}
	return strings.Join(parts, ", ")
}

// resident is how much memory the gateway has now, in bytes.
func (d *delivery) resident() int64 {
	d.b.Helper()
	pid := os.Getpid()
	if d.gateway != nil {
		pid = d.gateway.PID()
	}
	memory, err := process.MemoryOf(pid)
	if err != nil {
		d.b.Fatal(err)
	}
	return memory.Resident
}
