// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Memory is how much memory a process has, in bytes.
type Memory struct {
	// Resident is what it has now, Peak the most that it has had.
	Resident, Peak int64
	// Own is what of Resident is its own, File what is mapped from files, such as the program's.
	Own, File int64
}

// MemoryOf reads it from Linux's /proc.
func MemoryOf(pid int) (Memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Memory{}, err
	}
	var memory Memory
	for name, to := range map[string]*int64{"VmRSS:": &memory.Resident, "VmHWM:": &memory.Peak, "RssAnon:": &memory.Own, "RssFile:": &memory.File} {
		_, after, _ := bytes.Cut(status, []byte("\n"+name))
		line, _, _ := bytes.Cut(after, []byte("kB"))
		kilobytes, err := strconv.ParseInt(strings.TrimSpace(string(line)), 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("%s of process %d: %w", name, pid, err)
		}
		*to = kilobytes << 10
	}
	return memory, nil
}

// Usage says what a process is, and how much CPU it has used so far.
type Usage struct {
	// Name is the program's, as far as the kernel keeps it: 15 bytes.
	Name string
	// Parent is the process that has started it.
	Parent int
	// CPU is the time that it has used so far, in hundredths of a second.
	CPU time.Duration
}

// UsageOf reads it from Linux's /proc.
func UsageOf(pid int) (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, err
	}
	// The name is in parentheses and may hold anything. After it: the parent is the 2nd field, utime and stime are the 12th and 13th.
	begin, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	var numbers [3]int64
	for i, at := range []int{1, 11, 12} {
		if numbers[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return Usage{}, fmt.Errorf("the usage of process %d: %w", pid, err)
		}
	}
	return Usage{Name: string(stat[begin+1 : end]), Parent: int(numbers[0]), CPU: time.Duration(numbers[1]+numbers[2]) * 10 * time.Millisecond}, nil
}
