// SPDX-License-Identifier: Apache-2.0

// Package auditevent keeps AuditEvents a recent window: it deletes the oldest of a namespace when there are too many or
// they are too old. What recordings cost the API server then does not grow with how often they are watched.
package auditevent

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
)

// Reconciler bounds the AuditEvents of one namespace: requests carry the namespace as their name.
type Reconciler struct {
	// Client reads the metadata of AuditEvents and deletes them.
	Client client.Client
	// Window is what is kept.
	Window Window
	// Clock is the time that ages are measured by.
	Clock clock.PassiveClock
}

// gather is how long events are collected before a namespace is looked at: a busy meeting is not worth a pass per viewer.
const gather = 10 * time.Second

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("auditevent").
		Watches(&v1alpha1.AuditEvent{}, handler.Funcs{CreateFunc: enqueueNamespace}, builder.OnlyMetadata).
		// Deleting is all it does; one namespace after the other leaves the API server to more urgent work.
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		Complete(r)
}

func enqueueNamespace(_ context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	queue.AddAfter(reconcile.Request{NamespacedName: client.ObjectKey{Name: e.Object.GetNamespace()}}, gather)
}

// Reconcile deletes what is outside the window and comes back when the next event will be.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AuditEventList"))
	if err := r.Client.List(ctx, list, client.InNamespace(request.Name), client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("list AuditEvents of namespace %s: %w", request.Name, err)
	}
	doomed, next := r.Window.outside(list.Items, r.Clock.Now())
	for i := range doomed {
		gone := doomed[i].DeepCopy()
		gone.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("AuditEvent"))
		err := effect.Do(ctx, "audit: delete an AuditEvent that is outside the window", func() error {
			return r.Client.Delete(ctx, gone, client.Preconditions{UID: &gone.UID})
		})
		if client.IgnoreNotFound(err) != nil {
			return reconcile.Result{}, fmt.Errorf("delete AuditEvent %s/%s, which is outside the window: %w", gone.Namespace, gone.Name, err)
		}
	}
	if len(doomed) > 0 {
		log.FromContext(ctx).Info("Deleted AuditEvents outside the window", "namespace", request.Name, "count", len(doomed))
	}
	return reconcile.Result{RequeueAfter: next}, nil
}
