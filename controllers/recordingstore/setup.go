// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	onlyCreated := predicate.Funcs{
		UpdateFunc:  func(event.UpdateEvent) bool { return false },
		DeleteFunc:  func(event.DeleteEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("recordingstore").
		For(&v1alpha1.RecordingStore{}, builder.WithPredicates(predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(r.storesOfSecret)).
		WatchesMetadata(kube.NamespaceMetadata(), handler.EnqueueRequestsFromMapFunc(r.storesOfNamespace), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&v1alpha1.MeetingRecording{}, handler.EnqueueRequestsFromMapFunc(r.storesOfRecording), builder.WithPredicates(onlyCreated, kube.AfterStart)).
		Watches(&v1alpha1.MeetingRecording{}, r.whenUsageChanges()).
		Complete(r)
}

// usageEvery is how soon a change of what recordings take up is looked at, so that many at once are one look.
const usageEvery = 30 * time.Second

// whenUsageChanges looks at a recording's store a while after the recording came, went or got its media.
func (r *Reconciler) whenUsageChanges() handler.EventHandler {
	later := func(queue workqueue.TypedRateLimitingInterface[reconcile.Request], recording client.Object) {
		queue.AddAfter(reconcile.Request{NamespacedName: client.ObjectKey{Name: recording.(*catalog.Card).Store()}}, usageEvery)
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			if !e.IsInInitialList {
				later(queue, e.Object)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			before, after := e.ObjectOld.(*catalog.Card), e.ObjectNew.(*catalog.Card)
			if before.Bytes() != after.Bytes() {
				later(queue, after)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			later(queue, e.Object)
		},
	}
}

// storesOfSecret are the stores whose credentials or keyset a Secret holds.
func (r *Reconciler) storesOfSecret(ctx context.Context, secret client.Object) []reconcile.Request {
	of := v1alpha1.SecretReference{Namespace: secret.GetNamespace(), Name: secret.GetName()}
	return r.storesWhere(ctx, func(store *v1alpha1.RecordingStore) bool {
		return stores.CredentialsRef(store) == of || store.Spec.Encryption.KeySecretRef == of
	})
}

// storesOfNamespace are those whose buckets may depend on the labels of a namespace.
func (r *Reconciler) storesOfNamespace(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.storesWhere(ctx, func(store *v1alpha1.RecordingStore) bool {
		return store.Spec.Buckets.Layout == v1alpha1.LayoutPerNamespace
	})
}

// storesOfRecording is the store of a recording, if the recording may be the first of its namespace.
func (r *Reconciler) storesOfRecording(ctx context.Context, recording client.Object) []reconcile.Request {
	name := recording.(*catalog.Card).Store()
	return r.storesWhere(ctx, func(store *v1alpha1.RecordingStore) bool {
		return store.Name == name && store.Spec.Buckets.Layout == v1alpha1.LayoutPerNamespace &&
			!slices.Contains(r.last(name).of.namespaces, recording.GetNamespace())
	})
}

func (r *Reconciler) storesWhere(ctx context.Context, concerned func(*v1alpha1.RecordingStore) bool) []reconcile.Request {
	list := &v1alpha1.RecordingStoreList{}
	if err := r.Client.List(ctx, list); err != nil {
		// The cache can only fail when it shuts down; a probe comes round in any case.
		log.FromContext(ctx).Error(err, "Listing stores failed")
		return nil
	}
	var requests []reconcile.Request
	for i := range list.Items {
		if concerned(&list.Items[i]) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}
