// SPDX-License-Identifier: Apache-2.0

package media

import (
	"errors"
	"io"
	"math/bits"
)

// Identifiers of the Matroska elements on the way to a track's encryption (RFC 9559).
const (
	ebmlHeader        = 0x1a45dfa3
	mkvSegment        = 0x18538067
	mkvCluster        = 0x1f43b675
	mkvTracks         = 0x1654ae6b
	mkvTrackEntry     = 0xae
	mkvEncodings      = 0x6d80
	mkvEncoding       = 0x6240
	mkvEncryption     = 0x5035
	ebmlUnknownLength = -1
)

// errMalformedEBML says that the bytes are not the elements that they claim to be.
var errMalformedEBML = errors.New("malformed Matroska structure")

func inspectMatroska(input io.ReaderAt, size int64) error {
	w := &mkvWalk{input: input, budget: maxBoxes}
	err := w.walk(0, size)
	switch {
	case errors.Is(err, errFound):
		return nil
	case errors.Is(err, errMalformedEBML):
		return damaged()
	case err == nil:
		return truncated() // not even the list of tracks
	}
	return err
}

type mkvWalk struct {
	input  io.ReaderAt
	budget int
}

// walk visits elements until the tracks are known: errFound.
func (w *mkvWalk) walk(from, to int64) error {
	for from < to {
		if w.budget--; w.budget < 0 {
			return errMalformedEBML
		}
		id, length, head, err := readElement(io.NewSectionReader(w.input, from, to-from))
		if err != nil {
			return err
		}
		from += head
		end := from + length
		if length == ebmlUnknownLength || (id == mkvSegment && end > to) {
			end = to // live recordings do not know; a cut one may still play
		}
		if end > to || end < from {
			return io.ErrUnexpectedEOF
		}
		switch id {
		case mkvCluster:
			return io.ErrUnexpectedEOF // media before any track: the beginning is missing
		case mkvEncryption:
			return encrypted()
		case mkvSegment, mkvTrackEntry, mkvEncodings, mkvEncoding:
			err = w.walk(from, end)
		case mkvTracks:
			if err = w.walk(from, end); err == nil {
				err = errFound
			}
		}
		if err != nil {
			return err
		}
		from = end
	}
	return nil
}

// readElement reads an element's identifier and length, and says how many bytes they took. The length is
// ebmlUnknownLength where the file leaves it open.
func readElement(r io.Reader) (id uint32, length, head int64, err error) {
	rawID, idBytes, err := readVarint(r)
	if err != nil {
		return 0, 0, 0, err
	}
	if idBytes > 4 {
		return 0, 0, 0, errMalformedEBML
	}
	rawLength, lengthBytes, err := readVarint(r)
	if err != nil {
		return 0, 0, 0, err
	}
	mask := uint64(1)<<(7*lengthBytes) - 1
	length = int64(rawLength & mask)
	if rawLength&mask == mask {
		length = ebmlUnknownLength
	}
	return uint32(rawID), length, int64(idBytes + lengthBytes), nil
}

// readVarint reads one variable-length integer with its length marker, and how many bytes it took.
func readVarint(r io.Reader) (value uint64, n int, err error) {
	var buf [8]byte
	if _, err := io.ReadFull(r, buf[:1]); err != nil {
		return 0, 0, err
	}
	n = bits.LeadingZeros8(buf[0]) + 1
	if n > len(buf) {
		return 0, 0, errMalformedEBML
	}
	if _, err := io.ReadFull(r, buf[1:n]); err != nil {
		return 0, 0, err
	}
	for _, b := range buf[:n] {
		value = value<<8 | uint64(b)
	}
	return value, n, nil
}
