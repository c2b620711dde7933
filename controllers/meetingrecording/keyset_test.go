// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// setKeyset puts a keyset in the place of the store's, and returns what was there.
func (w *world) setKeyset(encoded []byte) (before []byte) {
	w.Helper()
	secret := &corev1.Secret{}
	if err := w.admin.Get(w.Context(), client.ObjectKey{Namespace: operatorNamespace, Name: "kek-" + w.namespace}, secret); err != nil {
		w.Fatal(err)
	}
	before = secret.Data[stores.KeysetKey]
	secret.Data = map[string][]byte{stores.KeysetKey: encoded}
	if err := w.admin.Update(w.Context(), secret); err != nil {
		w.Fatal(err)
	}
	return before
}

// wrongKeysets are what somebody can find in the place of a keyset. Of the store, nothing is known that would give them away.
func wrongKeysets(t *testing.T) map[string][]byte {
	t.Helper()
	other, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"another one": other, "none": {}, "no keyset": []byte("{}")}
}

// R26, R27: whether a deleted recording may go stands in the bucket, under its key. Who has not the key purges nothing.
func TestR27AWrongKeysetNeverLeadsToAPurge(t *testing.T) {
	t.Parallel()
	for name, wrong := range wrongKeysets(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			recording := w.available()
			w.deleted(recording)
			before := w.stored()
			right := w.setKeyset(wrong)
			w.clock.Step(400 * day)
			w.restart()
			for range 2 {
				if _, err := w.sweeper.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, w.stored()); diff != "" {
					t.Fatalf("in the bucket (-before +after):\n%s", diff)
				}
			}
			// With a keyset that can be read, the store opens, and its conditions say nothing unless the sweeper tells.
			if n, example := w.sweeper.Unreadable(w.store.Name); name == "another one" && (n != 1 || example != w.namespace+"/"+recording.Name) {
				t.Errorf("%d wait for a key, %s for one", n, example)
			}
			w.setKeyset(right)
			if _, err := w.sweeper.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n, example := w.sweeper.Unreadable(w.store.Name); n != 0 {
				t.Errorf("with the key, %d wait for one, such as %s", n, example)
			}
			w.expectPurged(recording)
		})
	}
}

// A recording that is deleted meanwhile waits: what it leaves in the bucket has to be authentic, or nobody could tell later that it
// may go.
func TestR25ADeletionWaitsForTheKeyset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	recording := w.available()
	right := w.setKeyset(wrongKeysets(t)["another one"])
	if err := w.admin.Delete(t.Context(), recording); err != nil {
		t.Fatal(err)
	}
	before := w.stored()
	for range 3 {
		if _, err := w.pass(); !errors.Is(err, archive.ErrKeyMissing) {
			t.Errorf("a pass without the key: %v", err)
		}
	}
	if diff := cmp.Diff(before, w.stored()); diff != "" || w.get() == nil {
		t.Fatalf("in the bucket (-before +after):\n%s", diff)
	}
	w.setKeyset(right)
	w.drive(gone)
	if state := w.state(recording); state.DeletedAt.IsZero() || len(w.stored()) != len(before)+1 {
		t.Errorf("it left %v and the state %+v", w.stored(), state)
	}
}

// What a worker has made in the meantime is neither made again nor thrown away.
func TestAResultWaitsForTheKeyset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.packaged()
	before := w.stored()
	right := w.setKeyset(wrongKeysets(t)["another one"])
	for range 3 {
		if _, err := w.pass(); !errors.Is(err, archive.ErrKeyMissing) {
			t.Errorf("a pass without the key: %v", err)
		}
	}
	if diff := cmp.Diff(before, w.stored()); diff != "" {
		t.Errorf("in the bucket (-before +after):\n%s", diff)
	}
	w.setKeyset(right)
	if recording := w.drive(is(v1alpha1.ReasonAvailable)); len(w.jobs(recording)) > 1 {
		t.Error("it was processed twice")
	}
}
