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
	var read Digest
	if len(text) != hex.EncodedLen(len(read)) {
		return fmt.Errorf("a SHA-256 has %d hexadecimal digits, not %d", hex.EncodedLen(len(read)), len(text))
	}
	if _, err := hex.Decode(read[:], text); err != nil {
		return fmt.Errorf("reading a SHA-256: %w", err)
	}
	if read.String() != string(text) {
		return fmt.Errorf("a SHA-256 is written in lower case")
	}
	*d = read
	return nil
}
