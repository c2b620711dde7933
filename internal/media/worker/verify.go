// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
)

// verify reads the finished object back the way that viewers will, through a Reader, which checks every segment, and
// checks the whole and the decrypted init besides. Only after that may the raw copy be deleted.
func (w *work) verify(ctx context.Context, m *media.Manifest, mediaKey media.Key) error {
	source := &wholeObject{work: w, want: m.Media.Bytes}
	reader := media.NewReader(m, source)
	if reader.Size() != m.Media.Bytes {
		return fail(VerificationFailed, "checking the manifest", errors.New("its units do not add up to the object"))
	}
	if err := w.verifyWhole(ctx, reader, m); err != nil {
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

func (w *work) verifyWhole(ctx context.Context, reader *media.Reader, m *media.Manifest) error {
	stream, err := reader.Ciphertext(ctx, 0, reader.Size())
	if err != nil {
		return err
	}
	defer stream.Close()
	whole := sha256.New()
	counted := &counter{out: whole, report: func(n int64) {
		w.progress.report(Verifying, float64(n)/float64(reader.Size()))
	}}
	if _, err := io.Copy(counted, stream); err != nil {
		return err
	}
	if !bytes.Equal(whole.Sum(nil), m.Media.SHA256[:]) {
		return fmt.Errorf("%w: the hash of the whole differs", media.ErrCorrupt)
	}
	return nil
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
	body, size, err := o.work.store.Get(ctx, o.work.spec.Media.GetURL, off)
	if err != nil {
		return nil, fail(StorageError, "reading the media back", err)
	}
	if size != o.want {
		return nil, errors.Join(fmt.Errorf("%w: it has %d bytes, not %d", media.ErrCorrupt, size, o.want), body.Close())
	}
	return &firstBytes{Reader: io.LimitReader(body, n), Closer: body}, nil
}

type firstBytes struct {
	io.Reader
	io.Closer
}

// counter passes bytes on and says how many there were.
type counter struct {
	out    io.Writer
	n      int64
	report func(n int64)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	c.report(c.n)
	return n, err
}
