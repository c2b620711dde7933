// SPDX-License-Identifier: Apache-2.0

package manifests_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func load(t *testing.T, json []byte, err error) *keys.Keyset {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	keyset, err := keys.Load(json)
	if err != nil {
		t.Fatal(err)
	}
	return keyset
}

func newRecording(t *testing.T, keyset *keys.Keyset, namespace, uid string) *manifesttest.Recording {
	t.Helper()
	owner, err := objectstore.NewRecording(namespace, uid)
	if err != nil {
		t.Fatal(err)
	}
	recording, err := manifesttest.New(keyset, owner, "q3-review", 3)
	if err != nil {
		t.Fatal(err)
	}
	return recording
}

// rotated returns a keyset before and after a rotation, and after the old key was retired.
func rotated(t *testing.T) (before, after, retired *keys.Keyset) {
	t.Helper()
	json, err := keys.NewKeyset()
	before = load(t, json, err)
	added, id, err := keys.Add(json)
	if err != nil {
		t.Fatal(err)
	}
	promoted, err := keys.Promote(added, id)
	after = load(t, promoted, err)
	disabled, err := keys.Disable(promoted, before.KeyID())
	return before, after, load(t, disabled, err)
}

func TestRewrappingChangesTheWrapAndNothingElse(t *testing.T) {
	before, after, retired := rotated(t)
	recording := newRecording(t, before, "finance", "u1")
	rewrapped, err := manifests.Rewrap(recording.Stored, after, recording.Owner)
	if err != nil {
		t.Fatal(err)
	}
	if by, err := manifests.WrappedBy(rewrapped); err != nil || by != after.KeyID() {
		t.Errorf("wrapped by %s, %v; want %s", by, err, after.KeyID())
	}
	got, dataKey, err := manifests.Open(rewrapped, retired, recording.Owner)
	if err != nil || dataKey != recording.DataKey {
		t.Fatalf("the new key alone opens another data key, or none: %v", err)
	}
	want := *recording.Manifest
	want.Key.ID, want.Key.Wrapped = got.Key.ID, got.Key.Wrapped
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("the manifest changed (-want +got):\n%s", diff)
	}
	if key, salt, err := manifests.OpenKey(rewrapped, retired, recording.Owner); err != nil || key != recording.DataKey || !bytes.Equal(salt, want.Key.Salt) {
		t.Errorf("OpenKey finds another data key or salt, or none: %v", err)
	}
	if _, _, err := manifests.OpenKey(recording.Stored, retired, recording.Owner); !errors.Is(err, keys.ErrUnwrap) {
		t.Errorf("the old manifest gives its key without the old key: %v", err)
	}
	if _, _, err := manifests.Open(recording.Stored, retired, recording.Owner); !errors.Is(err, keys.ErrUnwrap) {
		t.Errorf("the old manifest opens without the old key: %v", err)
	}
	if lacks := manifests.Lacks(recording.Stored, retired); lacks != before.KeyID() {
		t.Errorf("the retired keyset lacks %q, want %s", lacks, before.KeyID())
	}
	if lacks := manifests.Lacks(rewrapped, retired); lacks != "" {
		t.Errorf("the retired keyset lacks %q for what its own key wrapped", lacks)
	}
}

// TestR7AWrappedKeyBelongsToOneRecording swaps what is bound to recordings.
func TestR7AWrappedKeyBelongsToOneRecording(t *testing.T) {
	before, after, _ := rotated(t)
	mine, theirs := newRecording(t, before, "finance", "u1"), newRecording(t, before, "finance", "u2")
	elsewhere := newRecording(t, before, "legal", "u1")
	withKeyOf := func(other *manifesttest.Recording) []byte {
		forged := *mine.Manifest
		forged.Key = other.Manifest.Key
		// Whoever can do this holds the other's data key, and so may make what authenticates with it.
		stored, err := media.EncodeManifest(&forged, other.DataKey.Manifest(forged.Key.Salt))
		if err != nil {
			t.Fatal(err)
		}
		return stored
	}
	for name, stored := range map[string][]byte{
		"the manifest of another recording":                 theirs.Stored,
		"the manifest of the same UID in another namespace": elsewhere.Stored,
		"the wrapped key of another recording":              withKeyOf(theirs),
		"a changed byte":                                    bytes.Replace(mine.Stored, []byte("872-114"), []byte("872-115"), 1),
		"half of it":                                        mine.Stored[:len(mine.Stored)/2],
		"nothing":                                           nil,
	} {
		if _, _, err := manifests.Open(stored, before, mine.Owner); err == nil {
			t.Errorf("%s opens", name)
		}
		if rewrapped, err := manifests.Rewrap(stored, after, mine.Owner); err == nil || rewrapped != nil {
			t.Errorf("%s is rewrapped", name)
		}
	}
}
