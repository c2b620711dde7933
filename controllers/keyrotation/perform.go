// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// perform makes one step.
func (r *Reconciler) perform(ctx context.Context, store *v1alpha1.RecordingStore, secret *corev1.Secret, d *decision) error {
	switch d.step {
	case add:
		return r.addKey(ctx, store, secret, d.number)
	case promote:
		return r.changeKeyset(ctx, store, secret, "Promote", "Key %s wraps from now on", d.keyIDs, func(json []byte) ([]byte, error) {
			return keys.Promote(json, d.keyIDs[0])
		})
	case rewrap:
		return r.look(ctx, store, secret, d)
	case disable:
		return r.changeKeyset(ctx, store, secret, "Retire", "Nothing needs key %s any more: it is disabled, and removed in a week", d.keyIDs, func(json []byte) ([]byte, error) {
			return keys.Disable(json, d.keyIDs...)
		})
	case enable:
		return r.changeKeyset(ctx, store, secret, "Retire", "Key %s is needed and enabled again", d.keyIDs, func(json []byte) ([]byte, error) {
			return keys.Enable(json, d.keyIDs...)
		})
	case remove:
		for _, id := range d.keyIDs {
			if err := r.recordRemoval(ctx, store, id); err != nil {
				return err
			}
		}
		return r.changeKeyset(ctx, store, secret, "Retire", "Key %s is removed from the keyset", d.keyIDs, func(json []byte) ([]byte, error) {
			return keys.Remove(json, d.keyIDs...)
		})
	case rest:
	}
	return nil
}

// addKey adds the key of a generation and marks it as that, in one write: there is never a second one for it.
func (r *Reconciler) addKey(ctx context.Context, store *v1alpha1.RecordingStore, secret *corev1.Secret, number int64) error {
	json, id, err := keys.Add(secret.Data[stores.KeysetKey])
	if err != nil {
		return err
	}
	changed := secret.DeepCopy()
	changed.Data[stores.KeysetKey] = json
	if changed.Annotations == nil {
		changed.Annotations = map[string]string{}
	}
	changed.Annotations[v1alpha1.AnnotationKeyGeneration] = strconv.FormatInt(number, 10)
	changed.Annotations[v1alpha1.AnnotationKeyID] = id
	if err := r.writeKeyset(ctx, secret, changed); err != nil {
		return err
	}
	r.Events.Eventf(store, nil, corev1.EventTypeNormal, v1alpha1.ReasonRotating, "Rotate",
		"Key %s was added to Secret %s/%s for key generation %d: back the Secret up", id, secret.Namespace, secret.Name, number)
	return nil
}

// changeKeyset makes one change of the keyset and tells people.
func (r *Reconciler) changeKeyset(ctx context.Context, store *v1alpha1.RecordingStore, secret *corev1.Secret, action, note string, ids []string,
	change func([]byte) ([]byte, error)) error {
	json, err := change(secret.Data[stores.KeysetKey])
	if err != nil {
		return err
	}
	changed := secret.DeepCopy()
	changed.Data[stores.KeysetKey] = json
	if err := r.writeKeyset(ctx, secret, changed); err != nil {
		return err
	}
	r.Events.Eventf(store, nil, corev1.EventTypeNormal, v1alpha1.ReasonRotating, action, note, strings.Join(ids, ", "))
	return nil
}

// writeKeyset changes the Secret if it is still the one that was read. It is a patch, because the cache does not keep all of the
// Secret.
func (r *Reconciler) writeKeyset(ctx context.Context, read, changed *corev1.Secret) error {
	patch := client.MergeFromWithOptions(read, client.MergeFromWithOptimisticLock{})
	err := effect.Do(ctx, "keys: change the keyset", func() error { return r.Client.Patch(ctx, changed, patch) })
	if err != nil {
		return fmt.Errorf("change the keyset in Secret %s/%s: %w", read.Namespace, read.Name, err)
	}
	return nil
}
