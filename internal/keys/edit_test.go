// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/keys"
)

func mustLoad(t rapid.TB, json []byte, err error) *keys.Keyset {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := keys.Load(json)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestTheLifeOfAKey(t *testing.T) {
	json, err := keys.NewKeyset()
	first := mustLoad(t, json, err)
	old := first.KeyID()
	key, ad := keys.NewDataKey(), keys.RecordingAD("ns", "u1")
	wrapped, err := first.Wrap(key, ad)
	if err != nil {
		t.Fatal(err)
	}
	unwraps := func(json []byte, err error) bool {
		t.Helper()
		got, err := mustLoad(t, json, err).Unwrap(wrapped, ad)
		return err == nil && got == key
	}

	added, id, err := keys.Add(json)
	if got := mustLoad(t, added, err); got.KeyID() != old || !slices.Contains(got.Keys(), keys.KeyInfo{ID: id, Enabled: true}) {
		t.Errorf("an added key wraps already, or is not there: primary %s, keys %v", got.KeyID(), got.Keys())
	}
	promoted, err := keys.Promote(added, id)
	if got := mustLoad(t, promoted, err); got.KeyID() != id || !unwraps(promoted, nil) {
		t.Errorf("after promoting %s, %s wraps, or the old key does not unwrap", id, got.KeyID())
	}
	disabled, err := keys.Disable(promoted, old)
	if unwraps(disabled, err) {
		t.Error("a disabled key unwraps")
	}
	if diff := cmp.Diff([]keys.KeyInfo{{ID: old}, {ID: id, Enabled: true}}, mustLoad(t, disabled, nil).Keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if enabled, err := keys.Enable(disabled, old); !unwraps(enabled, err) {
		t.Error("an enabled key does not unwrap")
	}
	if back, err := keys.Promote(disabled, old); !unwraps(back, err) || mustLoad(t, back, nil).KeyID() != old {
		t.Error("a disabled key that is promoted does not wrap")
	}
	removed, err := keys.Remove(disabled, old)
	if unwraps(removed, err) || len(mustLoad(t, removed, nil).Keys()) != 1 {
		t.Error("a removed key is still there")
	}
}

func TestNoEditTakesTheLastKeyOrWhatIsNotThere(t *testing.T) {
	json, err := keys.NewKeyset()
	only := mustLoad(t, json, err).KeyID()
	for name, edit := range map[string]func() ([]byte, error){
		"disabling the key that wraps":   func() ([]byte, error) { return keys.Disable(json, only) },
		"removing the key that wraps":    func() ([]byte, error) { return keys.Remove(json, only) },
		"promoting a key that is not in": func() ([]byte, error) { return keys.Promote(json, "7") },
		"removing a key that is not in":  func() ([]byte, error) { return keys.Remove(json, "7") },
		"a key that is no number":        func() ([]byte, error) { return keys.Enable(json, "seven") },
		"a keyset that is none":          func() ([]byte, error) { return keys.Enable([]byte("SECRET"), only) },
	} {
		changed, err := edit()
		if err == nil || changed != nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if strings.Contains(err.Error(), "SECRET") && !strings.Contains(err.Error(), "the Secret") {
			t.Errorf("%s: the error quotes its input: %v", name, err)
		}
	}
}

// TestWhateverIsEditedTheEnabledKeysUnwrap does what an operator may do in any order.
func TestWhateverIsEditedTheEnabledKeysUnwrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		json, err := keys.NewKeyset()
		keyset := mustLoad(t, json, err)
		key, ad := keys.NewDataKey(), keys.RecordingAD("ns", "u1")
		wraps := map[string][]byte{}
		for range rapid.IntRange(1, 12).Draw(t, "edits") {
			ids := keyset.Keys()
			id := rapid.SampledFrom(ids).Draw(t, "key").ID
			var changed []byte
			switch rapid.SampledFrom([]string{"add", "promote", "disable", "enable", "remove"}).Draw(t, "edit") {
			case "add":
				changed, _, err = keys.Add(json)
			case "promote":
				changed, err = keys.Promote(json, id)
			case "disable":
				changed, err = keys.Disable(json, id)
			case "enable":
				changed, err = keys.Enable(json, id)
			case "remove":
				changed, err = keys.Remove(json, id)
			}
			if err != nil {
				continue
			}
			json, keyset = changed, mustLoad(t, changed, nil)
			if wraps[keyset.KeyID()], err = keyset.Wrap(key, ad); err != nil {
				t.Fatal(err)
			}
			for _, info := range keyset.Keys() {
				wrapped, used := wraps[info.ID]
				if _, err := keyset.Unwrap(wrapped, ad); used && (err == nil) != info.Enabled {
					t.Fatalf("key %s, enabled: %t, unwraps: %v", info.ID, info.Enabled, err)
				}
			}
		}
	})
}
