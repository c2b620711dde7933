// SPDX-License-Identifier: Apache-2.0

// Package credentials makes and checks the two secrets of a shared link: its token, which is random and identifies a
// grant, and its password, which may have been chosen by a person.
//
// Outside the grant's own Secret only hashes are kept: a fast one for tokens, whose 256 random bits nobody guesses, and
// argon2id for passwords.
package credentials

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// tokenSize is the length of a token in bytes, before encoding.
const tokenSize = 32

// TokenLength is the length of a token in characters.
const TokenLength = 43

// Strict refuses encodings with stray bits at the end, so that a token has one spelling and one hash.
var tokenEncoding = base64.RawURLEncoding.Strict()

// NewToken returns a random token that can be part of a URL.
func NewToken() string {
	token := make([]byte, tokenSize)
	// crypto/rand.Read never returns an error: it ends the program when the system has no randomness.
	_, _ = rand.Read(token)
	return tokenEncoding.EncodeToString(token)
}

var errToken = errors.New("this is not the token of a link: copy the whole link again")

// ParseToken returns text if it has the form of a token. It says nothing about whether such a grant exists, and its error
// never quotes the text.
func ParseToken(text string) (string, error) {
	// The length comes first: the decoder skips line breaks, which would give a token several spellings.
	if len(text) != TokenLength {
		return "", errToken
	}
	decoded, err := tokenEncoding.DecodeString(text)
	if err != nil || len(decoded) != tokenSize {
		return "", errToken
	}
	return text, nil
}

// HashToken returns the SHA-256 of a token in hexadecimal. It can be stored and looked up.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// TokenMatches reports in constant time whether hash is the HashToken of token.
func TokenMatches(hash, token string) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(HashToken(token))) == 1
}
