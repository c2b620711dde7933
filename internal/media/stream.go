// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"sync"
)

// streamBuffer is how much a stream verifies, decrypts and hands out in one go: whole chunks of a tag.
const streamBuffer = 4 * tagChunk

var streamBuffers = sync.Pool{New: func() any { return new([streamBuffer]byte) }}

// Stream is a verified byte range of a media object. It holds one pooled buffer at most. Copying it with io.Copy needs no other.
// It is not safe for concurrent use.
type Stream struct {
	reader  *Reader
	decrypt cipher.Stream // nil for ciphertext

	unit     int   // the unit being read
	at       int64 // offset of the next byte
	from, to int64 // what was asked for

	// cached is the rest of the unit being read, out of the cache. Once one was not there, everything comes from the source.
	cached []byte
	source io.ReadCloser
	check  unitCheck
	// more opens the source.
	more func() error
	// kept is where the unit goes that is being read from the source, if it is to be kept, and whole what was read of it.
	kept  *cachedUnit
	whole []byte

	buf    *[streamBuffer]byte
	chunk  []byte // ready to be handed out
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
	if s.failed == nil {
		s.failed = errClosed
	}
	s.chunk, s.cached = nil, nil
	if s.kept != nil {
		s.reader.cache.abandon(s.kept)
		s.kept, s.whole = nil, nil
	}
	if s.buf != nil {
		streamBuffers.Put(s.buf)
		s.buf = nil
	}
	if s.source == nil {
		return nil
	}
	err := s.source.Close()
	s.source = nil
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

// begin turns to the next unit: out of the cache, as long as nothing had to come from the source.
func (s *Stream) begin() error {
	unit := s.reader.manifest.unit(s.unit)
	again := s.reader.seen[s.unit].Swap(true)
	if s.source == nil {
		if s.cached = s.reader.cache.get(unit); s.cached != nil {
			return nil
		}
		if err := s.more(); err != nil {
			return err
		}
	}
	s.reader.cache.miss()
	if !again {
		return nil
	}
	if s.kept = s.reader.cache.begin(unit); s.kept != nil {
		s.whole = make([]byte, 0, unit.Bytes)
	}
	return nil
}

// connect opens the source, for all units from this one to the last.
func (s *Stream) connect(ctx context.Context) (err error) {
	if s.check, err = newUnitCheck(s.reader.manifest.Version, s.reader.unitKey, s.at); err != nil {
		return err
	}
	end := s.reader.ends[s.reader.unitAt(s.to-1)]
	if s.source, err = s.reader.source.ReadRange(ctx, s.at, end-s.at); err != nil {
		return fmt.Errorf("reading the stored recording: %w", err)
	}
	return nil
}

// next reads on within one unit and returns what the range wants of it: nothing before its start. Bytes up to the
// range's end leave here only when their unit is known to be whole.
func (s *Stream) next() ([]byte, error) {
	start, end := s.at, s.reader.ends[s.unit]
	chunk, err := s.take(min(end-s.at, streamBuffer))
	if err != nil {
		return nil, err
	}
	if s.decrypt != nil {
		plain := s.buffer()[:len(chunk)]
		s.decrypt.XORKeyStream(plain, chunk)
		chunk = plain
	}
	if s.at == end && s.at < s.to {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	wantFrom, wantTo := max(s.from-start, 0), min(s.to-start, int64(len(chunk)))
	if wantFrom >= wantTo {
		return nil, nil
	}
	return chunk[wantFrom:wantTo], nil
}

// take returns the next n bytes as they are stored. The last ones that the range wants of a unit are verified with it.
func (s *Stream) take(n int64) ([]byte, error) {
	end := s.reader.ends[s.unit]
	if s.cached != nil {
		chunk := s.cached[:n]
		s.cached = s.cached[n:]
		if s.at += n; s.at == end {
			s.unit++
		}
		return chunk, nil
	}
	chunk, err := s.pull(s.buffer()[:n])
	if err != nil {
		return nil, err
	}
	if s.at >= s.to && s.at < end {
		if err := s.drain(end); err != nil {
			return nil, err
		}
	}
	if s.at == end {
		return chunk, s.verify()
	}
	return chunk, nil
}

func (s *Stream) buffer() *[streamBuffer]byte {
	if s.buf == nil {
		s.buf = streamBuffers.Get().(*[streamBuffer]byte)
	}
	return s.buf
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
	if s.kept != nil {
		s.whole = append(s.whole, buf...)
	}
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

// verify compares the unit that was just read to its end, keeps it if it is to be kept, and turns to the next.
func (s *Stream) verify() error {
	if !s.check.matches(s.reader.manifest.unit(s.unit)) {
		return &DamageError{Unit: s.unit}
	}
	if s.kept != nil {
		s.reader.cache.keep(s.kept, s.whole)
		s.kept, s.whole = nil, nil
	}
	s.unit++
	return nil
}
