// SPDX-License-Identifier: Apache-2.0

package throttle_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

func TestEachWrongTryWaitsLonger(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	throttle := throttle.New(clock)
	var waits []time.Duration
	for range 14 {
		wait := throttle.Try("link")
		waits = append(waits, wait)
		clock.SetTime(clock.Now().Add(wait))
		if wait > 0 && throttle.Try("link") != 0 {
			t.Fatal("after the wait there is another")
		}
	}
	want := []time.Duration{0, 0, 0}
	for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want = append(want, time.Duration(seconds)*time.Second)
	}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestTriesAreCountedByEveryKey(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	throttle := throttle.New(clock)
	for _, address := range []string{"a", "b", "c"} {
		if wait := throttle.Try("person", address); wait != 0 {
			t.Fatalf("address %s waits %s", address, wait)
		}
	}
	if throttle.Try("person", "d") == 0 {
		t.Error("another address is a way around")
	}
	if wait := throttle.Try("somebody else", "d"); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
}

func TestARightTryForgets(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	throttle := throttle.New(clock)
	for range 3 {
		throttle.Try("link")
	}
	throttle.Right("link")
	if wait := throttle.Try("link"); wait != 0 {
		t.Errorf("after a right try there is a wait of %s", wait)
	}
}
