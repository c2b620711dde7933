// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"fmt"
	"strings"
	"time"
)

// maxProblems is how many manifests a status names that could not be wrapped anew.
const maxProblems = 5

// outcome is what a pass over all manifests of a store has done and found.
type outcome struct {
	began, ended time.Time
	// rewrapped counts the manifests that were wrapped anew, removed their older versions that went.
	rewrapped, removed int64
	// attempts counts the attempts in progress that will write manifests wrapped with an older key.
	attempts int
	// needed are the keys besides the primary without which something could not be opened.
	needed map[string]bool
	// unknown says that there is a manifest of which nobody can tell which key it needs.
	unknown bool
	// problems are sentences about manifests that are not wrapped with the primary key, at most maxProblems; more counts the rest.
	problems []string
	more     int
}

// needs reports whether a key has to be kept.
func (o *outcome) needs(keyID string) bool { return o.unknown || o.needed[keyID] }

// need notes that a key has to be kept.
func (o *outcome) need(keyID string) {
	if o.needed == nil {
		o.needed = map[string]bool{}
	}
	o.needed[keyID] = true
}

// problem notes why a manifest is not wrapped with the primary key.
func (o *outcome) problem(format string, args ...any) {
	if len(o.problems) == maxProblems {
		o.more++
		return
	}
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

// again is when the next pass may find something else.
func (o *outcome) again() time.Time {
	if o.attempts > 0 {
		return o.ended.Add(waitForAttempts)
	}
	return o.ended.Add(lookAgain)
}

// stale reports whether a new pass is worth its while: there was none, or enough time has gone by.
func (o *outcome) stale(now time.Time) bool { return o == nil || !now.Before(o.again()) }

// summary is for a condition.
func (o *outcome) summary() string {
	text := strings.Join(o.problems, ". ")
	if o.more > 0 {
		text += fmt.Sprintf(". %d more are like that", o.more)
	}
	return text
}
