// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

func TestDurationParses(t *testing.T) {
	t.Parallel()
	cases := map[v1alpha1.DurationOrNever]time.Duration{
		"90d":                   90 * 24 * time.Hour,
		"12h30m":                12*time.Hour + 30*time.Minute,
		"1d2h3m4s":              26*time.Hour + 3*time.Minute + 4*time.Second,
		"0s":                    0,
		"Never":                 v1alpha1.Forever,
		"99999d":                99999 * 24 * time.Hour,
		"99999d999999h":         v1alpha1.Forever, // more than a time.Duration holds
		"99999d999999h9999999m": v1alpha1.Forever,
	}
	for text, want := range cases {
		if got, err := text.Parse(); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
	}
}

func TestDurationRefusesWhatTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []v1alpha1.Duration{"", "90", "1mo", "1h1d", "-1d", "1.5h", "Never", "1d ", "100000d"} {
		if got, err := text.Parse(); err == nil {
			t.Errorf("%q parses as %v", text, got)
		}
	}
}
