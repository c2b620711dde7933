// SPDX-License-Identifier: Apache-2.0

package throttle_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

var begun = time.Unix(1_800_000_000, 0)

func TestASharedListMakesTriesWaitAsMemoryDoes(t *testing.T) {
	var counts []throttle.Count
	now := begun
	for i, want := range []time.Duration{0, 0, 0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		if wait := throttle.Wait(counts, now, "address", "person"); wait != want {
			t.Errorf("try %d waits %s, want %s", i, wait, want)
		}
		now = now.Add(want)
		counts = throttle.Wrong(counts, now, "address", "person")
	}
	if wait := throttle.Wait(counts, now, "another address"); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
	if wait := throttle.Wait(counts, now, "another address", "person"); wait == 0 {
		t.Error("another address is a way around")
	}
	left, changed := throttle.Right(counts, now, "address", "person")
	if !changed || len(left) != 0 {
		t.Errorf("after a right try %v is left", left)
	}
	if _, changed := throttle.Right(left, now, "address"); changed {
		t.Error("what changes nothing is said to change something")
	}
	if wait := throttle.Wait(counts, now.Add(time.Hour), "address"); wait != 0 {
		t.Errorf("an hour later there is a wait of %s", wait)
	}
}

// However many addresses somebody has, the list stays small, and nobody who waits is forgotten for it.
func TestManyAddressesMakeNoRoom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var counts []throttle.Count
		for range 3 {
			counts = throttle.Wrong(counts, begun, "guesser")
		}
		for i := range rapid.IntRange(0, 300).Draw(r, "addresses") {
			counts = throttle.Wrong(counts, begun, fmt.Sprint("address ", i), fmt.Sprint("person ", i%7))
		}
		if len(counts) > 32 {
			r.Fatalf("%d are kept", len(counts))
		}
		if throttle.Wait(counts, begun, "guesser") == 0 {
			r.Fatal("the guesser is forgotten")
		}
		if len(counts) == 32 && throttle.Wait(counts, begun.Add(time.Second), "new address") == 0 && counts[31].Wrong > 4 {
			r.Fatal("those for whom there is no room do not wait")
		}
	})
}
