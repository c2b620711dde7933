// SPDX-License-Identifier: Apache-2.0

// Package scrub compares what is stored with its manifests, a little at a time, for as long as it is kept: bits rot, and people
// and programs with access to a bucket make mistakes.
//
// Every recording has its moment, which comes round once in spec.integrity.scrubEvery and follows from its UID. So nothing is
// written down about a recording that is whole, neither when it was checked nor that it was. One that is not gets the condition
// Intact, which goes again when a later check finds it whole.
//
// Besides, a process looks at what was written into a bucket shortly before it began: see Aftermath.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/integrity"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// shift is how long one pass goes on at most. What is still due then is for the next one, which begins at once.
const shift = time.Hour

// Reconciler checks the recordings of stores.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Cards are those of all recordings.
	Cards catalog.Reader
	// Direct reads and writes one recording past the cache.
	Direct client.Client
	// Stores opens stores.
	Stores *stores.Resolver
	// Doubt has what the bucket says of a recording written anew.
	Doubt func(recording client.ObjectKey)
	// Events tells people of damage.
	Events events.EventRecorder
	// Clock is the time that recordings fall due by, and that bytes are counted by.
	Clock clock.Clock

	mu sync.Mutex
	// at is how far each store's schedule has been followed.
	at map[string]time.Time
	// failing is the recording of each store at which it stands still.
	failing map[string]failing
	// after are the UIDs of the stores that were looked after.
	after map[string]types.UID
}

// SetupWithManager adds two controllers to a manager: who follows a schedule for an hour would let what is urgent wait.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	named := func(name string, timeout time.Duration) *builder.Builder {
		return ctrl.NewControllerManagedBy(mgr).
			Named(name).
			For(&v1alpha1.RecordingStore{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
			WatchesRawSource(kube.Loaded(mgr.GetCache(), &v1alpha1.MeetingRecording{})).
			WithOptions(controller.Options{ReconciliationTimeout: timeout})
	}
	// In a scrub, each recording has a time of its own.
	return errors.Join(named("scrub", math.MaxInt64).Complete(r), named(aftermathName, 2*shift).Complete(reconcile.Func(r.Aftermath)))
}

// Reconcile checks what has fallen due in one store, and returns when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	store := &v1alpha1.RecordingStore{}
	err := r.Client.Get(ctx, request.NamespacedName, store)
	if apierrors.IsNotFound(err) || err == nil && !store.DeletionTimestamp.IsZero() {
		r.forget(request.Name)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("read RecordingStore %s: %w", request.Name, err)
	}
	p := planOf(store)
	if p.every == 0 {
		r.forget(request.Name)
		return reconcile.Result{}, nil
	}
	if err := r.work(ctx, store, p); err != nil {
		return reconcile.Result{}, err
	}
	next := r.position(store.Name).Add(p.tick())
	return reconcile.Result{RequeueAfter: max(next.Sub(r.Clock.Now()), time.Millisecond)}, nil
}

// work checks what has fallen due until now, in the order of the schedule.
func (r *Reconciler) work(ctx context.Context, store *v1alpha1.RecordingStore, p plan) error {
	now := r.Clock.Now()
	all := r.dueIn(store.Name, p, r.position(store.Name), now)
	pacer := pace.New(r.Clock, p.rate)
	for _, one := range all {
		lag.WithLabelValues(store.Name).Set(max(r.Clock.Now().Sub(one.at).Seconds(), 0))
		if r.Clock.Now().Sub(now) > shift {
			return nil // time to see what else has fallen due, and whether the spec is another one
		}
		done, err := r.one(ctx, store.Name, one.key, p, pacer)
		if objectstore.IsTransient(err) && r.givesUp(store.Name, one.key) {
			done, err = unread(ctx, store.Name, one.key, err), nil
		}
		if err != nil || !done {
			return err
		}
		r.reached(store.Name, one.at)
	}
	r.reached(store.Name, now)
	lag.WithLabelValues(store.Name).Set(0)
	return nil
}

