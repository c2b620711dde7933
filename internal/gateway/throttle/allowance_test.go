// SPDX-License-Identifier: Apache-2.0

package throttle_test

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

func TestAnAllowanceIsUsedUpAndComesBack(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
	allowance := throttle.NewAllowance(clock, 2, time.Minute)
	for _, want := range []int{1, 0} {
		if left, wait := allowance.Take("alice"); left != want || wait != 0 {
			t.Errorf("%d left and a wait of %s, want %d and none", left, wait, want)
		}
	}
	clock.SetTime(clock.Now().Add(20 * time.Second))
	if _, wait := allowance.Take("alice"); wait != 40*time.Second {
		t.Errorf("a third time waits %s, want 40s", wait)
	}
	if _, wait := allowance.Take("bob"); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
	clock.SetTime(clock.Now().Add(40 * time.Second))
	if left, wait := allowance.Take("alice"); left != 1 || wait != 0 {
		t.Errorf("a minute later %d are left and a wait of %s, want 1 and none", left, wait)
	}
}
