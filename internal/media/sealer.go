// SPDX-License-Identifier: Apache-2.0

package media

import (
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// sealBuffer is how much is encrypted and hashed in one go: enough to be fast, little enough to stay in the CPU's cache, and
// whole chunks of a tag.
const sealBuffer = 2 * tagChunk

// sealer encrypts a stream, hashes and tags the ciphertext of every unit, and hashes the plaintext as a whole.
type sealer struct {
	out       io.Writer
	stream    cipher.Stream
	unit      hash.Hash
	tags      *tagger
	plain     hash.Hash
	buf       []byte // of the unit: what is not sealed yet
	offset    int64  // of the next byte
	unitStart int64
	maxBytes  int64
}

func newSealer(out io.Writer, how Packaging) (*sealer, error) {
	stream, err := cipherAt(how.MediaKey, 0)
	if err != nil {
		return nil, err
	}
	tags, err := newTagger(how.UnitKey, 0)
	if err != nil {
		return nil, err
	}
	return &sealer{
		out: out, stream: stream, maxBytes: how.MaxBytes,
		unit: sha256.New(), tags: tags, plain: sha256.New(), buf: make([]byte, 0, sealBuffer),
	}, nil
}

// Write seals p without changing it.
func (s *sealer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := copy(s.buf[len(s.buf):sealBuffer], p)
		if err := s.filled(n); err != nil {
			return written, err
		}
		p, written = p[n:], written+n
	}
	return written, nil
}

// readFrom seals exactly n bytes from in. A shorter stream is io.ErrUnexpectedEOF.
func (s *sealer) readFrom(in io.Reader, n int64) (int64, error) {
	var done int64
	for done < n {
		room := s.buf[len(s.buf):sealBuffer]
		got, err := io.ReadFull(in, room[:min(n-done, int64(len(room)))])
		if err := s.filled(got); err != nil {
			return done, err
		}
		done += int64(got)
		if errors.Is(err, io.EOF) {
			return done, io.ErrUnexpectedEOF
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// filled takes n more bytes into the buffer, where they already are.
func (s *sealer) filled(n int) error {
	s.buf = s.buf[:len(s.buf)+n]
	s.offset += int64(n)
	if s.maxBytes > 0 && s.offset > s.maxBytes {
		return inputError(TooLarge, "The packaged recording is larger than the limit of %d bytes. Upload a shorter or smaller one.", s.maxBytes)
	}
	if len(s.buf) < sealBuffer {
		return nil
	}
	return s.seal()
}

// seal hashes and encrypts what is in the buffer, hashes and tags it again, and writes it.
func (s *sealer) seal() error {
	s.plain.Write(s.buf)
	s.stream.XORKeyStream(s.buf, s.buf)
	s.unit.Write(s.buf)
	s.tags.add(s.buf)
	_, err := s.out.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// plainDigest is that of all units so far, before they were encrypted.
func (s *sealer) plainDigest() (digest Digest) {
	s.plain.Sum(digest[:0])
	return digest
}

func (s *sealer) unitBytes() int64 { return s.offset - s.unitStart }

// endUnit returns the unit since the last call and begins the next.
func (s *sealer) endUnit() (Unit, error) {
	if err := s.seal(); err != nil {
		return Unit{}, err
	}
	unit := Unit{Bytes: s.unitBytes(), Tag: s.tags.end()}
	s.unit.Sum(unit.SHA256[:0])
	s.unit.Reset()
	s.unitStart = s.offset
	return unit, nil
}
