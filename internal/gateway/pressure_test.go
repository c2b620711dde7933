// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestOneTakesNotEverybodysTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPressure(3, 2)
		first, second := p.enter(t.Context(), "alice", 1), p.enter(t.Context(), "alice", 1)
		if first == nil || second == nil {
			t.Fatal("there is no turn where nobody reads anything")
		}
		if p.enter(t.Context(), "alice", 1) != nil {
			t.Error("one person has more turns than one may")
		}
		third := p.enter(t.Context(), "bob", 1)
		if third == nil {
			t.Fatal("one person takes everybody's turns")
		}
		if p.enter(t.Context(), "carol", 1) != nil {
			t.Error("more is read at the same time than may be")
		}
		waiting := make(chan bool)
		go func() { waiting <- p.enter(t.Context(), "carol", 1) != nil }()
		synctest.Wait()
		first()
		first() // to leave twice is to leave once
		if !<-waiting {
			t.Error("who waits is not given the turn that came free")
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if p.enter(gone, "dave", 1) != nil {
			t.Error("a turn is given to somebody who has gone")
		}
		second()
		third()
		if len(p.lanes) != 1 {
			t.Errorf("%d people are remembered, want the one who reads", len(p.lanes))
		}
	})
}
