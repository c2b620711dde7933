// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// progressInterval is how often progress is written at most.
const progressInterval = 2 * time.Second

// Stage says what a worker is doing.
type Stage string

// The stages, in their order.
const (
	Downloading Stage = "Downloading"
	Packaging   Stage = "Packaging"
	Verifying   Stage = "Verifying"
	Done        Stage = "Done"
)

// shares are where each stage starts and ends on the way to 100 percent. Packaging takes longest by far when anything is
// transcoded.
var shares = map[Stage][2]float64{
	Downloading: {0, 10},
	Packaging:   {10, 90},
	Verifying:   {90, 99},
	Done:        {100, 100},
}

// Progress is the document that a worker keeps overwriting.
type Progress struct {
	// Percent of the whole, 0 to 100; it never goes back.
	Percent int   `json:"percent"`
	Stage   Stage `json:"stage"`
}

// reporter writes progress in the background: nobody waits for it, and a store that fails it fails nothing else.
type reporter struct {
	put   func(ctx context.Context, body []byte) error
	clock clock.WithTicker
	log   logr.Logger

	mu     sync.Mutex
	latest Progress
}

// report notes that a stage is done by a fraction between 0 and 1.
func (r *reporter) report(stage Stage, fraction float64) {
	share := shares[stage]
	percent := int(share[0] + (share[1]-share[0])*min(max(fraction, 0), 1))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = Progress{Percent: max(percent, r.latest.Percent), Stage: stage}
}

func (r *reporter) current() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.latest
}

// run writes what is new, at most every progressInterval, until ctx ends.
func (r *reporter) run(ctx context.Context) {
	ticker := r.clock.NewTicker(progressInterval)
	defer ticker.Stop()
	var written Progress
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C():
		}
		if now := r.current(); now != written {
			r.write(ctx, now)
			written = now
		}
	}
}

func (r *reporter) write(ctx context.Context, progress Progress) {
	body, err := json.Marshal(progress)
	if err == nil {
		err = r.put(ctx, body)
	}
	if err != nil && ctx.Err() == nil {
		r.log.V(1).Info("Writing progress failed; going on", "reason", err.Error())
	}
}
