// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// watches says what wakes the controller. Everything that a recording can wait for and that is a Kubernetes object is
// watched; only the bucket is asked.
func (r *Reconciler) watches(b *builder.Builder) *builder.Builder {
	namespaces := builder.WithPredicates(predicate.Or[client.Object](predicate.LabelChangedPredicate{}, goes()))
	specs := builder.WithPredicates(predicate.GenerationChangedPredicate{})
	return b.
		For(&v1alpha1.MeetingRecording{}).
		WatchesRawSource(deadline.Source(r.deadlines)).
		Watches(&v1alpha1.AuditEvent{}, r.sightings(), builder.OnlyMetadata, builder.WithPredicates(created)).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(recordingOfJob)).
		Watches(&v1alpha1.RecordingStore{}, r.enqueue(r.waitingForStore), builder.WithPredicates(storeChanged())).
		Watches(&v1alpha1.ClusterRecordingPolicy{}, r.enqueue(everywhere), specs).
		Watches(&v1alpha1.RecordingPolicy{}, r.enqueue(inNamespaceOf), specs).
		WatchesMetadata(kube.NamespaceMetadata(), r.enqueue(inNamespaceNamed), namespaces)
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

// storeChanged lets a store's spec and its becoming ready, or ceasing to be, pass.
func storeChanged() predicate.Predicate {
	readiness := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return readinessOf(e.ObjectOld) != readinessOf(e.ObjectNew)
	}}
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, readiness)
}

func readinessOf(store client.Object) metav1.ConditionStatus {
	if condition := meta.FindStatusCondition(store.(*v1alpha1.RecordingStore).Status.Conditions, v1alpha1.ConditionReady); condition != nil {
		return condition.Status
	}
	return metav1.ConditionUnknown
}

// selection is which recordings an event is about.
type selection struct {
	options []client.ListOption
	// wanted narrows the selection further; nil does not.
	wanted func(*v1alpha1.MeetingRecording) bool
}

// waitingForStore are the recordings of a store that are neither available nor at an end, and those that wait for its purge guard.
// The others do not need it.
func (r *Reconciler) waitingForStore(store client.Object) selection {
	return selection{
		options: []client.ListOption{client.MatchingFields{kube.RecordingsByStore: store.GetName()}},
		wanted: func(recording *v1alpha1.MeetingRecording) bool {
			switch purgeAt := recording.Status.PurgeAt; readyReason(&recording.Status) {
			case v1alpha1.ReasonAvailable:
				return keptOrLeaving(recording)
			case v1alpha1.ReasonTrashed:
				overdue := !purgeAt.IsZero() && !purgeAt.After(r.options.Clock.Now())
				return overdue || keptOrLeaving(recording)
			}
			return true
		},
	}
}

// keptOrLeaving says that a recording at rest may still have something to do in its bucket.
func keptOrLeaving(recording *v1alpha1.MeetingRecording) bool {
	return !recording.DeletionTimestamp.IsZero() || len(recording.Spec.Holds) > 0 || asksForErasure(recording)
}

func everywhere(client.Object) selection { return selection{} }

func inNamespaceOf(object client.Object) selection {
	return selection{options: []client.ListOption{client.InNamespace(object.GetNamespace())}}
}

func inNamespaceNamed(object client.Object) selection {
	return selection{options: []client.ListOption{client.InNamespace(object.GetName())}}
}

// enqueue wakes every selected recording, behind those that something happened to themselves.
func (r *Reconciler) enqueue(selectFor func(client.Object) selection) handler.EventHandler {
	return handler.WithLowPriorityWhenUnchanged(handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		chosen := selectFor(object)
		requests, err := kube.Requests(ctx, r.options.Client, &v1alpha1.MeetingRecordingList{}, chosen.wanted, chosen.options...)
		if err != nil {
			// The cache can only fail when it shuts down.
			log.FromContext(ctx).Error(err, "Listing recordings failed")
		}
		return requests
	}))
}
