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
	"github.com/reelkeeper/reelkeeper/internal/quota"
)

// usageTimeout bounds how long the sizes of deleted recordings are looked for: a listing of a thousand objects takes some 20 ms.
const usageTimeout = time.Minute

// namespaceUsage is what one namespace has in a store.
type namespaceUsage struct {
	recordings int32
	stored     int64
	deleted    quota.Deleted
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
	for namespace, deleted := range r.Ledger.DeletedFrom(store) {
		of := found[namespace]
		of.deleted = deleted
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
	var stored int64
	var deleted quota.Deleted
	for _, usage := range of {
		recordings += usage.recordings
		stored += usage.stored
		deleted.Recordings += usage.deleted.Recordings
		deleted.Bytes += usage.deleted.Bytes
	}
	return v1alpha1.StoreUsage{Recordings: &recordings, Bytes: &stored, DeletedRecordings: &deleted.Recordings, DeletedBytes: &deleted.Bytes}
}

// shownUsage is what the status should say: what is, where exact is asked for or the difference is worth a write, else what it
// says already.
func shownUsage(shown, is v1alpha1.StoreUsage, exact bool) v1alpha1.StoreUsage {
	if exact || shown.Recordings == nil ||
		moved(int64(*shown.Recordings), int64(*is.Recordings)) || moved(*shown.Bytes, *is.Bytes) ||
		moved(int64(valueOf(shown.DeletedRecordings)), int64(*is.DeletedRecordings)) || moved(valueOf(shown.DeletedBytes), *is.DeletedBytes) {
		return is
	}
	return shown
}

// moved says that a number has changed by more than a hundredth, or has come from or gone to zero.
func moved(shown, is int64) bool {
	return max(shown-is, is-shown) > shown/100
}

func valueOf[N int32 | int64](n *N) N {
	if n == nil {
		return 0
	}
	return *n
}

// lookForDeleted finds out what deleted recordings take up: whatever lies under media/ and belongs to no MeetingRecording. It costs
// one request for every thousand objects. Where it fails, what was known before still counts. On the way it counts orphans, nil where it fails.
func (r *Reconciler) lookForDeleted(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) *v1alpha1.StoreOrphans {
	ctx, cancel := context.WithTimeout(ctx, usageTimeout)
	defer cancel()
	seen, lone, err := r.deletedIn(ctx, store, of)
	if err != nil {
		log.FromContext(ctx).Info("What deleted recordings take up is not known better than before", "reason", err.Error())
		return nil
	}
	r.Ledger.SetDeleted(store.Name, seen)
	publishOrphans(store.Name, lone)
	return &lone
}

func (r *Reconciler) deletedIn(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (map[string]quota.Deleted, v1alpha1.StoreOrphans, error) {
	// Those of every store: recordings of another one may lie here, which had the bucket before or is refused it.
	alive := livingIn(r.Cards.Cards(""), store.Name)
	buckets, err := r.Stores.Buckets(ctx, of.client, store)
	if err != nil {
		return nil, v1alpha1.StoreOrphans{}, err
	}
	seen, lone := map[string]quota.Deleted{}, orphanage{}
	for _, bucket := range buckets {
		last := "" // objects come in the order of their names, so those of one recording come together
		for object, err := range of.client.List(ctx, bucket, objectstore.MediaRoot) {
			if err != nil {
				return nil, v1alpha1.StoreOrphans{}, err
			}
			path := strings.Split(strings.TrimPrefix(object.Key, objectstore.MediaRoot), "/")
			if len(path) != 3 || alive.sees(path[1]) || len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, path[0]) {
				continue
			}
			deleted := seen[path[0]]
			deleted.Bytes += object.Size
			if path[1] != last {
				deleted.Recordings++
			}
			seen[path[0]], last = deleted, path[1]
			lone.take(object, r.Clock.Now())
		}
		if err := lone.forgetBuried(ctx, of.client, bucket); err != nil {
			return nil, v1alpha1.StoreOrphans{}, err
		}
	}
	return seen, lone.count(alive.bereft()), nil
}
