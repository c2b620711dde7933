// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
)

// verify reads the finished object back the way that viewers will: through a Reader, which checks every unit against the
// hash that it was written with, and with the media key. It completes the manifest by the hash of the whole: units without
// gaps that are each what was written are the object that was written, so one pass over what the store returns
// serves both. Only after this may the raw copy be deleted.
func (w *work) verify(ctx context.Context, m *media.Manifest, mediaKey media.Key) error {
	source := &storedObject{work: w, want: m.Media.Bytes, hash: sha256.New()}
	reader := media.NewReader(m, source)
	if reader.Size() != m.Media.Bytes {
		return fail(VerificationFailed, "checking the manifest", errors.New("its units do not add up to the object"))
	}
	if err := w.verifyUnits(ctx, reader); err != nil {
		return verification(err)
	}
	source.hash.Sum(m.Media.SHA256[:0])
	source.hash = nil
	return verification(w.verifyInit(ctx, reader, m, mediaKey))
}

// verification gives an error without a reason of its own the reason VerificationFailed.
func verification(err error) error {
	if _, known := errors.AsType[*failed](err); known || err == nil {
		return err
	}
	return fail(VerificationFailed, "reading the media back", err)
}

func (w *work) verifyUnits(ctx context.Context, reader *media.Reader) error {
	stream, err := reader.Ciphertext(ctx, 0, reader.Size())
	if err != nil {
		return err
	}
	defer stream.Close()
	_, err = io.Copy(&counter{report: func(n int64) {
		w.progress.report(Verifying, float64(n)/float64(reader.Size()))
	}}, stream)
	return err
}

// verifyInit makes sure that the media key of this manifest opens the object: hashes of ciphertext cannot tell.
func (w *work) verifyInit(ctx context.Context, reader *media.Reader, m *media.Manifest, mediaKey media.Key) error {
	stream, err := reader.Plaintext(ctx, mediaKey, 0, m.Init.Bytes)
	if err != nil {
		return err
	}
	defer stream.Close()
	init, err := io.ReadAll(stream)
	if err != nil {
		return err
	}
	movie, err := isobmff.ParseMovie(isobmff.Find(init, "moov"))
	if err != nil {
		return fmt.Errorf("the decrypted init segment: %w", err)
	}
	if movie.Codecs() != m.Media.Codecs {
		return fmt.Errorf("the decrypted init segment says %q, the manifest %q", movie.Codecs(), m.Media.Codecs)
	}
	return nil
}

// storedObject is the finished object as a media.Ranger.
type storedObject struct {
	work *work
	want int64
	hash hash.Hash // of what is read; nil for none
}

// ReadRange implements media.Ranger.
func (o *storedObject) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	return newReadAhead(ctx, func(ctx context.Context) (io.ReadCloser, error) {
		body, size, err := o.work.store.Get(ctx, o.work.spec.Media.GetURL, off)
		if err != nil {
			return nil, fail(StorageError, "reading the media back", err)
		}
		if size != o.want {
			return nil, errors.Join(fmt.Errorf("%w: it has %d bytes, not %d", media.ErrCorrupt, size, o.want), body.Close())
		}
		ranged := io.LimitReader(body, n)
		if o.hash != nil {
			// In the background, where the time of the other hash, which the Reader makes, is not added to it.
			ranged = io.TeeReader(ranged, o.hash)
		}
		return firstBytes{Reader: ranged, Closer: body}, nil
	})
}

type firstBytes struct {
	io.Reader
	io.Closer
}

// counter swallows bytes and says how many there were.
type counter struct {
	n      int64
	report func(n int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.report(c.n)
	return len(p), nil
}
