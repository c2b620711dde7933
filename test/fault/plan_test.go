// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
)

// plan is one life with everything that goes wrong in it.
type plan struct {
	name    string
	life    life
	strikes []strike
	s3      []s3fault.Fault
	// s3From is the step with which the faults of S3 begin.
	s3From int
	lag    lag
	// hasty are the steps after which nobody waits: the next one follows before any controller has looked.
	hasty map[int]bool
	// ticks, where set, moves the clock by up to three seconds before every pass.
	ticks *rand.Rand
}

func (p plan) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "plan %s: life %q", p.name, p.life.name)
	for i, step := range p.life.steps {
		fmt.Fprintf(&out, "\n  step: %s", step.name)
		if p.hasty[i] {
			out.WriteString(" (and on at once)")
		}
	}
	for _, s := range p.strikes {
		fmt.Fprintf(&out, "\n  fault: %s", s)
	}
	for _, f := range p.s3 {
		fmt.Fprintf(&out, "\n  S3 fault: %s, since step %d", f, p.s3From+1)
	}
	if p.lag != (lag{}) {
		fmt.Fprintf(&out, "\n  a new process sees recordings %d passes old and Jobs %d", p.lag.recordings, p.lag.jobs)
	}
	return out.String()
}

const (
	// stepBound is how many passes a step may take, faults included, restBound how many it may take to come to rest after
	// the last fault.
	stepBound = 60
	restBound = 25
	// retryAfter is how much later a failed pass is made again.
	retryAfter = time.Second
	// looks is how many new processes look at a world at rest. What looks again within poll does so without a date.
	looks = 2
	poll  = time.Hour
)

// slowest is the most passes that a plan took from its last fault to rest.
var slowest peak

type peak struct{ atomic.Int64 }

func (p *peak) reach(n int) {
	for {
		most := p.Load()
		if int64(n) <= most || p.CompareAndSwap(most, int64(n)) {
			return
		}
	}
}

// run lives the life and returns the world as it is at rest.
func (p plan) run(ctx context.Context, l *lab) (*world, error) {
	w, err := newWorld(ctx, l, p.life.with...)
	if err != nil {
		return nil, fmt.Errorf("set up: %w", err)
	}
	w.gate.strikes, w.lag, w.cluster.failures = p.strikes, p.lag, p.life.failures
	for i, step := range p.life.steps {
		if i == p.s3From {
			w.proxy.Arm(p.s3...)
		}
		if err := w.step(ctx, step); err != nil {
			return w, fmt.Errorf("step %q: %w", step.name, err)
		}
		if p.hasty[i] {
			continue
		}
		if err := p.drive(ctx, w, step); err != nil {
			return w, fmt.Errorf("step %q: %w", step.name, err)
		}
	}
	return w, p.rest(ctx, w)
}

// drive makes passes until the step is dealt with and nothing is left to do.
func (p plan) drive(ctx context.Context, w *world, step step) error {
	for range stepBound {
		if p.ticks != nil {
			w.clock.Step(time.Duration(p.ticks.IntN(3000)) * time.Millisecond)
		}
		turn, err := w.pass(ctx)
		if err != nil {
			return err
		}
		recording := w.recording()
		reached, err := step.reached(ctx, w, recording)
		switch {
		case err != nil:
			return err
		case turn.changed:
		case turn.failed:
			w.clock.Step(retryAfter)
		case reached:
			return nil
		case turn.look > 0:
			w.clock.Step(turn.look)
		default:
			return fmt.Errorf("nobody does anything any more and nobody will; the recording is %s", describe(recording))
		}
	}
	return fmt.Errorf("not there after %d passes; the recording is %s", stepBound, describe(w.recording()))
}

// rest lets no fault happen any more and waits until nothing changes; then nothing may be written, by new processes neither.
func (p plan) rest(ctx context.Context, w *world) error {
	w.note("the faults stop")
	w.gate.strikes, w.lag, w.rests = nil, lag{}, true
	w.proxy.Disarm()
	if err := w.restart(ctx); err != nil {
		return err
	}
	if err := w.quieten(ctx); err != nil {
		return err
	}
	writes, wrote := w.writes, len(w.proxy.Writes())
	for range looks {
		if err := w.lookAgain(ctx); err != nil {
			return err
		}
	}
	if n := w.writes - writes; n > 0 {
		return fmt.Errorf("at rest, the API server was written %d times", n)
	}
	if wrote := w.proxy.Writes()[wrote:]; len(wrote) > 0 {
		return fmt.Errorf("at rest, the object store was written: %s", strings.Join(wrote, ", "))
	}
	return nil
}

// lookAgain has a new process make a pass and, where it wants to look again soon, one more at that time.
func (w *world) lookAgain(ctx context.Context) error {
	if err := w.restart(ctx); err != nil {
		return err
	}
	turn, err := w.pass(ctx)
	if err == nil && !turn.failed && turn.look > 0 && turn.look <= poll {
		w.clock.Step(turn.look)
		turn, err = w.pass(ctx)
	}
	if err != nil || turn.failed {
		return fmt.Errorf("a pass at rest failed: %w", err)
	}
	return nil
}

// quieten makes passes until nobody writes any more.
func (w *world) quieten(ctx context.Context) error {
	for n := range restBound {
		turn, err := w.pass(ctx)
		if err != nil {
			return err
		}
		if !turn.changed && !turn.failed {
			slowest.reach(n + 1)
			return nil
		}
	}
	return fmt.Errorf("no rest after %d passes without faults", restBound)
}
