// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
)

// verify reads the finished object back the way that viewers will: through a Reader, which checks every unit, and with the
// media key. Units without gaps that each have their hash are the whole that was hashed while it was written, so the whole
// is not hashed a second time. Only after this may the raw copy be deleted.
func (w *work) verify(ctx context.Context, m *media.Manifest, mediaKey media.Key) error {
	source := &wholeObject{work: w, want: m.Media.Bytes}
	reader := media.NewReader(m, source)
	if reader.Size() != m.Media.Bytes {
		return fail(VerificationFailed, "checking the manifest", errors.New("its units do not add up to the object"))
	}
	if err := w.verifyUnits(ctx, reader); err != nil {
		return verification(err)
	}
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

// wholeObject is the finished object as a media.Ranger.
type wholeObject struct {
	work *work
	want int64
}

// ReadRange implements media.Ranger.
func (o *wholeObject) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	return newReadAhead(ctx, func(ctx context.Context) (io.ReadCloser, error) {
		body, size, err := o.work.store.Get(ctx, o.work.spec.Media.GetURL, off)
		if err != nil {
			return nil, fail(StorageError, "reading the media back", err)
		}
		if size != o.want {
			return nil, errors.Join(fmt.Errorf("%w: it has %d bytes, not %d", media.ErrCorrupt, size, o.want), body.Close())
		}
		return firstBytes{Reader: io.LimitReader(body, n), Closer: body}, nil
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
