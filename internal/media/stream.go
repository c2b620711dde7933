// SPDX-License-Identifier: Apache-2.0

package media

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"sync"
)

// streamBuffer is how much a stream verifies, decrypts and hands out in one go: whole chunks of a tag.
const streamBuffer = 4 * tagChunk

var streamBuffers = sync.Pool{New: func() any { return new([streamBuffer]byte) }}

// Stream is a verified byte range of a media object. It holds one pooled buffer. Copying it with io.Copy needs no other.
// It is not safe for concurrent use.
type Stream struct {
	reader  *Reader
	source  io.ReadCloser
	decrypt cipher.Stream // nil for ciphertext
	check   unitCheck

	unit     int   // the unit being read
	at       int64 // offset of the next byte from the source
	from, to int64 // what was asked for

	buf    *[streamBuffer]byte
	chunk  []byte // of buf: ready to be handed out
	failed error
}

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(s.chunk) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.chunk)
	s.chunk = s.chunk[n:]
	return n, nil
}

// WriteTo implements io.WriterTo, so that io.Copy writes from the stream's own buffer.
func (s *Stream) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		if len(s.chunk) == 0 {
			err := s.fill()
			if errors.Is(err, io.EOF) {
				return written, nil
			}
			if err != nil {
				return written, err
			}
		}
		n, err := w.Write(s.chunk)
		written += int64(n)
		s.chunk = s.chunk[n:]
		if err != nil {
			return written, err
		}
	}
}

// Close ends the stream, wherever it is. Closing twice does nothing.
func (s *Stream) Close() error {
	if s.source == nil {
		return nil
	}
	err := s.source.Close()
	streamBuffers.Put(s.buf)
	s.source, s.buf, s.chunk = nil, nil, nil
	if s.failed == nil {
		s.failed = errClosed
	}
	return err
}

var errClosed = errors.New("reading a closed stream")

// fill makes chunk the next bytes to hand out.
func (s *Stream) fill() error {
	for s.failed == nil && len(s.chunk) == 0 {
		if s.at >= s.to {
			return io.EOF
		}
		s.chunk, s.failed = s.next()
	}
	return s.failed
}

// next reads on within one unit and returns what the range wants of it: nothing before its start. Bytes up to the
// range's end leave here only when their unit is known to be whole.
func (s *Stream) next() ([]byte, error) {
	start, end := s.at, s.reader.ends[s.unit]
	chunk, err := s.pull(s.buf[:min(end-s.at, streamBuffer)])
	if err != nil {
		return nil, err
	}
	if s.at >= s.to && s.at < end {
		if err := s.drain(end); err != nil {
			return nil, err
		}
	}
	if s.at == end {
		if err := s.verify(); err != nil {
			return nil, err
		}
	}
	if s.decrypt != nil {
		s.decrypt.XORKeyStream(chunk, chunk)
	}
	wantFrom, wantTo := max(s.from-start, 0), min(s.to-start, int64(len(chunk)))
	if wantFrom >= wantTo {
		return nil, nil
	}
	return chunk[wantFrom:wantTo], nil
}

// pull fills buf from the source for the check of the unit: it is the unit's last, or whole chunks.
func (s *Stream) pull(buf []byte) ([]byte, error) {
	n, err := io.ReadFull(s.source, buf)
	s.at += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // ReadFull's own; a broken connection may wrap the same
		return nil, fmt.Errorf("%w: it ends at byte %d of %d", ErrCorrupt, s.at, s.reader.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("reading the stored recording at byte %d: %w", s.at, err)
	}
	s.check.add(buf)
	return buf, nil
}

// drain reads the rest of the last unit for its check only.
func (s *Stream) drain(end int64) error {
	scratch := streamBuffers.Get().(*[streamBuffer]byte)
	defer streamBuffers.Put(scratch)
	for s.at < end {
		if _, err := s.pull(scratch[:min(end-s.at, streamBuffer)]); err != nil {
			return err
		}
	}
	return nil
}

// verify compares the unit that was just read to its end, and turns to the next.
func (s *Stream) verify() error {
	if !s.check.matches(s.reader.manifest.unit(s.unit)) {
		return &DamageError{Unit: s.unit}
	}
	s.unit++
	return nil
}
