// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
)

// verdict is what is to become of a recording whose tombstone is due.
type verdict int

const (
	// keep leaves everything as it is; the next sweep looks again.
	keep verdict = iota
	// void says that the deletion which the tombstone speaks of does not count any more: only the tombstone goes.
	void
	// release purges.
	release
	// unreadable keeps what nobody can judge until the key to it is back.
	unreadable
)

// judge decides whether a tombstone that is due may be acted upon. It speaks of what was once; what counts is whether somebody
// refers to the media now, and what the bucket says of the recording, which is authentic.
func (s *Sweeper) judge(ctx context.Context, from archive.Archive, tombstone archive.Tombstone) (verdict, error) {
	if len(tombstone.LegalHolds()) > 0 {
		return keep, nil
	}
	if waits, err := s.paused(ctx, tombstone); waits || err != nil {
		return keep, err
	}
	if what, err := s.claimed(ctx, tombstone); what != release || err != nil {
		return what, err
	}
	state, _, err := from.State(ctx)
	switch {
	case errors.Is(err, archive.ErrKeyMissing):
		// A lost or wrong keyset says nothing about the recording, and with the right one it may be held, or wanted back.
		log.FromContext(ctx).Info("Waiting, nobody can tell whether a deleted recording may go", "namespace", tombstone.Namespace, "name", tombstone.Name, "reason", err.Error())
		return unreadable, nil
	case errors.Is(err, archive.ErrUnusable):
		// Nobody could adopt it. So it is, too, where an earlier purge got as far as the manifests.
		return release, nil
	case err != nil:
		return keep, fmt.Errorf("read the state of deleted recording %s/%s: %w", tombstone.Namespace, tombstone.Name, err)
	case state == nil:
		return release, nil
	}
	return s.allowed(state, tombstone)
}

// allowed compares with the state. A recording that was brought back and is deleted again has a later tombstone; the old one is
// void. Holds and locks are looked at once more, because a date on a tombstone is soon changed.
func (s *Sweeper) allowed(state *archive.State, tombstone archive.Tombstone) (verdict, error) {
	if !state.DeletedAt.Equal(tombstone.DeletedAt) {
		return void, nil
	}
	holds, err := state.Holds()
	if err != nil || len(holds) > 0 || s.options.Clock.Now().Before(state.LockedUntil) {
		return keep, err
	}
	return release, nil
}

// claimed looks who refers to the media: its own MeetingRecording, which is there if the API server was set back to a backup
// from before the deletion, or one that has adopted it. One that is about to adopt it is waited for.
func (s *Sweeper) claimed(ctx context.Context, tombstone archive.Tombstone) (verdict, error) {
	var recording v1alpha1.MeetingRecording
	err := s.options.Direct.Get(ctx, client.ObjectKey{Namespace: tombstone.Namespace, Name: tombstone.Name}, &recording)
	if client.IgnoreNotFound(err) != nil {
		return keep, fmt.Errorf("look whether recording %s/%s is really gone: %w", tombstone.Namespace, tombstone.Name, err)
	}
	if err == nil && string(recording.UID) == tombstone.UID {
		if recording.DeletionTimestamp.IsZero() {
			return void, nil
		}
		return keep, nil
	}
	var adopters v1alpha1.MeetingRecordingList
	err = s.options.Direct.List(ctx, &adopters, client.InNamespace(tombstone.Namespace), client.MatchingFields{v1alpha1.FieldAdopts: tombstone.UID})
	if err != nil {
		return keep, fmt.Errorf("look whether deleted recording %s/%s was adopted: %w", tombstone.Namespace, tombstone.Name, err)
	}
	what := release
	for i := range adopters.Items {
		what = min(what, claim(&adopters.Items[i]))
	}
	return what, nil
}

// claim is what a recording that adopts the media means for it.
func claim(adopter *v1alpha1.MeetingRecording) verdict {
	switch {
	case !adopter.DeletionTimestamp.IsZero():
		return keep // it is about to leave a tombstone of its own
	case adopter.Status.Storage.ManifestKey != "":
		return void
	case meta.IsStatusConditionTrue(adopter.Status.Conditions, v1alpha1.ConditionStalled):
		return release
	}
	return keep
}
