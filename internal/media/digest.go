// SPDX-License-Identifier: Apache-2.0

package media

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 sum. In text and JSON it is 64 lower-case hexadecimal digits, as sha256sum prints it.
type Digest [sha256.Size]byte

// String returns the 64 digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes the 64 digits.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	return unmarshalHex("SHA-256", d[:], text)
}

// unmarshalHex reads exactly as many bytes as there is room for, and changes nothing where it fails.
func unmarshalHex(what string, into, text []byte) error {
	if len(text) != hex.EncodedLen(len(into)) {
		return fmt.Errorf("a %s has %d hexadecimal digits, not %d", what, hex.EncodedLen(len(into)), len(text))
	}
	read, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("reading a %s: %w", what, err)
	}
	if hex.EncodeToString(read) != string(text) {
		return fmt.Errorf("a %s is written in lower case", what)
	}
	copy(into, read)
	return nil
}
