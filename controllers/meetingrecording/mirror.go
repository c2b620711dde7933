// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// The bucket says of a recording what people have made of it, so that nothing of that is lost with the cluster. It is written
// before the status, whose stateHash remembers what was written: at rest, and after a restart, nothing is read or written.
//
// What was written although the status never said so, because the pass ended in between, is taken back by a later pass: the process
// remembers that the bucket may say something else than the status, and after its end the check of the store finds it.

// doubts are the recordings of which the bucket may say something else than what their status remembers.
type doubts struct {
	mu    sync.Mutex
	about map[types.NamespacedName]struct{}
}

func (d *doubts) begin(name types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.about == nil {
		d.about = map[types.NamespacedName]struct{}{}
	}
	d.about[name] = struct{}{}
}

func (d *doubts) end(name types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.about, name)
}

func (d *doubts) are(name types.NamespacedName) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, are := d.about[name]
	return are
}

// Doubt has what the bucket says of a recording written anew, whatever its status remembers. It is for whoever has looked into the bucket.
func (r *Reconciler) Doubt(name types.NamespacedName) {
	r.doubts.begin(name)
	r.deadlines.SetDue(reconcile.Request{NamespacedName: name})
}

// mirrored adds the writing of the state where it would say something else than the last time, or may have said something else.
func mirrored(o *observation, d *decision) error {
	if at := slices.Index(d.steps, bury); at >= 0 {
		d.steps = slices.Insert(d.steps, at, mirrorState)
		return mirroredLast(o, d)
	}
	if d.status == nil || d.status.Storage.ManifestKey == "" || o.stage == leaving {
		return nil
	}
	state, err := archive.StateOf(o.recording, d.status, objectstore.AttemptOf(d.status.Storage.ManifestKey))
	if err != nil {
		return err
	}
	hash, err := state.Hash()
	if err != nil || hash == o.recording.Status.Storage.StateHash && !o.doubted {
		return err
	}
	d.state, d.status.Storage.StateHash = &state, hash
	d.steps = append(d.steps, mirrorState)
	return nil
}

// mirroredLast adds the last thing that is to be said: that the recording was deleted, and until when it can be brought back.
func mirroredLast(o *observation, d *decision) error {
	if o.leftovers.manifestKey == "" {
		return nil
	}
	state, err := archive.StateOf(o.recording, &o.recording.Status, objectstore.AttemptOf(o.leftovers.manifestKey))
	if err != nil {
		return err
	}
	state.DeletedAt, state.PurgeAt = o.recording.DeletionTimestamp.UTC(), d.purgeAt.UTC()
	d.state = &state
	return nil
}

// mirrorState writes the state beside the manifest, which has the key for it.
func (r *Reconciler) mirrorState(ctx context.Context, o *observation, d *decision) error {
	if d.state == nil {
		return nil
	}
	if o.store.open == nil {
		open, err := r.options.Stores.Open(ctx, o.recording.StoreName())
		if err != nil {
			return err
		}
		o.store.open = open
	}
	to, err := archiveOf(o)
	if err != nil {
		return err
	}
	key, err := stateKey(ctx, o, to, d.state.Attempt)
	if err != nil {
		return err
	}
	r.doubts.begin(client.ObjectKeyFromObject(o.recording)) // until the status says so too
	if err := to.WriteState(ctx, key, *d.state); err != nil {
		return err
	}
	d.mirrored = true
	return nil
}

// mirrorFailed says what becomes of a pass that could not write the state: whether it ends at once, or goes on and only then
// ends with an error, so that it is tried again. A manifest that is damaged is not mended by trying, nor a store that cannot be used.
func (r *Reconciler) mirrorFailed(ctx context.Context, o *observation, d *decision, err error) (atOnce, inTheEnd error) {
	damaged := errors.Is(err, archive.ErrUnusable)
	if damaged {
		log.FromContext(ctx).Info("The state of the recording is not written beside its manifest", "reason", err.Error())
	}
	switch {
	case o.stage == leaving && damaged:
		return nil, nil
	case o.stage != kept:
		return err, nil
	case damaged:
		notMirrored(o, d, v1alpha1.ReasonStateNotWritten, "its manifest is damaged. Put back an earlier version of that; the rest is written when the recording is next checked")
		return nil, nil
	}
	awaited, unread := r.awaited(ctx, o, err)
	if awaited.found() {
		notMirrored(o, d, awaited.reason, awaited.message+". It is written when that is put right")
		return nil, nil
	}
	notMirrored(o, d, v1alpha1.ReasonStateNotWritten, "it could not be written, and is tried again until the store takes it")
	return nil, errors.Join(fmt.Errorf("%s: %w", mirrorState, err), unread)
}

// notMirrored takes back what the status was going to say of a state that was not written. A store that does not answer must
// not keep a recording from going to the trash or coming back.
func notMirrored(o *observation, d *decision, reason, why string) {
	d.status.Storage.StateHash = o.recording.Status.Storage.StateHash
	setCondition(o, d.status, v1alpha1.ConditionRecoverable, metav1.ConditionFalse, reason,
		"The bucket has the media, and what it says of the recording is out of date: "+why)
}

// stateKey is the key of the manifest that was read already, in this pass or ahead of it, or else is read now.
func stateKey(ctx context.Context, o *observation, in archive.Archive, attempt int) (archive.StateKey, error) {
	switch {
	case o.result != nil && o.result.sealed != nil:
		return o.result.sealed.StateKey, nil
	case o.stateKey != nil && o.stateKey.Attempt == attempt:
		return *o.stateKey, nil
	}
	return in.StateKey(ctx, attempt)
}
