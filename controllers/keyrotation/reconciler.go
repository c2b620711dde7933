// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// ManifestsPerSecond is how many manifests a rotation reads in a second, where a controller is not told otherwise: 100,000 in
// half an hour.
const ManifestsPerSecond = 50

// tellEvery is how often the status says how far a rotation is.
const tellEvery = 30 * time.Second

// soon is when the next step follows one that was made.
const soon = time.Millisecond

// Reconciler rotates the keysets of stores.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Direct reads the Secrets of processing Jobs, which the cache does not keep.
	Direct client.Reader
	// Stores opens stores.
	Stores *stores.Resolver
	// OperatorNamespace is where the processing Jobs run.
	OperatorNamespace string
	// Audit records what became of the keys, in the operator's namespace.
	Audit audit.Recorder
	// Pace bounds how many manifests are read.
	Pace *pace.Pace
	// Events tells people what happened.
	Events events.EventRecorder
	// Clock is the time that steps wait by.
	Clock clock.PassiveClock

	mu     sync.Mutex
	memory map[string]memory // by store
}

// memory is what this process knows of a store's keyset as it is. A new process starts without it, and looks again.
type memory struct {
	secret  types.UID
	version string
	seen    time.Time
	pass    *outcome
	done    visited
}

// Reconcile makes the next step for one store, if there is one, and returns when to look again.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	store := &v1alpha1.RecordingStore{}
	err := r.Client.Get(ctx, request.NamespacedName, store)
	if apierrors.IsNotFound(err) || err == nil && !store.DeletionTimestamp.IsZero() {
		behind.DeleteLabelValues(request.Name)
		r.forget(request.Name)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("read RecordingStore %s: %w", request.Name, err)
	}
	behind.WithLabelValues(store.Name).Set(float64(max(wantedOf(store)-store.Status.Keys.Generation, 0)))
	v, secret, err := r.observe(ctx, store)
	if invalid, ok := errors.AsType[*stores.Error](err); ok {
		// Nothing is touched until somebody has put the keyset back, whose return wakes the controller.
		return reconcile.Result{}, r.reportInvalid(ctx, store, invalid)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	d := decide(v)
	if err := r.recordEnd(ctx, store, &d.status); err != nil {
		return reconcile.Result{}, err
	}
	written, err := r.report(ctx, store, d.status, conditionOf(v, &d))
	if err != nil {
		return reconcile.Result{}, err
	}
	if written && d.step != rest {
		return reconcile.Result{RequeueAfter: soon}, nil
	}
	if d.step != rest {
		return reconcile.Result{RequeueAfter: soon}, r.perform(ctx, store, secret, &d)
	}
	if d.look.IsZero() {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{RequeueAfter: max(d.look.Sub(v.now), soon)}, nil
}

func wantedOf(store *v1alpha1.RecordingStore) int64 {
	return max(store.Spec.Encryption.KeyGeneration, 1)
}

// observe reads the keyset and what this process remembers of it. A store that never had a keyset has nothing to rotate; the
// error is a stores.Error where it had one that is lost, or is another's.
func (r *Reconciler) observe(ctx context.Context, store *v1alpha1.RecordingStore) (*view, *corev1.Secret, error) {
	keyset, err := r.Stores.Keyset(ctx, store)
	if err != nil {
		return nil, nil, err
	}
	ref, secret := store.Spec.Encryption.KeySecretRef, &corev1.Secret{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
		return nil, nil, fmt.Errorf("read Secret %s/%s: %w", ref.Namespace, ref.Name, err)
	}
	sharedWith, err := r.sharedWith(ctx, store)
	if err != nil {
		return nil, nil, err
	}
	known := r.remember(store.Name, secret)
	condition := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionKeysRotated)
	return &view{
		now: r.Clock.Now(), wanted: wantedOf(store), keys: keyset.Keys(), primary: keyset.KeyID(), marked: markOf(secret),
		seen: known.seen, status: store.Status.Keys, wraps: store.Status.KeyID, pass: known.pass,
		incomplete: condition != nil && condition.Reason == v1alpha1.ReasonRotationIncomplete,
		ready:      meta.IsStatusConditionTrue(store.Status.Conditions, v1alpha1.ConditionReady),
		sharedWith: sharedWith,
	}, secret, nil
}

