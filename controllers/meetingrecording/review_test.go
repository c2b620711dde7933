// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog/catalogtest"
)

// review has a process that was just started look at the namespace, and says when it wakes the recording: the zero time where it
// sleeps until a date that its card has, or for ever.
func (w *world) review() time.Time {
	w.Helper()
	w.restart()
	if _, err := w.reconciler.Review(w.Context(), w.request()); err != nil {
		w.Fatal(err)
	}
	return w.reconciler.deadlines.At(reconcile.Request{NamespacedName: w.key()})
}

func (w *world) request() reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKey{Name: w.namespace}}
}

// expectReview reviews, and finds the recording due now, asleep until a date, or asleep without one. A review writes nothing.
func (w *world) expectReview(when string, want time.Time) {
	w.Helper()
	before := w.get().ResourceVersion
	if got := w.review(); !got.Equal(want) {
		w.Errorf("%s: a review has it wake at %v, want %v", when, got, want)
	}
	if after := w.get().ResourceVersion; after != before {
		w.Errorf("%s: a review has written", when)
	}
}

func (w *world) now() time.Time { return w.clock.Now().Truncate(time.Microsecond) }

func TestAReviewWakesWhatHasSomethingToDoAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asleep := time.Time{}
	w.available()
	w.settle()
	w.expectReview("at rest", asleep)

	w.rules(v1alpha1.RetentionRules{ExpireAfter: "200d"})
	w.expectReview("a policy has moved its date", w.now())
	w.settle()
	w.expectReview("the date has moved, and is far", asleep)

	w.clock.SetTime(w.get().Status.ExpiresAt.Add(-horizon / 2))
	w.expectReview("the date has come near", w.get().Status.ExpiresAt.Time)
	w.clock.SetTime(w.get().Status.ExpiresAt.Time)
	w.expectReview("the date has come", w.now())
	recording := w.settle()
	if recording.EffectiveState() != v1alpha1.StateTrashed {
		t.Fatalf("it did not expire: %+v", recording)
	}
	w.expectReview("in the trash", asleep)
	w.clock.SetTime(recording.Status.PurgeAt.Time)
	w.expectReview("its time in the trash is over", w.now())

	w.patch(`{"spec":{"state":"Active"}}`)
	w.expectReview("somebody restores it", w.now())
	w.settle()
	w.expectReview("restored", asleep)
	w.patch(`{"spec":{"holds":[{"name":"case-7","reason":"litigation"}]}}`)
	w.expectReview("somebody holds it", w.now())
	w.settle()
	w.expectReview("held", asleep)
}

// TestAReviewLeavesWhatHasChangedToItsPass has the card be newer than what the review read: the date that it found may be that of yesterday.
func TestAReviewLeavesWhatHasChangedToItsPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.available()
	w.rules(v1alpha1.RetentionRules{ExpireAfter: "30m"})
	recording := w.settle()
	w.expectReview("its card is of what was read", recording.Status.ExpiresAt.Time)

	recording.ResourceVersion = "1"
	w.restart()
	w.reconciler.options.Cards = drawer(catalogtest.Of([]v1alpha1.MeetingRecording{*recording}))
	if _, err := w.reconciler.Review(t.Context(), w.request()); err != nil {
		t.Fatal(err)
	}
	if got := w.reconciler.deadlines.At(reconcile.Request{NamespacedName: w.key()}); !got.IsZero() {
		t.Errorf("its card is of something else, and it wakes at %v", got)
	}
}

func TestAReviewReadsEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const all = reviewPage + 3
	for i := range all {
		w.name = fmt.Sprintf("meeting-%d", i)
		w.record()
	}
	w.review()
	if got := w.reconciler.deadlines.Len() - 1; got != all { // the other one is the look at the cards
		t.Errorf("%d of %d recordings are awake", got, all)
	}
}

// refusing is an API server that does not answer.
type refusing struct{ client.Client }

var errNoAnswer = errors.New("no answer")

func (refusing) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errNoAnswer
}

func TestAReviewThatCannotReadIsBegunAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.reconciler.options.Direct = refusing{}
	if _, err := w.reconciler.Review(t.Context(), w.request()); err != nil {
		t.Errorf("a namespace without recordings is read: %v", err)
	}
	w.record()
	if _, err := w.reconciler.Review(t.Context(), w.request()); !errors.Is(err, errNoAnswer) {
		t.Errorf("Review = %v, want the error, so that it is tried again", err)
	}
}
