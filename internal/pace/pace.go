// SPDX-License-Identifier: Apache-2.0

// Package pace bounds how fast work in the background goes on, so that the work in front is not felt to be slower.
package pace

import (
	"context"
	"io"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Pace lets so many units pass in a second, be they bytes or objects. It is safe for concurrent use, by which the rate does
// not grow.
type Pace struct {
	clock     clock.Clock
	perSecond float64

	mu   sync.Mutex
	next time.Time
}

// New returns a Pace of perSecond units, more than 0.
func New(clock clock.Clock, perSecond float64) *Pace {
	return &Pace{clock: clock, perSecond: perSecond}
}

// Wait returns when n more units may pass: at once after a pause, however long it was, and else when those before have had
// their time. It fails when ctx ends.
func (p *Pace) Wait(ctx context.Context, n int64) error {
	wait := p.reserve(n)
	if wait <= 0 {
		return ctx.Err()
	}
	timer := p.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C():
		return nil
	}
}

func (p *Pace) reserve(n int64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(float64(n) / p.perSecond * float64(time.Second)))
	return wait
}

// Reader returns a reader that gives the bytes of source at this pace. Closing it closes the source.
func (p *Pace) Reader(ctx context.Context, source io.ReadCloser) io.ReadCloser {
	return &reader{ReadCloser: source, ctx: ctx, pace: p}
}

type reader struct {
	io.ReadCloser
	ctx  context.Context //nolint:containedctx // io.Reader has none
	pace *Pace
}

// Read waits for the time of the bytes before, and then reads on.
func (r *reader) Read(buf []byte) (int, error) {
	n, err := r.ReadCloser.Read(buf)
	if n == 0 {
		return n, err
	}
	// The last bytes may come together with the end, and take their time as well.
	if late := r.pace.Wait(r.ctx, int64(n)); err == nil {
		err = late
	}
	return n, err
}
