// SPDX-License-Identifier: Apache-2.0

package media

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// tagChunk is how much of a unit is authenticated in one go, docs/media-format.md.
const tagChunk = 64 << 10

// Tag authenticates a unit: who does not have the unit key can make no other bytes that have it. It costs a fraction of a
// SHA-256, which is why everything that is served is checked by it. In text and JSON it is 32 lower-case hexadecimal digits.
type Tag [aes.BlockSize]byte

// String returns the 32 digits.
func (t Tag) String() string { return hex.EncodeToString(t[:]) }

// MarshalText writes the 32 digits.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads exactly what MarshalText writes.
func (t *Tag) UnmarshalText(text []byte) error { return unmarshalHex("tag", t[:], text) }

// tagger makes the tags of units, one after the other.
type tagger struct {
	aead   cipher.AEAD
	start  int64  // offset of the unit in the object
	at     int64  // offset of the next byte
	chunks []byte // their tags
	nonce  [12]byte
}

// The first byte of a nonce says what is authenticated; its last eight are an offset. No two are alike under one key.
const (
	nonceOfChunk = iota
	nonceOfUnit
)

// newTagger begins with the unit at an offset.
func newTagger(unitKey Key, offset int64) (*tagger, error) {
	block, err := aes.NewCipher(unitKey[:])
	if err != nil {
		return nil, fmt.Errorf("preparing the unit key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("preparing the unit key: %w", err)
	}
	return &tagger{aead: aead, start: offset, at: offset}, nil
}

// add goes on in the unit. Every call but its last has to bring whole chunks.
func (t *tagger) add(p []byte) {
	for len(p) > 0 {
		chunk := p[:min(len(p), tagChunk)]
		t.chunks = t.seal(t.chunks, nonceOfChunk, t.at, chunk)
		t.at, p = t.at+int64(len(chunk)), p[len(chunk):]
	}
}

// end returns the tag of the unit and begins the next.
func (t *tagger) end() (tag Tag) {
	t.seal(tag[:0], nonceOfUnit, t.start, t.chunks)
	t.start, t.chunks = t.at, t.chunks[:0]
	return tag
}

// seal appends the GMAC of data: what AES-GCM gives for no plaintext at all.
func (t *tagger) seal(to []byte, what byte, offset int64, data []byte) []byte {
	t.nonce[0] = what
	binary.BigEndian.PutUint64(t.nonce[4:], uint64(offset))
	return t.aead.Seal(to, t.nonce[:], nil, data)
}

// UnitOf describes a unit that lies in memory, and at an offset in the object, by its stored bytes.
func UnitOf(stored []byte, unitKey Key, offset int64) (Unit, error) {
	tags, err := newTagger(unitKey, offset)
	if err != nil {
		return Unit{}, err
	}
	tags.add(stored)
	return Unit{Bytes: int64(len(stored)), SHA256: sha256.Sum256(stored), Tag: tags.end()}, nil
}

// unitCheck compares one unit after the other with what the manifest says of it.
type unitCheck interface {
	// add goes on in the unit. Every call but its last has to bring whole chunks.
	add(p []byte)
	// matches ends the unit and begins the next.
	matches(want Unit) bool
}

func newUnitCheck(version int, unitKey Key, offset int64) (unitCheck, error) {
	if version < versionWithTags {
		return hashCheck{sha256.New()}, nil
	}
	tagger, err := newTagger(unitKey, offset)
	return tagCheck{tagger}, err
}

type tagCheck struct{ *tagger }

func (c tagCheck) matches(want Unit) bool {
	tag := c.end()
	return subtle.ConstantTimeCompare(tag[:], want.Tag[:]) == 1
}

// hashCheck is for manifests from before units had tags.
type hashCheck struct{ hash.Hash }

func (c hashCheck) add(p []byte) { c.Write(p) }

func (c hashCheck) matches(want Unit) bool {
	var sum Digest
	c.Sum(sum[:0])
	c.Reset()
	return sum == want.SHA256
}
