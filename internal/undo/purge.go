// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Purger has recordings in the trash purged before their time. It removes no media itself: it makes a tombstone due, which the
// sweeper acts upon, with all that it looks at, and records.
type Purger struct {
	Client client.Client
	Store  *stores.Store
	// By is who asks for it.
	By string
	// Now is the date from which the tombstones are due.
	Now time.Time
	// Patience is how long the manager is waited for to let go of a MeetingRecording.
	Patience time.Duration
	DryRun   bool
}

// Entry has one recording purged.
func (p *Purger) Entry(ctx context.Context, e *Entry) Outcome {
	names, err := objectstore.NewRecording(e.Namespace, e.UID)
	if err != nil {
		return failed(e.Namespace, e.Name, e.UID, "%v", err)
	}
	bucket := p.Store.Bucket(e.Namespace)
	if e.Kind == Deleted {
		bucket = e.bucket
	}
	if kept, err := p.keeps(ctx, e, bucket, names); err != nil || kept != "" {
		return failed(e.Namespace, e.Name, e.UID, "%s", kept+message(err))
	}
	if p.DryRun {
		return Outcome{e.Namespace, e.Name, e.UID, Possible, "it would be purged"}
	}
	if e.Kind == Trashed {
		gone, err := p.bury(ctx, e.recording, bucket)
		if err != nil {
			return failed(e.Namespace, e.Name, e.UID, "%v", err)
		}
		if e = gone; e.key == "" {
			return Outcome{e.Namespace, e.Name, e.UID, Purging, "nothing of it was left to be kept"}
		}
	}
	if err := p.due(ctx, e, names); err != nil {
		return failed(e.Namespace, e.Name, e.UID, "%v", err)
	}
	return Outcome{e.Namespace, e.Name, e.UID, Purging, "its media goes when the manager next looks at the trash, within ten minutes"}
}

// keeps says what keeps a recording, and until when: the sweeper would keep it too, and nobody would be told.
func (p *Purger) keeps(ctx context.Context, e *Entry, bucket string, names objectstore.Recording) (string, error) {
	if e.Kind == Trashed {
		if retained := meta.FindStatusCondition(e.recording.Status.Conditions, v1alpha1.ConditionRetained); retained != nil && retained.Reason == v1alpha1.ReasonPaused {
			return "it cannot be purged. " + retained.Message, nil
		}
		status := e.recording.Status
		return p.sentence(e.recording.Spec.Holds, status.LockedUntil.Time, status.LockMode, status.LockedBy, "ask those who laid it"), nil
	}
	if holds := e.tombstone.LegalHolds(); len(holds) > 0 {
		return "it cannot be purged: " + strings.Join(holds, ", ") + " lay on it when it was deleted: restore it, have that lifted, and delete it again", nil
	}
	state, _, err := archive.Archive{Objects: p.Store.Objects, Keys: p.Store.Keys, Bucket: bucket, Names: names}.State(ctx)
	if err != nil && !errors.Is(err, archive.ErrUnusable) {
		return "", fmt.Errorf("what the bucket says of it cannot be read, so that nobody knows whether something keeps it: %s", archive.Why(err))
	}
	if e.tombstone.Paused != nil {
		return p.paused(ctx, e, state)
	}
	if state == nil {
		return "", nil
	}
	was, err := state.Recording()
	if err != nil {
		return "", err
	}
	return p.sentence(was.Spec.Holds, state.LockedUntil, state.LockMode, state.LockedBy, restoreAndAsk), nil
}

// restoreAndAsk is the way to what is held or locked, and deleted.
const restoreAndAsk = "restore it, and ask those who laid it"

