// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/worker"
)

// workerDouble does what the worker does with its spec, over the same presigned URLs, with the same packager and the same
// manifest. It does not run ffmpeg: what that would make of the upload is prepared.
type workerDouble struct {
	lab   *lab
	clock clock.PassiveClock
	// dies ends it in the middle of its work.
	dies bool
}

var errWorkerDied = errors.New("the worker was killed")

func (d workerDouble) run(ctx context.Context, content []byte) error {
	spec, err := worker.ParseSpec(content)
	if err != nil {
		return err
	}
	store, err := worker.NewStore(spec)
	if err != nil {
		return err
	}
	defer store.Close()
	err = d.work(ctx, spec, store)
	if err != nil && !errors.Is(err, errWorkerDied) {
		_ = store.Abort(ctx, spec.Media.AbortURL) // as well as it can: the controller does so too
	}
	return err
}

func (d workerDouble) work(ctx context.Context, spec worker.Spec, store worker.Store) error {
	raw, err := d.raw(ctx, spec, store)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, d.lab.raw) {
		return errors.New("the raw recording is not what was uploaded")
	}
	dataKey, salt := keys.DataKey(spec.DataKey), keys.NewSalt()
	var packaged bytes.Buffer
	facts, err := media.Package(ctx, bytes.NewReader(d.lab.stream), &packaged, media.Packaging{MediaKey: dataKey.Media(salt), UnitKey: dataKey.Unit(salt), Duration: d.lab.length})
	if err != nil {
		return err
	}
	etag, err := store.PutPart(ctx, spec.Media.PartURLs[0], 1, packaged.Bytes())
	if err != nil {
		return err
	}
	if d.dies {
		return errWorkerDied
	}
	if err := store.Complete(ctx, spec.Media.CompleteURL, []string{etag}); err != nil {
		return err
	}
	manifest := &media.Manifest{
		Version: media.ManifestVersion, CreatedAt: d.clock.Now().UTC().Truncate(time.Second), Recording: spec.Recording,
		Key:    media.WrappedKey{ID: spec.KeyID, Wrapped: spec.WrappedKey, Salt: salt},
		Source: media.SourceFacts{Bytes: int64(len(raw)), SHA256: digestOf(raw), DurationMillis: d.lab.length.Milliseconds()},
		Media:  facts.Facts(spec.Media.Key), Init: facts.Init, Segments: facts.Segments,
	}
	stored, err := fetch(ctx, store, spec.Media.GetURL)
	if err != nil {
		return err
	}
	if _, err := plaintext(ctx, manifest, dataKey, stored); err != nil {
		return fmt.Errorf("verify what was written: %w", err)
	}
	encoded, err := media.EncodeManifest(manifest, dataKey.Manifest(salt))
	if err != nil {
		return err
	}
	return store.Put(ctx, spec.ManifestURL, "application/json", encoded)
}

// raw brings the upload. Where the worker would fetch it from elsewhere, the double has it already.
func (d workerDouble) raw(ctx context.Context, spec worker.Spec, store worker.Store) ([]byte, error) {
	if spec.Fetch != nil {
		return d.lab.raw, nil
	}
	return fetch(ctx, store, spec.RawURL)
}

func fetch(ctx context.Context, store worker.Store, url string) ([]byte, error) {
	body, _, err := store.Get(ctx, url, 0)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// plaintext decrypts a media object and verifies it on the way.
func plaintext(ctx context.Context, manifest *media.Manifest, dataKey keys.DataKey, object []byte) ([]byte, error) {
	salt := manifest.Key.Salt
	reader := media.NewReader(manifest, dataKey.Unit(salt), inMemory(object), nil)
	stream, err := reader.Plaintext(ctx, dataKey.Media(salt), 0, reader.Size())
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return io.ReadAll(stream)
}

type inMemory []byte

func (m inMemory) ReadRange(_ context.Context, off, n int64) (io.ReadCloser, error) {
	if off+n > int64(len(m)) {
		return nil, io.ErrUnexpectedEOF
	}
	return io.NopCloser(bytes.NewReader(m[off : off+n])), nil
}
