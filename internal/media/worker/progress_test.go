// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestProgressIsWrittenAtMostEveryTwoSecondsAndOnlyWhenNew(t *testing.T) {
	t.Parallel()
	clock := clocktesting.NewFakeClock(time.Unix(0, 0))
	written := make(chan Progress, 10)
	r := &reporter{clock: clock, log: logr.Discard(), put: func(_ context.Context, body []byte) error {
		var progress Progress
		err := json.Unmarshal(body, &progress)
		written <- progress
		return errors.Join(err, errors.New("the store is busy")) // which must not matter
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); r.run(ctx) }()
	for !clock.HasWaiters() {
		if ctx.Err() != nil {
			t.Fatal("the reporter set no timer")
		}
	}
	for _, step := range []struct {
		stage    Stage
		fraction float64
		want     Progress
	}{
		{Downloading, 0.5, Progress{5, Downloading}},
		{Packaging, 0.5, Progress{50, Packaging}},
		{Packaging, 7, Progress{90, Packaging}},
		{Verifying, -1, Progress{90, Verifying}},
		{Done, 1, Progress{100, Done}},
	} {
		r.report(step.stage, step.fraction/2)
		r.report(step.stage, step.fraction)
		clock.Step(progressInterval)
		if got := <-written; got != step.want {
			t.Errorf("written %+v, want %+v", got, step.want)
		}
	}
	r.report(Packaging, 0.1)
	if got := r.current().Percent; got != 100 {
		t.Errorf("progress went back to %d", got)
	}
	cancel()
	<-ended
	if len(written) > 0 {
		t.Errorf("%d more documents were written", len(written))
	}
}
