// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// purge lets go of one deleted recording. The tombstone is removed last, so that a crash on the way is found again.
func (s *Sweeper) purge(ctx context.Context, store *stores.Store, bucket, key string) error {
	tombstone, err := archive.ReadTombstone(ctx, store.Objects, bucket, key)
	if objectstore.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !s.concerns(tombstone.Namespace) {
		return nil
	}
	recording, err := objectstore.NewRecording(tombstone.Namespace, tombstone.UID)
	if err != nil {
		return err
	}
	defer s.options.Claims.Take(tombstone.UID)()
	from := archive.Archive{Objects: store.Objects, Keys: store.Keys, Bucket: bucket, Names: recording}
	what, err := s.judge(ctx, from, tombstone)
	switch {
	case err != nil:
		return err
	case what == void:
		return removeTombstone(ctx, store, bucket, key)
	case what == unreadable:
		s.pending = append(s.pending, tombstone.Namespace+"/"+tombstone.Name)
		return nil
	case what == keep:
		return nil
	case tombstone.Paused != nil:
		return s.resume(ctx, store, from, key, tombstone)
	}
	// The guard is against rules that empty the archive. What a person purges by name is no rule.
	if tombstone.RequestedBy == "" {
		if answer, err := s.options.Guard.Ask(ctx, store.Object.Name, tombstone.UID); err != nil || !answer.Allowed {
			return err // it is asked again by the next sweep, which comes at once when a person lets purging go on
		}
	}
	evidence, err := Purge(ctx, store.Objects, bucket, recording, tombstone.MediaKey, tombstone.ManifestKey)
	if objectstore.Reason(err) == objectstore.ReasonLocked {
		log.FromContext(ctx).Info("Waiting, the bucket does not let go of a deleted recording yet", "tombstone", key, "reason", err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("purge deleted recording %s/%s: %w", tombstone.Namespace, tombstone.Name, err)
	}
	if err := s.record(ctx, tombstone, evidence); err != nil {
		return err
	}
	return removeTombstone(ctx, store, bucket, key)
}

func removeTombstone(ctx context.Context, store *stores.Store, bucket, key string) error {
	return effect.Do(ctx, "trash: remove the tombstone", func() error {
		_, err := store.Objects.DeleteAllVersions(ctx, bucket, key)
		return err
	})
}

func (s *Sweeper) concerns(namespace string) bool {
	return len(s.options.Namespaces) == 0 || slices.Contains(s.options.Namespaces, namespace)
}

// record writes down the purge.
func (s *Sweeper) record(ctx context.Context, tombstone archive.Tombstone, evidence []string) error {
	event := audit.Event{
		Namespace: tombstone.Namespace,
		Key:       "purged/" + tombstone.UID,
		Since:     tombstone.PurgeAt,
		Action:    v1alpha1.AuditPurged,
		Outcome:   v1alpha1.OutcomeAllowed,
		Actor:     audit.Controller("trash"),
		Recording: v1alpha1.AuditRecording{Name: tombstone.Name, UID: tombstone.UID},
		Reason:    "TrashEnded",
		Evidence:  append(evidence, "the MeetingRecording was deleted at "+tombstone.DeletedAt.UTC().Format(time.RFC3339)),
	}
	if tombstone.RequestedBy != "" {
		event.Reason = "PurgeRequested"
		event.Evidence = append(event.Evidence, "asked for by "+tombstone.RequestedBy)
	}
	return s.write(ctx, event)
}

// write records an event of a recording in its namespace or, where that is gone, in the operator's own.
func (s *Sweeper) write(ctx context.Context, event audit.Event) error {
	err := s.options.Audit.Record(ctx, event)
	if audit.NamespaceGone(err) {
		event.Evidence = append([]string{"namespace " + event.Namespace + ", which is gone"}, event.Evidence...)
		event.Namespace = s.options.OperatorNamespace
		err = s.options.Audit.Record(ctx, event)
	}
	return err
}
