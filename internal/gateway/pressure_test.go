// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
)

// missedTurns are what the metric says, by limit.
func missedTurns(t *testing.T) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(fetchesRefused)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, metric := range families[0].GetMetric() {
		found[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
	}
	return found
}

func TestMissedTurnsAreCountedByWhoseLimitItWas(t *testing.T) {
	// Not beside others: they would count too.
	synctest.Test(t, func(t *testing.T) {
		p := newPressure(2, 1)
		before := missedTurns(t)
		leave := []func(){p.enter(t.Context(), "alice", 1), p.enter(t.Context(), "bob", 1)}
		p.enter(t.Context(), "alice", 1)
		p.enter(t.Context(), "carol", 1)
		p.enter(t.Context(), "dave", 1)
		gone, away := context.WithCancel(t.Context())
		away()
		p.enter(gone, "alice", 1)
		after := missedTurns(t)
		if person, replica := after["Person"]-before["Person"], after["Replica"]-before["Replica"]; person != 1 || replica != 2 {
			t.Errorf("%v turns were missed by the limit of a person, %v by that of the replica; want 1 and 2, without who went away", person, replica)
		}
		for _, one := range leave {
			one()
		}
	})
}

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
