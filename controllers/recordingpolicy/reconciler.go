// SPDX-License-Identifier: Apache-2.0

// Package recordingpolicy says on every policy, of a namespace or of the organisation, what became of it: whether it can be
// understood, what in it can have no effect and why, and how many recordings it is about.
//
// All of this depends on all policies at once, so one pass looks at all of them, over indexes and caches alone, and writes
// those statuses that differ. A conflict is shown on the policy that yields and nowhere else. Recordings are never written.
package recordingpolicy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// CountEvery is the least time between two counts of recordings. They come by the thousand; a policy's status need not
// follow each.
const CountEvery = 10 * time.Second

// Reconciler reports on policies.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Cards are those of all recordings.
	Cards catalog.Reader
	// Policies is the index of all policies.
	Policies *governance.Policies
	// Namespaces are those that the manager is confined to, or none. A confined manager does not see all recordings, and says
	// no number of the organisation's policies.
	Namespaces []string
	// Clock is the time that counts are due by.
	Clock clock.PassiveClock

	census census
}

// Reconcile looks at all policies, and returns when recordings have to be counted again. The request has no meaning.
func (r *Reconciler) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	var cluster v1alpha1.ClusterRecordingPolicyList
	if err := r.Client.List(ctx, &cluster, client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("list ClusterRecordingPolicies: %w", err)
	}
	var namespaced v1alpha1.RecordingPolicyList
	if err := r.Client.List(ctx, &namespaced, client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, fmt.Errorf("list RecordingPolicies: %w", err)
	}
	index, err := r.Policies.Index(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	namespaces, err := r.namespaces(ctx)
	if err != nil {
		return reconcile.Result{}, err
	}
	due := r.census.update(r.Cards, index, r.visible(namespaces), r.Clock.Now())
	var failed []error
	for i := range cluster.Items {
		failed = append(failed, r.reportCluster(ctx, &cluster.Items[i], index, namespaces))
	}
	for i := range namespaced.Items {
		failed = append(failed, r.reportNamespaced(ctx, &namespaced.Items[i], index, namespaces))
	}
	return reconcile.Result{RequeueAfter: due}, errors.Join(failed...)
}

// namespaces returns the labels of all namespaces by name.
func (r *Reconciler) namespaces(ctx context.Context) (map[string]map[string]string, error) {
	list := kube.NamespaceMetadataList()
	if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	namespaces := make(map[string]map[string]string, len(list.Items))
	for i := range list.Items {
		namespaces[list.Items[i].Name] = list.Items[i].Labels
	}
	return namespaces, nil
}

// visible are those namespaces whose recordings the manager can see.
func (r *Reconciler) visible(namespaces map[string]map[string]string) map[string]map[string]string {
	if len(r.Namespaces) == 0 {
		return namespaces
	}
	visible := maps.Clone(namespaces)
	maps.DeleteFunc(visible, func(name string, _ map[string]string) bool { return !slices.Contains(r.Namespaces, name) })
	return visible
}

func (r *Reconciler) reportCluster(
	ctx context.Context, p *v1alpha1.ClusterRecordingPolicy, index *policy.Index, namespaces map[string]map[string]string,
) error {
	ref := policy.Ref{Kind: policy.KindCluster, Name: p.Name}
	count := r.census.of(ref, p.Status.Recordings)
	if len(r.Namespaces) > 0 {
		count = nil
	}
	status, changed := r.status(ref, p.Generation, p.Status, count, index, namespaces)
	if !changed {
		return nil
	}
	err := effect.Do(ctx, "policy: write the status of a ClusterRecordingPolicy", func() error {
		return r.Client.Status().Apply(ctx, ac.ClusterRecordingPolicy(p.Name).WithUID(p.UID).WithStatus(applied(status)), client.ForceOwnership)
	})
	return explain(err, "ClusterRecordingPolicy "+p.Name)
}

func (r *Reconciler) reportNamespaced(
	ctx context.Context, p *v1alpha1.RecordingPolicy, index *policy.Index, namespaces map[string]map[string]string,
) error {
	ref := policy.Ref{Kind: policy.KindNamespace, Namespace: p.Namespace, Name: p.Name}
	status, changed := r.status(ref, p.Generation, p.Status, r.census.of(ref, p.Status.Recordings), index, namespaces)
	if !changed {
		return nil
	}
	err := effect.Do(ctx, "policy: write the status of a RecordingPolicy", func() error {
		return r.Client.Status().Apply(ctx, ac.RecordingPolicy(p.Name, p.Namespace).WithUID(p.UID).WithStatus(applied(status)), client.ForceOwnership)
	})
	return explain(err, fmt.Sprintf("RecordingPolicy %s/%s", p.Namespace, p.Name))
}

// status returns what a policy's status should be, and whether it differs. A policy that the index does not know yet, or no
// longer, is left for the next pass.
func (r *Reconciler) status(
	ref policy.Ref, generation int64, before v1alpha1.PolicyStatus, count *int32, index *policy.Index, namespaces map[string]map[string]string,
) (v1alpha1.PolicyStatus, bool) {
	review, found := index.Review(ref, namespaces)
	if !found {
		return before, false
	}
	after := deriveStatus(review, generation, before.Conditions, count, r.Clock.Now())
	return after, !sameStatus(before, after)
}

func applied(status v1alpha1.PolicyStatus) *ac.PolicyStatusApplyConfiguration {
	out := ac.PolicyStatus().WithConditions(kube.ApplyConditions(status.Conditions)...).WithObservedGeneration(status.ObservedGeneration)
	out.Recordings = status.Recordings
	return out
}

// explain adds which status could not be written. A policy that has gone meanwhile needs none.
func explain(err error, object string) error {
	if client.IgnoreNotFound(err) == nil {
		return nil
	}
	return fmt.Errorf("write the status of %s: %w", object, err)
}
