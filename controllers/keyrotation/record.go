// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"fmt"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

// recordEnd records the end of a rotation, before the status says that it is over.
func (r *Reconciler) recordEnd(ctx context.Context, store *v1alpha1.RecordingStore, next *v1alpha1.KeysStatus) error {
	rotation := store.Status.Keys.Rotation
	if rotation.Generation == 0 || next.Generation != rotation.Generation || next.Rotation.Generation != 0 {
		return nil
	}
	var rewrapped int64
	if rotation.Rewrapped != nil {
		rewrapped = *rotation.Rewrapped
	}
	return r.record(ctx, store, audit.Event{
		Key: fmt.Sprintf("rotated/%s/%d", store.UID, rotation.Generation), Since: rotation.StartedAt.Time, Reason: "KeyGeneration",
		Evidence: []string{
			fmt.Sprintf("RecordingStore %s: the keys of all recordings are wrapped with key %s, of key generation %d, which spec.encryption.keyGeneration asked for",
				store.Name, rotation.KeyID, rotation.Generation),
			fmt.Sprintf("begun at %s, %d manifests wrapped anew", rotation.StartedAt.UTC().Format(time.RFC3339), rewrapped),
		},
	})
}

// recordRemoval records that a key leaves the keyset, before it does.
func (r *Reconciler) recordRemoval(ctx context.Context, store *v1alpha1.RecordingStore, keyID string) error {
	var since time.Time
	if key := statusOf(store.Status.Keys.Keys, keyID); key != nil {
		since = key.Since.Time
	}
	return r.record(ctx, store, audit.Event{
		Key: fmt.Sprintf("key-removed/%s/%s", store.UID, keyID), Since: since, Reason: "KeyRetired",
		Evidence: []string{fmt.Sprintf("RecordingStore %s: key %s, which nothing needs any more, is removed from the keyset", store.Name, keyID)},
	})
}

func (r *Reconciler) record(ctx context.Context, store *v1alpha1.RecordingStore, event audit.Event) error {
	event.Namespace, event.Action, event.Outcome, event.Actor = r.OperatorNamespace, v1alpha1.AuditRotated, v1alpha1.OutcomeAllowed, audit.Controller("keyrotation")
	event.Rule = "RecordingStore " + store.Name + " spec.encryption.keyGeneration"
	return r.Audit.Record(ctx, event)
}
