// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
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

func TestWhatIsHeardDuringAPassIsWeighedAtItsEnd(t *testing.T) {
	t.Parallel()
	request := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "finance", Name: "q3"}}
	cases := map[string]struct {
		wrote ownWrite
		heard []string
		want  int
	}{
		"the pass's own write, after which nothing is left to do": {ownWrite{version: "8", done: true}, []string{"8"}, 0},
		"the pass's own write, after which something is":          {ownWrite{version: "8"}, []string{"8"}, 1},
		"somebody else's":             {ownWrite{version: "8", done: true}, []string{"7"}, 1},
		"somebody else's and its own": {ownWrite{version: "8", done: true}, []string{"7", "8"}, 1},
		"nothing":                     {ownWrite{version: "8", done: true}, nil, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := New(Options{Clock: clocktesting.NewFakeClock(noon)})
			work := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer work.ShutDown()
			r.own.begin(request.NamespacedName)
			for _, version := range tc.heard {
				r.hear(request, news{version, work})
			}
			if work.Len() > 0 {
				t.Error("a pass is under way, and the queue has another")
			}
			r.own.wrote(request.NamespacedName, tc.wrote)
			r.hearRest(request)
			if work.Len() != tc.want {
				t.Errorf("after the pass the queue has %d, want %d", work.Len(), tc.want)
			}
			r.hear(request, news{"9", work})
			if work.Len() != 1 {
				t.Error("what is heard between passes is not put into the queue")
			}
		})
	}
}
