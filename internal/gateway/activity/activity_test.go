// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

func event(recording string, written time.Time) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		CreationTimestamp: metav1.NewTime(written), Labels: map[string]string{v1alpha1.LabelRecordingUID: recording},
	}}
}

// TestACounterCountsWhatTheClusterKeeps tells it what a reflector does.
func TestACounterCountsWhatTheClusterKeeps(t *testing.T) {
	noon := time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)
	counter := newCounter(recordingOf)
	counts := func() map[string]int {
		sums := map[string]int{}
		if err := counter.addTo(t.Context(), sums); err != nil {
			t.Fatal(err)
		}
		return sums
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(counter.Replace([]any{event("a", noon), event("a", noon), event("b", noon)}, "1"))
	must(counter.Add(event("c", noon)))
	must(counter.Delete(event("b", noon)))
	if diff := cmp.Diff(map[string]int{"a": 2, "c": 1}, counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	must(counter.Replace([]any{event("d", noon)}, "2"))
	if diff := cmp.Diff(map[string]int{"d": 1}, counts()); diff != "" {
		t.Errorf("counts after a new beginning (-want +got):\n%s", diff)
	}
	if err := counter.Add("no event"); err == nil {
		t.Error("it counts what is no event")
	}
}

func TestBeforeItIsFilledACounterSaysSo(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	if err := newCounter(dayOf).addTo(ended, nil); !errors.Is(err, ErrNotCounted) {
		t.Errorf("error %v", err)
	}
}

func TestRefusalsAreCountedByDay(t *testing.T) {
	evening := time.Date(2026, time.July, 1, 23, 30, 0, 0, time.FixedZone("west", -3600))
	if got := dayOf(event("a", evening)); got != "2026-07-02" {
		t.Errorf("the day is %s", got)
	}
}
