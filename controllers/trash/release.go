// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// purge lets go of one deleted recording. The tombstone is removed last, so that a crash on the way is found again.
func (s *Sweeper) purge(ctx context.Context, store *stores.Store, bucket, key string) error {
	tombstone, err := read(ctx, store.Objects, bucket, key)
	if objectstore.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(tombstone.Holds) > 0 || !s.concerns(tombstone.Namespace) {
		return nil
	}
	if alive, err := s.alive(ctx, tombstone); alive || err != nil {
		return err
	}
	if answer, err := s.options.Guard.Ask(ctx, store.Object.Name, tombstone.UID); err != nil || !answer.Allowed {
		return err // it is asked again by the next sweep, which comes at once when a person lets purging go on
	}
	recording, err := objectstore.NewRecording(tombstone.Namespace, tombstone.UID)
	if err != nil {
		return err
	}
	evidence, err := Purge(ctx, store.Objects, bucket, recording)
	if objectstore.Reason(err) == objectstore.ReasonLocked {
		log.FromContext(ctx).Info("Waiting, the bucket does not let go of a deleted recording yet", "tombstone", key, "reason", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("purge deleted recording %s/%s: %w", tombstone.Namespace, tombstone.Name, err)
	}
	if err := s.record(ctx, tombstone, slices.Concat(evidence, []string{"the MeetingRecording was deleted at " + tombstone.DeletedAt.UTC().Format(time.RFC3339)})); err != nil {
		return err
	}
	return effect.Do(ctx, "trash: remove the tombstone", func() error {
		_, err := store.Objects.DeleteAllVersions(ctx, bucket, key)
		return err
	})
}

func (s *Sweeper) concerns(namespace string) bool {
	return len(s.options.Namespaces) == 0 || slices.Contains(s.options.Namespaces, namespace)
}

// alive says that the recording is there although a tombstone speaks of its deletion: the API server was set back to a backup
// from before. What a living recording refers to is not for the trash to take. Where the cache just has not seen the deletion
// yet, the next sweep purges.
func (s *Sweeper) alive(ctx context.Context, tombstone Tombstone) (bool, error) {
	var recording v1alpha1.MeetingRecording
	switch err := s.options.Reader.Get(ctx, client.ObjectKey{Namespace: tombstone.Namespace, Name: tombstone.Name}, &recording); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look whether recording %s/%s is really gone: %w", tombstone.Namespace, tombstone.Name, err)
	}
	return recording.StorageUID() == tombstone.UID && recording.DeletionTimestamp.IsZero(), nil
}

// record writes the purge into the recording's namespace or, where that is gone, into the operator's own.
func (s *Sweeper) record(ctx context.Context, tombstone Tombstone, evidence []string) error {
	event := audit.Event{
		Namespace: tombstone.Namespace,
		Key:       "purged/" + tombstone.UID,
		Since:     tombstone.PurgeAt,
		Action:    v1alpha1.AuditPurged,
		Outcome:   v1alpha1.OutcomeAllowed,
		Actor:     audit.Controller("trash"),
		Recording: v1alpha1.AuditRecording{Name: tombstone.Name, UID: tombstone.UID},
		Reason:    "TrashEnded",
		Evidence:  evidence,
	}
	err := s.options.Audit.Record(ctx, event)
	if audit.NamespaceGone(err) {
		event.Namespace = s.options.OperatorNamespace
		event.Evidence = append([]string{"namespace " + tombstone.Namespace + ", which is gone"}, evidence...)
		err = s.options.Audit.Record(ctx, event)
	}
	return err
}
