// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// TestR27ASecondClusterLeavesABucketAlone has a store of another cluster, with the same keyset, and a tombstone in it that is due: in the
// cluster that it works for somebody may be about to restore that. Taken over, the store is used, and the tombstone acted upon.
func TestR27ASecondClusterLeavesABucketAlone(t *testing.T) {
	vault := newVault(t)
	w := newWorld(t, env, vault, "claimed")
	w.putClaim(`{"version":1,"id":"theirs","cluster":"another"}`)
	past := clock.RealClock{}.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	due := archive.Tombstone{Namespace: "claimed-a", Name: "of-the-other", UID: "0d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c11", DeletedAt: past, PurgeAt: past, RawKey: "staging/x"}
	if err := archive.WriteTombstone(t.Context(), w.objects, "recordings", due); err != nil {
		t.Fatal(err)
	}
	stop := startManager(t, env)
	w.eventuallyClaimedElsewhere()

	w.namespace("claimed-a")
	key := client.ObjectKey{Namespace: "claimed-a", Name: "q3"}
	w.make(key)
	lost := w.get(key)
	names, err := objectstore.NewRecording(key.Namespace, string(lost.UID))
	if err != nil {
		t.Fatal(err)
	}
	before := w.keys("")
	if err := w.admin.Delete(t.Context(), lost); err != nil { // it waits, because nothing may be written there
		t.Fatal(err)
	}
	if after := w.keys(""); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("the bucket has changed from %v to %v", before, after)
	}
	if _, errs, code := w.run("", "recover", "--take-over", "--dry-run"); code != cli.ExitError {
		t.Errorf("a dry run takes over: exit code %d: %s", code, errs)
	}
	out, errs, code := w.run("", "recover", "--take-over")
	if code == cli.ExitError {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	has(t, errs, "is taken over from the cluster whose namespace kube-system has the UID another")
	w.awaitStore()
	w.eventually("the deletion gets its tombstone", func() bool { return len(w.keysOf(names, w.keys("trash/"))) == 1 })

	// The other one takes it back, and nobody is left here who could see that.
	stop()
	w.putClaim(`{"version":1,"id":"theirs-again","cluster":"another"}`)
	trash := w.keys("trash/")
	if out, errs, code := w.run("", "trash", "purge", key.String(), "--yes"); code != cli.ExitError || !strings.Contains(errs, "works for another cluster") {
		t.Errorf("a purge by name in what is another cluster's: exit code %d: %s%s", code, out, errs)
	}
	if after := w.keys("trash/"); strings.Join(after, "\n") != strings.Join(trash, "\n") {
		t.Errorf("the trash has changed from %v to %v", trash, after)
	}
}

func (w *world) putClaim(content string) {
	w.Helper()
	_, err := w.objects.Put(w.Context(), "recordings", objectstore.ClaimKey, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) keysOf(names objectstore.Recording, keys []string) []string {
	var found []string
	for _, key := range keys {
		if of, _, err := objectstore.ParseTombstone(key); err == nil && of == names {
			found = append(found, key)
		}
	}
	return found
}
