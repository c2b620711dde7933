// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const (
	// abandonedAfter is when nobody can be at a multipart upload any more: people get seven days, workers two.
	abandonedAfter = 8 * 24 * time.Hour
	// clearEvery is how often unfinished uploads are looked for. Their parts cost room and show nowhere else.
	clearEvery = 24 * time.Hour
)

// clearAbandoned has unfinished uploads discarded: by the server itself where it can, else here, once a day. Raw uploads that were
// finished are another matter: they can wait for room in a quota, or lie in the trash, which no rule of a server knows.
func (r *Reconciler) clearAbandoned(ctx context.Context, store *v1alpha1.RecordingStore, of inputs, can []v1alpha1.StoreCapability) error {
	last := r.last(store.Name)
	if last.of.equal(of) && r.Clock.Now().Before(last.cleared.Add(clearEvery)) {
		return nil
	}
	for _, bucket := range bucketsOf(store, of) {
		err := r.clearBucket(ctx, store, of.client, bucket, slices.Contains(can, v1alpha1.CapabilityLifecycle))
		if err != nil {
			// It costs room and nothing else; tomorrow is another day.
			log.FromContext(ctx).Error(err, "Clearing away unfinished uploads failed", "bucket", bucket)
		}
	}
	return ctx.Err()
}

func bucketsOf(store *v1alpha1.RecordingStore, of inputs) []string {
	buckets := []string{store.Spec.Buckets.Name}
	for _, namespace := range of.namespaces {
		buckets = append(buckets, stores.Bucket(store, namespace))
	}
	return buckets
}

func (r *Reconciler) clearBucket(ctx context.Context, store *v1alpha1.RecordingStore, objects *objectstore.Client, bucket string, byItself bool) error {
	if byItself && !stores.IsProvided(store) {
		return effect.Do(ctx, "store: set the lifecycle of unfinished uploads", func() error {
			return objects.EnsureUploadsExpire(ctx, bucket, int(abandonedAfter/(24*time.Hour)))
		})
	}
	waiting := r.waiting(store)
	var found []objectstore.Upload
	for _, prefix := range []string{objectstore.StagingRoot, objectstore.MediaRoot} {
		for upload, err := range objects.Uploads(ctx, bucket, prefix) {
			if err != nil {
				return err
			}
			if isAbandoned(upload, prefix, waiting, r.Clock.Now()) {
				found = append(found, upload)
			}
		}
	}
	for _, upload := range found {
		log.FromContext(ctx).Info("Discarding an upload that nobody finished", "bucket", bucket, "key", upload.Key, "begun", upload.Initiated)
		if err := effect.Do(ctx, "store: discard an unfinished upload", func() error { return objects.AbortUpload(ctx, upload) }); err != nil {
			return err
		}
	}
	return nil
}

// isAbandoned leaves alone what is not under a recording's key, and what a recording still waits for.
func isAbandoned(upload objectstore.Upload, prefix string, waiting map[string]bool, now time.Time) bool {
	path, ours := strings.CutPrefix(upload.Key, prefix)
	parts := strings.Split(path, "/")
	return ours && len(parts) == 3 && !waiting[parts[1]] && upload.Initiated.Before(now.Add(-abandonedAfter))
}

// waiting are the UIDs of recordings that have no media yet.
func (r *Reconciler) waiting(store *v1alpha1.RecordingStore) map[string]bool {
	waiting := map[string]bool{}
	for _, card := range r.cards(store.Name) {
		if !card.Stored() {
			waiting[string(card.GetUID())] = true
		}
	}
	return waiting
}
