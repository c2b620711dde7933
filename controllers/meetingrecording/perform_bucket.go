// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/trash"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// offerUpload makes or renews the Secret that says where to send the media.
func (r *Reconciler) offerUpload(ctx context.Context, o *observation) error {
	made := offer{validUntil: renewed(o.now), deadline: o.upload.deadline, signer: o.store.open.Objects.Signer()}
	if made.deadline.IsZero() {
		made.deadline = o.now.Add(uploadPatience).Truncate(time.Second)
	}
	var err error
	if o.recording.Spec.Source.Upload.Method == v1alpha1.UploadMultipart {
		made.data, err = r.offerMultipart(ctx, o)
	} else {
		made.data, err = r.offerPut(ctx, o)
	}
	if err != nil {
		return err
	}
	return effect.Do(ctx, "recording: offer the upload", func() error {
		return r.options.Direct.Apply(ctx, made.secret(o.recording), client.ForceOwnership)
	})
}

func (r *Reconciler) offerPut(ctx context.Context, o *observation) (map[string]string, error) {
	names, err := namesOf(o)
	if err != nil {
		return nil, err
	}
	url, err := o.store.open.Objects.Presign(ctx, http.MethodPut, o.store.open.Bucket(o.recording.Namespace), names.RawKey(), uploadFor, nil)
	if err != nil {
		return nil, err
	}
	return putOffer(url), nil
}

// offerMultipart presigns the parts of the one upload that the recording has. Renewing keeps it: parts may have been sent.
func (r *Reconciler) offerMultipart(ctx context.Context, o *observation) (map[string]string, error) {
	upload, err := r.uploadOf(ctx, o)
	if err != nil {
		return nil, err
	}
	sign := signer{o.store.open.Objects, uploadFor}
	partSize, parts := uploadPartsFor(o.recording.Spec.Source.Upload.Size.Value())
	var urls []string
	for n := range parts {
		url, err := sign.objects.PresignPart(ctx, upload, n+1, sign.ttl)
		if err != nil {
			return nil, err
		}
		urls = append(urls, url)
	}
	completeURL, err := sign.objects.PresignComplete(ctx, upload, sign.ttl)
	if err != nil {
		return nil, err
	}
	abortURL, err := sign.objects.PresignAbort(ctx, upload, sign.ttl)
	if err != nil {
		return nil, err
	}
	return multipartOffer(upload.ID, partSize, urls, completeURL, abortURL), nil
}

// uploadOf finds the upload that was begun for the recording, or begins it. The Secret knows it best; where that is gone, or a
// pass died before making it, the object store does.
func (r *Reconciler) uploadOf(ctx context.Context, o *observation) (objectstore.Upload, error) {
	names, err := namesOf(o)
	if err != nil {
		return objectstore.Upload{}, err
	}
	bucket, objects := o.store.open.Bucket(o.recording.Namespace), o.store.open.Objects
	if o.upload.found {
		if id, err := r.offeredUpload(ctx, o); err != nil || id != "" {
			return objectstore.Upload{Bucket: bucket, Key: names.RawKey(), ID: id}, err
		}
	}
	for upload, err := range objects.Uploads(ctx, bucket, names.RawKey()) {
		if err != nil {
			return objectstore.Upload{}, err
		}
		if upload.Key == names.RawKey() {
			return upload, nil
		}
	}
	var upload objectstore.Upload
	err = effect.Do(ctx, "recording: begin the upload", func() (err error) {
		upload, err = objects.CreateMultipart(ctx, bucket, names.RawKey(), "application/octet-stream")
		return err
	})
	return upload, err
}

// offeredUpload is the ID of the upload in the recording's Secret, empty where there is none.
func (r *Reconciler) offeredUpload(ctx context.Context, o *observation) (string, error) {
	var secret corev1.Secret
	err := r.options.Direct.Get(ctx, client.ObjectKey{Namespace: o.recording.Namespace, Name: uploadSecretName(o.recording.Name)}, &secret)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the Secret of the upload: %w", err)
	}
	if !metav1.IsControlledBy(&secret, o.recording) {
		return "", nil
	}
	return strings.TrimSpace(string(secret.Data[keyUploadID])), nil
}

