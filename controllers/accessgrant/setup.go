// SPDX-License-Identifier: Apache-2.0

package accessgrant

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
)

// SetupWithManager adds the controller to a manager. A grant is looked at again when anything changes that a policy's answer
// depends on: policies, and the labels and facts of recordings and namespaces.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	specChanged := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	factsChanged := builder.WithPredicates(kube.AfterStart, predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.LabelChangedPredicate{}))
	return ctrl.NewControllerManagedBy(mgr).
		Named(controllerName).
		For(&v1alpha1.AccessGrant{}, specChanged).
		WatchesRawSource(deadline.Source(r.Deadlines)).
		Watches(&v1alpha1.RecordingPolicy{}, handler.EnqueueRequestsFromMapFunc(r.grantsOfPolicy), specChanged).
		Watches(&v1alpha1.ClusterRecordingPolicy{}, handler.EnqueueRequestsFromMapFunc(r.allGrants), specChanged).
		Watches(&v1alpha1.MeetingRecording{}, handler.EnqueueRequestsFromMapFunc(r.grantsOfRecording), factsChanged).
		WatchesMetadata(kube.NamespaceMetadata(), handler.EnqueueRequestsFromMapFunc(r.grantsOfNamespace), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Complete(r)
}

func (r *Reconciler) allGrants(ctx context.Context, _ client.Object) []reconcile.Request {
	return r.list(ctx)
}

func (r *Reconciler) grantsOfPolicy(ctx context.Context, policy client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(policy.GetNamespace()))
}

func (r *Reconciler) grantsOfNamespace(ctx context.Context, namespace client.Object) []reconcile.Request {
	return r.list(ctx, client.InNamespace(namespace.GetName()))
}

// grantsOfRecording are those that name the recording, and those with a selector, which may have picked it before its labels
// changed.
func (r *Reconciler) grantsOfRecording(ctx context.Context, recording client.Object) []reconcile.Request {
	in := client.InNamespace(recording.GetNamespace())
	return append(
		r.list(ctx, in, client.MatchingFields{kube.GrantsByRecording: recording.GetName()}),
		r.list(ctx, in, client.MatchingFields{kube.GrantsByRecording: kube.GrantsBySelector})...)
}

func (r *Reconciler) list(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	grants, err := kube.Requests[*v1alpha1.AccessGrant](ctx, r.Client, &v1alpha1.AccessGrantList{}, nil, options...)
	if err != nil {
		// The cache fails when it shuts down, and for a namespace that the manager is confined away from.
		log.FromContext(ctx).V(1).Info("Listing grants failed", "reason", err.Error())
	}
	return grants
}