// dueRecording is a recording and when it fell due.
type dueRecording struct {
	key client.ObjectKey
	at  time.Time
}

// dueIn finds the recordings that fall due in a window. It counts on the way those that are known not to be intact.
func (r *Reconciler) dueIn(store string, p plan, from, to time.Time) []dueRecording {
	var due []dueRecording
	damaged := 0
	for _, card := range r.Cards.Cards("") {
		if card.Store() != store {
			continue
		}
		if card.Damaged() {
			damaged++
		}
		if at, is := p.due(card.StorageUID(), from, to); is && card.Stored() {
			due = append(due, dueRecording{card.Key(), at})
		}
	}
	damagedRecordings.WithLabelValues(store).Set(float64(damaged))
	slices.SortFunc(due, func(a, b dueRecording) int { return a.at.Compare(b.at) })
	return due
}

// one checks one recording and shows what was found. It is false where the store cannot be used now: its own conditions say why,
// and the recording stays due. What cannot be read for another reason is counted, and its turn comes again.
func (r *Reconciler) one(ctx context.Context, name string, key client.ObjectKey, p plan, pacer *pace.Pace) (done bool, err error) {
	recording := &v1alpha1.MeetingRecording{}
	if err := r.Direct.Get(ctx, key, recording); err != nil {
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	}
	store, err := r.Stores.Open(ctx, name)
	if err != nil {
		if stores.Reason(err) != "" {
			return false, nil
		}
		return false, err
	}
	target, kept, err := integrity.TargetOf(recording, store.Bucket(recording.Namespace))
	if err != nil || !kept || !recording.DeletionTimestamp.IsZero() {
		return err == nil, err
	}
	patient, cancel := context.WithTimeout(ctx, p.patience(recording.Status.Media.Bytes))
	defer cancel()
	checker := integrity.Checker{Objects: store.Objects, Keys: store.Keys, Pace: pacer}
	verdict, err := checker.Check(patient, target)
	scrubbedBytes.WithLabelValues(name).Add(float64(verdict.Bytes))
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case objectstore.IsTransient(err):
		return false, err
	case err != nil:
		return unread(ctx, name, key, err), nil
	case verdict.Intact():
		scrubbedRecordings.WithLabelValues(name, v1alpha1.ConditionIntact).Inc()
	default:
		scrubbedRecordings.WithLabelValues(name, verdict.Reason).Inc()
	}
	if err := r.show(patient, key, target, verdict); err != nil || !verdict.Intact() {
		return true, err
	}
	return true, r.state(patient, name, key, target, checker)
}

// state has the manager say again in the bucket what a whole recording is, where that was lost, changed, or never got there. Of the two,
// the MeetingRecording is right, so that nobody has to be asked.
func (r *Reconciler) state(ctx context.Context, store string, key client.ObjectKey, of integrity.Target, checker integrity.Checker) error {
	verdict, err := checker.CheckState(ctx, r.Direct, key, of)
	switch {
	case ctx.Err() != nil || objectstore.IsTransient(err):
		return err
	case err != nil:
		log.FromContext(ctx).Info("What the bucket says of a recording cannot be checked", "recording", key, "reason", err.Error())
	case !verdict.Intact():
		log.FromContext(ctx).Info("What the bucket says of a recording is written anew", "recording", key)
		scrubbedRecordings.WithLabelValues(store, verdict.Reason).Inc()
		r.Doubt(key)
	}
	return nil
}

// position is where the schedule of a store is to be gone on with: in a new process, a while ago.
func (r *Reconciler) position(store string) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.at[store]
	if !known {
		at = r.Clock.Now().Add(-lookBack)
		if r.at == nil {
			r.at = map[string]time.Time{}
		}
		r.at[store] = at
	}
	return at
}

func (r *Reconciler) reached(store string, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[store] = at
	delete(r.failing, store)
}

func (r *Reconciler) forget(store string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.at, store)
	delete(r.failing, store)
	forgetMetrics(store)
}

var errChanged = errors.New("the recording has changed")
