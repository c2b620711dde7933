// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usage is how much CPU the programs of a run have used so far: ours, which is the client, and all that it has started, by their names.
type usage map[string]time.Duration

const client = "client"

// used reads it from /proc.
func (d *delivery) used() usage {
	d.b.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		d.b.Fatalf("reading /proc, which this measurement needs: %v", err)
	}
	own := strconv.Itoa(os.Getpid())
	names, parents, times := map[string]string{}, map[string]string{}, map[string]time.Duration{}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// The name is in parentheses and may hold anything. After it: parent is the 2nd field, utime and stime the 12th and 13th, in hundredths of a second.
		begin, end := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
		id, fields := strings.TrimSpace(string(content[:begin])), strings.Fields(string(content[end+1:]))
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		names[id], parents[id], times[id] = string(content[begin+1:end]), fields[1], time.Duration(user+system)*10*time.Millisecond
	}
	names[own] = client
	sums := usage{}
	for id := range names {
		ancestor := id
		for ancestor != own && ancestor != "" && ancestor != "0" {
			ancestor = parents[ancestor]
		}
		if ancestor == own {
			sums[names[id]] += times[id]
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
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		d.b.Fatal(err)
	}
	_, after, _ := bytes.Cut(content, []byte("VmRSS:"))
	line, _, _ := bytes.Cut(after, []byte("kB"))
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
	if err != nil {
		d.b.Fatal(err)
	}
	return kilobytes << 10
}
