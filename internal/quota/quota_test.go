// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func claim(uid string, minute int, bytes int64) Claim {
	return Claim{UID: types.UID(uid), Created: noon.Add(time.Duration(minute) * time.Minute), Bytes: bytes}
}

func started(c Claim) Claim { c.Started = true; return c }

func TestWhoHasRoom(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		settled int64
		claims  []Claim
		want    map[types.UID]bool
	}{
		"alone":                           {0, []Claim{claim("a", 0, 100)}, map[types.UID]bool{"a": true}},
		"a byte too much":                 {0, []Claim{claim("a", 0, 101)}, map[types.UID]bool{"a": false}},
		"exactly what is left":            {40, []Claim{claim("a", 0, 60)}, map[types.UID]bool{"a": true}},
		"nothing is left":                 {100, []Claim{claim("a", 0, 0)}, map[types.UID]bool{"a": false}},
		"a size that nobody knows":        {99, []Claim{claim("a", 0, 0)}, map[types.UID]bool{"a": true}},
		"two of which one fits":           {0, []Claim{claim("b", 1, 60), claim("a", 0, 60)}, map[types.UID]bool{"a": true, "b": false}},
		"two made at once":                {0, []Claim{claim("b", 0, 60), claim("a", 0, 60)}, map[types.UID]bool{"a": true, "b": false}},
		"who was let in stays":            {0, []Claim{claim("a", 0, 60), started(claim("b", 1, 60))}, map[types.UID]bool{"a": false, "b": true}},
		"a large one lets small ones by":  {50, []Claim{claim("a", 0, 60), claim("b", 1, 30)}, map[types.UID]bool{"a": false, "b": true}},
		"and so does what can never fit":  {0, []Claim{claim("a", 0, 1000), claim("b", 1, 100)}, map[types.UID]bool{"a": false, "b": true}},
		"over the quota nobody is let in": {150, []Claim{started(claim("a", 0, 10)), claim("b", 1, 1)}, map[types.UID]bool{"a": true, "b": false}},
		"who is not among them has none":  {0, nil, map[types.UID]bool{"a": false}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := map[types.UID]bool{}
			for uid := range tc.want {
				got[uid] = Decide(100, tc.settled, tc.claims, uid).Fits
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("who has room (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhateverTheOrderTheQuotaHolds asks in any order, from several goroutines, with arrivals in between.
func TestWhateverTheOrderTheQuotaHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit, settled := rapid.Int64Range(0, 200).Draw(t, "limit"), rapid.Int64Range(0, 200).Draw(t, "settled")
		sizes := rapid.SliceOfN(rapid.Int64Range(1, 100), 0, 12).Draw(t, "sizes")
		var claims []Claim
		for i, size := range sizes {
			claims = append(claims, claim(strconv.Itoa(i), rapid.IntRange(0, 3).Draw(t, "minute"), size))
		}
		place := Place{"default", "finance"}
		ledger := &Ledger{}
		var mu sync.Mutex
		admitted := map[types.UID]bool{}
		var group sync.WaitGroup
		for _, i := range rapid.Permutation(slices.Collect(maps.Keys(indexes(claims)))).Draw(t, "order") {
			group.Go(func() {
				uid := claims[i].UID
				if ledger.Admit(place, limit, settled, slices.Clone(claims), uid, true).Fits {
					mu.Lock()
					admitted[uid] = true
					mu.Unlock()
				}
			})
		}
		group.Wait()
		var total int64
		for _, c := range claims {
			if admitted[c.UID] {
				total += c.Bytes
			}
			if want := Decide(limit, settled, claims, c.UID).Fits; want != admitted[c.UID] {
				t.Fatalf("%s was let in: %v, want %v", c.UID, admitted[c.UID], want)
			}
		}
		if total > 0 && settled+total > limit {
			t.Fatalf("%d + %d of %d", settled, total, limit)
		}
	})
}

func indexes(claims []Claim) map[int]bool {
	found := map[int]bool{}
	for i := range claims {
		found[i] = true
	}
	return found
}

func TestTheLedgerKnowsWhatNoObjectSays(t *testing.T) {
	t.Parallel()
	place := Place{"default", "finance"}
	ledger := &Ledger{}
	ask := func(uid string, claims ...Claim) Answer {
		return ledger.Admit(place, 100, 0, claims, types.UID(uid), false)
	}
	ledger.Arrived(place, "a", 70)
	if got := ask("a", claim("a", 0, 0)); got != (Answer{Fits: true, Wants: 70}) {
		t.Errorf("what has arrived: %+v", got)
	}
	ledger.Deleted(place, 20)
	ledger.Deleted(Place{"default", "legal"}, 5)
	if got := ask("a", claim("a", 0, 0)); got.Fits != true || got.Taken != 20 {
		t.Errorf("with what was deleted: %+v", got)
	}
	ledger.Deleted(place, 20)
	if got := ask("a", claim("a", 0, 0)); got.Fits {
		t.Errorf("with more of it: %+v", got)
	}
	if diff := cmp.Diff(map[string]Deleted{"finance": {2, 40}, "legal": {1, 5}}, ledger.DeletedFrom("default")); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	ledger.SetDeleted("default", map[string]Deleted{"finance": {1, 1}})
	if got := ask("a", claim("a", 0, 0)); !got.Fits || got.Taken != 1 || len(ledger.DeletedFrom("default")) != 1 {
		t.Errorf("when the bucket was looked at: %+v", got)
	}
	// It is forgotten with its recording.
	ask("b", claim("b", 0, 0))
	if got := ask("a", claim("a", 0, 10)); got.Wants != 10 {
		t.Errorf("a recording that was gone: %+v", got)
	}
}