// paused asks the policies again for what was deleted while one could not be understood. The sweeper asks them too.
func (p *Purger) paused(ctx context.Context, e *Entry, state *archive.State) (string, error) {
	plan, _, err := governance.Reader{Client: p.Client}.Burial(ctx, &e.tombstone, state)
	if apierrors.IsForbidden(err) {
		return "", fmt.Errorf("it is %s, and whether it still is takes reading policies and the namespace, which you may not: ask somebody who may to purge it. %w", e.Why, err)
	}
	if err != nil {
		return "", fmt.Errorf("it is %s; nobody knows whether it still is: %w", e.Why, err)
	}
	if plan.Decider == policy.DecidedByPause {
		return fmt.Sprintf("it cannot be purged until %s can be understood: put that right", plan.From), nil
	}
	var holds []v1alpha1.LegalHold
	if state != nil {
		was, err := state.Recording()
		if err != nil {
			return "", err
		}
		holds = was.Spec.Holds
	}
	return p.sentence(holds, plan.LockedUntil, plan.LockMode, plan.LockedBy, restoreAndAsk), nil
}

func (p *Purger) sentence(holds []v1alpha1.LegalHold, lockedUntil time.Time, mode v1alpha1.LockMode, by, ask string) string {
	switch {
	case len(holds) > 0:
		return "it cannot be purged until the last " + heldBy(holds) + " is lifted: " + ask
	case p.Now.Before(lockedUntil):
		lock := string(mode)
		if by != "" {
			lock += ", by " + by
		}
		return fmt.Sprintf("it cannot be purged before its lock ends, at %s (%s)", lockedUntil.UTC().Format(time.RFC3339), lock)
	}
	return ""
}

// due writes the tombstone anew, with a date that has come, and then removes the one with the later date. Whoever dies in between
// leaves two, of which the sweeper takes the first.
func (p *Purger) due(ctx context.Context, e *Entry, names objectstore.Recording) error {
	tombstone := e.tombstone
	tombstone.PurgeAt, tombstone.RequestedBy = p.Now.UTC().Truncate(time.Second), p.By
	if !tombstone.PurgeAt.Before(e.tombstone.PurgeAt) {
		tombstone.PurgeAt = e.tombstone.PurgeAt // it is due anyway
	}
	if err := archive.WriteTombstone(ctx, p.Store.Objects, e.bucket, tombstone); err != nil {
		return err
	}
	if names.TombstoneKey(tombstone.PurgeAt) == e.key {
		return nil
	}
	_, err := p.Store.Objects.DeleteAllVersions(ctx, e.bucket, e.key)
	return err
}

// bury deletes the MeetingRecording, so that its media is where that of deleted recordings is. Admission refuses what is held or
// locked, and what somebody has restored since it was looked at is left alone. The entry has no tombstone where the manager
// found nothing to keep.
func (p *Purger) bury(ctx context.Context, recording *v1alpha1.MeetingRecording, bucket string) (*Entry, error) {
	gone := &Entry{Namespace: recording.Namespace, Name: recording.Name, UID: recording.StorageUID(), Kind: Deleted, bucket: bucket}
	only := client.Preconditions{UID: &recording.UID, ResourceVersion: &recording.ResourceVersion}
	if err := client.IgnoreNotFound(p.Client.Delete(ctx, recording, only)); err != nil {
		return gone, err
	}
	until, cancel := context.WithTimeout(ctx, p.Patience)
	defer cancel()
	for every := lookFirst; ; every = min(every*2, lookMost) {
		err := p.Client.Get(until, client.ObjectKeyFromObject(recording), recording)
		if client.IgnoreNotFound(err) == nil && err != nil {
			break
		}
		select {
		case <-until.Done():
			return gone, errors.New("its MeetingRecording is being deleted, and the manager has not let go of it yet: purge it again later")
		case <-wall.After(every):
		}
	}
	found, err := tombstones(ctx, p.Store, bucket, recording.Namespace)
	if err != nil {
		return gone, err
	}
	for _, t := range found {
		if t.tombstone.UID == gone.UID && t.tombstone.DeletedAt.After(gone.Since) {
			gone.key, gone.tombstone, gone.Since, gone.PurgeAt = t.key, t.tombstone, t.tombstone.DeletedAt, t.tombstone.PurgeAt
		}
	}
	return gone, nil
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
