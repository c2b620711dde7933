// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"strconv"
	"testing"
)

// R27: what is interrupted tells what it has done and begins nothing more, so that the next run goes on there.
func TestR27WhatIsInterruptedTellsWhatItHasDone(t *testing.T) {
	t.Parallel()
	const last = 10
	ctx, interrupt := context.WithCancel(t.Context())
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	told := 0
	outcomes := Each(ctx, items, 1, func(_ context.Context, i int) Outcome {
		if i == last {
			interrupt()
		}
		return Outcome{Name: strconv.Itoa(i), Result: Restored}
	}, func(Outcome) { told++ })
	if len(outcomes) != last+1 || told != len(outcomes) {
		t.Fatalf("%d outcomes, told of %d, after an interruption in number %d of %d", len(outcomes), told, last, len(items))
	}
	for i, outcome := range outcomes {
		if outcome.Name != strconv.Itoa(i) {
			t.Errorf("outcome %d is of %s", i, outcome.Name)
		}
	}
}
