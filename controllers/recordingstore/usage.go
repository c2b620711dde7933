// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// usageTimeout bounds how long the sizes of deleted recordings are looked for: a listing of a thousand objects takes some 20 ms.
const usageTimeout = time.Minute

// namespaceUsage is what one namespace has in a store.
type namespaceUsage struct {
	recordings      int32
	stored, deleted int64
}

// usage sums up, by namespace, what the cards and the Ledger know of a store.
func (r *Reconciler) usage(store string) map[string]namespaceUsage {
	found := map[string]namespaceUsage{}
	for _, card := range r.cards(store) {
		of := found[card.GetNamespace()]
		of.recordings++
		of.stored += card.Bytes()
		found[card.GetNamespace()] = of
	}
	for namespace, bytes := range r.Ledger.DeletedBytes(store) {
		of := found[namespace]
		of.deleted = bytes
		found[namespace] = of
	}
	return found
}

// cards are those of the recordings of a store.
func (r *Reconciler) cards(store string) []*catalog.Card {
	return slices.DeleteFunc(r.Cards.Cards(""), func(card *catalog.Card) bool { return card.Store() != store })
}

// total is what stands in the status.
func total(of map[string]namespaceUsage) v1alpha1.StoreUsage {
	var recordings int32
	var stored, deleted int64
	for _, usage := range of {
		recordings += usage.recordings
		stored += usage.stored
		deleted += usage.deleted
	}
	return v1alpha1.StoreUsage{Recordings: &recordings, Bytes: &stored, DeletedBytes: &deleted}
}

// shownUsage is what the status should say: what is, where exact is asked for or the difference is worth a write, else what it
// says already.
func shownUsage(shown, is v1alpha1.StoreUsage, exact bool) v1alpha1.StoreUsage {
	if exact || shown.Recordings == nil || (*shown.Recordings == 0) != (*is.Recordings == 0) ||
		moved(int64(*shown.Recordings), int64(*is.Recordings)) || moved(*shown.Bytes, *is.Bytes) || moved(valueOf(shown.DeletedBytes), *is.DeletedBytes) {
		return is
	}
	return shown
}

// moved says that a number has changed by more than a hundredth.
func moved(shown, is int64) bool {
	return max(shown-is, is-shown) > shown/100
}

func valueOf(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// lookForDeleted finds out what deleted recordings take up: whatever lies under media/ and belongs to no MeetingRecording. It costs
// one request for every thousand objects. Where it fails, what was known before still counts.
func (r *Reconciler) lookForDeleted(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	seen, err := r.deletedIn(ctx, store, of)
	if err != nil {
		log.FromContext(ctx).Info("What deleted recordings take up is not known better than before", "reason", err.Error())
		return
	}
	r.Ledger.SetDeleted(store.Name, seen)
}

func (r *Reconciler) deletedIn(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (map[string]int64, error) {
	alive := map[string]bool{}
	// Those of every store: two stores can share a bucket.
	for _, card := range r.Cards.Cards("") {
		alive[card.StorageUID()] = true
	}
	buckets, err := stores.Buckets(ctx, of.client, store)
	if err != nil {
		return nil, err
	}
	seen := map[string]int64{}
	for _, bucket := range buckets {
		for object, err := range of.client.List(ctx, bucket, objectstore.MediaRoot) {
			if err != nil {
				return nil, err
			}
			path := strings.Split(strings.TrimPrefix(object.Key, objectstore.MediaRoot), "/")
			if len(path) == 3 && !alive[path[1]] && (len(r.Namespaces) == 0 || slices.Contains(r.Namespaces, path[0])) {
				seen[path[0]] += object.Size
			}
		}
	}
	return seen, nil
}
