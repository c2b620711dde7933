// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// recognise looks whether the bucket is the one that the store's recordings are in, before anything is written there. A store that
// is pointed at an empty server would else be set up anew, and all its recordings would seem to be lost.
func (r *Reconciler) recognise(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (finding, error) {
	bucket, known := store.Spec.Buckets.Name, store.Status.Location.ID
	id, err := stores.Identify(ctx, of.client, bucket)
	if err != nil {
		return judge(err)
	}
	if known == "" && id == "" && store.Status.KeyID == "" {
		// A store that has just been made, perhaps anew. It has recordings only if there was one of this name before.
		if !r.hasStored(store) {
			return finding{verdict: good}, nil
		}
		return wrongBucket(store, "recordings name this store that were stored before it was made anew, and the bucket has no "+markerName), nil
	}
	switch {
	case known == "" || id == known:
		return finding{verdict: good}, nil
	case id == "":
		return wrongBucket(store, fmt.Sprintf("the bucket does not exist, or has no %s that says id %s", markerName, known)), nil
	default:
		return wrongBucket(store, fmt.Sprintf("its %s says id %s and not %s", markerName, id, known)), nil
	}
}

const markerName = objectstore.MarkerKey

func wrongBucket(store *v1alpha1.RecordingStore, why string) finding {
	return finding{verdict: bad, reason: v1alpha1.ReasonWrongBucket, message: fmt.Sprintf(
		"Bucket %s at %s is not the one that holds the store's recordings: %s. Nothing is written there. Point the store to where its recordings are, "+
			"or copy everything from there first, that object too", store.Spec.Buckets.Name, store.Spec.S3.Endpoint, why)}
}

// identityFindings are those of a server that answers, about a bucket that is not ours, or of one that does not.
func identityFindings(store *v1alpha1.RecordingStore, what finding) findings {
	if what.verdict == bad && concernsBucket(what) {
		return findings{endpoint: finding{verdict: good}, buckets: what, capabilities: store.Status.Capabilities}
	}
	return findings{endpoint: what}
}

// hasStored reports whether any recording of the store says that it has media there.
func (r *Reconciler) hasStored(store *v1alpha1.RecordingStore) bool {
	return slices.ContainsFunc(r.cards(store.Name), (*catalog.Card).Stored)
}

// settleIn does what a bucket that works needs once: the mark by which it is known again, and, now and then, clearing away what was
// abandoned there.
func (r *Reconciler) settleIn(ctx context.Context, store *v1alpha1.RecordingStore, of inputs, found *findings) error {
	id, err := stores.Identify(ctx, of.client, store.Spec.Buckets.Name)
	if err == nil && id == "" {
		id, err = stores.Mark(ctx, of.client, store.Spec.Buckets.Name)
	}
	if err != nil {
		found.buckets, err = judge(err)
		return err
	}
	found.location = stores.Location(store)
	found.location.ID = id
	r.lookForDeleted(ctx, store, of)
	return r.clearAbandoned(ctx, store, of, found.capabilities)
}
