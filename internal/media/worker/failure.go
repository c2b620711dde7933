// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/reelkeeper/reelkeeper/internal/fetch"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// Reasons of failures that may go away with another try. The terminal ones are media.Reason's.
const (
	// SourceUnreachable means that the raw recording could not be read.
	SourceUnreachable = "SourceUnreachable"
	// StorageError means that the object store did not take or give what it should.
	StorageError = "StorageError"
	// Timeout means that the attempt took longer than its spec allows.
	Timeout = "Timeout"
	// Internal means anything else, such as a full scratch disk.
	Internal = "Internal"
	// VerificationFailed means that what was read back is not what was written.
	VerificationFailed = "VerificationFailed"
)

// Exit codes of the worker.
const (
	ExitDone     = 0
	ExitRetry    = 1
	ExitTerminal = 3
)

// maxFailureMessage keeps the line inside the 2 kB that Kubernetes carries from a log into a Pod's status.
const maxFailureMessage = 1500

// Failure is the last line of a failed worker's log, as JSON.
type Failure struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Terminal means that the input can never work: do not retry.
	Terminal bool `json:"terminal"`
}

// failed is an error whose reason is known where it happened.
type failed struct {
	reason string
	err    error
}

func (f *failed) Error() string { return f.err.Error() }
func (f *failed) Unwrap() error { return f.err }

func fail(reason, doing string, err error) error {
	if err == nil {
		return nil
	}
	return &failed{reason: reason, err: fmt.Errorf("%s: %w", doing, err)}
}

// errTimeout is why a context ended that the worker gave a time limit.
var errTimeout = errors.New("the attempt took longer than it may")

// Describe turns the error of Run into what the worker says last.
func Describe(err error) Failure {
	failure := Failure{Reason: Internal, Message: err.Error()}
	if input, ok := errors.AsType[*media.InputError](err); ok {
		return Failure{Reason: string(input.Reason), Message: input.Message, Terminal: true}
	}
	if fetched, ok := errors.AsType[*fetch.Error](err); ok {
		failure.Reason, failure.Terminal = string(fetched.Reason), fetched.Terminal
	}
	if known, ok := errors.AsType[*failed](err); ok {
		failure.Reason = known.reason
	}
	if errors.Is(err, errTimeout) || errors.Is(err, context.DeadlineExceeded) {
		failure.Reason = Timeout
	}
	if len(failure.Message) > maxFailureMessage {
		// The end says most: that is where a tool names what went wrong.
		failure.Message = "…" + failure.Message[len(failure.Message)-maxFailureMessage:]
	}
	return failure
}

// ExitCode is how the worker's process ends.
func (f Failure) ExitCode() int {
	if f.Terminal {
		return ExitTerminal
	}
	return ExitRetry
}

// Line is the failure as one line of JSON.
func (f Failure) Line() string {
	line, err := json.Marshal(f)
	if err != nil { // strings and a bool always marshal
		return `{"reason":"Internal","message":"describing the failure failed","terminal":false}`
	}
	return string(line)
}
