// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// ensureKeyset returns the ID of the key that wraps, and makes a keyset for a store that never had one. One that is there,
// readable or not, is left alone. Where the buckets were not seen it is ErrNoKeyset in place of making one.
func (r *Reconciler) ensureKeyset(ctx context.Context, store *v1alpha1.RecordingStore, seen bool) (string, error) {
	keyset, err := r.Stores.Keyset(ctx, store)
	if errors.Is(err, stores.ErrNoKeyset) && seen {
		if err := r.holdsNothing(ctx, store); err != nil {
			return "", err
		}
		if err := r.makeKeyset(ctx, store.Spec.Encryption); err != nil {
			return "", err
		}
		keyset, err = r.Stores.Keyset(ctx, store)
	}
	if err != nil {
		return "", err
	}
	return keyset.KeyID(), nil
}

// holdsNothing fails with KeysetInvalid where a bucket has recordings: the store had a keyset once, although it does not say so, as when it
// was made anew and the Secret is lost. One made now would be in the way of the right one.
func (r *Reconciler) holdsNothing(ctx context.Context, store *v1alpha1.RecordingStore) error {
	store, err := r.Stores.Complete(ctx, store)
	if err != nil {
		return err
	}
	objects, err := r.Stores.Client(ctx, store)
	if err != nil {
		return err
	}
	buckets, err := r.Stores.Buckets(ctx, objects, store)
	if err != nil {
		return err
	}
	for _, bucket := range buckets {
		for _, err := range objects.List(ctx, bucket, objectstore.ManifestsRoot) {
			if err != nil {
				return err
			}
			ref := store.Spec.Encryption.KeySecretRef
			return &stores.Error{Reason: v1alpha1.ReasonKeysetInvalid, Message: fmt.Sprintf(
				"There is no Secret %s/%s, and bucket %s has recordings, which a keyset opens that was there before: restore the Secret from your backup. No new one is made in its place. "+
					"Where it is lost for good, and they with it, put a new keyset into the Secret yourself, or name other buckets", ref.Namespace, ref.Name, bucket)}
		}
	}
	return nil
}

// makeKeyset creates the Secret and never updates it, so that it cannot replace one that the cache has not seen. The
// Secret has no owner: it must outlive the store.
func (r *Reconciler) makeKeyset(ctx context.Context, spec v1alpha1.EncryptionSpec) error {
	encoded, err := keys.NewKeyset()
	if err != nil {
		return err
	}
	keyset, err := keys.Load(encoded)
	if err != nil {
		return err
	}
	ref := spec.KeySecretRef
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ref.Namespace, Name: ref.Name,
			Labels: map[string]string{"app.kubernetes.io/managed-by": "reelkeeper", "app.kubernetes.io/component": "keyset"},
			// A store that is new has nothing to rotate, whatever generation it begins with.
			Annotations: map[string]string{
				v1alpha1.AnnotationKeyGeneration: strconv.FormatInt(max(spec.KeyGeneration, 1), 10),
				v1alpha1.AnnotationKeyID:         keyset.KeyID(),
			},
		},
		Data: map[string][]byte{stores.KeysetKey: encoded},
	}
	err = effect.Do(ctx, "store: make the keyset", func() error { return r.Client.Create(ctx, secret) })
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create Secret %s/%s for the key-encryption keyset: %w", ref.Namespace, ref.Name, err)
	}
	return nil
}
