// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// homes are where viewers are at home, as a replica sees it whose own address is not among the others.
func homes(members []string, viewers int) []string {
	ring := NewRing("192.0.2.1:1", Patience)
	ring.Set(members)
	var found []string
	for i := range viewers {
		found = append(found, ring.home(anonymous(strconv.Itoa(i))).address)
	}
	return found
}

func TestOnlyTheViewersOfWhoGoesMove(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		members := rapid.SliceOfNDistinct(rapid.StringMatching(`10\.0\.[0-9]\.[0-9]:8444`), 2, 8, rapid.ID).Draw(r, "replicas")
		goes := rapid.IntRange(0, len(members)-1).Draw(r, "goes")
		before := homes(members, 300)
		after := homes(rapid.Permutation(slices.Delete(slices.Clone(members), goes, goes+1)).Draw(r, "seen"), 300)
		moved := 0
		for i := range before {
			if before[i] == members[goes] {
				moved++
			} else if after[i] != before[i] {
				r.Fatalf("viewer %d moves from %s to %s though %s went", i, before[i], after[i], members[goes])
			}
		}
		if fair := 300 / len(members); moved < fair/3 || moved > 3*fair {
			r.Fatalf("%d of 300 viewers were with one of %d replicas", moved, len(members))
		}
	})
}

func TestAllReplicasAgreeWhoseHomeIsWhere(t *testing.T) {
	members := []string{"10.0.0.1:8444", "10.0.0.2:8444", "10.0.0.3:8444"}
	for i := range 100 {
		viewer := anonymous(strconv.Itoa(i))
		var answers []string
		for _, self := range members {
			ring := NewRing(self, Patience)
			ring.Set(members)
			if home := ring.home(viewer); home == nil {
				answers = append(answers, self)
			} else {
				answers = append(answers, home.address)
			}
		}
		if len(slices.Compact(answers)) != 1 {
			t.Errorf("viewer %d is at home at %q", i, answers)
		}
	}
}
