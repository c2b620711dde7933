// SPDX-License-Identifier: Apache-2.0

package playback

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Direct returns the URL by which a browser reads the encrypted media of a recording from the object store for as long; empty where the
// store's media goes through the gateway. It opens nothing: whoever has the URL and no key has noise.
func (o *Opener) Direct(ctx context.Context, recording *v1alpha1.MeetingRecording, ttl time.Duration) (string, error) {
	store, err := o.stores.Open(ctx, recording.StoreName())
	if err != nil || !store.Direct() {
		return "", err
	}
	bucket := store.Bucket(recording.Namespace)
	owner, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		return "", err
	}
	if err := checkLocation(recording, owner, bucket); err != nil {
		return "", err
	}
	signed, err := store.PresignPublic(ctx, bucket, recording.Status.Storage.Key, ttl)
	if err != nil {
		return "", fmt.Errorf("presign the media of recording %s/%s: %w", recording.Namespace, recording.Name, err)
	}
	return signed, nil
}

// Origin returns scheme, host and port of where a recording's media is read from by browsers; empty for the gateway itself. It is taken from a
// URL, because the bucket can be part of the host. Signing one talks to nobody.
func (o *Opener) Origin(ctx context.Context, recording *v1alpha1.MeetingRecording) (string, error) {
	signed, err := o.Direct(ctx, recording, time.Second)
	if err != nil || signed == "" {
		return "", err
	}
	parsed, err := url.Parse(signed)
	if err != nil {
		return "", fmt.Errorf("read the address of the object store: %w", err)
	}
	return parsed.Scheme + "://" + parsed.Host, nil
}
