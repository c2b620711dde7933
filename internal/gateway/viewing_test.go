// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

func TestViewsAreCountedWhileTheirPlayersAsk(t *testing.T) {
	t.Parallel()
	clock := testclock.NewFakePassiveClock(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	views := newViewing(clock)
	for _, view := range []string{"a", "b", "a"} {
		views.saw(view)
	}
	if got := views.count(); got != 2 {
		t.Errorf("%d views are open, want 2", got)
	}
	clock.SetTime(clock.Now().Add(viewedFor))
	views.saw("b")
	clock.SetTime(clock.Now().Add(time.Second))
	if got := views.count(); got != 1 {
		t.Errorf("%d views are open, want the one that still asks", got)
	}
}
