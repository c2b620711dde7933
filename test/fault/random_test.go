// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"fmt"
	"math/rand/v2"

	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
)

// randomPlan makes the plan of a seed: a life that somebody could have, with several faults.
func randomPlan(seed uint64, effects []effect.Name) plan {
	r := rand.New(rand.NewPCG(seed, 0))
	p := plan{name: fmt.Sprint("seed ", seed), life: randomLife(r), hasty: map[int]bool{}, ticks: rand.New(rand.NewPCG(seed, 1))}
	for i, next := range p.life.steps[1:] {
		if p.life.steps[i].hurried && !next.patient && r.IntN(4) == 0 {
			p.hasty[i] = true
		}
	}
	for range r.IntN(4) {
		p.strikes = append(p.strikes, strike{pick(r, effecttest.Faults), effecttest.Point{Effect: pick(r, effects), Nth: 1 + r.IntN(2)}})
	}
	for range r.IntN(4) {
		p.s3 = append(p.s3, randomFault(r))
	}
	if r.IntN(2) == 0 {
		p.lag = lag{recordings: r.IntN(4), jobs: r.IntN(4)}
	}
	return p
}

// randomFault keeps within what processing bears: five failed attempts in a row are for a person, who is not part of a plan.
// What clients try again by themselves comes in bursts.
func randomFault(r *rand.Rand) s3fault.Fault {
	fault := s3fault.Fault{Kind: pick(r, s3fault.Kinds), Nth: 1 + r.IntN(25)}
	fault.Times = 1 + r.IntN(times(fault.Kind))
	return fault
}

// times is how often in a row requests fail at most.
func times(kind s3fault.Kind) int {
	switch kind {
	case s3fault.SlowDown, s3fault.AnswerLost, s3fault.Reset, s3fault.HalfRequest, s3fault.StaleListing:
		return 4
	case s3fault.HalfAnswer, s3fault.FlippedBit, s3fault.ClockSkew:
	}
	return 1
}

func randomLife(r *rand.Rand) life {
	l := life{name: "random", with: []string{"trash"}, ends: kept, failures: r.IntN(5) / 4}
	l.steps = pick(r, [][]step{{created(nil), sent()}, {created(multipart), sentInParts()}, {imported()}})
	trash, shortened := false, false
	expiry := expires()
	for range r.IntN(4) {
		switch next := r.IntN(3); {
		case next == 0 && !shortened && !trash:
			l.steps, shortened = append(l.steps, policyShortens()), true
		case trash:
			l.steps, trash, expiry = append(l.steps, restored()), false, expiresActive()
		default:
			l.steps, trash = append(l.steps, trashed()), true
		}
	}
	switch ending := r.IntN(6); {
	case ending == 0 && trash:
		l.steps, l.ends = append(l.steps, purges()), gone
	case ending == 0:
		l.steps, l.ends = append(l.steps, expiry, purges()), gone
	case ending == 1:
		l.steps, l.ends = append(l.steps, deleted()), buried
	case ending == 2:
		l.steps, l.ends = append(l.steps, deleted(), swept()), gone
	case ending == 3 && !trash && !shortened:
		l.steps = append(l.steps, deleted(), adopted(), unburied())
	case ending == 4 && !trash:
		l.steps = append(l.steps, lost(), adopted())
	}
	return l
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
