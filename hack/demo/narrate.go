// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// narrator tells the story, and remembers which of its claims were not seen to be true.
type narrator struct {
	out   io.Writer
	start time.Time

	mu     sync.Mutex
	seen   int
	failed []string
}

func newNarrator(out io.Writer) *narrator {
	return &narrator{out: out, start: time.Now()}
}

// chapter opens a new part of the story.
func (n *narrator) chapter(format string, args ...any) {
	fmt.Fprintf(n.out, "\n%s  %s\n", n.clock(), strings.ToUpper(fmt.Sprintf(format, args...)))
}

// say tells what happens.
func (n *narrator) say(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		fmt.Fprintf(n.out, "        %s\n", strings.TrimRight(line, "\n"))
	}
}

// claim prints what is held to be true together with what was seen. A claim whose error is not nil was not true.
func (n *narrator) claim(what string, err error) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen++
	if err != nil {
		n.failed = append(n.failed, what)
		fmt.Fprintf(n.out, "   NO   %s: %v\n", what, err)
		return false
	}
	fmt.Fprintf(n.out, "   ok   %s\n", what)
	return true
}

// sum prints how the story went and returns an error that names the claims that did not hold.
func (n *narrator) sum() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.failed) > 0 {
		return fmt.Errorf("%d of %d claims did not hold:\n  - %s", len(n.failed), n.seen, strings.Join(n.failed, "\n  - "))
	}
	fmt.Fprintf(n.out, "\n%s  All %d claims were seen to be true.\n", n.clock(), n.seen)
	return nil
}

// clock is the time since the story began, as minutes and seconds.
func (n *narrator) clock() string {
	elapsed := time.Since(n.start).Round(time.Second)
	return fmt.Sprintf("%02d:%02d", int(elapsed.Minutes()), int(elapsed.Seconds())%60)
}
