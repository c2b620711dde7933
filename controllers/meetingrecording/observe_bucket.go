// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// maxProgress bounds what is read as a progress note, in bytes.
const maxProgress = 1 << 10

// namesOf names the recording's objects.
func namesOf(o *observation) (objectstore.Recording, error) {
	return objectstore.NewRecording(o.recording.Namespace, o.recording.StorageUID())
}

// observeBucket looks for a finished attempt, then for the raw media, then for the offer to upload it.
func (r *Reconciler) observeBucket(ctx context.Context, o *observation) error {
	if _, err := o.store.open.EnsureBucket(ctx, o.recording.Namespace); err != nil {
		return fmt.Errorf("prepare the bucket: %w", err)
	}
	if err := r.observeResult(ctx, o); err != nil || o.result != nil {
		return err
	}
	if closedGate(o).found() {
		return nil // nobody looks into buckets that the recording may not import from
	}
	if fetches(o) {
		if err := r.observeFetch(ctx, o); err != nil {
			return err
		}
		return r.observeEarlierAttempts(ctx, o)
	}
	if err := r.observeRaw(ctx, o); err != nil {
		return err
	}
	if o.raw.found {
		return r.observeEarlierAttempts(ctx, o)
	}
	if o.recording.Spec.Source.Upload == nil {
		return nil
	}
	secret, err := r.secretMeta(ctx, o.recording.Namespace, uploadSecretName(o.recording.Name))
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		o.upload = viewOfUpload(o.recording, secret, o.now)
		o.upload.outdated = o.upload.signer != o.store.open.Objects.Signer()
	}
	return err
}

func (r *Reconciler) observeRaw(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	bucket, key := rawLocation(o.recording, o.store.open.Bucket(o.recording.Namespace), names)
	o.raw.looked = true
	info, err := o.store.open.Objects.Head(ctx, bucket, key)
	if absent(err) {
		return nil
	}
	o.raw.found, o.raw.size = err == nil, info.Size
	return err
}

// observeResult finds the newest attempt whose manifest authenticates and whose media is there.
func (r *Reconciler) observeResult(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	numbers, err := attemptsUnder(ctx, o, names.ManifestPrefix())
	if err != nil {
		return err
	}
	for _, number := range slices.Backward(numbers) {
		found, err := r.readResult(ctx, o, number)
		if err != nil {
			return err
		}
		if found != nil {
			o.result = found
			return nil
		}
	}
	return nil
}

// observeEarlierAttempts looks for the numbers that attempts had whose Jobs are gone, so that none is used twice: what a
// forgotten worker still writes must not meet what the next one writes.
func (r *Reconciler) observeEarlierAttempts(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	if _, err := attemptsUnder(ctx, o, names.MediaPrefix()); err != nil {
		return err
	}
	for upload, err := range o.store.open.Objects.Uploads(ctx, o.store.open.Bucket(o.recording.Namespace), names.MediaPrefix()) {
		if err != nil {
			return err
		}
		o.highest = max(o.highest, objectstore.AttemptOf(upload.Key))
	}
	return nil
}

// attemptsUnder lists the attempts that have an object under a prefix, in ascending order.
func attemptsUnder(ctx context.Context, o *observation, prefix string) ([]int, error) {
	var numbers []int
	for object, err := range o.store.open.Objects.List(ctx, o.store.open.Bucket(o.recording.Namespace), prefix) {
		if err != nil {
			return nil, err
		}
		if number := objectstore.AttemptOf(object.Key); number > 0 {
			numbers = append(numbers, number)
			o.highest = max(o.highest, number)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// readProgress is a courtesy: whatever is wrong with the note, there just is no progress to show.
func (r *Reconciler) readProgress(ctx context.Context, o *observation) string {
	names, err := namesOf(o)
	if err != nil {
		return ""
	}
	store := o.store.open
	content, err := archive.ReadSmall(ctx, store.Objects, store.Bucket(o.recording.Namespace), names.ProgressKey(), maxProgress)
	if err != nil {
		return ""
	}
	var note worker.Progress
	if err := json.Unmarshal(content, &note); err != nil || note.Percent < 0 || note.Percent > 100 {
		return ""
	}
	return fmt.Sprintf("%d%%", note.Percent)
}

// observeMedia looks whether everything is there that a restored recording needs.
func (r *Reconciler) observeMedia(ctx context.Context, o *observation) error {
	storage := o.recording.Status.Storage
	for _, key := range []string{storage.Key, storage.ManifestKey} {
		_, err := o.store.open.Objects.Head(ctx, storage.Bucket, key)
		if absent(err) {
			o.mediaMissing = key
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// observeLeftovers looks what a deleted recording has in the bucket, whatever its status says.
func (r *Reconciler) observeLeftovers(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	status := o.recording.Status.Storage
	o.leftovers.mediaKey, o.leftovers.manifestKey = status.Key, status.ManifestKey
	if status.ManifestKey == "" {
		numbers, err := attemptsUnder(ctx, o, names.ManifestPrefix())
		if err != nil && !absent(err) {
			return err
		}
		if len(numbers) > 0 {
			// It died between its success and the status that says so.
			newest := numbers[len(numbers)-1]
			o.leftovers.mediaKey, o.leftovers.manifestKey = names.MediaKey(newest), names.ManifestKey(newest)
		}
	}
	if o.recording.Spec.Source.Upload == nil {
		return nil
	}
	if err := r.observeRaw(ctx, o); err != nil {
		return err
	}
	if o.raw.found {
		o.leftovers.rawKey = names.RawKey()
	}
	return nil
}

// observeRemains looks whether a held recording in the trash has anything left that could be kept, be it an older version. A listing alone is
// not believed: it may be behind.
func (r *Reconciler) observeRemains(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	storage := o.recording.Status.Storage
	if err != nil || len(o.recording.Spec.Holds) == 0 || !o.inTrash() || storage.ManifestKey == "" {
		return err
	}
	for _, key := range []string{storage.Key, storage.ManifestKey} {
		if _, err := o.store.open.Objects.Head(ctx, storage.Bucket, key); !absent(err) {
			return err
		}
	}
	for _, prefix := range []string{names.MediaPrefix(), names.ManifestPrefix()} {
		versions, err := o.store.open.Objects.Versions(ctx, storage.Bucket, prefix)
		if err != nil || len(versions) > 0 {
			return err
		}
	}
	o.leftovers.gone = true
	return nil
}

// absent says that there is no such object, be it for want of its bucket.
func absent(err error) bool { return archive.Absent(err) }
