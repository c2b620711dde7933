// SPDX-License-Identifier: Apache-2.0

// Package isobmff reads the parts of the ISO base media file format (ISO/IEC 14496-12, "MP4") that packaging needs:
// box headers from a stream, the facts of an init segment, when a fragment starts and ends, and whether it starts with
// a key frame. It also writes the two boxes that Reelkeeper adds itself: padding (free) and the duration (mehd).
//
// Everything here is a pure function over bytes. Inputs may be hostile: every length is checked before it is used, and
// nothing is allocated by the size that a header claims.
package isobmff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
)

// ErrMalformed says that the bytes are not the boxes that they claim to be.
var ErrMalformed = errors.New("malformed MP4 box structure")

// Header is the head of one box.
type Header struct {
	// Type is the four-character code, such as "moov".
	Type string
	// Size counts the whole box with its header, in bytes. Zero means that the box reaches to the end of the file.
	Size int64
	// Raw is the header as it was read, 8 or 16 bytes.
	Raw []byte
}

// Payload is how many bytes follow the header. It is meaningless for a box that reaches to the end of the file.
func (h Header) Payload() int64 { return h.Size - int64(len(h.Raw)) }

// ReadHeader reads one box header. It returns io.EOF when the stream ends cleanly before the box, and
// io.ErrUnexpectedEOF when it ends inside the header.
func ReadHeader(r io.Reader) (Header, error) {
	var both [16]byte
	raw := both[:8]
	if _, err := io.ReadFull(r, raw); err != nil {
		return Header{}, err
	}
	h := Header{Type: string(raw[4:8]), Size: int64(binary.BigEndian.Uint32(raw)), Raw: raw}
	if h.Size == 1 { // a 64-bit size follows
		raw = both[:]
		if _, err := io.ReadFull(r, raw[8:]); err != nil {
			return Header{}, unexpected(err)
		}
		size := binary.BigEndian.Uint64(raw[8:])
		if size > 1<<62 {
			return Header{}, fmt.Errorf("%w: %q claims %d bytes", ErrMalformed, h.Type, size)
		}
		h.Size, h.Raw = int64(size), raw
	}
	if h.Size != 0 && h.Size < int64(len(h.Raw)) {
		return Header{}, fmt.Errorf("%w: %q claims %d bytes, less than its header", ErrMalformed, h.Type, h.Size)
	}
	return h, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Box is one box whose payload lies in memory.
type Box struct {
	Type    string
	Payload []byte
}

// Children walks the boxes that lie side by side in payload. A malformed box ends the walk with an error.
func Children(payload []byte) iter.Seq2[Box, error] {
	return func(yield func(Box, error) bool) {
		for rest := payload; len(rest) > 0; {
			box, size, err := first(rest)
			if !yield(box, err) || err != nil {
				return
			}
			rest = rest[size:]
		}
	}
}

// first cuts the first box off b and returns how many bytes it takes.
func first(b []byte) (Box, int, error) {
	if len(b) < 8 {
		return Box{}, 0, fmt.Errorf("%w: %d bytes are too few for a box", ErrMalformed, len(b))
	}
	size, head := uint64(binary.BigEndian.Uint32(b)), 8
	switch {
	case size == 0:
		size = uint64(len(b))
	case size == 1 && len(b) >= 16:
		size, head = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size < uint64(head) || size > uint64(len(b)) {
		return Box{}, 0, fmt.Errorf("%w: %q claims %d of %d bytes", ErrMalformed, b[4:8], size, len(b))
	}
	return Box{Type: string(b[4:8]), Payload: b[head:size]}, int(size), nil
}

// Find follows path from payload downwards, always into the first box of that type, and returns its payload, or nil
// where there is none.
func Find(payload []byte, path ...string) []byte {
	for _, want := range path {
		payload = child(payload, want)
	}
	return payload
}

func child(payload []byte, want string) []byte {
	for box, err := range Children(payload) {
		if err != nil {
			return nil
		}
		if box.Type == want {
			return box.Payload
		}
	}
	return nil
}
