// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A stored manifest is two lines of JSON:
//
//	{"reelkeeperManifest":1,"hmacSHA256":"<64 hexadecimal digits>"}
//	{"version":1,…}
//
// The MAC is over every byte after the first newline, exactly as stored. So it is checked before anything is made of the
// second line but the wrapped key, without a canonical form of JSON to get wrong; and people read the whole with jq, which takes
// one JSON value after another.
const (
	macLineStart = `{"reelkeeperManifest":1,"hmacSHA256":"`
	macLineEnd   = "\"}\n"
	macHexBytes  = 2 * sha256.Size
	macLineBytes = len(macLineStart) + macHexBytes + len(macLineEnd)
)

// ErrManifestForged says that a manifest was not written by who held the recording's data key, or was changed since.
var ErrManifestForged = errors.New("the manifest is not authentic: restore it from a version or backup of the bucket")

// EncodeManifest validates the manifest and returns it as it is stored, authenticated with the manifest key.
func EncodeManifest(m *Manifest, manifestKey Key) ([]byte, error) {
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	payload = append(payload, '\n')
	mac := manifestMAC(payload, manifestKey)
	stored := bytes.Join([][]byte{[]byte(macLineStart), []byte(hex.EncodeToString(mac)), []byte(macLineEnd), payload}, nil)
	if len(stored) > MaxManifestBytes {
		return nil, fmt.Errorf("encoding the manifest: %d bytes are more than %d", len(stored), MaxManifestBytes)
	}
	return stored, nil
}

// DecodeManifest reads a stored manifest once AuthenticateManifest has found it to be genuine.
func DecodeManifest(stored []byte, manifestKey func(unverified WrappedKey) (Key, error)) (*Manifest, error) {
	wrapped, payload, err := authenticate(stored, manifestKey)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(payload)
	if err != nil {
		return nil, fmt.Errorf("decoding the manifest: %w", err)
	}
	if !bytes.Equal(m.Key.Wrapped, wrapped.Wrapped) || !bytes.Equal(m.Key.Salt, wrapped.Salt) {
		return nil, errors.New("decoding the manifest: it has more than one key")
	}
	return m, nil
}

// AuthenticateManifest finds out whether a stored manifest is genuine and makes nothing of it but its key, which costs a fiftieth of
// decoding one of an hour. Which key authenticates it depends on what it says itself, so the caller is shown the wrapped key, valid in form
// but not yet trusted, and answers with the manifest key: it unwraps the data key, bound to the recording, and derives with the salt.
func AuthenticateManifest(stored []byte, manifestKey func(unverified WrappedKey) (Key, error)) (WrappedKey, error) {
	wrapped, _, err := authenticate(stored, manifestKey)
	return wrapped, err
}

func authenticate(stored []byte, manifestKey func(unverified WrappedKey) (Key, error)) (wrapped WrappedKey, payload []byte, err error) {
	mac, payload, wrapped, err := unverified(stored)
	if err != nil {
		return WrappedKey{}, nil, err
	}
	key, err := manifestKey(wrapped)
	if err != nil {
		return WrappedKey{}, nil, fmt.Errorf("finding the key of the manifest: %w", err)
	}
	if !hmac.Equal(mac, manifestMAC(payload, key)) {
		return WrappedKey{}, nil, ErrManifestForged
	}
	return wrapped, payload, nil
}

// UnverifiedKey is the wrapped key that a stored manifest claims to have.
func UnverifiedKey(stored []byte) (WrappedKey, error) {
	_, _, wrapped, err := unverified(stored)
	return wrapped, err
}

// unverified takes a stored manifest apart.
func unverified(stored []byte) (mac, payload []byte, wrapped WrappedKey, err error) {
	mac, payload, err = splitManifest(stored)
	if err == nil {
		wrapped, err = wrappedKeyIn(payload)
	}
	if err != nil {
		return nil, nil, WrappedKey{}, fmt.Errorf("decoding the manifest: %w", err)
	}
	return mac, payload, wrapped, nil
}

// wrappedKeyIn goes through the members of the payload's object up to the key, which stands before all that is long.
func wrappedKeyIn(payload []byte) (key WrappedKey, err error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return WrappedKey{}, errors.New("the second line is no JSON object")
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return WrappedKey{}, err
		}
		if name == "key" {
			if err := decoder.Decode(&key); err != nil {
				return WrappedKey{}, err
			}
			return key, key.validate()
		}
		var passed json.RawMessage
		if err := decoder.Decode(&passed); err != nil {
			return WrappedKey{}, err
		}
	}
	return WrappedKey{}, errors.New("it has no key")
}

func manifestMAC(payload []byte, key Key) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(payload)
	return mac.Sum(nil)
}

// splitManifest checks the first line, which has one form only, and returns the MAC and what it is over.
func splitManifest(stored []byte) (mac, payload []byte, err error) {
	if len(stored) > MaxManifestBytes {
		return nil, nil, fmt.Errorf("%d bytes are more than %d", len(stored), MaxManifestBytes)
	}
	if len(stored) < macLineBytes {
		return nil, nil, errors.New("the first line is too short")
	}
	line, payload := stored[:macLineBytes], stored[macLineBytes:]
	digits, ok := bytes.CutPrefix(line, []byte(macLineStart))
	if !ok {
		return nil, nil, errors.New("the first line is not that of a manifest this release reads")
	}
	if digits, ok = bytes.CutSuffix(digits, []byte(macLineEnd)); !ok {
		return nil, nil, errors.New("the first line is not that of a manifest this release reads")
	}
	var sum Digest
	if err := sum.UnmarshalText(digits); err != nil {
		return nil, nil, err
	}
	return sum[:], payload, nil
}

// parseManifest takes exactly one JSON object without unknown fields.
func parseManifest(payload []byte) (*Manifest, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	var m Manifest
	if err := decoder.Decode(&m); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	return &m, nil
}
