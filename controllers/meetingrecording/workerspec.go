// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

const (
	// slack is how much longer than its Job's deadline a worker's URLs live, for the time that it waits for a node.
	slack = 24 * time.Hour

	// leastPart is a part of most recordings. A worker holds three in memory, so parts grow only where there would be more
	// than commonParts, whose URLs fit into a Secret (1 MiB) also with session tokens in them (1.7 kB each); and only once
	// they can grow no more, there are up to mostParts.
	leastPart   = 8 << 20
	mostPart    = 128 << 20
	commonParts = 500
	mostParts   = 1500
	// A transcoded recording may become larger than its source, which the policy allows only within reason.
	growth = 2
)

// partsFor cuts the room that the packaged form of a raw recording may need into parts.
func partsFor(size int64) (partSize int64, parts int) {
	room := size*growth + leastPart
	partSize = leastPart
	for partSize < mostPart && (room+partSize-1)/partSize > commonParts {
		partSize *= 2
	}
	return partSize, int(min((room+partSize-1)/partSize, mostParts))
}

// signer presigns the URLs of one attempt.
type signer struct {
	objects *objectstore.Client
	ttl     time.Duration
}

func (s signer) sign(ctx context.Context, method, bucket, key string) (string, error) {
	return s.objects.Presign(ctx, method, bucket, key, s.ttl, nil)
}

// newWorkerSpec presigns all that a worker needs for one attempt, and nothing else.
func newWorkerSpec(ctx context.Context, o *observation, attempt int, upload objectstore.Upload) (*worker.Spec, error) {
	recording, store := o.recording, o.store.open
	names, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		return nil, err
	}
	size := incomingSize(o)
	limit := timeFor(size)
	sign := signer{store.Objects, min(limit+slack, objectstore.MaxPresignTTL)}
	encoded, err := json.Marshal(recording.Spec)
	if err != nil {
		return nil, fmt.Errorf("encode the spec of recording %s/%s: %w", recording.Namespace, recording.Name, err)
	}
	spec := &worker.Spec{
		MaxBytes: maxBytes(o),
		Processing: worker.Processing{
			MaxHeight:  int(o.rules.Processing.MaxHeight.Value),
			Thumbnails: o.rules.Processing.Thumbnails.Value == v1alpha1.ThumbnailsPoster,
		},
		Recording: media.Recording{
			Namespace: recording.Namespace, Name: recording.Name, UID: recording.StorageUID(), Attempt: int64(attempt),
			Labels: recording.Labels, Spec: encoded,
		},
		ManifestKey: names.ManifestKey(attempt),
		CABundle:    store.Object.Spec.S3.CABundle,
		Timeout:     worker.Duration(limit - lastWords),
	}
	if err := sign.wrapKey(spec, o); err != nil {
		return nil, err
	}
	if err := sign.target(ctx, &spec.Media, upload, size); err != nil {
		return nil, err
	}
	if fetches(o) {
		spec.Fetch = newFetch(o)
	} else {
		rawBucket, rawKey := rawLocation(recording, upload.Bucket, names)
		if spec.RawURL, err = sign.sign(ctx, http.MethodGet, rawBucket, rawKey); err != nil {
			return nil, err
		}
	}
	for _, url := range []struct {
		into                *string
		method, bucket, key string
	}{
		{&spec.ManifestURL, http.MethodPut, upload.Bucket, spec.ManifestKey},
		{&spec.ProgressURL, http.MethodPut, upload.Bucket, names.ProgressKey()},
	} {
		if *url.into, err = sign.sign(ctx, url.method, url.bucket, url.key); err != nil {
			return nil, err
		}
	}
	return spec, nil
}

// maxBytes is how much the worker takes: what the store does, and of what is fetched what was set aside.
func maxBytes(o *observation) int64 {
	if fetches(o) {
		return incomingSize(o)
	}
	return o.store.open.MaxSize()
}

// wrapKey gives the attempt a data key of its own.
func (s signer) wrapKey(spec *worker.Spec, o *observation) error {
	key := keys.NewDataKey()
	wrapped, err := o.store.open.Keys.Wrap(key, keys.RecordingAD(o.recording.Namespace, o.recording.StorageUID()))
	if err != nil {
		return err
	}
	spec.DataKey, spec.WrappedKey, spec.KeyID = key[:], wrapped, o.store.open.Keys.KeyID()
	return nil
}

// target presigns the multipart upload.
func (s signer) target(ctx context.Context, target *worker.Target, upload objectstore.Upload, size int64) (err error) {
	var parts int
	target.Key = upload.Key
	target.PartSize, parts = partsFor(size)
	for n := range parts {
		url, err := s.objects.PresignPart(ctx, upload, n+1, s.ttl)
		if err != nil {
			return err
		}
		target.PartURLs = append(target.PartURLs, url)
	}
	if target.CompleteURL, err = s.objects.PresignComplete(ctx, upload, s.ttl); err != nil {
		return err
	}
	if target.AbortURL, err = s.objects.PresignAbort(ctx, upload, s.ttl); err != nil {
		return err
	}
	target.GetURL, err = s.sign(ctx, http.MethodGet, upload.Bucket, upload.Key)
	return err
}

// rawLocation is where the raw recording is.
func rawLocation(recording *v1alpha1.MeetingRecording, bucket string, names objectstore.Recording) (rawBucket, rawKey string) {
	if from := recording.Spec.Source.Object; from != nil {
		return from.Bucket, from.Key
	}
	return bucket, names.RawKey()
}

// newWorkerSecret carries the spec. It goes when its Job does.
func newWorkerSecret(job *batchv1.Job, spec *worker.Spec) (*corev1.Secret, error) {
	var encoded bytes.Buffer
	encoder := json.NewEncoder(&encoded)
	// Escaping every & of every URL would cost a tenth of the Secret's room.
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(spec); err != nil {
		return nil, fmt.Errorf("encode the spec for Job %s: %w", job.Name, err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: job.Name, Labels: job.Labels, Annotations: job.Annotations,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job", Name: job.Name, UID: job.UID,
			}},
		},
		Immutable: new(true),
		Data:      map[string][]byte{specFile: encoded.Bytes()},
	}, nil
}
