// SPDX-License-Identifier: Apache-2.0

package scrub

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// TestEveryRecordingFallsDueOnceInAPeriod cuts time into windows of any length, as ticks, restarts and busy days do.
func TestEveryRecordingFallsDueOnceInAPeriod(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := plan{every: time.Duration(rapid.Int64Range(int64(leastEvery), int64(400*24*time.Hour)).Draw(t, "every"))}
		uid := rapid.StringMatching(`[a-z0-9-]{1,36}`).Draw(t, "uid")
		start := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "start"), rapid.Int64Range(0, 999999999).Draw(t, "nanos"))
		periods := rapid.IntRange(1, 3).Draw(t, "periods")
		end := start.Add(time.Duration(periods) * p.every)
		found := 0
		for from := start; from.Before(end); {
			to := from.Add(time.Duration(rapid.Int64Range(1, int64(p.every)).Draw(t, "window")))
			if to.After(end) {
				to = end
			}
			if at, due := p.due(uid, from, to); due {
				found++
				if !at.After(from) || at.After(to) {
					t.Fatalf("due at %s, outside %s to %s", at, from, to)
				}
			}
			from = to
		}
		if found != periods {
			t.Fatalf("due %d times in %d periods", found, periods)
		}
	})
}

func TestRecordingsAreSpreadOverThePeriod(t *testing.T) {
	p := plan{every: 30 * 24 * time.Hour}
	start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	perDay := make([]int, 30)
	for i := range 30000 {
		at, _ := p.due(fmt.Sprintf("uid-%d", i), start, start.Add(p.every))
		perDay[min(int(at.Sub(start)/(24*time.Hour)), 29)]++
	}
	for day, n := range perDay {
		if n < 850 || n > 1150 {
			t.Errorf("%d of 30000 recordings fall due on day %d of 30", n, day)
		}
	}
}

func TestPlans(t *testing.T) {
	cases := map[string]struct {
		spec v1alpha1.IntegritySpec
		want plan
	}{
		"absent":                {v1alpha1.IntegritySpec{}, plan{defaultEvery, defaultRate}},
		"never":                 {v1alpha1.IntegritySpec{ScrubEvery: v1alpha1.Never}, plan{}},
		"a week at 20Mi":        {v1alpha1.IntegritySpec{ScrubEvery: "7d", BytesPerSecond: new(resource.MustParse("20Mi"))}, plan{7 * 24 * time.Hour, 20 << 20}},
		"too often":             {v1alpha1.IntegritySpec{ScrubEvery: "0d"}, plan{leastEvery, defaultRate}},
		"longer than can be":    {v1alpha1.IntegritySpec{ScrubEvery: "99999d"}, plan{99999 * 24 * time.Hour, defaultRate}},
		"a rate of its own":     {v1alpha1.IntegritySpec{BytesPerSecond: new(resource.MustParse("1Gi"))}, plan{defaultEvery, 1 << 30}},
		"what cannot be a rate": {v1alpha1.IntegritySpec{BytesPerSecond: new(resource.MustParse("0"))}, plan{defaultEvery, defaultRate}},
	}
	for name, tc := range cases {
		if got := planOf(&v1alpha1.RecordingStore{Spec: v1alpha1.RecordingStoreSpec{Integrity: tc.spec}}); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

// However large a recording is and however slow the pace: one that its time does not suffice for would be begun anew for ever, and those
// after it would never be checked.
func TestR7TheTimeForACheckFollowsFromSizeAndPace(t *testing.T) {
	for _, rate := range []float64{64 << 10, 1 << 20, defaultRate} {
		for _, bytes := range []int64{0, 1 << 20, 50 << 30, 5 << 40} {
			reading := time.Duration(float64(bytes) / rate * float64(time.Second))
			if got := (plan{defaultEvery, rate}).patience(bytes); got < reading+shift {
				t.Errorf("%d bytes at %v a second take %s and have %s", bytes, rate, reading, got)
			}
		}
	}
}
