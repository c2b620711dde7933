// SPDX-License-Identifier: Apache-2.0

// Package purgeguard tells people that the purges of a RecordingStore have stopped, and wakes what waited when they go on.
//
// Whether they stop is decided in internal/purgeguard, at the moment somebody asks; here it becomes the condition
// PurgesAllowed, status.purgesStopped, which makes it hold across restarts, an Event and a metric.
package purgeguard

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
)

// fieldOwner owns, in server-side apply, the condition PurgesAllowed and status.purgesStopped and nothing else.
const fieldOwner = "reelkeeper-purge-guard"

// Reconciler reports on one RecordingStore.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Guard decides.
	Guard *purgeguard.Guard
	// Released is told when purges go on: what was deleted waits for its sweeper.
	Released func(at time.Time)
	// Events tells people what happened.
	Events events.EventRecorder
	// Clock tells the time; a test steps it.
	Clock clock.PassiveClock
}

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	// Room for a stop of each of many stores: a full channel would keep who asks waiting.
	stops := make(chan event.GenericEvent, 1024)
	r.Guard.OnStop(func(name string) {
		select {
		case stops <- event.GenericEvent{Object: &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: name}}}:
		default: // every change of the store, and every restart, looks again
		}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("purgeguard").
		For(&v1alpha1.RecordingStore{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(kube.Loaded(mgr.GetCache(), &v1alpha1.MeetingRecording{})).
		WatchesRawSource(source.Channel(stops, &handler.EnqueueRequestForObject{})).
		Complete(r)
}

// Reconcile writes what the Guard says where the status says something else. A store whose purges were never stopped has nothing
// to say.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	store := &v1alpha1.RecordingStore{}
	if err := r.Client.Get(ctx, request.NamespacedName, store); err != nil {
		forget(request.Name)
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	stop, stopped := r.Guard.Stopped(store)
	show(store.Name, stopped)
	before := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionPurgesAllowed)
	if !stopped && before == nil {
		return reconcile.Result{}, nil
	}
	condition := conditionOf(store, stop, stopped)
	if before != nil && before.Status == condition.Status && before.Message == condition.Message {
		return reconcile.Result{}, nil
	}
	if err := r.write(ctx, store, condition, stop, stopped); err != nil {
		return reconcile.Result{}, err
	}
	if before == nil || before.Status != condition.Status {
		r.tell(store, condition, stopped)
	}
	return reconcile.Result{}, nil
}

func conditionOf(store *v1alpha1.RecordingStore, stop purgeguard.Stop, stopped bool) metav1.Condition {
	condition := metav1.Condition{
		Type: v1alpha1.ConditionPurgesAllowed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonWithinBounds, ObservedGeneration: store.Generation,
		Message: "Recordings whose time in the trash is over are deleted for good",
	}
	if stopped {
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonPurgeGuard
		condition.Message = fmt.Sprintf("Nothing is deleted for good since %s: %d of %d recordings had been in the hour before, and spec.purgeGuard allows %d an hour. "+
			"Look at what waits (kubectl get mrec -A, those in the trash whose purge date has passed) and at the policies behind it. If it is right, set "+
			"spec.purgeGuard.approvedUntil to a time until which it may all go, or raise percentPerHour; if not, put the policy right, and take the recordings back",
			stop.At.UTC().Format(time.RFC3339), stop.Purged, stop.Recordings, stop.Allowed)
	}
	return condition
}

func (r *Reconciler) write(ctx context.Context, store *v1alpha1.RecordingStore, condition metav1.Condition, stop purgeguard.Stop, stopped bool) error {
	conditions := kube.Transitions(store.Status.Conditions, []metav1.Condition{condition}, r.Clock.Now())
	status := ac.RecordingStoreStatus().WithConditions(kube.ApplyConditions(conditions)...)
	if stopped {
		status.WithPurgesStopped(ac.PurgesStopped().WithAt(metav1.NewTime(stop.At)).
			WithPurged(int32(stop.Purged)).WithRecordings(int32(stop.Recordings)).WithAllowed(int32(stop.Allowed)))
	}
	err := effect.Do(ctx, "purge guard: write the status", func() error {
		return r.Client.Status().Apply(ctx, ac.RecordingStore(store.Name).WithUID(store.UID).WithStatus(status), client.FieldOwner(fieldOwner), client.ForceOwnership)
	})
	if err != nil {
		return fmt.Errorf("write the status of RecordingStore %s: %w", store.Name, err)
	}
	return nil
}

func (r *Reconciler) tell(store *v1alpha1.RecordingStore, condition metav1.Condition, stopped bool) {
	if stopped {
		r.Events.Eventf(store, nil, corev1.EventTypeWarning, condition.Reason, "Purge", "%s", condition.Message)
		return
	}
	r.Released(r.Clock.Now())
	r.Events.Eventf(store, nil, corev1.EventTypeNormal, condition.Reason, "Purge", "%s", condition.Message)
}

var _ reconcile.Reconciler = (*Reconciler)(nil)