// withdrawUpload ends the offer: no URL in the Secret and no part that was sent survives it.
func (r *Reconciler) withdrawUpload(ctx context.Context, o *observation) error {
	if o.store.open == nil || o.recording.Spec.Source.Upload.Method != v1alpha1.UploadMultipart {
		return r.deleteUploadSecret(ctx, o)
	}
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	// A listing may not show it yet, and the Secret is the only other place that knows it: so it goes before the Secret.
	id, err := r.offeredUpload(ctx, o)
	if err != nil {
		return err
	}
	objects, upload := o.store.open.Objects, objectstore.Upload{Bucket: o.store.open.Bucket(o.recording.Namespace), Key: names.RawKey(), ID: id}
	if id != "" {
		err := effect.Do(ctx, "recording: abort the upload that was offered", func() error { return objects.AbortUpload(ctx, upload) })
		if err != nil && !absent(err) {
			return err
		}
	}
	if err := r.deleteUploadSecret(ctx, o); err != nil {
		return err
	}
	err = effect.Do(ctx, "recording: abort the upload", func() error {
		_, err := objects.AbortUploads(ctx, upload.Bucket, upload.Key)
		return err
	})
	if absent(err) {
		return nil
	}
	return err
}

// clearStaging removes the raw upload, every version of it. What was imported stays where it is.
func (r *Reconciler) clearStaging(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	return effect.Do(ctx, "recording: clear staging", func() error {
		_, err := o.store.open.Objects.DeleteAllVersionsUnder(ctx, o.result.bucket, names.StagingPrefix(), names.RawKey())
		return err
	})
}

// clearOtherAttempts removes what failed and forgotten attempts left beside the one that counts.
func (r *Reconciler) clearOtherAttempts(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	objects, bucket := o.store.open.Objects, o.result.bucket
	for number := 1; number <= o.highest; number++ {
		err := effect.Do(ctx, "recording: abort uploads of an attempt", func() error {
			_, err := objects.AbortUploads(ctx, bucket, names.MediaKey(number))
			return err
		})
		if err != nil {
			return err
		}
		if number == o.result.attempt {
			continue
		}
		for _, key := range []string{names.MediaKey(number), names.ManifestKey(number)} {
			err := effect.Do(ctx, "recording: clear another attempt", func() error {
				_, err := objects.DeleteAllVersions(ctx, bucket, key)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// discard removes what a recording without media left in the bucket. There may not even be a bucket.
func (r *Reconciler) discard(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	_, err = trash.Purge(ctx, o.store.open.Objects, o.store.open.Bucket(o.recording.Namespace), names)
	if absent(err) {
		return nil
	}
	return err
}

// purgeMedia removes everything for good, has the store confirm it, and records it with the evidence.
func (r *Reconciler) purgeMedia(ctx context.Context, o *observation) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	if err := o.store.open.IsOurs(ctx); err != nil {
		return err
	}
	status := &o.recording.Status
	evidence, err := trash.Purge(ctx, o.store.open.Objects, o.store.open.Bucket(o.recording.Namespace), names, status.Storage.Key, status.Storage.ManifestKey)
	if err != nil {
		return err
	}
	plan := scheduleOf(o, status)
	if status.Media.SHA256 != "" {
		evidence = append([]string{fmt.Sprintf("media of %d bytes, SHA-256 %s", status.Media.Bytes, status.Media.SHA256)}, evidence...)
	}
	return r.write(ctx, o, audit.Event{
		Key: "purged/" + o.recording.StorageUID(), Since: o.recording.DeletionTimestamp.Time,
		Action: v1alpha1.AuditPurged, Reason: string(plan.Decider), Rule: plan.From.String(), Evidence: evidence,
	})
}

// bury writes the tombstone.
func (r *Reconciler) bury(ctx context.Context, o *observation, purgeAt time.Time) error {
	paused, err := r.pause(ctx, o)
	if err != nil {
		return err
	}
	err = archive.WriteTombstone(ctx, o.store.open.Objects, o.store.open.Bucket(o.recording.Namespace), archive.Tombstone{
		Namespace:   o.recording.Namespace,
		Name:        o.recording.Name,
		UID:         o.recording.StorageUID(),
		DeletedAt:   o.recording.DeletionTimestamp.UTC(),
		PurgeAt:     purgeAt.UTC(),
		MediaKey:    o.leftovers.mediaKey,
		ManifestKey: o.leftovers.manifestKey,
		RawKey:      o.leftovers.rawKey,
		Holds:       keepers(o),
		Paused:      paused,
	})
	if err == nil {
		if paused == nil { // the other one waits for people, and is looked at whenever the trash is
			r.options.Tombstones.Note(purgeAt)
		}
		r.options.Ledger.Deleted(placeOf(o.recording), o.recording.Status.Media.Bytes)
	}
	return err
}

// unbury removes the tombstone of the recording that was adopted. One that stays, because the process dies before this, is void:
// what the bucket says of the recording no longer says that it was deleted.
func (r *Reconciler) unbury(ctx context.Context, o *observation, purgeAt time.Time) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	return effect.Do(ctx, "recording: remove the tombstone of what was adopted", func() error {
		return o.store.open.Objects.Discard(ctx, o.store.open.Bucket(o.recording.Namespace), names.TombstoneKey(purgeAt))
	})
}
