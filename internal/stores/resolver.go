// SPDX-License-Identifier: Apache-2.0

// Package stores opens RecordingStores: it turns the name of a store into a client for its object storage and the keyset
// that wraps the recordings' keys.
//
// Credentials and keysets are Secrets of the operator's own namespace, the only one whose Secrets are read. What was
// opened is kept until the store or one of its Secrets changes, so that opening a store costs two reads from the cache.
package stores

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Resolver opens stores. It is safe for concurrent use.
type Resolver struct {
	reader    client.Reader
	namespace string

	mu      sync.Mutex
	clients map[types.UID]openClient
	keysets map[types.UID]openKeyset
	// made are the buckets that are known to exist and to be set up, owned those that are known to carry the store's marker, so that
	// the server is asked once.
	made, owned remembered
}

// NewResolver returns a Resolver that reads stores and Secrets with reader, and Secrets of the operator's namespace only.
func NewResolver(reader client.Reader, operatorNamespace string) *Resolver {
	return &Resolver{
		reader:    reader,
		namespace: operatorNamespace,
		clients:   map[types.UID]openClient{},
		keysets:   map[types.UID]openKeyset{},
		made:      remembered{},
		owned:     remembered{},
	}
}

// remembered are buckets, by store.
type remembered map[types.UID]map[string]bool

func (r *Resolver) knows(what remembered, store *v1alpha1.RecordingStore, bucket string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return what[store.UID][bucket]
}

func (r *Resolver) learn(what remembered, store *v1alpha1.RecordingStore, bucket string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if what[store.UID] == nil {
		what[store.UID] = map[string]bool{}
	}
	what[store.UID][bucket] = true
}

// openClient and openKeyset are what was opened, and the versions of the objects that it was opened from.
type openClient struct {
	from   clientVersion
	client *objectstore.Client
	// public signs what browsers use, and talks to nobody; nil until it is first needed.
	public *objectstore.Client
}

type clientVersion struct {
	store     int64 // generation
	secretUID types.UID
	secret    string // resourceVersion
	checksums objectstore.Checksums
	endpoint  string // of the spec, or of a BucketInfo Secret
}

type openKeyset struct {
	secretUID types.UID
	secret    string // resourceVersion
	keyset    *keys.Keyset
}

// Open returns the store with this name, ready for use. Its errors are Errors with one of the reasons StoreNotFound, WrongBucket,
// BucketTaken, ClaimedElsewhere, CredentialsNotFound, KeysetInvalid and StoreError, or come from the Kubernetes API. It does not talk to the object store.
func (r *Resolver) Open(ctx context.Context, name string) (*Store, error) {
	store := &v1alpha1.RecordingStore{}
	switch err := r.reader.Get(ctx, client.ObjectKey{Name: name}, store); {
	case apierrors.IsNotFound(err):
		return nil, failure(v1alpha1.ReasonStoreNotFound, "There is no RecordingStore %q: create it, or name another one in spec.storeRef", name)
	case err != nil:
		return nil, fmt.Errorf("read RecordingStore %s: %w", name, err)
	}
	store, err := r.Complete(ctx, store)
	if err != nil {
		return nil, err
	}
	if err := usable(store); err != nil {
		return nil, err
	}
	objects, err := r.Client(ctx, store)
	if err != nil {
		return nil, err
	}
	keyset, err := r.Keyset(ctx, store)
	if err != nil {
		return nil, err
	}
	return &Store{Object: store, Objects: objects, Keys: keyset, resolver: r}, nil
}

