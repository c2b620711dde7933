// SPDX-License-Identifier: Apache-2.0

// Package effecttest lets effects fail in the ways in which they fail: with the process, or with the answer.
package effecttest

import (
	"errors"

	"github.com/reelkeeper/reelkeeper/internal/effect"
)

// Fault is what can become of an effect.
type Fault string

// The faults. After each of the first two the test has to go on with new controllers, which remember nothing.
const (
	// DieBefore ends the process before the write.
	DieBefore Fault = "die before"
	// DieAfter ends the process when the write is done and nobody knows.
	DieAfter Fault = "die after"
	// LoseAnswer makes the write and reports a failure. The process lives and may try again.
	LoseAnswer Fault = "lose the answer of"
)

// Faults are all of them.
var Faults = []Fault{DieBefore, DieAfter, LoseAnswer}

var (
	// ErrDied is the end of the process, as far as a test can tell.
	ErrDied = errors.New("the process died")
	// ErrAnswerLost is what a caller sees of a write whose answer never came.
	ErrAnswerLost = errors.New("the connection broke before the answer came")
)

// Strike lets the write fail.
func (f Fault) Strike(write func() error) error {
	if f == DieBefore {
		return ErrDied
	}
	if err := write(); err != nil {
		return err
	}
	if f == DieAfter {
		return ErrDied
	}
	return ErrAnswerLost
}

// Point is a place where a fault can strike: the nth time that an effect of this name happens in a life, counted from 1.
type Point struct {
	Effect effect.Name
	Nth    int
}
