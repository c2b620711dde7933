// SPDX-License-Identifier: Apache-2.0

package stores

import (
	"context"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

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
	return s.resolver.Buckets(ctx, s.Objects, s.Object)
}

// Survey lists the buckets of the store, and the closed ones: those with the name of a bucket of the store of which nobody can tell whose they
// are, because the credentials may not look into them, or because they hold manifests and no marker. Ask it where what is not seen counts.
func (s *Store) Survey(ctx context.Context) (own, closed []string, err error) {
	return s.resolver.survey(ctx, s.Objects, s.Object)
}

// Buckets lists the buckets of a store, also those of namespaces that are gone. With the layout PerNamespace, these are the ones that
// carry the store's marker: what merely has a name that begins alike is another store's, or no store's.
func (r *Resolver) Buckets(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore) ([]string, error) {
	own, _, err := r.survey(ctx, objects, store)
	return own, err
}

func (r *Resolver) survey(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore) (own, closed []string, err error) {
	layout := store.Spec.Buckets
	if layout.Layout != v1alpha1.LayoutPerNamespace {
		return []string{layout.Name}, nil, nil
	}
	known, err := identityOf(ctx, objects, store)
	if err != nil || known == "" {
		return nil, nil, err // a store that was never set up has none
	}
	named, err := objects.Buckets(ctx, layout.Name+"-")
	if err != nil {
		return nil, nil, err
	}
	for _, bucket := range named {
		whose, err := r.whose(ctx, objects, store, bucket, known)
		switch {
		case err != nil:
			return nil, nil, err
		case whose == ours:
			own = append(own, bucket)
		case whose == nobodyKnows:
			closed = append(closed, bucket)
		}
	}
	return own, closed, nil
}

// identityOf is the ID of a store: what its controller has seen or, for a store that was just made anew, what its bucket says.
func identityOf(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore) (string, error) {
	if id := store.Status.Location.ID; id != "" {
		return id, nil
	}
	return Identify(ctx, objects, store.Spec.Buckets.Name)
}

// ownership says whose a bucket is.
type ownership int

const (
	somebodyElses ownership = iota
	ours
	nobodyKnows
)

// whose asks a bucket whose it is, and one that is ours only once. What may not be looked into holds nothing that could be used.
func (r *Resolver) whose(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore, bucket, known string) (ownership, error) {
	if r.knows(r.owned, store, bucket) {
		return ours, nil
	}
	id, err := Identify(ctx, objects, bucket)
	switch {
	case objectstore.Reason(err) == objectstore.ReasonForbidden:
		return nobodyKnows, nil
	case err != nil:
		return somebodyElses, err
	case id == known:
		r.learn(r.owned, store, bucket)
		return ours, nil
	case id != "":
		return somebodyElses, nil
	}
	for _, err := range objects.List(ctx, bucket, objectstore.ManifestsRoot) {
		if objectstore.Reason(err) == objectstore.ReasonForbidden {
			err = nil
		}
		return nobodyKnows, err
	}
	return somebodyElses, nil
}

// EnsureBucket makes the bucket of a namespace exist as the spec says, and returns its name. Call it before the first object
// of a recording is written; it asks the server once in the life of the credentials.
func (s *Store) EnsureBucket(ctx context.Context, namespace string) (string, error) {
	bucket := s.Bucket(namespace)
	if s.resolver.knows(s.resolver.made, s.Object, bucket) {
		return bucket, nil
	}
	return bucket, s.resolver.EnsureBucket(ctx, s.Objects, s.Object, bucket)
}

// EnsureBucket makes a bucket exist as the store's spec says, with versioning where the server has it, and remembers that it does. A
// namespace's bucket gets the store's marker; one that carries another store's is left alone, and the error is WrongBucket.
func (r *Resolver) EnsureBucket(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore, bucket string) error {
	marked, err := isMarked(ctx, objects, store, bucket)
	if err != nil {
		return err
	}
	if err := ensureBucket(ctx, objects, store, bucket); err != nil {
		return err
	}
	if !marked {
		known := store.Status.Location.ID
		id, err := Mark(ctx, objects, bucket, known)
		if err == nil {
			err = Recognise(store, bucket, known, id)
		}
		if err != nil {
			return err
		}
	}
	r.learn(r.made, store, bucket)
	return nil
}

// isMarked says whether a bucket needs no marker any more. The bucket of the plain name gets its own from the store's controller, when
// it has seen that the store works; before that, the store has no ID to mark others with.
func isMarked(ctx context.Context, objects *objectstore.Client, store *v1alpha1.RecordingStore, bucket string) (bool, error) {
	known := store.Status.Location.ID
	if known == "" || bucket == store.Spec.Buckets.Name {
		return true, nil
	}
	id, err := Identify(ctx, objects, bucket)
	if err != nil || id == "" {
		return false, err
	}
	return true, Recognise(store, bucket, known, id)
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
