// SPDX-License-Identifier: Apache-2.0

package recordingpolicy

import (
	"context"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"k8s.io/client-go/util/workqueue"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// everything is the only request there is.
var everything = reconcile.Request{}

// SetupWithManager adds the controller to a manager. Policies are looked at as soon as one of them changes, recordings a
// while after the first of those that changed.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	specChanged := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	labelsChanged := builder.WithPredicates(predicate.LabelChangedPredicate{})
	now := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request { return []reconcile.Request{everything} })
	return ctrl.NewControllerManagedBy(mgr).
		Named("recordingpolicy").
		// Two passes at once would count twice and write each other's statuses.
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Watches(&v1alpha1.ClusterRecordingPolicy{}, now, specChanged).
		Watches(&v1alpha1.RecordingPolicy{}, now, specChanged).
		WatchesMetadata(kube.NamespaceMetadata(), r.later((*census).markNamespaces, 0), labelsChanged).
		Watches(&v1alpha1.MeetingRecording{}, r.later((*census).markRecording, CountEvery), labelsChanged).
		Complete(r)
}

// later notes what changed, and has everything looked at after a delay. What changes meanwhile does not put that off.
func (r *Reconciler) later(note func(*census, client.Object), delay time.Duration) handler.EventHandler {
	changed := func(object client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		note(&r.census, object)
		queue.AddAfter(everything, delay)
	}
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { changed(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { changed(e.ObjectNew, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { changed(e.Object, q) },
	}
}

func (c *census) markNamespaces(client.Object) { c.markAll() }

func (c *census) markRecording(recording client.Object) { c.mark(recording.GetNamespace()) }
