// SPDX-License-Identifier: Apache-2.0

package moment_test

import (
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/moment"
)

func TestDatesAreRoundedUpAndNeverEarly(t *testing.T) {
	t.Parallel()
	whole := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		at   time.Time
		unit time.Duration
		want time.Time
	}{
		"a whole second stays":               {whole, time.Second, whole},
		"a nanosecond more is a second":      {whole.Add(1), time.Second, whole.Add(time.Second)},
		"a nanosecond less is the same":      {whole.Add(-1), time.Second, whole},
		"to minutes":                         {whole.Add(time.Second), time.Minute, whole.Add(time.Minute)},
		"the zero time, which is never, too": {time.Time{}, time.Second, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := moment.RoundUp(tc.at, tc.unit); !got.Equal(tc.want) {
				t.Errorf("%s is rounded up to %s, want %s", tc.at, got, tc.want)
			}
		})
	}
	if got := moment.CeilSecond(whole.Add(1)); !got.Equal(whole.Add(time.Second)) {
		t.Errorf("rounded up to %s", got)
	}
}

func TestOfTwoDates(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC)
	second := first.Add(1)
	for _, pair := range [][2]time.Time{{first, second}, {second, first}} {
		if got := moment.Later(pair[0], pair[1]); got != second {
			t.Errorf("the later of %v is %s", pair, got)
		}
		if got := moment.Earlier(pair[0], pair[1]); got != first {
			t.Errorf("the earlier of %v is %s", pair, got)
		}
	}
}
