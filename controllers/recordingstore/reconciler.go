// SPDX-License-Identifier: Apache-2.0

// Package recordingstore sets up RecordingStores: buckets, the key-encryption keyset, and a probe that says whether the
// server does what it should.
//
// Kubernetes objects are watched; the server is asked again after a while, soon where something is wrong. A pass in between
// takes the last answer, so that it costs nothing.
package recordingstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Reconciler sets up RecordingStores.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Cards are those of all recordings.
	Cards catalog.Reader
	// Stores opens stores; it is shared with the controllers that use them.
	Stores *stores.Resolver
	// Ledger knows what deleted recordings take up; it is shared with the controller that quotas are kept by.
	Ledger *quota.Ledger
	// Probe finds out what a bucket can do; nil has its client try everything.
	Probe func(ctx context.Context, objects *objectstore.Client, bucket string) (objectstore.Capabilities, error)
	// Trash knows which deleted recordings nobody can judge; nil knows of none.
	Trash Trash
	// Namespaces are those that the manager is confined to, or none.
	Namespaces []string
	// Events tells people what happened.
	Events events.EventRecorder
	// Clock is the time that probes are scheduled by.
	Clock clock.PassiveClock

	mu     sync.Mutex
	probed map[string]probed
}

// Trash tells what was found when a store's trash was last swept. *trash.Sweeper is one.
type Trash interface {
	// Unreadable counts the deleted recordings of a store that are due and whose key is not in the keyset, and names one of them.
	Unreadable(store string) (recordings int, example string)
}

// Reconcile looks at one store, writes its status if that changed, and returns when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	store := &v1alpha1.RecordingStore{}
	err := r.Client.Get(ctx, request.NamespacedName, store)
	if apierrors.IsNotFound(err) || err == nil && !store.DeletionTimestamp.IsZero() {
		// Nothing in the buckets is touched, nor is the keyset: whoever makes the store anew has its recordings back.
		r.forget(request.Name)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("read RecordingStore %s: %w", request.Name, err)
	}
	found, next, err := r.look(ctx, store)
	if err != nil {
		return reconcile.Result{}, err
	}
	if r.Trash != nil {
		found.unreadable.Recordings, found.unreadable.Example = r.Trash.Unreadable(store.Name)
		unreadable.WithLabelValues(store.Name).Set(float64(found.unreadable.Recordings))
	}
	used := r.usage(store.Name)
	publish(store.Name, used)
	status := deriveStatus(store, found, r.Clock.Now())
	status.Usage = shownUsage(store.Status.Usage, total(used), r.last(store.Name).at.Equal(r.Clock.Now()))
	if err := r.report(ctx, store, status); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: max(next.Sub(r.Clock.Now()), time.Millisecond)}, nil
}

// report writes the status if it differs, and tells people if the state does.
func (r *Reconciler) report(ctx context.Context, store *v1alpha1.RecordingStore, status v1alpha1.RecordingStoreStatus) error {
	if sameStatus(store.Status, status) {
		return nil
	}
	applied := ac.RecordingStoreStatus().
		WithConditions(kube.ApplyConditions(status.Conditions)...).
		WithObservedGeneration(status.ObservedGeneration).
		WithCapabilities(status.Capabilities...)
	if status.KeyID != "" {
		applied.WithKeyID(status.KeyID)
	}
	applied.Buckets = status.Buckets
	if at := status.Location; at.ID != "" {
		applied.WithLocation(ac.StoreLocation().WithID(at.ID).WithEndpoint(at.Endpoint).WithBucket(at.Bucket))
	}
	if lone := status.Orphans; lone != (v1alpha1.StoreOrphans{}) {
		applied.WithOrphans(applyOrphans(lone))
	}
	if used := status.Usage; used.Recordings != nil {
		applied.WithUsage(ac.StoreUsage().WithRecordings(*used.Recordings).WithBytes(*used.Bytes).
			WithDeletedRecordings(valueOf(used.DeletedRecordings)).WithDeletedBytes(valueOf(used.DeletedBytes)))
	}
	err := effect.Do(ctx, "store: write the status", func() error {
		return r.Client.Status().Apply(ctx, ac.RecordingStore(store.Name).WithUID(store.UID).WithStatus(applied), client.ForceOwnership)
	})
	if err != nil {
		return fmt.Errorf("write the status of RecordingStore %s: %w", store.Name, err)
	}
	r.announce(store, status)
	return nil
}

func applyOrphans(of v1alpha1.StoreOrphans) *ac.StoreOrphansApplyConfiguration {
	applied := ac.StoreOrphans()
	if of.Media > 0 {
		applied.WithMedia(of.Media).WithOldestMediaTime(of.OldestMediaTime)
	}
	if of.Recordings > 0 {
		applied.WithRecordings(of.Recordings)
	}
	return applied
}

// sameStatus compares what this controller writes. The conditions KeysRotated and PurgesAllowed, and status.keys and
// status.purgesStopped, which b has from a, are written by those that rotate keys and guard purges.
func sameStatus(a, b v1alpha1.RecordingStoreStatus) bool {
	others := func(c metav1.Condition) bool {
		return c.Type == v1alpha1.ConditionKeysRotated || c.Type == v1alpha1.ConditionPurgesAllowed
	}
	same := kube.EqualConditions(slices.DeleteFunc(slices.Clone(a.Conditions), others), b.Conditions)
	a.Conditions, b.Conditions = nil, nil
	return same && apiequality.Semantic.DeepEqual(a, b)
}

func (r *Reconciler) announce(store *v1alpha1.RecordingStore, status v1alpha1.RecordingStoreStatus) {
	for _, worry := range []string{v1alpha1.ConditionConsistent, v1alpha1.ConditionTrashReadable} {
		if now := meta.FindStatusCondition(status.Conditions, worry); now != nil && meta.FindStatusCondition(store.Status.Conditions, worry) == nil {
			r.Events.Eventf(store, nil, corev1.EventTypeWarning, now.Reason, "Look", "%s", now.Message)
		}
	}
	before := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionReady)
	after := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Reason == after.Reason {
		return
	}
	kind := corev1.EventTypeWarning
	if after.Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	r.Events.Eventf(store, nil, kind, after.Reason, "Probe", "%s", after.Message)
}

func (r *Reconciler) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	unpublish(name)
	orphans.DeletePartialMatch(prometheus.Labels{"store": name})
	unreadable.DeletePartialMatch(prometheus.Labels{"store": name})
	if last, found := r.probed[name]; found {
		r.Stores.Forget(last.of.store)
		delete(r.probed, name)
	}
}

func (r *Reconciler) last(name string) probed {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.probed[name]
}

func (r *Reconciler) remember(name string, p probed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.probed == nil {
		r.probed = map[string]probed{}
	}
	r.probed[name] = p
}
