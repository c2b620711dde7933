// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// A tombstone that was written while a policy could not be understood has no date: its key has that of the deletion, so that every sweep
// comes by and asks again. Once the policies are understood it gets the date that a deletion then would have got, and is one like the
// others, which the next sweep looks at:
//
//	a lock that has come to light promised in the state ── Released recorded ── tombstone with its date written ── the one without removed
//
// Every step can be repeated, and finds the same date again as long as the policies are the same.

// paused says by the cache, at the cost of no request, that the policies cannot be understood yet.
func (s *Sweeper) paused(ctx context.Context, tombstone archive.Tombstone) (bool, error) {
	pause := tombstone.Paused
	if pause == nil {
		return false, nil
	}
	rules, err := s.options.Governance.RulesOfDeleted(ctx, tombstone.Namespace, pause.NamespaceLabels, pause.Labels)
	if err != nil {
		return true, fmt.Errorf("ask for the policies of deleted recording %s/%s: %w", tombstone.Namespace, tombstone.Name, err)
	}
	return rules.Retention.Paused != nil, nil
}

// resume gives a tombstone its date, unless something keeps the recording still. It purges nothing.
func (s *Sweeper) resume(ctx context.Context, store *stores.Store, from archive.Archive, key string, tombstone archive.Tombstone) error {
	state, sealed, err := from.State(ctx)
	if err != nil && !errors.Is(err, archive.ErrUnusable) { // what nobody could adopt has no lock to keep
		return err
	}
	// The cache may be behind, and the bucket is believed about labels and locks.
	plan, purgeAt, err := governance.Reader{Client: s.options.Direct}.Burial(ctx, &tombstone, state)
	if err != nil {
		return fmt.Errorf("ask when deleted recording %s/%s may go: %w", tombstone.Namespace, tombstone.Name, err)
	}
	if plan.Keeps() {
		return nil
	}
	if state != nil {
		if err := promise(ctx, from, sealed, *state, plan, purgeAt); err != nil {
			return err
		}
	}
	if err := s.recordResumed(ctx, tombstone, plan, purgeAt); err != nil {
		return err
	}
	if err := archive.WriteTombstone(ctx, store.Objects, from.Bucket, tombstone.Dated(purgeAt)); err != nil {
		return err
	}
	log.FromContext(ctx).Info("Giving a deleted recording its purge date, because its policies are understood now",
		"namespace", tombstone.Namespace, "name", tombstone.Name, "purgeAt", purgeAt)
	s.Note(purgeAt)
	if from.Names.TombstoneKey(purgeAt) == key {
		return nil
	}
	return removeTombstone(ctx, store, from.Bucket, key)
}

// promise writes the date into the state, and the lock that the policies ask for: from then on it lies on the recording, whoever
// wants it purged or brings it back.
func promise(ctx context.Context, from archive.Archive, sealed *archive.Sealed, state archive.State, plan policy.Schedule, purgeAt time.Time) error {
	next := state
	next.PurgeAt = purgeAt.UTC()
	next.LockedUntil, next.LockMode, next.LockedBy = plan.LockedUntil.UTC(), plan.LockMode, plan.LockedBy
	before, err := state.Hash()
	if err != nil {
		return err
	}
	after, err := next.Hash()
	if err != nil || before == after {
		return err
	}
	return from.WriteState(ctx, sealed.StateKey, next)
}

// recordResumed writes down why the recording has a date now, and which.
func (s *Sweeper) recordResumed(ctx context.Context, tombstone archive.Tombstone, plan policy.Schedule, purgeAt time.Time) error {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return s.write(ctx, audit.Event{
		Namespace: tombstone.Namespace,
		Key:       fmt.Sprintf("resumed/%s/%d/%d", tombstone.UID, tombstone.DeletedAt.Unix(), purgeAt.Unix()),
		Since:     tombstone.DeletedAt,
		Action:    v1alpha1.AuditReleased,
		Outcome:   v1alpha1.OutcomeAllowed,
		Actor:     audit.Controller("trash"),
		Recording: v1alpha1.AuditRecording{Name: tombstone.Name, UID: tombstone.UID},
		Reason:    "PolicyUnderstood",
		Rule:      plan.From.String(),
		Evidence: []string{
			"when the MeetingRecording was deleted, at " + at(tombstone.DeletedAt) + ", " + tombstone.Paused.By + "; now the policies are understood",
			fmt.Sprintf("it may go at %s (%s)", at(purgeAt), plan.Decider),
		},
	})
}
