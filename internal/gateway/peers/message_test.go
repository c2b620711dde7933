// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
)

func TestUnitsComeThroughAsTheyAre(t *testing.T) {
	for name, tc := range map[string]struct {
		terms pacing.Terms
		units []pacing.Unit
	}{
		"a segment":                  {standard, segments(7, 7)},
		"the whole of the longest":   {pacing.Terms{MaxAhead: time.Hour, Speed: 1.25, Length: 7 * 24 * time.Hour}, segments(0, maxUnits-1)},
		"the init, and what is next": {pacing.Terms{Speed: 20}, []pacing.Unit{{Index: 0}, {Index: 1, Plays: 4004 * time.Millisecond}}},
	} {
		t.Run(name, func(t *testing.T) {
			sent, err := json.Marshal(newUnits("viewer", "recording", tc.terms, tc.units))
			if err != nil {
				t.Fatal(err)
			}
			var got unitsMessage
			if err := decode(bytes.NewReader(sent), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.units, got.units()) + cmp.Diff(tc.terms, got.terms()); diff != "" {
				t.Errorf("(-sent +got):\n%s", diff)
			}
		})
	}
}

func TestMoreAheadThanAnyRecordingIsLongIsUnderstood(t *testing.T) {
	m := newUnits("viewer", "recording", pacing.Terms{MaxAhead: 100 * 365 * 24 * time.Hour, Speed: 1, Length: time.Hour}, segments(1, 1))
	if err := m.validate(); err != nil {
		t.Error(err)
	}
}

// FuzzMessage reads what a replica could be sent by another, and counts what can be read.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"viewer":"v","recording":"r","ahead":180000,"speed":1.5,"length":3600000,"first":7,"plays":[4000,4000]}`))
	f.Add([]byte(`{"viewer":"v","player":"p","began":1800000000,"maxRequests":600,"maxPlayers":5}`))
	f.Add([]byte(`{"wait":1000000,"sold":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ledger := pacing.New(clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0)))
		var units unitsMessage
		if decode(bytes.NewReader(data), &units) == nil {
			if got := len(units.units()); got < 1 || got > maxUnits {
				t.Errorf("%d units", got)
			}
			_, wait := ledger.Take(units.Viewer, units.Recording, units.terms(), units.units())
			answer := takeAnswer{Wait: wait}
			if err := answer.validate(); err != nil {
				t.Errorf("what is answered is not understood: %v", err)
			}
			ledger.GiveBack(units.Viewer, units.Recording, units.terms(), units.units())
		}
		var admit admitMessage
		if decode(bytes.NewReader(data), &admit) == nil {
			got := ledger.Admit(admit.Viewer, admit.visit())
			answer := admitAnswer{Wait: got.Wait, Crowded: got.Crowded}
			if err := answer.validate(); err != nil {
				t.Errorf("what is answered is not understood: %v", err)
			}
		}
		for _, answer := range []message{&admitAnswer{}, &takeAnswer{}, &giveBackAnswer{}} {
			_ = decode(bytes.NewReader(data), answer)
		}
	})
}
