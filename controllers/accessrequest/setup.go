// SPDX-License-Identifier: Apache-2.0

package accessrequest

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/requests"
)

// SetupWithManager adds the controller to a manager. Answers are written into the status, so that every change of a request is
// looked at. Requests that wait are looked at again when anything changes that a policy's answer depends on.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	specChanged := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	factsChanged := builder.WithPredicates(kube.AfterStart, predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}))
	return ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.AccessRequest{}).
		Owns(&v1alpha1.AccessGrant{}).
		Watches(&v1alpha1.RecordingPolicy{}, handler.EnqueueRequestsFromMapFunc(r.waitingOfNamespace), specChanged).
		Watches(&v1alpha1.ClusterRecordingPolicy{}, handler.EnqueueRequestsFromMapFunc(r.allWaiting), specChanged).
		Watches(&v1alpha1.MeetingRecording{}, handler.EnqueueRequestsFromMapFunc(r.waitingOfRecording), factsChanged).
		WatchesMetadata(kube.NamespaceMetadata(), handler.EnqueueRequestsFromMapFunc(r.waitingOfNamespaceItself), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WatchesRawSource(deadline.Source(r.Dates)).
		Complete(r)
}

func (r *Reconciler) allWaiting(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.list(ctx)
}

func (r *Reconciler) waitingOfNamespace(ctx context.Context, policy client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(policy.GetNamespace()))
}

func (r *Reconciler) waitingOfNamespaceItself(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(namespace.GetName()))
}

func (r *Reconciler) waitingOfRecording(ctx context.Context, recording client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(recording.GetNamespace()), client.MatchingFields{kube.RequestsByRecording: recording.GetName()})
}

// list returns the requests that are not over.
func (r *Reconciler) list(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	waits := func(request *v1alpha1.AccessRequest) bool { return !requests.Over(request) }
	waiting, err := kube.Requests(ctx, r.Client, &v1alpha1.AccessRequestList{}, waits, options...)
	if err != nil {
		// The cache fails when it shuts down, and for a namespace that the manager is confined away from.
		log.FromContext(ctx).V(1).Info("Listing requests failed", "reason", err.Error())
	}
	return waiting
}
