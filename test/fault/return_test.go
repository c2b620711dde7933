// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
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

// relabelled has a label come, the process die as the bucket is told of it, and the label go before the next one looks: nothing in the cluster
// says then that the bucket says something else.
func relabelled() step {
	return step{
		name: "a label comes, and goes as the process dies",
		do: func(ctx context.Context, w *world) error {
			if err := patch(`{"metadata":{"labels":{"example.com/team":"audit"}}}`)(ctx, w); err != nil {
				return err
			}
			if err := w.dies(ctx, "archive: write the state"); err != nil {
				return err
			}
			return patch(`{"metadata":{"labels":null}}`)(ctx, w)
		},
		reached: func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
			from, err := w.archive(ctx)
			if err != nil || r == nil {
				return false, err
			}
			said, _, err := from.State(ctx)
			if err != nil || said == nil {
				return false, err
			}
			hash, err := said.Hash()
			return len(said.Labels) == 0 && hash == r.Status.Storage.StateHash, err
		},
	}
}

// dies makes passes until an effect happens, after which the process dies, unless the plan has another fault there.
func (w *world) dies(ctx context.Context, after effect.Name) error {
	nth := w.gate.passed[after] + 1
	w.gate.strikes = append(w.gate.strikes, strike{effecttest.DieAfter, effecttest.Point{Effect: after, Nth: nth}})
	for range stepBound {
		if err := w.look(ctx); err != nil {
			return err
		}
		turn, err := w.pass(ctx)
		if err != nil || w.gate.passed[after] >= nth {
			return err
		}
		if turn.failed {
			w.clock.Step(retryAfter)
		}
	}
	return fmt.Errorf("no %q in %d passes", after, stepBound)
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
