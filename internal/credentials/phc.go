// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost are argon2's parameters: memory in KiB, passes over it, and threads.
type cost struct {
	memory  uint32
	time    uint32
	threads uint8
}

// passwordHash is what the PHC string $argon2id$v=19$m=19456,t=2,p=1$<salt>$<sum> says.
type passwordHash struct {
	cost cost
	salt []byte
	sum  []byte
}

// Bounds on hashes that are read. Whoever can write a grant's status must not be able to make the gateway spend gigabytes on
// one sign-in.
const (
	minMemory, maxMemory   = 8, 64 << 10
	minTime, maxTime       = 1, 8
	minThreads, maxThreads = 1, 4
	minSalt, maxSalt       = 8, 64
	minSum, maxSum         = 16, 64
)

var phcEncoding = base64.RawStdEncoding.Strict()

func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.time, h.cost.threads,
		phcEncoding.EncodeToString(h.salt), phcEncoding.EncodeToString(h.sum))
}

var errPHC = errors.New("not an argon2id hash in the PHC string format with v=19 and m, t, p within bounds")

// parsePasswordHash accepts exactly what String writes: one spelling for each hash, nothing before or after.
func parsePasswordHash(encoded string) (passwordHash, error) {
	fields := strings.Split(encoded, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return passwordHash{}, errPHC
	}
	cost, err := parseCost(fields[3])
	if err != nil {
		return passwordHash{}, err
	}
	salt, err := decodeBounded(fields[4], minSalt, maxSalt)
	if err != nil {
		return passwordHash{}, err
	}
	sum, err := decodeBounded(fields[5], minSum, maxSum)
	if err != nil {
		return passwordHash{}, err
	}
	return passwordHash{cost: cost, salt: salt, sum: sum}, nil
}

func parseCost(text string) (cost, error) {
	parameters := strings.Split(text, ",")
	if len(parameters) != 3 {
		return cost{}, errPHC
	}
	memory, errMemory := parseParameter(parameters[0], "m=", minMemory, maxMemory)
	time, errTime := parseParameter(parameters[1], "t=", minTime, maxTime)
	threads, errThreads := parseParameter(parameters[2], "p=", minThreads, maxThreads)
	return cost{memory: memory, time: time, threads: uint8(threads)}, errors.Join(errMemory, errTime, errThreads)
}

func parseParameter(text, name string, least, most uint32) (uint32, error) {
	digits, ok := strings.CutPrefix(text, name)
	value, err := strconv.ParseUint(digits, 10, 32)
	// Formatting it again refuses signs and leading zeros.
	if !ok || err != nil || strconv.FormatUint(value, 10) != digits || value < uint64(least) || value > uint64(most) {
		return 0, errPHC
	}
	return uint32(value), nil
}

func decodeBounded(text string, least, most int) ([]byte, error) {
	// The decoder skips line breaks; they would give a hash several spellings.
	if strings.ContainsAny(text, "\r\n") {
		return nil, errPHC
	}
	decoded, err := phcEncoding.DecodeString(text)
	if err != nil || len(decoded) < least || len(decoded) > most {
		return nil, errPHC
	}
	return decoded, nil
}
