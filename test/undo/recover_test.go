// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

// over is a world in the cluster of a gateway, whose store is the one called default.
func over(t testing.TB, g *gatewaytest.World) *world {
	t.Helper()
	objects, err := objectstore.New(g.S3.Config())
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		TB: t, vault: &vault{server: g.S3, objects: objects, keyset: g.Keyset}, env: g.Env, admin: g.Admin, store: v1alpha1.DefaultStore,
		hashes: map[client.ObjectKey]string{},
	}
}

// TestALostClusterIsRecoveredFromTheBucketAlone throws a whole control plane away, and makes everything again in a new one that has
// nothing but the keyset: what was available, in the trash and held there, held and deleted. What is back is compared byte for byte, and played.
func TestALostClusterIsRecoveredFromTheBucketAlone(t *testing.T) {
	lost := testenv.Start(t, options())
	gatewayThen := gatewaytest.Start(t, lost)
	before := over(t, gatewayThen)
	before.namespace("board")
	before.namespace("finance")
	video, file := gatewayThen.Recording(t, "board", "video")
	all := append(keysIn(6, "finance"), client.ObjectKeyFromObject(video))
	trashed, held, deleted, half := all[0], all[1], all[2], all[3]
	before.make(all[:6]...)
	before.hashes[client.ObjectKeyFromObject(video)] = video.Status.Media.SHA256
	stop := startManager(t, lost)
	before.settled("finance", 6)
	before.settled("board", 1)
	before.patch(trashed, `{"spec":{"state":"Trashed"}}`)
	before.patch(trashed, `{"spec":{"holds":[{"name":"case-8","by":"legal@example.com"}]}}`)
	before.patch(held, `{"metadata":{"labels":{"team":"blue"}},"spec":{"holds":[{"name":"case-7","by":"legal@example.com"}]}}`)
	halfDeleted := before.get(half)
	before.delete(half)
	before.delete(deleted)
	before.eventually("the bucket says all of it", func() bool {
		then := before.get(trashed)
		return !then.Status.TrashedAt.IsZero() && then.Status.ObservedGeneration == then.Generation && before.get(held).Status.ObservedGeneration == before.get(held).Generation && recoverable(then) && recoverable(before.get(held))
	})
	trashedAt := before.get(trashed).Status.TrashedAt
	raw, err := objectstore.NewRecording("finance", "9d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c19")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.objects.Put(t.Context(), "recordings", raw.RawKey(), strings.NewReader("raw"), 3, objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	bare, err := objectstore.NewRecording("finance", "7c1d5c2e-5b0f-4f57-9f0e-6f1f3a8f3c12")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.objects.Put(t.Context(), "recordings", bare.MediaKey(1), strings.NewReader("media"), 5, objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	stop()
	lost.Kill()
	// The cluster was lost in the midst of a deletion, of which the state says so already.
	names, err := objectstore.NewRecording("finance", string(halfDeleted.UID))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range before.keysOf(names, before.keys("trash/")) {
		if _, err := before.objects.DeleteAllVersions(t.Context(), "recordings", key); err != nil {
			t.Fatal(err)
		}
	}

	gatewayNow := gatewayThen.Over(t, env)
	now := over(t, gatewayNow)
	now.hashes = before.hashes
	now.namespace("finance") // from Git; nobody has made the other one again
	startManager(t, env)

	out, errs, code := now.run("", "recover", "--dry-run")
	if code != cli.ExitError || !strings.Contains(errs, "works for another cluster") {
		t.Fatalf("a store of another cluster: exit code %d: %s%s", code, out, errs)
	}
	now.takeOver()
	out, errs, code = now.run("", "recover", "--dry-run")
	if code != cli.ExitNo || len(now.list("finance")) > 0 {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	has(t, out, "5 would be done (dry run)", "namespace board is gone: make it as it was, or have it made with --create-namespace")

	out, errs, code = now.run("", "recover", "--create-namespace", "-o", "json")
	var report struct {
		Counts     map[string]int
		Recordings []struct{ Name, Result, Message string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != cli.ExitNo {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	if report.Counts["Restored"] != 6 || report.Counts["Passed"] != 1 || report.Counts["Failed"] != 2 {
		t.Errorf("counts %v: %s", report.Counts, out)
	}
	has(t, out, "it was never processed, and nothing in the bucket says what it is", "there is media of it and no manifest", "kubectl reelkeeper trash restore brings it back")

	now.expectBack(append(all[3:], held)...)
	if back := now.get(trashed); !back.Status.TrashedAt.Equal(&trashedAt) || back.Spec.State != v1alpha1.StateTrashed || len(back.Spec.Holds) != 1 {
		t.Errorf("R27 the one that was held in the trash is %+v", back)
	}
	if back := now.get(held); len(back.Spec.Holds) != 1 || back.Spec.Holds[0].By != "legal@example.com" || back.Labels["team"] != "blue" {
		t.Errorf("the held one is %+v", back)
	}
	if now.get(deleted) != nil {
		t.Error("what was deleted is back unasked")
	}
	if out, errs, code := now.run("", "trash", "restore", deleted.String()); code != cli.ExitYes {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	now.expectBack(deleted)
	expectPlayed(t, gatewayNow, now.get(all[6]), file)

	versions := now.versions("finance")
	out, _, _ = now.run("", "recover")
	has(t, out, "7 there already, 2 FAILED")
	if again := now.versions("finance"); again != versions {
		t.Errorf("a second recovery has written: %s, was %s", again, versions)
	}
}

// eventuallyClaimedElsewhere returns what the store says when it has seen that it works for another cluster.
func (w *world) eventuallyClaimedElsewhere() (message string) {
	w.Helper()
	w.eventually("the store says that it works for another cluster", func() bool {
		ready := meta.FindStatusCondition(w.described().Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != v1alpha1.ReasonClaimedElsewhere {
			return false
		}
		message = ready.Message
		return true
	})
	return message
}

// takeOver annotates the store as its condition says.
func (w *world) takeOver() {
	w.Helper()
	message := w.eventuallyClaimedElsewhere()
	_, id, found := strings.Cut(message, v1alpha1.AnnotationTakeOver+"=")
	if !found {
		w.Fatalf("the message does not say how to take over: %s", message)
	}
	store := w.described()
	before := store.DeepCopy()
	store.Annotations = map[string]string{v1alpha1.AnnotationTakeOver: id}
	if err := w.admin.Patch(w.Context(), store, client.MergeFrom(before)); err != nil {
		w.Fatal(err)
	}
	w.awaitStore()
}

func recoverable(r *v1alpha1.MeetingRecording) bool {
	for _, c := range r.Status.Conditions {
		if c.Type == v1alpha1.ConditionRecoverable {
			return c.Status == "True"
		}
	}
	return false
}

// versions tells whether anything of a namespace was written.
func (w *world) versions(namespace string) string {
	w.Helper()
	var all []string
	for _, one := range w.list(namespace) {
		all = append(all, one.Name+" "+one.ResourceVersion)
	}
	return strings.Join(all, ", ")
}

// expectPlayed watches a recording through the gateway, from the key and the ciphertext that a browser gets, and downloads it.
func expectPlayed(t testing.TB, g *gatewaytest.World, recording *v1alpha1.MeetingRecording, file []byte) {
	t.Helper()
	g.Seen(t, recording)
	page := "/r/" + recording.Namespace + "/" + recording.Name
	viewer := g.SignIn(t, "participant")
	begun := viewer.Post(t, page+"/sessions", nil)
	var view struct{ Playlist string }
	if err := json.Unmarshal(begun.Body, &view); err != nil || begun.Status != http.StatusCreated {
		t.Fatalf("beginning to watch: status %d, %v: %s", begun.Status, err, begun.Body)
	}
	routes := strings.TrimSuffix(view.Playlist, "playlist.m3u8")
	media := viewer.Get(t, routes+"media")
	block, err := aes.NewCipher(viewer.Get(t, routes+"key").Body)
	if err != nil {
		t.Fatal(err)
	}
	plain := make([]byte, len(media.Body))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(plain, media.Body)
	if !bytes.Equal(plain, file) {
		t.Errorf("what a viewer gets is not the video: %d bytes, want %d", len(plain), len(file))
	}
	if download := g.SignIn(t, "host").Get(t, page+"/download"); !bytes.Equal(download.Body, file) {
		t.Errorf("the download answers %d with other bytes", download.Status)
	}
}
