// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/catalog/catalogtest"
)

// drawer is a few cards.
type drawer []*catalog.Card

func (d drawer) Cards(string) []*catalog.Card { return d }

func (d drawer) Card(key client.ObjectKey) *catalog.Card {
	for _, card := range d {
		if card.Key() == key {
			return card
		}
	}
	return nil
}

func expiring(name string, at time.Time) v1alpha1.MeetingRecording {
	return v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: name, ResourceVersion: "7"},
		Status:     v1alpha1.MeetingRecordingStatus{ExpiresAt: metav1.NewTime(at)},
	}
}

func TestDatesOnCardsComeIntoTheQueueBeforeTheyAreDue(t *testing.T) {
	t.Parallel()
	clock := clocktesting.NewFakeClock(noon)
	recordings := []v1alpha1.MeetingRecording{
		expiring("overdue", noon.Add(-day)), expiring("near", noon.Add(40*time.Minute)), expiring("later", noon.Add(80*time.Minute)), expiring("far", noon.Add(3*day)),
		expiring("never", time.Time{}),
	}
	r := New(Options{Clock: clock, Cards: drawer(catalogtest.Of(recordings))})
	at := func(name string) time.Time {
		return r.deadlines.At(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "finance", Name: name}})
	}
	expect := func(when string, want map[string]time.Time) {
		t.Helper()
		if _, err := r.Reconcile(t.Context(), goingThrough); err != nil {
			t.Fatal(err)
		}
		for i := range recordings {
			if name := recordings[i].Name; !at(name).Equal(want[name]) {
				t.Errorf("%s: %s has the date %v, want %v", when, name, at(name), want[name])
			}
		}
	}
	expect("at the start", map[string]time.Time{"overdue": noon.Add(-day), "near": noon.Add(40 * time.Minute)})

	// Its pass has decided otherwise: the next look does not bring the old date back.
	r.sleep(client.ObjectKey{Namespace: "finance", Name: "overdue"}, &v1alpha1.MeetingRecordingStatus{}, time.Time{})
	clock.SetTime(r.deadlines.At(goingThrough))
	if got := clock.Now(); !got.Equal(noon.Add(30 * time.Minute)) {
		t.Errorf("the next look is at %v", got)
	}
	expect("half an hour later", map[string]time.Time{"near": noon.Add(40 * time.Minute), "later": noon.Add(80 * time.Minute)})

	clock.SetTime(noon.Add(4 * day)) // somebody has set the clock forward
	expect("days later", map[string]time.Time{"near": noon.Add(40 * time.Minute), "later": noon.Add(80 * time.Minute), "far": noon.Add(3 * day)})
}

func TestOnlyFarDatesOfTheStatusAreLeftToTheCard(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		expiresAt, wake, want time.Time
	}{
		"near":                       {noon.Add(time.Minute), noon.Add(time.Minute), noon.Add(time.Minute)},
		"far, and on the card":       {noon.Add(day), noon.Add(day), time.Time{}},
		"far, and not on the card":   {noon.Add(day), noon.Add(2 * time.Hour), noon.Add(2 * time.Hour)},
		"never, whatever the status": {noon.Add(day), time.Time{}, time.Time{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(Options{Clock: clocktesting.NewFakeClock(noon)})
			key := client.ObjectKey{Namespace: "finance", Name: "q3"}
			r.deadlines.Set(reconcile.Request{NamespacedName: key}, noon) // which it had before
			r.sleep(key, &v1alpha1.MeetingRecordingStatus{ExpiresAt: metav1.NewTime(tc.expiresAt)}, tc.wake)
			if got := r.deadlines.At(reconcile.Request{NamespacedName: key}); !got.Equal(tc.want) {
				t.Errorf("the date is %v, want %v", got, tc.want)
			}
		})
	}
}

func TestOwnWritesAreHeardOnce(t *testing.T) {
	t.Parallel()
	var writes ownWrites
	key := client.ObjectKey{Namespace: "finance", Name: "q3"}
	if _, own := writes.heard(key, "7"); own {
		t.Error("nothing was written")
	}
	writes.wrote(key, ownWrite{version: "8", done: true})
	if write, own := writes.heard(key, "8"); !own || !write.done {
		t.Errorf("own %v, %+v", own, write)
	}
	if _, own := writes.heard(key, "8"); own {
		t.Error("heard twice")
	}
	writes.wrote(key, ownWrite{version: "9", done: true})
	if _, own := writes.heard(key, "10"); own {
		t.Error("somebody else's write was taken for an own one")
	}
}
