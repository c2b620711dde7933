// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Result is what became of one recording.
type Result string

const (
	// Restored is back: Available, or in the trash where it was.
	Restored Result = "Restored"
	// Unchanged was there already.
	Unchanged Result = "Unchanged"
	// Asked is made or changed, and the manager has not got to it yet.
	Asked Result = "Asked"
	// Purging goes for good with the next look at the trash.
	Purging Result = "Purging"
	// Possible would be done; nothing was, because only a dry run was asked for.
	Possible Result = "Possible"
	// Passed was left alone, because it is not what was asked for.
	Passed Result = "Passed"
	// Failed could not be done.
	Failed Result = "Failed"
)

// Outcome is what became of one recording, and why.
type Outcome struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
	Result    Result `json:"result"`
	Message   string `json:"message,omitempty"`
}

// Each does something to all items, a number of them at once, and returns what became of each, in their order. When ctx ends,
// no more are begun, and those that were not are left out. done is told of every one, never by two at once.
func Each[T any](ctx context.Context, items []T, atOnce int, do func(context.Context, T) Outcome, done func(Outcome)) []Outcome {
	outcomes := make([]*Outcome, len(items))
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, item := range items {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			outcome := do(ctx, item)
			mu.Lock()
			defer mu.Unlock()
			outcomes[i] = &outcome
			done(outcome)
			return nil
		})
	}
	_ = group.Wait() // no function fails
	var all []Outcome
	for _, outcome := range outcomes {
		if outcome != nil {
			all = append(all, *outcome)
		}
	}
	return all
}
