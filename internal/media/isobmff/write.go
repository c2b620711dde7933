// SPDX-License-Identifier: Apache-2.0

package isobmff

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Alignment is the size of an AES block, to which every segment is padded.
const Alignment = 16

// Padding returns the free box that brings offset up to a multiple of Alignment: nothing where it is one already, else
// 8 to 23 bytes, because no box is shorter than its 8-byte header.
func Padding(offset int64) []byte {
	gap := int((Alignment - offset%Alignment) % Alignment)
	if gap == 0 {
		return nil
	}
	if gap < 8 {
		gap += Alignment
	}
	box := make([]byte, gap)
	binary.BigEndian.PutUint32(box, uint32(gap))
	copy(box[4:], "free")
	return box
}

// WithDuration returns the moov payload with an mehd box that tells players how long the fragments last altogether.
// A file without it plays, but many players show no length and cannot seek. A moov that has one already, or has no
// mvex, is returned as it is.
func WithDuration(moov []byte, duration time.Duration) ([]byte, error) {
	mvex := Find(moov, "mvex")
	if mvex == nil || Find(mvex, "mehd") != nil {
		return moov, nil
	}
	timescale, err := movieTimescale(Find(moov, "mvhd"))
	if err != nil {
		return nil, err
	}
	inTicks := duration.Seconds() * float64(timescale)
	if inTicks < 0 || inTicks > math.MaxInt64 {
		return nil, fmt.Errorf("%w: duration %s out of range", ErrMalformed, duration)
	}
	mehd := make([]byte, 12)
	binary.BigEndian.PutUint32(mehd, 1<<24) // version 1: 64 bits
	binary.BigEndian.PutUint64(mehd[4:], uint64(inTicks))

	var out bytes.Buffer
	for box, err := range Children(moov) {
		if err != nil {
			return nil, err
		}
		payload := box.Payload
		if box.Type == "mvex" {
			payload = append(Encode("mehd", mehd), payload...)
		}
		out.Write(Encode(box.Type, payload))
	}
	return out.Bytes(), nil
}

func movieTimescale(mvhd []byte) (uint32, error) {
	timescale, err := parseTimescale(mvhd) // mvhd begins as mdhd does
	if err != nil {
		return 0, fmt.Errorf("reading the movie header: %w", err)
	}
	return timescale, nil
}

// Encode writes one box around payload. The payload must be shorter than 4 GiB.
func Encode(boxType string, payload []byte) []byte {
	box := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint32(box, uint32(8+len(payload)))
	copy(box[4:], boxType)
	return append(box, payload...)
}
