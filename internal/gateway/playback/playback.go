// SPDX-License-Identifier: Apache-2.0

// Package playback opens recordings' media: it reads the manifest, unwraps the key, and hands out byte ranges. It asks
// nobody whether that is allowed; the gateway does so before it calls.
package playback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
	"github.com/reelkeeper/reelkeeper/internal/gateway/tracing"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const (
	// kept is how many recordings stay open; a manifest of an hour takes about 70 kB.
	kept = 256
	// keptFor is how long a recording's key stays in memory after it was last read from the store.
	keptFor = time.Minute
	// openTimeout bounds reading a manifest, for everybody who waits for it together.
	openTimeout = 20 * time.Second
)

// ErrNotAvailable says that a recording has no media that could be played.
var ErrNotAvailable = errors.New("the recording has no media yet, or none any more")

// Stores opens RecordingStores. It is stores.Resolver.
type Stores interface {
	Open(ctx context.Context, name string) (*stores.Store, error)
}

// Media is the media of one recording.
type Media struct {
	// Manifest is the map of the media object, verified.
	Manifest *media.Manifest
	// Reader serves byte ranges of it.
	Reader *media.Reader
	// Key is the media key. Whoever has it and the stored bytes has the recording.
	Key media.Key
	// previewKey opens the previews of the manifest.
	previewKey media.Key
	// captionKey opens the captions of the manifest.
	captionKey media.Key
}

// ETag names this media object for good: another attempt, or another recording, has another.
func (m *Media) ETag() string { return `"` + m.Manifest.Media.SHA256.String()[:32] + `"` }

// Plaintext opens n bytes of the file from off on, decrypted.
func (m *Media) Plaintext(ctx context.Context, off, n int64) (*media.Stream, error) {
	return m.Reader.Plaintext(ctx, m.Key, off, n)
}

// Captions returns the WebVTT of a track of the manifest, counted from 0.
func (m *Media) Captions(track int) ([]byte, error) {
	return m.Manifest.OpenCaptions(track, m.captionKey)
}

// Units are what the n bytes from off on belong to: the init, which plays for no time, and segments. n is not 0.
func (m *Media) Units(off, n int64) []pacing.Unit {
	first, last := m.Reader.Units(off, n)
	units := make([]pacing.Unit, 0, last-first+1)
	for i := first; i <= last; i++ {
		unit := pacing.Unit{Index: i}
		if i > 0 {
			unit.Plays = time.Duration(m.Manifest.Segments[i-1].DurationMillis) * time.Millisecond
		}
		units = append(units, unit)
	}
	return units
}

// Opener opens recordings and keeps the last ones open for a moment. It is safe for concurrent use.
type Opener struct {
	stores Stores
	opened *cache.LRUExpireCache
	flight singleflight.Group
	units  *media.UnitCache
}

// NewOpener returns an Opener over these stores. Units that are read again are kept in the cache; nil is none.
func NewOpener(stores Stores, units *media.UnitCache, clock clock.PassiveClock) *Opener {
	return &Opener{stores: stores, opened: cache.NewLRUExpireCacheWithClock(kept, clock), units: units}
}

// Open returns the media of a recording. The error is ErrNotAvailable where there is none yet, else a fault of the store or
// of what lies in it.
func (o *Opener) Open(ctx context.Context, recording *v1alpha1.MeetingRecording) (*Media, error) {
	location := recording.Status.Storage
	if location.Key == "" || location.ManifestKey == "" || recording.Status.Media.Bytes == 0 {
		return nil, ErrNotAvailable
	}
	id := strings.Join([]string{recording.StoreName(), recording.Namespace, recording.StorageUID(), location.ManifestKey}, "\n")
	if opened, found := o.opened.Get(id); found {
		return opened.(*Media), nil
	}
	ctx, opened := tracing.Step(ctx, "open media")
	defer opened()
	result, err, _ := o.flight.Do(id, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
		defer cancel()
		opened, err := o.open(ctx, recording)
		if err == nil {
			o.opened.Add(id, opened, keptFor)
		}
		return opened, err
	})
	if err != nil {
		return nil, fmt.Errorf("open the media of recording %s/%s: %w", recording.Namespace, recording.Name, err)
	}
	return result.(*Media), nil
}

func (o *Opener) open(ctx context.Context, recording *v1alpha1.MeetingRecording) (*Media, error) {
	store, err := o.stores.Open(ctx, recording.StoreName())
	if err != nil {
		return nil, err
	}
	bucket := store.Bucket(recording.Namespace)
	owner, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	if err != nil {
		return nil, err
	}
	if err := checkLocation(recording, owner, bucket); err != nil {
		return nil, err
	}
	stored, _, err := manifests.Read(ctx, store.Objects, bucket, recording.Status.Storage.ManifestKey, "")
	if err != nil {
		return nil, err
	}
	manifest, dataKey, err := manifests.Open(stored, store.Keys, owner)
	if err != nil {
		return nil, err
	}
	if manifest.Media.Key != recording.Status.Storage.Key {
		return nil, fmt.Errorf("the manifest describes the object %q, the recording's status names %q: the status was changed by hand", manifest.Media.Key, recording.Status.Storage.Key)
	}
	source := &object{stores: o.stores, store: recording.StoreName(), bucket: bucket, key: manifest.Media.Key}
	return &Media{
		Manifest: manifest, Reader: media.NewReader(manifest, dataKey.Unit(manifest.Key.Salt), source, o.units), Key: dataKey.Media(manifest.Key.Salt),
		previewKey: dataKey.Previews(manifest.Key.Salt), captionKey: dataKey.Captions(manifest.Key.Salt),
	}, nil
}

// Previews returns the small pictures of a recording. The error is ErrNotAvailable where it has none.
func (o *Opener) Previews(ctx context.Context, recording *v1alpha1.MeetingRecording) (*media.Previews, error) {
	opened, err := o.Open(ctx, recording)
	if err != nil {
		return nil, err
	}
	if opened.Manifest.Previews == nil {
		return nil, fmt.Errorf("the status of recording %s/%s tells of previews that its manifest does not have: %w", recording.Namespace, recording.Name, ErrNotAvailable)
	}
	return opened.Manifest.Previews.Open(opened.previewKey)
}

// checkLocation refuses a status that points to anything but this recording's own objects.
func checkLocation(recording *v1alpha1.MeetingRecording, names objectstore.Recording, bucket string) error {
	location := recording.Status.Storage
	own := location.Bucket == bucket &&
		strings.HasPrefix(location.ManifestKey, names.ManifestPrefix()) && strings.HasPrefix(location.Key, names.MediaPrefix())
	if !own {
		return errors.New("the recording's status.storage names objects that are not its own: the status was changed by hand")
	}
	return nil
}

// object is a stored media object. It opens the store at every read, so that changed credentials count at once.
type object struct {
	stores             Stores
	store, bucket, key string
}

// ReadRange implements media.Ranger.
func (o *object) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	store, err := o.stores.Open(ctx, o.store)
	if err != nil {
		return nil, err
	}
	body, _, err := store.Objects.Get(ctx, o.bucket, o.key, objectstore.GetOptions{Offset: off, Length: n})
	return body, err
}
