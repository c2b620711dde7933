// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// What brings recordings back from their bucket.

// lost has the API server forget the recording, as one does that is set back to an old backup: nobody is told.
func lost() step {
	return step{
		name: "lose the API server's state",
		do: func(ctx context.Context, w *world) error {
			recording := newRecording(w.namespace, w.namespace)
			strip := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
			return errors.Join(w.admin.Patch(ctx, recording, strip), client.IgnoreNotFound(w.admin.Delete(ctx, recording)))
		},
		reached: isGone, patient: true,
	}
}

// adopted makes the MeetingRecording again that the bucket tells of.
func adopted() step {
	return step{
		name: "adopt",
		do: func(ctx context.Context, w *world) error {
			from, err := w.archive(ctx)
			if err != nil {
				return err
			}
			found, err := from.Open(ctx)
			if err != nil {
				return err
			}
			recording, err := found.State.Recording()
			if err != nil {
				return err
			}
			return w.admin.Create(ctx, recording)
		},
		reached: ready(v1alpha1.ReasonAvailable), recorded: []v1alpha1.AuditAction{v1alpha1.AuditRestored},
	}
}

// unburied waits until a tombstone is gone that counts for nothing any more.
func unburied() step {
	return step{
		name: "time passes until the tombstone would have been due",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(31 * day)
			return nil
		},
		reached: func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
			keys, err := w.stored(ctx)
			return r != nil && len(under(keys, objectstore.TrashRoot)) == 0, err
		},
	}
}

// archive is what the bucket has of the recording that was there last.
func (w *world) archive(ctx context.Context) (archive.Archive, error) {
	var last *v1alpha1.MeetingRecording
	for i := range w.snapshots {
		if found := w.snapshots[i].recording(recordingName); found != nil {
			last = found
		}
	}
	if last == nil {
		return archive.Archive{}, errors.New("there never was a recording")
	}
	names, err := objectstore.NewRecording(w.namespace, last.StorageUID())
	if err != nil {
		return archive.Archive{}, err
	}
	keyset, err := w.keyset(ctx)
	return archive.Archive{Objects: w.objects, Keys: keyset, Bucket: w.bucket(), Names: names}, err
}
