// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
)

// watches says what wakes the controller. Everything that a recording can wait for and that is a Kubernetes object is
// watched, policies and namespaces by the reviews; only the bucket is asked.
func (r *Reconciler) watches(b *builder.Builder) *builder.Builder {
	return b.
		Watches(&v1alpha1.MeetingRecording{}, r.changes()).
		WatchesRawSource(deadline.Source(r.deadlines)).
		Watches(&v1alpha1.AuditEvent{}, r.sightings(), builder.OnlyMetadata, builder.WithPredicates(created)).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(recordingOfJob)).
		Watches(&v1alpha1.RecordingStore{}, handler.WithLowPriorityWhenUnchanged(handler.EnqueueRequestsFromMapFunc(r.waitingForStore)), builder.WithPredicates(storeChanged()))
}

// queue is what handlers put requests into.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// changes hears of recordings. One that is there at the start and settled sleeps until the date on its card, which costs no
// reading: whether its policies still say so is for the first review.
func (r *Reconciler) changes() handler.EventHandler {
	requestOf := func(card client.Object) reconcile.Request {
		return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(card)}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, work queue) {
			if card := e.Object.(*catalog.Card); !e.IsInInitialList || !card.Settled() {
				work.Add(requestOf(card))
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, work queue) {
			if card := e.ObjectNew.(*catalog.Card); !card.Settled() || card.GetResourceVersion() != e.ObjectOld.GetResourceVersion() {
				r.hear(requestOf(card), news{card.GetResourceVersion(), work})
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, work queue) {
			request := requestOf(e.Object)
			if last, _ := r.own.heard(request.NamespacedName, ""); last.gone {
				r.forget(request) // the pass that let it go has seen that it had no Jobs
				return
			}
			work.Add(request)
		},
	}
}

// created lets new objects pass, also those that are there at the start.
var created = predicate.Funcs{
	UpdateFunc:  func(event.UpdateEvent) bool { return false },
	DeleteFunc:  func(event.DeleteEvent) bool { return false },
	GenericFunc: func(event.GenericEvent) bool { return false },
}

// goes lets the moment pass at which the deletion of an object begins.
func goes() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		DeleteFunc: func(event.DeleteEvent) bool { return false },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() && !e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

// recordingOfJob finds the recording that a Job works for.
func recordingOfJob(_ context.Context, job client.Object) []reconcile.Request {
	namespace, name := job.GetLabels()[v1alpha1.LabelRecordingNamespace], job.GetAnnotations()[v1alpha1.AnnotationRecordingName]
	if namespace == "" || name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}}
}

// storeChanged lets pass what recordings wait for: a store's spec, its becoming usable or ceasing to be, and another keyset.
func storeChanged() predicate.Predicate {
	use := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return useOf(e.ObjectOld.(*v1alpha1.RecordingStore)) != useOf(e.ObjectNew.(*v1alpha1.RecordingStore))
	}}
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, use)
}

// storeUse is what a store can be used for, as its controllers have seen.
type storeUse struct {
	ready, endpoint, keyset metav1.ConditionStatus
	// keys are the IDs of the keys that open something.
	keys string
}

func useOf(store *v1alpha1.RecordingStore) storeUse {
	return storeUse{
		ready:    verdictOf(store, v1alpha1.ConditionReady),
		endpoint: verdictOf(store, v1alpha1.ConditionEndpointReachable),
		keyset:   verdictOf(store, v1alpha1.ConditionKeysetReady),
		keys:     strings.Join(usableKeys(store), " "),
	}
}

func verdictOf(store *v1alpha1.RecordingStore, kind string) metav1.ConditionStatus {
	if condition := meta.FindStatusCondition(store.Status.Conditions, kind); condition != nil {
		return condition.Status
	}
	return metav1.ConditionUnknown
}

// waitingForStore are the recordings of a store that are neither available nor at an end, those that may still have something to
// do in its bucket or to tell it, and those that wait for its purge guard. The others do not need it.
func (r *Reconciler) waitingForStore(_ context.Context, store client.Object) []reconcile.Request {
	var requests []reconcile.Request
	now := r.options.Clock.Now()
	for _, card := range r.options.Cards.Cards("") {
		overdue := card.Trashed() && !card.Wake().IsZero() && !card.Wake().After(now)
		if card.Store() == store.GetName() && (!card.Settled() || card.Bound() || card.Untold() || overdue) {
			requests = append(requests, reconcile.Request{NamespacedName: card.Key()})
		}
	}
	return requests
}
