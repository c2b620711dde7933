// SPDX-License-Identifier: Apache-2.0

package scrub

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/integrity"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const (
	// aftermathName is what the controller is called that looks after those that died.
	aftermathName = "aftermath"
	// aftermathWindow is how old what a process has told a bucket can be when the next one looks at it. One that dies is replaced within
	// minutes; where that takes a day, people have to look after the cluster, and what is older is for the schedule.
	aftermathWindow = 24 * time.Hour
	// statesPerSecond is how fast it looks. Each takes a read of the API server and two of the object store, and the newest come first: what was
	// written last before a process died is looked at in the first second, however much there is.
	statesPerSecond = 50
	// usableEvery is how soon a store is looked at again that cannot be used yet, which asks nobody outside.
	usableEvery = time.Minute
)

// Aftermath looks, once in the life of a process and of a store, whether the bucket says the truth of the recordings that it was told of lately:
// whoever told it may have died before the status said so too, and then the world may have changed. It goes by no schedule, and costs one request for
// every thousand objects, and a few for each state that was written within the window.
func (r *Reconciler) Aftermath(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	store := &v1alpha1.RecordingStore{}
	err := r.Client.Get(ctx, request.NamespacedName, store)
	if apierrors.IsNotFound(err) || err == nil && !store.DeletionTimestamp.IsZero() {
		r.lookedAfter(request.Name, "")
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("read RecordingStore %s: %w", request.Name, err)
	}
	if r.hasLookedAfter(store) {
		return reconcile.Result{}, nil
	}
	err = r.lookAfter(ctx, store.Name)
	if _, unusable := errors.AsType[*stores.Error](err); unusable {
		return reconcile.Result{RequeueAfter: usableEvery}, nil // its own conditions say why
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("look whether RecordingStore %s says what was written last: %w", store.Name, err)
	}
	r.lookedAfter(store.Name, store.UID)
	return reconcile.Result{}, nil
}

// lookAfter compares what one store was told within the window.
func (r *Reconciler) lookAfter(ctx context.Context, name string) error {
	told, err := r.told(ctx, name)
	if err != nil || len(told) == 0 {
		return err
	}
	pacer := pace.New(r.Clock, statesPerSecond)
	for _, one := range r.recordingsOf(name, told) {
		if err := pacer.Wait(ctx, 1); err != nil {
			return err
		}
		store, err := r.Stores.Open(ctx, name) // each time: the keyset may change
		if err != nil {
			return err
		}
		target := integrity.Target{Bucket: store.Bucket(one.key.Namespace), Owner: one.names}
		if err := r.state(ctx, name, one.key, target, integrity.Checker{Objects: store.Objects, Keys: store.Keys}); err != nil {
			return err
		}
	}
	return nil
}

// told finds whose state was written within the window, and when.
func (r *Reconciler) told(ctx context.Context, name string) (map[objectstore.Recording]time.Time, error) {
	store, err := r.Stores.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	since, found := r.Clock.Now().Add(-aftermathWindow), map[objectstore.Recording]time.Time{}
	for _, bucket := range r.bucketsOf(store) {
		for object, err := range store.Objects.List(ctx, bucket, objectstore.ManifestsRoot) {
			if archive.Absent(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			if object.LastModified.Before(since) {
				continue
			}
			names, _, err := objectstore.ParseKey(object.Key)
			if err == nil && object.Key == names.StateKey() && store.Bucket(names.Namespace()) == bucket {
				found[names] = object.LastModified
			}
		}
	}
	return found, nil
}

// bucketsOf are those that have something of a recording that there is.
func (r *Reconciler) bucketsOf(store *stores.Store) []string {
	found := map[string]struct{}{}
	for _, card := range r.Cards.Cards("") {
		if card.Store() == store.Object.Name && card.Stored() {
			found[store.Bucket(card.GetNamespace())] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// toldOf is a recording of which the bucket was told something.
type toldOf struct {
	key   client.ObjectKey
	names objectstore.Recording
	at    time.Time
}

// recordingsOf are the store's recordings among those that the bucket was told of, the latest first. Whatever else lies in the bucket is of no
// concern: another store's, another manager's, or deleted.
func (r *Reconciler) recordingsOf(store string, told map[objectstore.Recording]time.Time) []toldOf {
	var found []toldOf
	for _, card := range r.Cards.Cards("") {
		if card.Store() != store || !card.Stored() {
			continue
		}
		names, err := objectstore.NewRecording(card.GetNamespace(), card.StorageUID())
		if at, was := told[names]; err == nil && was {
			found = append(found, toldOf{card.Key(), names, at})
		}
	}
	slices.SortFunc(found, func(a, b toldOf) int { return b.at.Compare(a.at) })
	return found
}

func (r *Reconciler) hasLookedAfter(store *v1alpha1.RecordingStore) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.after[store.Name] == store.UID
}

// lookedAfter remembers that a store was looked after, by its UID: one that is made anew is another. The empty UID forgets it.
func (r *Reconciler) lookedAfter(store string, uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.after == nil {
		r.after = map[string]types.UID{}
	}
	if r.after[store] = uid; uid == "" {
		delete(r.after, store)
	}
}
