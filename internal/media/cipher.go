// SPDX-License-Identifier: Apache-2.0

package media

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// Key is an AES-256 or HMAC-SHA256 key. Which one is said where it is asked for.
type Key = [32]byte

// cipherAt returns the object's key stream from a byte offset on. The counter block is the offset divided by 16, as a
// 128-bit big-endian number, so any offset can be reached at once. Offsets are never negative.
func cipherAt(key Key, offset int64) (cipher.Stream, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("preparing the media key: %w", err)
	}
	counter := counterBlock(offset)
	stream := cipher.NewCTR(block, counter[:])
	if inside := offset % aes.BlockSize; inside != 0 {
		var skipped [aes.BlockSize]byte
		stream.XORKeyStream(skipped[:inside], skipped[:inside])
	}
	return stream, nil
}

// counterBlock is also the IV of a segment in an HLS playlist.
func counterBlock(offset int64) [aes.BlockSize]byte {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], uint64(offset)/aes.BlockSize)
	return counter
}
