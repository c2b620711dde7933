// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/fetch"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Store is a RecordingStore that can be used.
type Store struct {
	// Object is the RecordingStore as it was when the store was opened.
	Object *v1alpha1.RecordingStore
	// Objects talks to its object storage.
	Objects *objectstore.Client
	// Keys wraps and unwraps data keys.
	Keys *keys.Keyset

	resolver *Resolver
}

// Bucket is the bucket that holds the recordings of a namespace.
func (s *Store) Bucket(namespace string) string { return Bucket(s.Object, namespace) }

// Bucket is the bucket of a store that holds the recordings of a namespace.
func Bucket(store *v1alpha1.RecordingStore, namespace string) string {
	if store.Spec.Buckets.Layout == v1alpha1.LayoutPerNamespace {
		return objectstore.NamespaceBucket(store.Spec.Buckets.Name, namespace)
	}
	return store.Spec.Buckets.Name
}

// Buckets lists the buckets of the store, also those of namespaces that are gone.
func (s *Store) Buckets(ctx context.Context) ([]string, error) {
	return Buckets(ctx, s.Objects, s.Object)
}

// Buckets lists the buckets of a store, also those of namespaces that are gone.
func Buckets(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore) ([]string, error) {
	layout := store.Spec.Buckets
	if layout.Layout == v1alpha1.LayoutPerNamespace {
		return objects.Buckets(ctx, layout.Name+"-")
	}
	return []string{layout.Name}, nil
}

// Can reports whether a store's server was seen to be capable of something when it was last probed.
func Can(store *v1alpha1.RecordingStore, capability v1alpha1.StoreCapability) bool {
	return slices.Contains(store.Status.Capabilities, capability)
}

// EnsureBucket makes the bucket of a namespace exist as the spec says, and returns its name. Call it before the first object
// of a recording is written; it asks the server once in the life of the credentials.
func (s *Store) EnsureBucket(ctx context.Context, namespace string) (string, error) {
	bucket := s.Bucket(namespace)
	if s.resolver.knowsBucket(s.Object, bucket) {
		return bucket, nil
	}
	return bucket, s.resolver.EnsureBucket(ctx, s.Objects, s.Object, bucket)
}

// EnsureBucket makes a bucket exist as the store's spec says, with versioning where the server has it, and remembers that it does.
func (r *Resolver) EnsureBucket(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore, bucket string) error {
	if err := ensureBucket(ctx, objects, store, bucket); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.buckets[store.UID] == nil {
		r.buckets[store.UID] = map[string]bool{}
	}
	r.buckets[store.UID][bucket] = true
	return nil
}

// ensureBucket makes and sets up a bucket. What a COSI driver provides is taken as it is.
func ensureBucket(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore, bucket string) error {
	if IsProvided(store) {
		exists, err := objects.BucketExists(ctx, bucket)
		if err == nil && !exists {
			err = failure(v1alpha1.ReasonStoreError, "There is no bucket %s, which the BucketInfo Secret names: look at the COSI driver that made it", bucket)
		}
		return err
	}
	options := objectstore.BucketOptions{
		Versioning: true, ObjectLock: objectstore.LockMode(store.Spec.Buckets.ObjectLock), CORSOrigins: store.Spec.S3.CORS.AllowedOrigins,
	}
	err := effect.Do(ctx, "store: make the bucket", func() error {
		_, err := objects.EnsureBucket(ctx, bucket, options)
		return err
	})
	if objectstore.Reason(err) == objectstore.ReasonNotSupported {
		options.Versioning = false
		err = effect.Do(ctx, "store: make the bucket without versioning", func() error {
			_, err := objects.EnsureBucket(ctx, bucket, options)
			return err
		})
	}
	return err
}

func (r *Resolver) knowsBucket(store *v1alpha1.RecordingStore, bucket string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buckets[store.UID][bucket]
}

// Allows reports whether recordings of a namespace with these labels may use the store.
func (s *Store) Allows(namespaceLabels map[string]string) (bool, error) {
	return Allows(s.Object, namespaceLabels)
}

// Allows reports whether recordings of a namespace with these labels may use a store. It fails with SelectorInvalid.
func Allows(store *v1alpha1.RecordingStore, namespaceLabels map[string]string) (bool, error) {
	return matches("spec.allowedNamespaces", store.Spec.AllowedNamespaces, namespaceLabels)
}

// AllowsImport reports whether recordings of a namespace with these labels may take their media from a bucket.
func (s *Store) AllowsImport(bucket string, namespaceLabels map[string]string) (bool, error) {
	for i, from := range s.Object.Spec.Intake.Imports {
		if from.Bucket == bucket {
			return matches(fmt.Sprintf("spec.intake.imports[%d].namespaces", i), from.Namespaces, namespaceLabels)
		}
	}
	return false, nil
}

// AllowsURL says what keeps recordings of a namespace with these labels from fetching their media from a host; nothing is empty.
func (s *Store) AllowsURL(host string, namespaceLabels map[string]string) (string, error) {
	rules := s.Object.Spec.Intake.URLs
	if rules.Namespaces == nil {
		return "it takes no media by source.url. Ask its owner to allow that in spec.intake.urls, or upload the media", nil
	}
	switch allowed, err := matches("spec.intake.urls.namespaces", rules.Namespaces, namespaceLabels); {
	case err != nil:
		return "", err
	case !allowed:
		return "ask its owner to let spec.intake.urls.namespaces match the namespace", nil
	case !fetch.HostAllowed(rules.Hosts, host):
		return "ask its owner to add the host to spec.intake.urls.hosts", nil
	}
	return "", nil
}

// defaultMaxSize is the greatest raw recording that is taken where the store does not say: 50 GiB.
const defaultMaxSize = 50 << 30

// MaxSize is the greatest size in bytes of a raw recording.
func (s *Store) MaxSize() int64 {
	if size := s.Object.Spec.Intake.MaxSize; size != nil {
		return size.Value()
	}
	return defaultMaxSize
}

// matches is false for an absent selector, which matches nothing.
func matches(field string, selector *metav1.LabelSelector, namespaceLabels map[string]string) (bool, error) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return false, failure(v1alpha1.ReasonSelectorInvalid, "%s is not a label selector: %v", field, err)
	}
	return parsed.Matches(labels.Set(namespaceLabels)), nil
}
