// SPDX-License-Identifier: Apache-2.0

package isobmff

import (
	"encoding/binary"
	"fmt"
)

// fields reads big-endian integers off the front of a payload. It remembers the first shortage instead of returning an
// error at every step, so that a parser reads like the table in the standard.
type fields struct {
	rest  []byte
	short bool
}

func (f *fields) take(n int) []byte {
	if f.short || n < 0 || n > len(f.rest) {
		f.short = true
		return nil
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

func (f *fields) skip(n int) { f.take(n) }

func (f *fields) u8() uint8 {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u16() uint16 {
	if b := f.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (f *fields) u32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// versionAndFlags reads the first word of a full box.
func (f *fields) versionAndFlags() (version uint8, flags uint32) {
	word := f.u32()
	return uint8(word >> 24), word & 0xffffff
}

// sized reads 32 bits in version 0 of a box and 64 bits in version 1.
func (f *fields) sized(version uint8) uint64 {
	if version == 0 {
		return uint64(f.u32())
	}
	return f.u64()
}

// err reports a box that was shorter than its fields.
func (f *fields) err(box string) error {
	if f.short {
		return fmt.Errorf("%w: %q is too short", ErrMalformed, box)
	}
	return nil
}
