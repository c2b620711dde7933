// SPDX-License-Identifier: Apache-2.0

package auditevent

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func aged(name string, age time.Duration) metav1.PartialObjectMetadata {
	return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(now.Add(-age))}}
}

func TestWindow(t *testing.T) {
	cases := map[string]struct {
		events     []metav1.PartialObjectMetadata
		wantDoomed []string
		wantNext   time.Duration
	}{
		"no events":                          {},
		"all are young and few":              {events: []metav1.PartialObjectMetadata{aged("a", time.Minute), aged("b", 0)}, wantNext: 59 * time.Minute},
		"too old":                            {events: []metav1.PartialObjectMetadata{aged("a", 2*time.Hour), aged("b", 30*time.Minute)}, wantDoomed: []string{"a"}, wantNext: 30 * time.Minute},
		"exactly as old as the window":       {events: []metav1.PartialObjectMetadata{aged("a", time.Hour)}, wantDoomed: []string{"a"}},
		"too many: the oldest go":            {events: []metav1.PartialObjectMetadata{aged("c", 1), aged("a", 4), aged("d", 0), aged("b", 2)}, wantDoomed: []string{"a"}, wantNext: time.Hour - 2},
		"too many of one second: names tell": {events: []metav1.PartialObjectMetadata{aged("d", 0), aged("b", 0), aged("a", 0), aged("c", 0)}, wantDoomed: []string{"a"}, wantNext: time.Hour},
		"all are too old":                    {events: []metav1.PartialObjectMetadata{aged("b", 2*time.Hour), aged("a", 3*time.Hour)}, wantDoomed: []string{"a", "b"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			doomed, next := Window{MaxAge: time.Hour, MaxCount: 3}.outside(tc.events, now)
			var names []string
			for _, event := range doomed {
				names = append(names, event.Name)
			}
			if diff := cmp.Diff(tc.wantDoomed, names); diff != "" {
				t.Errorf("doomed (-want +got):\n%s", diff)
			}
			if next != tc.wantNext {
				t.Errorf("next = %s, want %s", next, tc.wantNext)
			}
		})
	}
}

func TestWindowKeepsTheYoungestAndNoMoreThanItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := Window{
			MaxAge:   time.Duration(rapid.IntRange(1, 100).Draw(t, "max age")),
			MaxCount: rapid.IntRange(1, 10).Draw(t, "max count"),
		}
		var events []metav1.PartialObjectMetadata
		within := 0
		for i, age := range rapid.SliceOf(rapid.IntRange(0, 200)).Draw(t, "ages") {
			events = append(events, aged(strconv.Itoa(i), time.Duration(age)))
			if time.Duration(age) < window.MaxAge {
				within++
			}
		}
		doomed, next := window.outside(events, now)
		if kept, want := len(events)-len(doomed), min(within, window.MaxCount); kept != want {
			t.Fatalf("%d events are kept, want %d", kept, want)
		}
		if again, _ := window.outside(events, now.Add(next)); next > 0 && len(again) <= len(doomed) {
			t.Fatalf("nothing more is outside after %s", next)
		}
	})
}
