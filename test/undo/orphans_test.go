// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/undo"
)

// TestOrphansAreFoundAndLeftAlone makes one of each kind, beside a recording that is whole.
func TestOrphansAreFoundAndLeftAlone(t *testing.T) {
	w := newWorld(t, env, newVault(t), "orphans")
	w.namespace("orphans")
	all := keysIn(3, "orphans")
	w.make(all...)
	if out, errs, code := w.run("", "orphans"); code != cli.ExitYes {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	// As a cluster loses it: nobody buries anything.
	lost, bereft := w.get(all[0]), w.get(all[1])
	w.patch(all[0], `{"metadata":{"finalizers":null}}`)
	w.delete(all[0])
	if err := w.objects.Delete(t.Context(), "recordings", bereft.Status.Storage.Key); err != nil {
		t.Fatal(err)
	}
	raw, err := objectstore.NewRecording("orphans", "9d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c19")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.objects.Put(t.Context(), "recordings", raw.RawKey(), strings.NewReader("raw"), 3, objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	before := w.keys("")
	out, errs, code := w.run("", "orphans", "-n", "orphans", "-o", "json")
	var found undo.Orphans
	if err := json.Unmarshal([]byte(out), &found); err != nil || code != cli.ExitNo || len(found.Objects) != 2 || len(found.Recordings) != 1 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	for _, orphan := range found.Objects {
		if want := map[string]string{string(lost.UID): "recover brings it back", raw.UID(): "a raw upload that was never processed"}[orphan.UID]; want == "" || !strings.Contains(orphan.What, want) {
			t.Errorf("orphan %+v, want %q", orphan, want)
		}
	}
	if one := found.Recordings[0]; one.Name != all[1].Name || len(one.Missing) != 1 || one.Missing[0] != bereft.Status.Storage.Key {
		t.Errorf("bereft %+v", one)
	}
	out, _, _ = w.run("", "orphans")
	has(t, out, "2 orphans in its buckets, 1 recordings without all of their objects", "orphans/"+all[1].Name)
	if after := w.keys(""); len(after) != len(before) {
		t.Errorf("it has changed the bucket: %v, was %v", after, before)
	}
}
