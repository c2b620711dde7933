// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
)

// Ranger reads byte ranges of a stored media object.
type Ranger interface {
	// ReadRange returns exactly the n bytes from off on; a shorter stream is a fault that the Reader reports.
	ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error)
}

var (
	// ErrRange says that a range does not lie within the object.
	ErrRange = errors.New("the range does not lie within the recording")
	// ErrCorrupt says that stored bytes are not those that were packaged. Whoever serves them must break off.
	ErrCorrupt = errors.New("the stored recording differs from its manifest: restore the object from a version or backup of the bucket")
)

// DamageError is the ErrCorrupt of a segment that was read to its end and is not what was packaged. An object that seems to end
// early is none: a connection that breaks looks the same.
type DamageError struct {
	// Unit counts the init as 0, and segments from 1.
	Unit int
}

// Error says which segment it is.
func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: %s is not what was packaged", ErrCorrupt, unitName(e.Unit))
}

// Unwrap makes it an ErrCorrupt.
func (e *DamageError) Unwrap() error { return ErrCorrupt }

// Reader serves byte ranges of one media object and checks them against its manifest. It is safe for concurrent use.
type Reader struct {
	manifest *Manifest
	unitKey  Key
	source   Ranger
	ends     []int64 // offset behind each unit; unit 0 is the init
	cache    *UnitCache
	// seen are the units that were read before.
	seen []atomic.Bool
}

// NewReader returns a reader over the object that the verified manifest describes, which must not change any more. The unit key
// is what it was packaged with. Units that are read again are kept in the cache, which readers share; nil is none.
func NewReader(m *Manifest, unitKey Key, source Ranger, cache *UnitCache) *Reader {
	ends := m.ends()
	return &Reader{manifest: m, unitKey: unitKey, source: source, ends: ends, cache: cache, seen: make([]atomic.Bool, len(ends))}
}

// Size is the length of the object in bytes, of ciphertext and plaintext alike.
func (r *Reader) Size() int64 { return r.ends[len(r.ends)-1] }

// Ciphertext returns the n stored bytes from off on. The stream must be closed. Reading ends with ErrCorrupt, never with
// io.EOF, when a segment that the range touches is not what was packaged: every touched segment is read whole, and its
// last asked-for bytes are handed out only after it was verified.
func (r *Reader) Ciphertext(ctx context.Context, off, n int64) (*Stream, error) {
	return r.open(ctx, off, n, nil)
}

// Plaintext is Ciphertext decrypted with the media key. The ciphertext is what is verified, which verifies the plaintext:
// under one key each determines the other.
func (r *Reader) Plaintext(ctx context.Context, mediaKey Key, off, n int64) (*Stream, error) {
	return r.open(ctx, off, n, &mediaKey)
}

func (r *Reader) open(ctx context.Context, off, n int64, key *Key) (*Stream, error) {
	if off < 0 || n < 0 || off > r.Size() || n > r.Size()-off {
		return nil, fmt.Errorf("%w: %d bytes from %d of %d", ErrRange, n, off, r.Size())
	}
	if n == 0 {
		return &Stream{}, nil
	}
	first := r.unitAt(off)
	start := r.startOf(first)
	var decrypt cipher.Stream
	if key != nil {
		var err error
		if decrypt, err = cipherAt(*key, start); err != nil {
			return nil, err
		}
	}
	stream := &Stream{reader: r, decrypt: decrypt, unit: first, at: start, from: off, to: off + n}
	stream.more = func() error { return stream.connect(ctx) }
	if err := stream.begin(); err != nil {
		return nil, err
	}
	return stream, nil
}

// Units returns the first and the last unit that the n bytes from off on touch, which have to lie within the object; n is not 0.
func (r *Reader) Units(off, n int64) (first, last int) { return r.unitAt(off), r.unitAt(off + n - 1) }

// Unsent returns the first unit of which nothing is among the n bytes from off on.
func (r *Reader) Unsent(off, n int64) int {
	if n == 0 {
		return r.unitAt(off)
	}
	return r.unitAt(off+n-1) + 1
}

// unitAt returns the unit that holds the byte at off.
func (r *Reader) unitAt(off int64) int {
	i, found := slices.BinarySearch(r.ends, off)
	if found { // a unit's end is the first byte of the next
		i++
	}
	return i
}

func (r *Reader) startOf(unit int) int64 {
	if unit == 0 {
		return 0
	}
	return r.ends[unit-1]
}
