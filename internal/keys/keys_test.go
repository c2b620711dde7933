// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/keys"
)

func TestDerivedKeysFollowRFC5869(t *testing.T) {
	key, salt := keys.DataKey{1, 2, 3}, bytes.Repeat([]byte{7}, keys.SaltSize)
	if got, want := key.Media(salt), rfc5869(key, salt, "reelkeeper media v1"); got != want {
		t.Errorf("media key = %x, want %x", got, want)
	}
	if got, want := key.Manifest(salt), rfc5869(key, salt, "reelkeeper manifest v1"); got != want {
		t.Errorf("manifest key = %x, want %x", got, want)
	}
}

// rfc5869 is HKDF-SHA256 for one block of output, written out from the RFC.
func rfc5869(key keys.DataKey, salt []byte, info string) [32]byte {
	extract := hmac.New(sha256.New, salt)
	extract.Write(key[:])
	expand := hmac.New(sha256.New, extract.Sum(nil))
	expand.Write([]byte(info + "\x01"))
	return [32]byte(expand.Sum(nil))
}

func TestDerivedKeysDifferByPurposeSaltAndDataKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := dataKey(t, "a"), dataKey(t, "b")
		saltA, saltB := salt(t, "saltA"), salt(t, "saltB")
		if a.Media(saltA) == a.Manifest(saltA) {
			t.Fatal("media and manifest keys are the same")
		}
		if !bytes.Equal(saltA, saltB) && a.Media(saltA) == a.Media(saltB) {
			t.Fatal("two salts give the same media key")
		}
		if a != b && a.Media(saltA) == b.Media(saltA) {
			t.Fatal("two data keys give the same media key")
		}
	})
}

func TestNewDataKeysAndSaltsAreRandom(t *testing.T) {
	if a, b := keys.NewDataKey(), keys.NewDataKey(); a == b || a == (keys.DataKey{}) {
		t.Error("NewDataKey repeats itself or is empty")
	}
	if bytes.Equal(keys.NewSalt(), keys.NewSalt()) || len(keys.NewSalt()) != keys.SaltSize {
		t.Error("NewSalt repeats itself or has the wrong size")
	}
}

func TestDataKeyNeverPrints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := dataKey(t, "key")
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U"} {
			checkSilent(t, verb, key, fmt.Sprintf(verb, key))
			checkSilent(t, "pointer "+verb, key, fmt.Sprintf(verb, &key))
			checkSilent(t, "field "+verb, key, fmt.Sprintf(verb, struct{ Key keys.DataKey }{key}))
		}
		checkSilent(t, "String", key, key.String())
		checkSilent(t, "GoString", key, key.GoString())
		if out, err := json.Marshal(map[string]any{"key": key}); err == nil {
			t.Fatalf("JSON accepted a data key: %s", out)
		}
		if out, err := key.MarshalText(); err == nil {
			t.Fatalf("text encoding accepted a data key: %s", out)
		}
	})
}

func checkSilent(t *rapid.T, how string, key keys.DataKey, out string) {
	t.Helper()
	if !strings.Contains(out, "[data key]") {
		t.Fatalf("%s printed %q, want the placeholder", how, out)
	}
	for _, leak := range []string{hex.EncodeToString(key[:4]), strings.ToUpper(hex.EncodeToString(key[:4])),
		base64.StdEncoding.EncodeToString(key[:3]), fmt.Sprintf("%d %d %d", key[0], key[1], key[2])} {
		if strings.Contains(out, leak) {
			t.Fatalf("%s leaked the key: %q", how, out)
		}
	}
}

func TestRecordingAD(t *testing.T) {
	if got, want := string(keys.RecordingAD("finance", "u-1")), "reelkeeper.io/v1alpha1/finance/u-1"; got != want {
		t.Errorf("associated data = %q, want %q", got, want)
	}
}

func dataKey(t *rapid.T, label string) keys.DataKey {
	return keys.DataKey(rapid.SliceOfN(rapid.Byte(), keys.KeySize, keys.KeySize).Draw(t, label))
}

func salt(t *rapid.T, label string) []byte {
	return rapid.SliceOfN(rapid.Byte(), keys.SaltSize, keys.SaltSize).Draw(t, label)
}