// sharedWith names the other stores whose keyset is in the same Secret.
func (r *Reconciler) sharedWith(ctx context.Context, store *v1alpha1.RecordingStore) (string, error) {
	list := &v1alpha1.RecordingStoreList{}
	if err := r.Client.List(ctx, list); err != nil {
		return "", fmt.Errorf("list RecordingStores: %w", err)
	}
	var names []string
	for i := range list.Items {
		if other := &list.Items[i]; other.Name != store.Name && other.Spec.Encryption.KeySecretRef == store.Spec.Encryption.KeySecretRef {
			names = append(names, other.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", "), nil
}

// markOf reads the annotations that say which key the newest is.
func markOf(secret *corev1.Secret) generation {
	number, err := strconv.ParseInt(secret.Annotations[v1alpha1.AnnotationKeyGeneration], 10, 64)
	if err != nil || number < 1 {
		return generation{}
	}
	return generation{number, secret.Annotations[v1alpha1.AnnotationKeyID]}
}

// remember returns what is known of the keyset that the Secret holds. Whenever the Secret changes, that is nothing.
func (r *Reconciler) remember(store string, secret *corev1.Secret) memory {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memory == nil {
		r.memory = map[string]memory{}
	}
	known := r.memory[store]
	if known.secret != secret.UID || known.version != secret.ResourceVersion {
		known = memory{secret: secret.UID, version: secret.ResourceVersion, seen: r.Clock.Now(), done: visited{}}
		r.memory[store] = known
	}
	return known
}

func (r *Reconciler) rememberPass(store string, secret *corev1.Secret, found *outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.memory[store]; known.version == secret.ResourceVersion {
		known.pass = found
		r.memory[store] = known
	}
}

func (r *Reconciler) forget(store string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.memory, store)
}

// look makes a pass over all manifests.
func (r *Reconciler) look(ctx context.Context, store *v1alpha1.RecordingStore, secret *corev1.Secret, d *decision) error {
	known := r.remember(store.Name, secret)
	before := int64(0)
	if d.status.Rotation.Rewrapped != nil {
		before = *d.status.Rotation.Rewrapped
	}
	tell := func(ctx context.Context, rewrapped int64) error {
		if d.status.Rotation.Rewrapped == nil {
			return nil
		}
		now := &v1alpha1.RecordingStore{}
		if err := r.Client.Get(ctx, client.ObjectKeyFromObject(store), now); err != nil {
			return fmt.Errorf("read RecordingStore %s: %w", store.Name, err)
		}
		status := *now.Status.Keys.DeepCopy()
		status.Rotation.Rewrapped = new(before + rewrapped)
		_, err := r.report(ctx, now, status, rotatingCondition(&status))
		return err
	}
	primary := primaryOf(d.status.Keys)
	p := &pass{Reconciler: r, name: store.Name, primary: primary, done: known.done, progress: tell, told: r.Clock.Now()}
	err := p.run(ctx)
	if errors.Is(err, errKeysetChanged) || stores.Reason(err) == v1alpha1.ReasonKeysetInvalid {
		return nil // the pass that the change has woken says what is the matter
	}
	if err == nil && p.found.rewrapped > 0 {
		err = tell(ctx, p.found.rewrapped)
	}
	if err != nil {
		return fmt.Errorf("wrap the keys of the recordings in RecordingStore %s anew: %w", store.Name, err)
	}
	log.FromContext(ctx).Info("Looked at all manifests", "key", primary, "rewrapped", p.found.rewrapped, "oldVersionsRemoved", p.found.removed,
		"attemptsInProgress", p.found.attempts, "problems", len(p.found.problems)+p.found.more)
	r.rememberPass(store.Name, secret, p.found)
	return nil
}
