// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// A recording at rest is not in memory. When what decides about many of them may have changed, a policy or the labels of a
// namespace, and once after a start, they are reviewed: read from the API server page by page, looked at as they pass, and let go
// again. Nothing is written. Those that turn out to have something to do get a pass of their own, as do all that are not settled.
//
//	policy, namespace ──▶ Review(namespace) ── page ──▶ rests? ── yes ──▶ sleeps until its date
//	                                                       └───── no ───▶ is due now

// reviewName is what the reviews are called in logs and metrics.
const reviewName = "meetingrecording-review"

const (
	// reviewPage is how many recordings are read at once: some four kilobytes each.
	reviewPage = 250
	// reviewTimeout is for a hundred thousand recordings in one namespace, on an API server that has other things to do.
	reviewTimeout = time.Hour
)

// watchesOfReviews says what makes a namespace be reviewed. A new namespace passes, also one that is there at the start.
func (r *Reconciler) watchesOfReviews(b *builder.Builder) *builder.Builder {
	namespaces := builder.WithPredicates(predicate.Or[client.Object](predicate.LabelChangedPredicate{}, goes()))
	specs := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return b.
		Watches(&v1alpha1.ClusterRecordingPolicy{}, r.review(r.everywhere), specs).
		Watches(&v1alpha1.RecordingPolicy{}, r.review(inNamespaceOf), specs).
		WatchesMetadata(kube.NamespaceMetadata(), r.review(inNamespaceNamed), namespaces)
}

// review has namespaces reviewed. Passes that are under way learn that something has changed.
func (r *Reconciler) review(chosen func(context.Context, client.Object) []string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		r.edits.Add(1)
		var requests []reconcile.Request
		for _, namespace := range chosen(ctx, object) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKey{Name: namespace}})
		}
		return requests
	})
}

func (r *Reconciler) everywhere(ctx context.Context, _ client.Object) []string {
	list := kube.NamespaceMetadataList()
	if err := r.options.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		// The cache can only fail when it shuts down.
		log.FromContext(ctx).Error(err, "Listing namespaces failed")
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}

func inNamespaceOf(_ context.Context, object client.Object) []string {
	return []string{object.GetNamespace()}
}

func inNamespaceNamed(_ context.Context, object client.Object) []string {
	return []string{object.GetName()}
}

// Review looks at all recordings of the namespace that the request names. One that fails is begun anew.
func (r *Reconciler) Review(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	if len(r.options.Cards.Cards(request.Name)) == 0 {
		return reconcile.Result{}, nil // which is also so where the manager is confined to other namespaces
	}
	page := client.ListOptions{Namespace: request.Name, Limit: reviewPage}
	for {
		var list v1alpha1.MeetingRecordingList
		if err := r.options.Direct.List(ctx, &list, &page); err != nil {
			return reconcile.Result{}, fmt.Errorf("list the recordings of namespace %s: %w", request.Name, err)
		}
		for i := range list.Items {
			if err := r.lookAt(ctx, &list.Items[i]); err != nil {
				return reconcile.Result{}, err
			}
		}
		if page.Continue = list.Continue; page.Continue == "" {
			return reconcile.Result{}, nil
		}
	}
}

// lookAt wakes a recording that does not rest, and sets the date of one that does.
func (r *Reconciler) lookAt(ctx context.Context, recording *v1alpha1.MeetingRecording) error {
	if !recording.DeletionTimestamp.IsZero() && len(recording.Spec.Holds) == 0 && recording.Status.LockedUntil.IsZero() {
		return nil // it has a pass of its own already, and nobody is told of it
	}
	request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(recording)}
	wake, rests, err := r.rests(ctx, recording)
	if err != nil {
		return err
	}
	if !rests {
		r.deadlines.SetDue(request)
		return nil
	}
	// One that has changed since gets a pass for that, which knows what the review knows.
	if card := r.options.Cards.Card(request.NamespacedName); card != nil && card.GetResourceVersion() == recording.ResourceVersion {
		r.sleep(request.NamespacedName, &recording.Status, wake)
	}
	return nil
}

// rests says that a pass over the recording would do nothing but wait for a date, and for which one. It reads from caches only,
// and when in doubt it says no.
func (r *Reconciler) rests(ctx context.Context, recording *v1alpha1.MeetingRecording) (wake time.Time, rests bool, err error) {
	if !catalog.IsSettled(recording) || asksForErasure(recording) {
		return time.Time{}, false, nil
	}
	o, err := r.regard(ctx, recording)
	if err != nil || o.stage != kept && o.stage != shelved || purgeDue(o) {
		return time.Time{}, false, err
	}
	if err := r.observeLocks(ctx, o); err != nil {
		return time.Time{}, false, err
	}
	d := decide(o)
	if err := mirrored(o, &d); err != nil {
		return time.Time{}, false, err
	}
	idle := len(d.steps) == 0 && len(d.after) == 0 && d.look == 0
	return d.wake, idle && (d.status == nil || sameStatus(&recording.Status, d.status)), nil
}