// Client returns a client for the object storage of a completed store. It shares connections with earlier ones until the store or
// its credentials change.
func (r *Resolver) Client(ctx context.Context, store *v1alpha1.RecordingStore) (*objectstore.Client, error) {
	secret, err := r.credentials(ctx, store)
	if err != nil {
		return nil, err
	}
	cfg, err := configure(store, secret)
	if err != nil {
		return nil, err
	}
	from := clientVersion{store: store.Generation, secretUID: secret.UID, secret: secret.ResourceVersion, checksums: cfg.Checksums, endpoint: cfg.Endpoint}

	r.mu.Lock()
	defer r.mu.Unlock()
	open, found := r.clients[store.UID]
	if found && open.from == from {
		return open.client, nil
	}
	opened, err := objectstore.New(cfg)
	if err != nil {
		return nil, failure(v1alpha1.ReasonStoreError, "%v", err)
	}
	if found {
		open.client.Close()
	}
	r.clients[store.UID] = openClient{from: from, client: opened}
	delete(r.made, store.UID)
	delete(r.owned, store.UID)
	return opened, nil
}

// public returns a client with the same credentials at the address that browsers use. It is kept for as long as objects, the client of the store.
func (r *Resolver) public(store *v1alpha1.RecordingStore, objects *objectstore.Client) (*objectstore.Client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	open := r.clients[store.UID]
	if open.client == objects && open.public != nil {
		return open.public, nil
	}
	public, err := objects.At(cmp.Or(store.Spec.S3.PublicEndpoint, store.Spec.S3.Endpoint))
	if err != nil {
		return nil, failure(v1alpha1.ReasonStoreError, "spec.s3.publicEndpoint: %v", err)
	}
	if open.client == objects {
		open.public = public
		r.clients[store.UID] = open
	}
	return public, nil
}

// Keyset returns the key-encryption keyset of a store. It is ErrNoKeyset for a new store without one, and fails with
// KeysetInvalid when the Secret has gone, cannot be read, or does not hold the key that the store's recordings were encrypted with.
func (r *Resolver) Keyset(ctx context.Context, store *v1alpha1.RecordingStore) (*keys.Keyset, error) {
	ref := store.Spec.Encryption.KeySecretRef
	secret, err := r.secret(ctx, ref, v1alpha1.ReasonKeysetInvalid)
	if apierrors.IsNotFound(err) {
		if store.Status.KeyID == "" && len(store.Status.Keys.Keys) == 0 {
			return nil, ErrNoKeyset
		}
		return nil, failure(v1alpha1.ReasonKeysetInvalid, "Secret %s/%s with the key-encryption keyset is gone, and recordings are encrypted with its key %s: "+
			"restore it from your backup. No new one is made in its place", ref.Namespace, ref.Name, store.Status.KeyID)
	}
	if err != nil {
		return nil, err
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	open, found := r.keysets[store.UID]
	if !found || open.secretUID != secret.UID || open.secret != secret.ResourceVersion {
		keyset, err := loadKeyset(secret)
		if err != nil {
			return nil, err
		}
		open = openKeyset{secretUID: secret.UID, secret: secret.ResourceVersion, keyset: keyset}
		r.keysets[store.UID] = open
	}
	if err := knowsKeys(secret, open.keyset, &store.Status); err != nil {
		return nil, err
	}
	return open.keyset, nil
}

// Forget drops what was opened for a store that is gone.
func (r *Resolver) Forget(store types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open, found := r.clients[store]; found {
		open.client.Close()
	}
	delete(r.clients, store)
	delete(r.keysets, store)
	delete(r.made, store)
	delete(r.owned, store)
}

// secret reads a Secret of the operator's namespace. One of another namespace is refused with the reason foreign.
func (r *Resolver) secret(ctx context.Context, ref v1alpha1.SecretReference, foreign string) (*corev1.Secret, error) {
	if ref.Namespace != r.namespace {
		return nil, failure(foreign, "Secret %s/%s is not read: Reelkeeper reads Secrets of its own namespace only, put it into %s",
			ref.Namespace, ref.Name, r.namespace)
	}
	secret := &corev1.Secret{}
	err := r.reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret)
	if err != nil {
		return nil, fmt.Errorf("read Secret %s/%s: %w", ref.Namespace, ref.Name, err)
	}
	return secret, nil
}
