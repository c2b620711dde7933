// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
)

// observeAdopting looks what the bucket has of the earlier recording, and who else wants it. The API server itself is asked,
// because an old view would give the same media to two.
func (r *Reconciler) observeAdopting(ctx context.Context, o *observation) error {
	if err := r.observeStore(ctx, o); err != nil || o.store.problem.found() {
		return err
	}
	if err := errors.Join(r.observeCopy(ctx, o), r.observeRivals(ctx, o)); err != nil {
		return err
	}
	if !unadoptable(o).found() && !o.claim.leaving {
		o.result = o.claim.result
	}
	return nil
}

// observeCopy reads and authenticates what is to be adopted, and compares it.
func (r *Reconciler) observeCopy(ctx context.Context, o *observation) error {
	from, err := archiveOf(o)
	if err != nil {
		return err
	}
	found, err := from.Open(ctx)
	switch {
	case errors.Is(err, archive.ErrNothing):
		o.claim.refused = problem{v1alpha1.ReasonAdoptNotFound, fmt.Sprintf(
			"Bucket %s has no manifest of %s, which never had one or whose time in the trash was over: kubectl reelkeeper trash list shows what can be restored", from.Bucket, o.recording.StorageUID())}
		return nil
	case errors.Is(err, archive.ErrUnusable), errors.Is(err, archive.ErrKeyMissing), errors.Is(err, archive.ErrStateForged):
		o.claim.refused = problem{v1alpha1.ReasonAdoptDamaged, fmt.Sprintf(
			"What bucket %s has of %s is of no use: %s. When that is put right, delete this MeetingRecording and restore it again", from.Bucket, o.recording.StorageUID(), printable(archive.Why(err)))}
		return nil
	case err != nil:
		return err
	}
	o.claim.state, o.claim.result = &found.State, resultOf(from, found.Sealed)
	o.claim.differs, err = archive.Differences(o.recording, &found.State)
	return err
}

// observeRivals looks for the MeetingRecording that wrote the objects, under the name that it had, and for others that adopt
// them too: whoever has them keeps them, else the oldest is first.
func (r *Reconciler) observeRivals(ctx context.Context, o *observation) error {
	var list v1alpha1.MeetingRecordingList
	if err := r.options.Direct.List(ctx, &list, client.InNamespace(o.recording.Namespace), client.MatchingFields{v1alpha1.FieldAdopts: o.recording.StorageUID()}); err != nil {
		return fmt.Errorf("list the recordings that adopt %s: %w", o.recording.StorageUID(), err)
	}
	rivals := list.Items
	// Where the recording has the name of the earlier one, that is not there any more.
	if o.claim.state != nil && o.claim.state.Name != o.recording.Name {
		var original v1alpha1.MeetingRecording
		err := r.options.Direct.Get(ctx, client.ObjectKey{Namespace: o.recording.Namespace, Name: o.claim.state.Name}, &original)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("look whether the earlier recording is there: %w", err)
		}
		if err == nil && original.UID == types.UID(o.recording.StorageUID()) {
			rivals = append(rivals, original)
		}
	}
	for i := range rivals {
		if rival := &rivals[i]; rival.UID != o.recording.UID && precedes(rival, o.recording) {
			o.claim.taken, o.claim.leaving = rival.Name, !rival.DeletionTimestamp.IsZero()
			return nil
		}
	}
	return nil
}

// precedes says that a rival comes before the recording: it has the media, or it asked first and is not about to go.
func precedes(rival, recording *v1alpha1.MeetingRecording) bool {
	switch {
	case !adopts(rival):
		return true
	case !rival.DeletionTimestamp.IsZero():
		return false
	case rival.CreationTimestamp.Equal(&recording.CreationTimestamp):
		return rival.UID < recording.UID
	}
	return rival.CreationTimestamp.Before(&recording.CreationTimestamp)
}

// observeOwn looks whether the recording, which is being deleted before its status said that it had adopted anything, had come
// so far that the bucket says so: then it leaves a tombstone as any other.
func (r *Reconciler) observeOwn(ctx context.Context, o *observation) error {
	from, err := archiveOf(o)
	if err != nil {
		return err
	}
	state, sealed, err := from.State(ctx)
	if errors.Is(err, archive.ErrUnusable) || errors.Is(err, archive.ErrStateForged) {
		return nil
	}
	if err != nil {
		return err
	}
	if state != nil && state.Object == string(o.recording.UID) {
		// What was promised counts, although the recording's own status does not say so yet.
		status := &o.recording.Status
		status.AvailableAt, status.TrashedAt = stampOf(state.AvailableAt), stampOf(state.TrashedAt)
		state.Promise(status)
		o.leftovers.mediaKey, o.leftovers.manifestKey = sealed.Manifest.Media.Key, from.Names.ManifestKey(sealed.Attempt)
	}
	return nil
}
