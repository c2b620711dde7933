// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Claim says which cluster a store's bucket works for. The marker says which bucket it is, and stays the same when a cluster is
// rebuilt; the claim says who may sweep, purge and rotate there, and changes hands only when a person says so.
type Claim struct {
	// Version is 1.
	Version int `json:"version"`
	// ID is another one each time that the bucket is claimed, so that leave to take it over is good once.
	ID string `json:"id"`
	// Cluster is the UID of the namespace kube-system, which a cluster has from its beginning to its end.
	Cluster string `json:"cluster"`
}

// claimNamespace is the namespace whose UID a cluster is known by.
const claimNamespace = metav1.NamespaceSystem

// Claim returns the claim on a store, zero where there is none.
func (r *Resolver) Claim(ctx context.Context, store *v1alpha1.RecordingStore) (Claim, error) {
	store, err := r.Complete(ctx, store)
	if err != nil {
		return Claim{}, err
	}
	objects, err := r.Client(ctx, store)
	if err != nil {
		return Claim{}, err
	}
	claim, _, err := readClaim(ctx, objects, store.Spec.Buckets.Name)
	return claim, err
}

// readClaim returns the claim in a bucket and the ETag to replace it by; both are zero where there is none.
func readClaim(ctx context.Context, objects *objectstore.Client, bucket string) (Claim, string, error) {
	content, info, err := readNote(ctx, objects, bucket, objectstore.ClaimKey)
	if err != nil || content == nil {
		return Claim{}, "", err
	}
	var found Claim
	if err := json.Unmarshal(content, &found); err != nil || found.Version != markerVersion || found.ID == "" || found.Cluster == "" || len(content) >= maxMarker {
		return Claim{}, "", failure(v1alpha1.ReasonClaimedElsewhere, "The object %s in bucket %s cannot be read, which says what cluster the bucket works for: restore an earlier version of it",
			objectstore.ClaimKey, bucket)
	}
	return found, info.ETag, nil
}

// Unclaimed fails with ClaimedElsewhere where another cluster has the store's bucket. It only reads. Where nobody has claimed the bucket
// yet it returns nil, and so where the store says that the claim may be taken over.
func (r *Resolver) Unclaimed(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore) error {
	claim, _, err := readClaim(ctx, objects, store.Spec.Buckets.Name)
	if err != nil || claim == (Claim{}) || mayTakeOver(store, claim) {
		return err
	}
	return r.compare(ctx, store, claim)
}

// IsOurs fails with ClaimedElsewhere where another cluster has taken the store over. It is asked before anything is removed or rewrapped on
// the word of the bucket alone: a cluster that was lost may come back.
func (s *Store) IsOurs(ctx context.Context) error {
	claim, _, err := readClaim(ctx, s.Objects, s.Object.Spec.Buckets.Name)
	if err != nil || claim == (Claim{}) {
		return err
	}
	return s.resolver.compare(ctx, s.Object, claim)
}

// TakeClaim claims the store's bucket for this cluster where nobody has it, or where the store says that whose it is may be taken
// over. It fails with ClaimedElsewhere where another cluster has it, or was quicker.
func (r *Resolver) TakeClaim(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore) error {
	cluster, err := r.cluster(ctx)
	if err != nil {
		return err
	}
	bucket := store.Spec.Buckets.Name
	found, etag, err := readClaim(ctx, objects, bucket)
	switch {
	case err != nil || found.Cluster == cluster:
		return err
	case found != (Claim{}) && !mayTakeOver(store, found):
		return claimedElsewhere(store, found)
	}
	if err := writeClaim(ctx, objects, bucket, Claim{Version: markerVersion, ID: NewID(), Cluster: cluster}, etag); err != nil {
		return err
	}
	// What counts is what is there.
	found, _, err = readClaim(ctx, objects, bucket)
	switch {
	case err != nil:
		return err
	case found == (Claim{}):
		return errors.New("the claim was written and is not there, it is tried again")
	case found.Cluster != cluster:
		return claimedElsewhere(store, found)
	}
	return nil
}

// writeClaim writes a claim in place of the one with an ETag or, for the empty one, of none. That somebody was quicker is no error. On a server
// without conditional writes who comes last has it, which the others see at their next look.
func writeClaim(ctx context.Context, objects *objectstore.Client, bucket string, claim Claim, etag string) error {
	encoded, err := json.Marshal(claim)
	if err != nil {
		return fmt.Errorf("encode the claim: %w", err)
	}
	options := objectstore.PutOptions{ContentType: "application/json", IfAbsent: etag == "", IfMatch: etag}
	err = effect.Do(ctx, "store: claim the bucket", func() error {
		_, err := objects.Put(ctx, bucket, objectstore.ClaimKey, bytes.NewReader(encoded), int64(len(encoded)), options)
		return err
	})
	if objectstore.Reason(err) == objectstore.ReasonNotSupported {
		options.IfAbsent, options.IfMatch = false, ""
		err = effect.Do(ctx, "store: claim the bucket unconditionally", func() error {
			_, err := objects.Put(ctx, bucket, objectstore.ClaimKey, bytes.NewReader(encoded), int64(len(encoded)), options)
			return err
		})
	}
	if objectstore.Reason(err) == objectstore.ReasonPreconditionFailed {
		return nil
	}
	return err
}

// mayTakeOver says that a person has named this very claim.
func mayTakeOver(store *v1alpha1.RecordingStore, claim Claim) bool {
	return claim.ID == store.Annotations[v1alpha1.AnnotationTakeOver]
}

func (r *Resolver) compare(ctx context.Context, store *v1alpha1.RecordingStore, claim Claim) error {
	cluster, err := r.cluster(ctx)
	if err != nil || claim.Cluster == cluster {
		return err
	}
	return claimedElsewhere(store, claim)
}

// cluster is the UID that this cluster is known by.
func (r *Resolver) cluster(ctx context.Context) (string, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := r.reader.Get(ctx, client.ObjectKey{Name: claimNamespace}, namespace); err != nil {
		return "", fmt.Errorf("read namespace %s, by which the cluster is known: %w", claimNamespace, err)
	}
	return string(namespace.UID), nil
}

func claimedElsewhere(store *v1alpha1.RecordingStore, claim Claim) error {
	return failure(v1alpha1.ReasonClaimedElsewhere, "Bucket %s at %s works for another cluster, whose namespace %s has the UID %s: nothing is written, swept or purged there. "+
		"Give this store a bucket of its own. Only where that cluster is gone for good, take over: kubectl reelkeeper recover --store %s --take-over, or annotate the store with %s=%s",
		store.Spec.Buckets.Name, store.Spec.S3.Endpoint, claimNamespace, claim.Cluster, store.Name, v1alpha1.AnnotationTakeOver, claim.ID)
}
