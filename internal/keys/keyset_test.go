// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/keys"
)

func TestWrappedKeysComeBackOnlyAsTheyWent(t *testing.T) {
	keyset, other := newKeyset(t), newKeyset(t)
	rapid.Check(t, func(t *rapid.T) {
		key := dataKey(t, "key")
		ad := keys.RecordingAD(name(t, "namespace"), name(t, "uid"))
		wrapped, err := keyset.Wrap(key, ad)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(wrapped, key[:8]) {
			t.Fatal("the wrapped key contains the data key")
		}
		if got, err := keyset.Unwrap(wrapped, ad); err != nil || got != key {
			t.Fatalf("Unwrap failed or changed the key: %v", err)
		}
		if again, _ := keyset.Wrap(key, ad); bytes.Equal(again, wrapped) {
			t.Fatal("wrapping twice gave the same bytes")
		}
		if by, err := keys.WrappedBy(wrapped); err != nil || by != keyset.KeyID() {
			t.Fatalf("WrappedBy = %q, %v; want %q", by, err, keyset.KeyID())
		}

		refuse(t, "another recording", keyset, wrapped, keys.RecordingAD(name(t, "namespace2")+"x", "u"))
		refuse(t, "no associated data", keyset, wrapped, nil)
		refuse(t, "another keyset", other, wrapped, ad)
		flipped := bytes.Clone(wrapped)
		flipped[rapid.IntRange(0, len(flipped)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		refuse(t, "a changed bit", keyset, flipped, ad)
		refuse(t, "a shortened key", keyset, wrapped[:rapid.IntRange(0, len(wrapped)-1).Draw(t, "length")], ad)
	})
}

func refuse(t *rapid.T, what string, keyset *keys.Keyset, wrapped, ad []byte) {
	t.Helper()
	key, err := keyset.Unwrap(wrapped, ad)
	if !errors.Is(err, keys.ErrUnwrap) || key != (keys.DataKey{}) {
		t.Fatalf("%s: Unwrap = %v, %v; want ErrUnwrap and no key", what, key, err)
	}
}

func TestUnwrapRefusesAPlaintextThatIsNoDataKey(t *testing.T) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		t.Fatal(err)
	}
	short, err := primitive.Encrypt([]byte("16 bytes of data"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, handle).Unwrap(short, nil); !errors.Is(err, keys.ErrUnwrap) {
		t.Errorf("Unwrap of 16 bytes = %v, want ErrUnwrap", err)
	}
}

func TestRotatedKeysetStillUnwrapsAndWrapsWithTheNewKey(t *testing.T) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	before, key, ad := load(t, handle), keys.NewDataKey(), keys.RecordingAD("ns", "u1")
	wrapped, err := before.Wrap(key, ad)
	if err != nil {
		t.Fatal(err)
	}

	manager := keyset.NewManagerFromHandle(handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	rotated, err := manager.Handle()
	if err != nil {
		t.Fatal(err)
	}
	after := load(t, rotated)

	if after.KeyID() == before.KeyID() || after.KeyID() != strconv.FormatUint(uint64(id), 10) {
		t.Errorf("primary key = %s, want %d (was %s)", after.KeyID(), id, before.KeyID())
	}
	if got, err := after.Unwrap(wrapped, ad); err != nil || got != key {
		t.Errorf("a key wrapped before the rotation no longer unwraps: %v", err)
	}
	rewrapped, err := after.Wrap(key, ad)
	if err != nil {
		t.Fatal(err)
	}
	if by, _ := keys.WrappedBy(rewrapped); by != after.KeyID() {
		t.Errorf("wrapped by %s after the rotation, want %s", by, after.KeyID())
	}
	_, err = before.Unwrap(rewrapped, ad)
	if err == nil || !strings.Contains(err.Error(), after.KeyID()) {
		t.Errorf("error = %v, want one that names the missing key %s", err, after.KeyID())
	}
}

func TestLoadRefusesWhatItCannotUse(t *testing.T) {
	good, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	macHandle, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	raw := aead.AES256GCMKeyTemplate()
	raw.OutputPrefixType = tink_go_proto.OutputPrefixType_RAW
	rawHandle, err := keyset.NewHandle(raw)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		json        []byte
		wantMessage string
	}{
		"nothing":                          {nil, "restore the Secret"},
		"an empty object":                  {[]byte(`{}`), "restore the Secret"},
		"text":                             {[]byte("SECRETSECRET"), "restore the Secret"},
		"a truncated keyset":               {good[:len(good)/2], "restore the Secret"},
		"keys of another kind":             {encode(t, macHandle), "AEAD"},
		"keys that leave no mark":          {encode(t, rawHandle), "output prefix"},
		"a keyset whose primary is absent": {[]byte(strings.Replace(string(good), `"primaryKeyId":`, `"primaryKeyId":1`, 1)), "keyset"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := keys.Load(tc.json)
			if err == nil || !strings.Contains(err.Error(), tc.wantMessage) {
				t.Fatalf("Load = %v, want an error with %q", err, tc.wantMessage)
			}
			if strings.Contains(err.Error(), "SECRET") && !strings.Contains(err.Error(), "the Secret") {
				t.Errorf("the error quotes its input: %v", err)
			}
		})
	}
}

func TestKeysetNeverPrints(t *testing.T) {
	encoded, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := keys.Load(encoded)
	if err != nil {
		t.Fatal(err)
	}
	want := "[keyset, primary key " + loaded.KeyID() + "]"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, loaded); got != want {
			t.Errorf("%s printed %q, want %q", verb, got, want)
		}
	}
}

func newKeyset(t *testing.T) *keys.Keyset {
	t.Helper()
	encoded, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := keys.Load(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func load(t *testing.T, handle *keyset.Handle) *keys.Keyset {
	t.Helper()
	loaded, err := keys.Load(encode(t, handle))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func encode(t *testing.T, handle *keyset.Handle) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&buf)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func name(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?`).Draw(t, label)
}
