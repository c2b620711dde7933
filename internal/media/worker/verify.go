// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
)

// verify reads the finished object back and compares every unit with the hash that it was written with. It completes the
// manifest by the hash of the whole: units without gaps that are each what was written are the object that was written, so
// one pass over what the store returns serves both. Then it opens the object the way that viewers will, with the keys of the
// manifest: hashes of ciphertext cannot tell whether they fit. Only after this may the raw copy be deleted.
func (w *work) verify(ctx context.Context, m *media.Manifest, dataKey keys.DataKey) error {
	source := &storedObject{work: w, want: m.Media.Bytes} // of another size it gives nothing
	reader := media.NewReader(m, dataKey.Unit(m.Key.Salt), source, nil)
	if reader.Size() != m.Media.Bytes {
		return fail(VerificationFailed, "checking the manifest", errors.New("its units do not add up to the object"))
	}
	var read int64
	found, err := media.Check(ctx, m, m.Media.Bytes, source, func(n int64) {
		read += n
		w.progress.report(Verifying, float64(read)/float64(m.Media.Bytes))
	})
	if err != nil {
		return verification(err)
	}
	if !found.Whole() {
		return verification(fmt.Errorf("%w: %s", media.ErrCorrupt, found))
	}
	m.Media.SHA256 = found.SHA256
	return verification(w.verifyInit(ctx, reader, m, dataKey.Media(m.Key.Salt)))
}

// verification gives an error without a reason of its own the reason VerificationFailed.
func verification(err error) error {
	if _, known := errors.AsType[*failed](err); known || err == nil {
		return err
	}
	return fail(VerificationFailed, "reading the media back", err)
}

// verifyInit makes sure that the unit key and the media key of this manifest open the object.
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
		return firstBytes{Reader: io.LimitReader(body, n), Closer: body}, nil
	})
}

type firstBytes struct {
	io.Reader
	io.Closer
}
