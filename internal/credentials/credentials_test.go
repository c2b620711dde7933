// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTokensAreRandomAndFitAURL(t *testing.T) {
	a, b := NewToken(), NewToken()
	if a == b {
		t.Error("NewToken repeats itself")
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`).MatchString(a) {
		t.Errorf("token %q is not 43 characters that a URL can hold", a)
	}
	if got, err := ParseToken(a); got != a || err != nil {
		t.Errorf("ParseToken(NewToken()) = %q, %v", got, err)
	}
}

func TestTokenMatchesItsOwnHashOnly(t *testing.T) {
	a, b := NewToken(), NewToken()
	if !TokenMatches(HashToken(a), a) || TokenMatches(HashToken(a), b) || TokenMatches("", a) {
		t.Error("TokenMatches is wrong")
	}
	if got, want := HashToken("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; got != want {
		t.Errorf("HashToken(abc) = %s, want its SHA-256 %s", got, want)
	}
}

func TestParseTokenRefuses(t *testing.T) {
	good := strings.Repeat("A", 43)
	for name, text := range map[string]string{
		"nothing":                       "",
		"too short":                     good[1:],
		"too long":                      good + "A",
		"stray bits at the end":         good[1:] + "B",
		"standard alphabet":             "+/" + good[2:],
		"padding":                       good[:42] + "=",
		"line break that decoders skip": good[:42] + "\n",
		"character outside ASCII":       good[:41] + "é",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseToken(text); err == nil {
				t.Errorf("ParseToken(%q) was accepted", text)
			} else if text != "" && strings.Contains(err.Error(), text) {
				t.Errorf("the error quotes the text: %v", err)
			}
		})
	}
}

func TestPasswordsAreRandomAndTypable(t *testing.T) {
	form := regexp.MustCompile(`^[a-z2-9]{5}(-[a-z2-9]{5}){3}$`)
	seen := map[rune]int{}
	for range 2000 {
		password := NewPassword()
		if !form.MatchString(password) || strings.ContainsAny(password, "ilo") {
			t.Fatalf("password %q is hard to type", password)
		}
		for _, r := range strings.ReplaceAll(password, "-", "") {
			seen[r]++
		}
	}
	bits := passwordGroups * passwordGroupSize * math.Log2(float64(len(seen)))
	if bits < 90 {
		t.Errorf("passwords have %.0f bits, want at least 90", bits)
	}
	// 40,000 characters over 31: each is expected 1290 times, with a standard deviation of 35.
	for r, n := range seen {
		if n < 1290-8*35 || n > 1290+8*35 {
			t.Errorf("character %q was drawn %d times out of 40000, want about 1290", r, n)
		}
	}
}

func TestVerifyPassword(t *testing.T) {
	hash, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	again, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if hash == again {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	if len(hash) > 256 || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %q, want argon2id with 19 MiB and 2 passes in at most 256 characters", hash)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horse ": false, "": false, strings.Repeat("x", 1025): false} {
		if got := VerifyPassword(hash, password); got != want {
			t.Errorf("VerifyPassword(%.20q) = %v, want %v", password, got, want)
		}
	}
}

func TestVerifyPasswordReadsOtherImplementationsHashes(t *testing.T) {
	// From the test vectors of the reference implementation (phc-winner-argon2, test.c, version 0x13).
	const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if !VerifyPassword(hash, "password") || VerifyPassword(hash, "differentpassword") {
		t.Error("the reference implementation's hash was not read right")
	}
}

func TestHashPasswordRefuses(t *testing.T) {
	for _, password := range []string{"", strings.Repeat("x", 1025)} {
		if _, err := HashPassword(password); err == nil {
			t.Errorf("HashPassword of %d bytes was accepted", len(password))
		}
	}
}

func TestParsePasswordHashRefuses(t *testing.T) {
	const salt, sum = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	good := "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + sum
	if _, err := parsePasswordHash(good); err != nil {
		t.Fatal(err)
	}
	for name, encoded := range map[string]string{
		"nothing":                    "",
		"something before":           "x" + good,
		"something after":            good + "$",
		"padding":                    good + "=",
		"line break":                 good + "\n",
		"another algorithm":          strings.Replace(good, "argon2id", "argon2i", 1),
		"another version":            strings.Replace(good, "v=19", "v=16", 1),
		"memory beyond the bound":    strings.Replace(good, "m=256", "m=4194304", 1),
		"memory that overflows":      strings.Replace(good, "m=256", "m=4294967552", 1),
		"no memory":                  strings.Replace(good, "m=256", "m=0", 1),
		"passes beyond the bound":    strings.Replace(good, "t=2", "t=1000", 1),
		"no threads":                 strings.Replace(good, "p=1", "p=0", 1),
		"threads that overflow":      strings.Replace(good, "p=1", "p=257", 1),
		"leading zero":               strings.Replace(good, "t=2", "t=02", 1),
		"plus sign":                  strings.Replace(good, "t=2", "t=+2", 1),
		"parameters in other order":  strings.Replace(good, "m=256,t=2", "t=2,m=256", 1),
		"one parameter more":         strings.Replace(good, "p=1", "p=1,q=1", 1),
		"salt too short":             strings.Replace(good, salt, "c29t", 1),
		"sum too short":              strings.Replace(good, sum, "nf65", 1),
		"sum too long":               strings.Replace(good, sum, strings.Repeat("A", 88), 1),
		"stray bits in the encoding": strings.Replace(good, salt, "c29tZXNhbHR", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parsePasswordHash(encoded); err == nil {
				t.Errorf("%q was accepted", encoded)
			}
		})
	}
}

func TestPasswordHashRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := passwordHash{
			cost: cost{
				memory:  rapid.Uint32Range(minMemory, maxMemory).Draw(t, "memory"),
				time:    rapid.Uint32Range(minTime, maxTime).Draw(t, "time"),
				threads: rapid.Uint8Range(minThreads, maxThreads).Draw(t, "threads"),
			},
			salt: rapid.SliceOfN(rapid.Byte(), minSalt, maxSalt).Draw(t, "salt"),
			sum:  rapid.SliceOfN(rapid.Byte(), minSum, maxSum).Draw(t, "sum"),
		}
		got, err := parsePasswordHash(want.String())
		if err != nil || got.String() != want.String() {
			t.Fatalf("%q was read as %q, %v", want, got, err)
		}
	})
}

// FuzzParseToken checks that every token has exactly one spelling.
func FuzzParseToken(f *testing.F) {
	for _, seed := range []string{"", strings.Repeat("A", 43), strings.Repeat("A", 42) + "\n", NewToken(), strings.Repeat("é", 21) + "A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ParseToken(text)
		if err != nil {
			return
		}
		decoded, err := tokenEncoding.DecodeString(token)
		if err != nil || len(decoded) != tokenSize {
			t.Fatalf("%q was accepted and holds %d bytes, %v", text, len(decoded), err)
		}
		if again := tokenEncoding.EncodeToString(decoded); token != text || again != text {
			t.Fatalf("%q was accepted and is the same token as %q", text, again)
		}
	})
}

// FuzzParsePasswordHash checks that every hash that is read is within bounds and has exactly one spelling.
func FuzzParsePasswordHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2id$v=19$m=99999999999,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		hash, err := parsePasswordHash(encoded)
		if err != nil {
			return
		}
		if hash.String() != encoded {
			t.Fatalf("%q was accepted and is the same hash as %q", encoded, hash)
		}
		if c := hash.cost; c.memory > maxMemory || c.time > maxTime || c.threads > maxThreads {
			t.Fatalf("%q costs too much: %+v", encoded, c)
		}
	})
}
