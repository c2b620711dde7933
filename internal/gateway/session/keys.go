// SPDX-License-Identifier: Apache-2.0

// Package session keeps who somebody is between two requests: in an encrypted cookie, and for a player in a token that is
// good only together with that cookie. The server itself remembers nothing, so any replica can answer.
package session

import (
	"bufio"
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/gorilla/securecookie"
)

// A key is 32 bytes for the MAC, then 32 for AES-256.
const (
	macBytes = 32
	keyBytes = macBytes + 32
)

// maxCookie is what browsers keep of one cookie, name and attributes included: 4096 bytes.
const maxCookie = 3800

// Keys protect what the gateway gives out to be brought back. One of them protects, all of them open.
type Keys struct {
	codecs []securecookie.Codec
	// raw are the keys themselves, from which others are derived.
	raw [][]byte
	// sealing is which of them protects.
	sealing int
}

// current returns the keys: they stay as they are.
func (k *Keys) current() *Keys { return k }

// keySource is where keys come from: Keys, or a Ring.
type keySource interface{ current() *Keys }

// NewKey returns one line for a key file.
func NewKey() string {
	key := make([]byte, keyBytes)
	// crypto/rand.Read never returns an error: it ends the program when the system has no randomness.
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// ParseKeys reads keys, one a line. Empty lines and lines that start with # are left out. Its errors quote no keys.
func ParseKeys(data []byte) (*Keys, error) {
	keys := &Keys{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != keyBytes {
			return nil, fmt.Errorf("line %d is not %d bytes in base64: make a key with `reelkeeper gateway session-key`", number, keyBytes)
		}
		// Ages are ours to check, against a clock that tests can set; the codec's own is switched off.
		codec := securecookie.New(key[:macBytes], key[macBytes:]).MaxAge(0).MaxLength(maxCookie).SetSerializer(securecookie.JSONEncoder{})
		keys.codecs, keys.raw = append(keys.codecs, codec), append(keys.raw, key)
	}
	if len(keys.codecs) == 0 {
		return nil, errors.New("there is no key in it: make one with `reelkeeper gateway session-key`")
	}
	return keys, nil
}

// seal encrypts and authenticates a value. The purpose is part of what is authenticated: what was sealed for one is
// worthless for another.
func (k *Keys) seal(purpose string, value any) (string, error) {
	return securecookie.EncodeMulti(purpose, value, k.codecs[k.sealing])
}

// open reads what seal made with the same purpose. The error says no more than that it did not: nobody who brings
// something forged learns how far they came.
func (k *Keys) open(purpose, sealed string, into any) error {
	if len(sealed) > maxCookie {
		return errSealed
	}
	if err := securecookie.DecodeMulti(purpose, sealed, into, k.codecs...); err != nil {
		return errSealed
	}
	return nil
}

var errSealed = errors.New("it was not made by this gateway, or with a key that is no longer in session.keyFile")

// Derive makes a secret of 32 bytes for another purpose of each key. All replicas make the same ones; none tells anything about the keys, nor about
// those of another purpose. First comes that of the key which protects now.
func (k *Keys) Derive(purpose string) [][]byte {
	derived := make([][]byte, 0, len(k.raw))
	for i := range k.raw {
		secret, err := hkdf.Key(sha256.New, k.raw[(k.sealing+i)%len(k.raw)], nil, purpose, sha256.Size)
		if err != nil {
			panic(err) // the length is right
		}
		derived = append(derived, secret)
	}
	return derived
}
