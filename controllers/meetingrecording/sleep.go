// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
)

// horizon is how far ahead a date has to be for the card alone to remember it. A place in the queue of deadlines costs as much
// memory as a card.
const horizon = time.Hour

// goingThrough is the request to go through the cards, for no recording has an empty name. It is due like any other date.
var goingThrough = reconcile.Request{}

// sleep has a recording wake at a date; the zero time is never. One that is far away and stands in the status, where the card has it
// from, is left to the card.
func (r *Reconciler) sleep(name types.NamespacedName, status *v1alpha1.MeetingRecordingStatus, wake time.Time) {
	if wake.After(r.options.Clock.Now().Add(horizon)) && wake.Equal(catalog.WakeOf(status)) {
		wake = time.Time{}
	}
	r.deadlines.Set(reconcile.Request{NamespacedName: name}, wake)
}

// goThrough gives dates that have come near a place in the queue, twice before any of them is due: once at the start, where it
// finds what fell due meanwhile too, and again after half the horizon, as the clock says that it goes by.
func (r *Reconciler) goThrough() {
	now := r.options.Clock.Now()
	from := r.wentThrough
	if now.Before(from) {
		from = now
	}
	for _, card := range r.options.Cards.Cards("") {
		request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(card)}
		if wake := card.Wake(); wake.After(from) && !wake.After(now.Add(horizon)) && r.deadlines.At(request).IsZero() {
			r.deadlines.Set(request, wake)
		}
	}
	r.wentThrough = now
	r.deadlines.Set(goingThrough, now.Add(horizon/2))
}
