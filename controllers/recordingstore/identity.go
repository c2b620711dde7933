// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// recognise looks whether the buckets are those that the store's recordings are in, before anything is written there. A store that
// is pointed at an empty server would else be set up anew, and all its recordings would seem to be lost.
func (r *Reconciler) recognise(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (finding, error) {
	id, err := stores.Identify(ctx, of.client, store.Spec.Buckets.Name)
	if err != nil {
		return judge(err)
	}
	if owner, err := r.owner(ctx, store, id); err != nil || owner != nil {
		return taken(store, owner), err
	}
	if err := cmp.Or(r.misses(store, id), r.Stores.Unclaimed(ctx, of.client, store)); err != nil {
		return judge(err)
	}
	return judge(r.recogniseNamespaces(ctx, store, of, cmp.Or(store.Status.Location.ID, id)))
}

// misses says what is wrong with the bucket of the plain name, whose marker has this ID, or none.
func (r *Reconciler) misses(store *v1alpha1.RecordingStore, id string) error {
	known, bucket := store.Status.Location.ID, store.Spec.Buckets.Name
	switch {
	case known == "" && id == "" && store.Status.KeyID == "" && len(r.namespacesStored(store)) > 0:
		// A store that has just been made, perhaps anew. It has recordings only if there was one of this name before.
		return stores.WrongBucket(store, bucket, "recordings name this store that were stored before it was made anew, and the bucket has no "+objectstore.MarkerKey)
	case known == "":
		return nil
	}
	return stores.Recognise(store, bucket, known, id)
}

// recogniseNamespaces looks at the buckets of all namespaces that have something stored, those that are not allowed any more included.
func (r *Reconciler) recogniseNamespaces(ctx context.Context, store *v1alpha1.RecordingStore, of inputs, known string) error {
	if store.Spec.Buckets.Layout != v1alpha1.LayoutPerNamespace || known == "" {
		return nil
	}
	for _, namespace := range r.namespacesStored(store) {
		bucket := stores.Bucket(store, namespace)
		id, err := stores.Identify(ctx, of.client, bucket)
		if err == nil {
			err = stores.Recognise(store, bucket, known, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// owner is another RecordingStore of the cluster to which the bucket belongs already. Two stores over one bucket would each sweep the
// other's trash, and count, check and rotate what they have no keys to.
func (r *Reconciler) owner(ctx context.Context, store *v1alpha1.RecordingStore, id string) (*v1alpha1.RecordingStore, error) {
	list := &v1alpha1.RecordingStoreList{}
	if err := r.Client.List(ctx, list); err != nil {
		return nil, fmt.Errorf("list RecordingStores: %w", err)
	}
	for i := range list.Items {
		if comesFirst(&list.Items[i], store, id) {
			return &list.Items[i], nil
		}
	}
	return nil, nil
}

// comesFirst says whether a bucket whose marker has this ID is another store's. The older one has it, if both were seen there, or if
// neither was yet.
func comesFirst(other, store *v1alpha1.RecordingStore, id string) bool {
	if other.UID == store.UID {
		return false
	}
	older := cmp.Or(other.CreationTimestamp.Compare(store.CreationTimestamp.Time), strings.Compare(other.Name, store.Name)) < 0
	has, had := other.Status.Location.ID, store.Status.Location.ID
	switch {
	case has == "" && had == "":
		return older && stores.Location(other) == stores.Location(store)
	case has == "" || has != id:
		return false
	}
	return older || had != id
}

func taken(store, by *v1alpha1.RecordingStore) finding {
	if by == nil {
		return finding{}
	}
	return finding{verdict: bad, reason: v1alpha1.ReasonBucketTaken, message: fmt.Sprintf(
		"Bucket %s at %s belongs to RecordingStore %s: two stores cannot share one. Make this store anew with a bucket of its own, or have its recordings name %s",
		store.Spec.Buckets.Name, store.Spec.S3.Endpoint, by.Name, by.Name)}
}

// identityFindings are those of a server that answers, about a bucket that is not ours, or of one that does not.
func identityFindings(store *v1alpha1.RecordingStore, what finding) findings {
	if what.verdict == bad && concernsBucket(what) {
		return findings{endpoint: finding{verdict: good}, buckets: what, capabilities: store.Status.Capabilities}
	}
	return findings{endpoint: what}
}

// namespacesStored are those with recordings that say that they have media in the store.
func (r *Reconciler) namespacesStored(store *v1alpha1.RecordingStore) []string {
	found := map[string]bool{}
	for _, card := range r.cards(store.Name) {
		if card.Stored() {
			found[card.GetNamespace()] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// mark gives the bucket of the plain name the mark by which the store is known again, and returns the store with what the mark says.
func (r *Reconciler) mark(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (*v1alpha1.RecordingStore, error) {
	id, err := stores.Identify(ctx, of.client, store.Spec.Buckets.Name)
	if err == nil && id == "" {
		id, err = stores.Mark(ctx, of.client, store.Spec.Buckets.Name, cmp.Or(store.Status.Location.ID, stores.NewID()))
	}
	if err != nil {
		return nil, err
	}
	marked := store.DeepCopy()
	marked.Status.Location = stores.Location(store)
	marked.Status.Location.ID = id
	return marked, nil
}
