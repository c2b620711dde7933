// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// passwordAlphabet has no two characters that look alike, and nothing that needs a shift key.
const passwordAlphabet = "abcdefghjkmnpqrstuvwxyz23456789"

// A password has 4 groups of 5 characters out of 31: 99 bits.
const (
	passwordGroups    = 4
	passwordGroupSize = 5
)

// MaxPassword is the greatest length of a password in bytes.
const MaxPassword = 1024

// NewPassword returns a random password that people can read out and type.
func NewPassword() string {
	groups := make([]string, passwordGroups)
	for i := range groups {
		groups[i] = randomText(passwordGroupSize)
	}
	return strings.Join(groups, "-")
}

func randomText(length int) string {
	var text []byte
	for random := make([]byte, 1); len(text) < length; {
		_, _ = rand.Read(random)
		// The low five bits pick one of 32; the one too many is drawn again, so that all characters are equally likely.
		if i := int(random[0] & 31); i < len(passwordAlphabet) {
			text = append(text, passwordAlphabet[i])
		}
	}
	return string(text)
}

// The cost of guessing one password: argon2id as OWASP recommends it for 19 MiB, about 50 ms here.
var passwordCost = cost{memory: 19 << 10, time: 2, threads: 1}

const (
	saltSize = 16
	hashSize = 32
)

// HashPassword returns the argon2id hash of a password in the PHC string format, with a salt of its own. It takes some
// 50 ms and 19 MiB. It fails for passwords that are empty or longer than MaxPassword.
func HashPassword(password string) (string, error) {
	if password == "" {
		return "", errors.New("the password is empty: choose one, or let the grant generate one")
	}
	if len(password) > MaxPassword {
		return "", fmt.Errorf("the password has %d bytes: choose one of at most %d", len(password), MaxPassword)
	}
	hash := passwordHash{cost: passwordCost, salt: make([]byte, saltSize)}
	_, _ = rand.Read(hash.salt)
	hash.sum = hash.cost.sum(password, hash.salt, hashSize)
	return hash.String(), nil
}

// VerifyPassword reports whether encoded is a hash of the password. It compares in constant time, and is false for hashes
// that it cannot read or that would cost more than 64 MiB or 8 passes.
func VerifyPassword(encoded, password string) bool {
	if password == "" || len(password) > MaxPassword {
		return false
	}
	hash, err := parsePasswordHash(encoded)
	if err != nil {
		return false
	}
	sum := hash.cost.sum(password, hash.salt, len(hash.sum))
	return subtle.ConstantTimeCompare(sum, hash.sum) == 1
}

func (c cost) sum(password string, salt []byte, size int) []byte {
	return argon2.IDKey([]byte(password), salt, c.time, c.memory, c.threads, uint32(size))
}
