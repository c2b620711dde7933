// SPDX-License-Identifier: Apache-2.0

package media

import (
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// sealBuffer is how much is encrypted and hashed in one go: enough to be fast, little enough to stay in the CPU's cache.
const sealBuffer = 128 << 10

// sealer encrypts a stream, and hashes the ciphertext of every unit and the plaintext as a whole.
type sealer struct {
	out       io.Writer
	stream    cipher.Stream
	unit      hash.Hash
	plain     hash.Hash
	buf       []byte
	offset    int64
	unitStart int64
	maxBytes  int64
}

func newSealer(out io.Writer, key Key, maxBytes int64) (*sealer, error) {
	stream, err := cipherAt(key, 0)
	if err != nil {
		return nil, err
	}
	return &sealer{
		out: out, stream: stream, maxBytes: maxBytes,
		unit: sha256.New(), plain: sha256.New(), buf: make([]byte, sealBuffer),
	}, nil
}

// Write seals p without changing it.
func (s *sealer) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := copy(s.buf, p)
		if err := s.seal(s.buf[:n]); err != nil {
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
		chunk := s.buf[:min(n-done, sealBuffer)]
		got, err := io.ReadFull(in, chunk)
		if err := s.seal(chunk[:got]); err != nil {
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

// seal hashes and encrypts chunk in place, and hashes and writes it again.
func (s *sealer) seal(chunk []byte) error {
	if s.maxBytes > 0 && s.offset+int64(len(chunk)) > s.maxBytes {
		return inputError(TooLarge, "The packaged recording is larger than the limit of %d bytes. Upload a shorter or smaller one.", s.maxBytes)
	}
	s.plain.Write(chunk)
	s.stream.XORKeyStream(chunk, chunk)
	s.unit.Write(chunk)
	s.offset += int64(len(chunk))
	_, err := s.out.Write(chunk)
	return err
}

// plainDigest is that of everything so far, before it was encrypted.
func (s *sealer) plainDigest() (digest Digest) {
	s.plain.Sum(digest[:0])
	return digest
}

func (s *sealer) unitBytes() int64 { return s.offset - s.unitStart }

// endUnit returns the unit since the last call and begins the next.
func (s *sealer) endUnit() Unit {
	unit := Unit{Bytes: s.unitBytes()}
	s.unit.Sum(unit.SHA256[:0])
	s.unit.Reset()
	s.unitStart = s.offset
	return unit
}
