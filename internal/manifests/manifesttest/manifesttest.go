// SPDX-License-Identifier: Apache-2.0

// Package manifesttest makes recordings as they lie in a bucket, for tests to which it does not matter that nobody could
// watch them: random bytes in place of a video, cut, hashed and described as the worker does.
package manifesttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Recording is one recording as it is stored.
type Recording struct {
	Owner    objectstore.Recording
	Manifest *media.Manifest
	DataKey  keys.DataKey
	// Media and Stored are the two objects.
	Media, Stored []byte
}

// segmentBytes is small, so that tests can have many.
const segmentBytes = 4096

// New makes a recording of some segments, its first attempt.
func New(keyset *keys.Keyset, owner objectstore.Recording, name string, segments int) (*Recording, error) {
	r := &Recording{Owner: owner, DataKey: keys.NewDataKey(), Media: make([]byte, segmentBytes*(segments+1))}
	_, _ = rand.Read(r.Media) // never fails
	wrapped, err := keyset.Wrap(r.DataKey, keys.RecordingAD(owner.Namespace(), owner.UID()))
	if err != nil {
		return nil, err
	}
	salt, units := keys.NewSalt(), make([]media.Segment, segments+1)
	for i := range units {
		at := i * segmentBytes
		unit, err := media.UnitOf(r.Media[at:at+segmentBytes], r.DataKey.Unit(salt), int64(at))
		if err != nil {
			return nil, err
		}
		units[i] = media.Segment{Unit: unit, DurationMillis: 4000}
	}
	whole := media.Digest(sha256.Sum256(r.Media))
	r.Manifest = &media.Manifest{
		Version: media.ManifestVersion, CreatedAt: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Recording: media.Recording{Namespace: owner.Namespace(), Name: name, UID: owner.UID(), Attempt: 1, Spec: json.RawMessage(`{"meeting":{"id":"872-114"}}`)},
		Key:       media.WrappedKey{ID: keyset.KeyID(), Wrapped: wrapped, Salt: salt},
		Source:    media.SourceFacts{Bytes: int64(len(r.Media)), SHA256: whole},
		Media: media.MediaFacts{
			Key: owner.MediaKey(1), Bytes: int64(len(r.Media)), SHA256: whole, DurationMillis: int64(segments) * 4000,
			Codecs: "avc1.64001f,mp4a.40.2", Width: 1280, Height: 720,
		},
		Init: units[0].Unit, Segments: units[1:],
	}
	r.Stored, err = media.EncodeManifest(r.Manifest, r.DataKey.Manifest(salt))
	return r, err
}

// Put stores the recording's two objects.
func (r *Recording) Put(ctx context.Context, objects *objectstore.Client, bucket string) error {
	if _, err := objects.Put(ctx, bucket, r.Owner.MediaKey(1), bytes.NewReader(r.Media), int64(len(r.Media)), objectstore.PutOptions{}); err != nil {
		return err
	}
	_, err := objects.Put(ctx, bucket, r.Owner.ManifestKey(1), bytes.NewReader(r.Stored), int64(len(r.Stored)), objectstore.PutOptions{})
	return err
}
