// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// marker is the object by which a store's bucket is known again, wherever it has been moved to. It goes along when the bucket is
// copied, and is not there where somebody points the store at another server by mistake.
type marker struct {
	// Version is 1.
	Version int `json:"version"`
	// ID is made up when the store is first set up.
	ID string `json:"id"`
}

const (
	markerVersion = 1
	// maxMarker bounds what is read as a marker or a claim, in bytes.
	maxMarker = 4 << 10
)

// Identify reads the ID that the marker in a bucket says, empty where there is none or no bucket.
func Identify(ctx context.Context, objects *objectstore.Client, bucket string) (string, error) {
	content, _, err := readNote(ctx, objects, bucket, objectstore.MarkerKey)
	if err != nil || content == nil {
		return "", err
	}
	var found marker
	if err := json.Unmarshal(content, &found); err != nil || found.Version != markerVersion || found.ID == "" || len(found.ID) > 64 {
		return "", failure(v1alpha1.ReasonWrongBucket, "The object %s in bucket %s cannot be read, by which the store knows its bucket: restore an earlier version of it",
			objectstore.MarkerKey, bucket)
	}
	return found.ID, nil
}

// readNote reads what a store has written about a bucket into the bucket, nil where there is no such object or no bucket. It has
// maxMarker bytes at most.
func readNote(ctx context.Context, objects *objectstore.Client, bucket, key string) ([]byte, objectstore.ObjectInfo, error) {
	body, info, err := objects.Get(ctx, bucket, key, objectstore.GetOptions{})
	if objectstore.IsNotFound(err) || objectstore.Reason(err) == objectstore.ReasonNoSuchBucket {
		return nil, info, nil
	}
	if err != nil {
		return nil, info, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, maxMarker))
	if err != nil {
		return nil, info, fmt.Errorf("read %s/%s: the connection broke, it is tried again: %w", bucket, key, err)
	}
	return content, info, nil
}

// NewID makes up the ID of a store.
func NewID() string { return strings.ToLower(rand.Text()) }

// Mark writes a marker with an ID into a bucket that has none, and returns the ID that the bucket says then. It never replaces one: who
// comes second takes what is there.
func Mark(ctx context.Context, objects *objectstore.Client, bucket, id string) (string, error) {
	made := marker{Version: markerVersion, ID: id}
	encoded, err := json.Marshal(made)
	if err != nil {
		return "", fmt.Errorf("encode the marker: %w", err)
	}
	options := objectstore.PutOptions{ContentType: "application/json", IfAbsent: true}
	err = effect.Do(ctx, "store: mark the bucket", func() error {
		_, err := objects.Put(ctx, bucket, objectstore.MarkerKey, bytes.NewReader(encoded), int64(len(encoded)), options)
		return err
	})
	if objectstore.Reason(err) == objectstore.ReasonNotSupported {
		options.IfAbsent = false
		err = effect.Do(ctx, "store: mark the bucket unconditionally", func() error {
			_, err := objects.Put(ctx, bucket, objectstore.MarkerKey, bytes.NewReader(encoded), int64(len(encoded)), options)
			return err
		})
	}
	if err != nil && objectstore.Reason(err) != objectstore.ReasonPreconditionFailed {
		return "", err
	}
	// What counts is what is there.
	seen, err := Identify(ctx, objects, bucket)
	if err == nil && seen == "" {
		err = errors.New("the marker was written and is not there, it is tried again")
	}
	return seen, err
}

// WrongBucket is the failure of a store that would have to use a bucket which is not its own.
func WrongBucket(store *v1alpha1.RecordingStore, bucket, why string) error {
	return failure(v1alpha1.ReasonWrongBucket, "Bucket %s at %s is not the one that holds the store's recordings: %s. Nothing is written there. Point the store to "+
		"where its recordings are, or copy everything from there first, that object too", bucket, store.Spec.S3.Endpoint, why)
}

// Recognise returns WrongBucket for a bucket whose marker does not say the ID by which the store is known: another one, or none.
func Recognise(store *v1alpha1.RecordingStore, bucket, known, id string) error {
	switch id {
	case known:
		return nil
	case "":
		return WrongBucket(store, bucket, fmt.Sprintf("it does not exist, or has no %s that says id %s", objectstore.MarkerKey, known))
	}
	return WrongBucket(store, bucket, fmt.Sprintf("its %s says id %s and not %s", objectstore.MarkerKey, id, known))
}

// Location says where a completed store is, as far as its spec and Secrets go. The ID is not known from them.
func Location(store *v1alpha1.RecordingStore) v1alpha1.StoreLocation {
	return v1alpha1.StoreLocation{Endpoint: strings.TrimSuffix(store.Spec.S3.Endpoint, "/"), Bucket: store.Spec.Buckets.Name}
}

// usable refuses a store whose bucket is another's, as far as its controller has seen.
func usable(store *v1alpha1.RecordingStore) error {
	buckets := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionBucketsReady)
	if buckets != nil && buckets.Status == metav1.ConditionFalse && (buckets.Reason == v1alpha1.ReasonBucketTaken || buckets.Reason == v1alpha1.ReasonClaimedElsewhere) {
		return failure(buckets.Reason, "%s", buckets.Message)
	}
	return elsewhere(store)
}

// elsewhere refuses a store that was seen to be in another place than it is said to be now. Its controller looks whether that is
// the same store; until then nobody reads or writes there.
func elsewhere(store *v1alpha1.RecordingStore) error {
	was, is := store.Status.Location, Location(store)
	if was.ID == "" || was.Endpoint == is.Endpoint && was.Bucket == is.Bucket {
		return nil
	}
	return failure(v1alpha1.ReasonWrongBucket, "The store was at %s in bucket %s and is said to be at %s in bucket %s: it is not used before its bucket was recognised there",
		was.Endpoint, was.Bucket, is.Endpoint, is.Bucket)
}
