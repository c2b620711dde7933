// SPDX-License-Identifier: Apache-2.0

// Package keys makes the data keys of recordings and wraps them with a store's key-encryption keyset.
//
//	keyset (one a store, rotates)  --wraps-->  data key (one a recording's attempt)  --derives-->  media key, unit key, manifest key
//
// Rotating the keyset touches no media: old keys in it keep unwrapping what they wrapped. Destroying every wrapped copy of
// a data key destroys the recording, wherever copies of its bytes may survive.
package keys

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the length in bytes of a data key and of the keys derived from it.
const KeySize = 32

// SaltSize is the length in bytes of a salt.
const SaltSize = 32

// What a derived key is for. Changing any makes every existing recording unreadable.
const (
	mediaInfo    = "reelkeeper media v1"
	unitInfo     = "reelkeeper unit v1"
	manifestInfo = "reelkeeper manifest v1"
	stateInfo    = "reelkeeper state v1"
	previewsInfo = "reelkeeper previews v1"
	captionsInfo = "reelkeeper captions v1"
)

// DataKey is the secret from which all keys of one processing attempt are derived. It does not print: every common way to
// format or encode it yields a placeholder.
type DataKey [KeySize]byte

// NewDataKey returns a random data key.
func NewDataKey() DataKey {
	var key DataKey
	// crypto/rand.Read never returns an error: it ends the program when the system has no randomness.
	_, _ = rand.Read(key[:])
	return key
}

// NewSalt returns a random salt for Media and Manifest. Every packaging attempt takes a new one, because a key must never
// encrypt two different plaintexts.
func NewSalt() []byte {
	salt := make([]byte, SaltSize)
	_, _ = rand.Read(salt)
	return salt
}

// Media derives the key that encrypts the media of the packaging attempt with this salt.
func (k DataKey) Media(salt []byte) [KeySize]byte { return k.derive(salt, mediaInfo) }

// Unit derives the key that tags the units of the media of the packaging attempt with this salt.
func (k DataKey) Unit(salt []byte) [KeySize]byte { return k.derive(salt, unitInfo) }

// Manifest derives the key that authenticates the manifest of the packaging attempt with this salt.
func (k DataKey) Manifest(salt []byte) [KeySize]byte { return k.derive(salt, manifestInfo) }

// State derives the key that authenticates what the bucket says of the recording beside the manifest with this salt.
func (k DataKey) State(salt []byte) [KeySize]byte { return k.derive(salt, stateInfo) }

// Previews derives the key that seals the previews of the packaging attempt with this salt.
func (k DataKey) Previews(salt []byte) [KeySize]byte { return k.derive(salt, previewsInfo) }

// Captions derives the key that seals the captions of the packaging attempt with this salt.
func (k DataKey) Captions(salt []byte) [KeySize]byte { return k.derive(salt, captionsInfo) }

func (k DataKey) derive(salt []byte, info string) [KeySize]byte {
	derived, err := hkdf.Key(sha256.New, k[:], salt, info, KeySize)
	if err != nil {
		// Only a length beyond 255 hashes or, in FIPS mode, a key under 14 bytes can fail; both are constants here.
		panic(fmt.Sprintf("derive %q: %v", info, err))
	}
	return [KeySize]byte(derived)
}

const redacted = "[data key]"

// String never prints the key.
func (DataKey) String() string { return redacted }

// GoString never prints the key.
func (DataKey) GoString() string { return redacted }

// Format never prints the key, whatever the verb.
func (DataKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText fails: a data key leaves the process wrapped, or explicitly byte by byte.
func (DataKey) MarshalText() ([]byte, error) { return nil, errMarshal }

// MarshalJSON fails: a data key leaves the process wrapped, or explicitly byte by byte.
func (DataKey) MarshalJSON() ([]byte, error) { return nil, errMarshal }

var errMarshal = errors.New("a data key is not encoded by accident: wrap it with Keyset.Wrap, or encode its bytes on purpose")

// RecordingAD is the associated data that binds a wrapped data key to one recording: swapping the wrapped keys of two
// recordings makes both unreadable rather than one readable as the other.
func RecordingAD(namespace, uid string) []byte {
	return []byte("reelkeeper.io/v1alpha1/" + namespace + "/" + uid)
}
