// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

const (
	// massPatience bounds every wait of the benchmark.
	massPatience = 4 * time.Hour
	// massGlance is how often it looks, which costs the API server something too.
	massGlance = time.Second
	// massNamespaces is over how many namespaces its recordings are spread.
	massNamespaces = 20
	// rawSample is at most how many recordings the raw rates are measured with.
	rawSample = 500
	// videos is how many of the recordings are real ones, which are played in the end. The others have random bytes.
	videos = 3
)

// BenchmarkMassRestore deletes 10,000 recordings with their namespaces, restores them from the trash, throws the API server's whole state
// away, and recovers them into another one, each time comparing the hash of every recording; three are videos, which are played in the end
// and decoded. It prints each rate beside what raw writes cost the API server in the same run. RECORDINGS says another number.
//
//	go test -run '^$' -bench MassRestore -benchtime 1x -timeout 4h ./test/undo
func BenchmarkMassRestore(b *testing.B) {
	n := 10_000
	if text := os.Getenv("RECORDINGS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		lost := testenv.Start(b, options())
		gatewayThen := gatewaytest.Start(b, lost)
		before := over(b, gatewayThen)
		before.patience, before.glance = massPatience, massGlance
		baseline := before.measureRaw(min(n, rawSample))
		say("%d recordings in %d namespaces; %s", n+videos, massNamespaces+1, baseline)
		m := newMass(before, n, massNamespaces)
		files := m.addVideos(gatewayThen)

		requests := &census{}
		stop := startManager(b, lost, requests)
		m.settle()
		requests.reset()
		gone, away := m.lose()
		say("deleted with their namespaces: %.0f recordings a second, the namespaces themselves gone after %s; %.0f raw ones", gone, away, baseline.deletes)
		say("of which the manager asked the API server, for each recording:\n%s", requests.each(n))
		requests.reset()
		restored := m.restore("--namespace-label", "recordings="+before.store)
		say("restored: %.0f a second (%.2f of the raw creations), byte-identical", restored, restored/baseline.creates)
		say("of which the manager asked the API server, for each recording:\n%s", requests.each(n))
		stop()
		lost.Kill()

		gatewayNow := gatewayThen.Over(b, env)
		now := over(b, gatewayNow)
		now.patience, now.glance, now.hashes = massPatience, massGlance, before.hashes
		stop = startManager(b, env)
		m.world = now
		recovered := m.recover()
		say("recovered into a new cluster: %.0f a second (%.2f of the raw creations), byte-identical", recovered, recovered/baseline.creates)
		for key, file := range files {
			expectPlayed(b, gatewayNow, now.get(key), file)
			decodes(b, file)
		}
		say("%d of them played and decoded", len(files))
		stop()
		b.ReportMetric(baseline.creates, "raw-creates/s")
		b.ReportMetric(baseline.deletes, "raw-deletes/s")
		b.ReportMetric(gone, "deletes/s")
		b.ReportMetric(restored, "restores/s")
		b.ReportMetric(recovered, "recoveries/s")
	}
}

// say prints a line at once: the whole takes long.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", clock.RealClock{}.Now().UTC().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// rawRates are how many recordings a second the API server makes, changes the status of, and lets go, with nothing else to do.
type rawRates struct{ creates, statuses, deletes float64 }

func (r rawRates) String() string {
	return fmt.Sprintf("raw: %.0f creations, %.0f status writes, %.0f deletions (with the release of the finalizer) a second", r.creates, r.statuses, r.deletes)
}

// measureRaw makes n recordings and deletes them again, before there is a manager that would look at them.
func (w *world) measureRaw(n int) rawRates {
	w.Helper()
	w.namespace("raw")
	made := make([]*v1alpha1.MeetingRecording, n)
	rate := func(do func(i int) error) float64 { return float64(n) / w.inParallel(n, do).Seconds() }
	var rates rawRates
	rates.creates = rate(func(i int) error {
		made[i] = w.recording(client.ObjectKey{Namespace: "raw", Name: fmt.Sprintf("raw-%05d", i)})
		return w.admin.Create(w.Context(), made[i])
	})
	rates.statuses = rate(func(i int) error {
		before := made[i].DeepCopy()
		made[i].Status.ObservedGeneration = made[i].Generation
		return w.admin.Status().Patch(w.Context(), made[i], client.MergeFrom(before))
	})
	rates.deletes = rate(func(i int) error {
		if err := w.admin.Delete(w.Context(), made[i]); err != nil {
			return err
		}
		before := made[i].DeepCopy()
		made[i].Finalizers = nil
		return client.IgnoreNotFound(w.admin.Patch(w.Context(), made[i], client.MergeFrom(before)))
	})
	return rates
}

// addVideos adds a few recordings with a real video, in a namespace of their own. It returns what a download of each is.
func (m *mass) addVideos(g *gatewaytest.World) map[client.ObjectKey][]byte {
	m.Helper()
	m.namespace("board")
	m.namespaces = append(m.namespaces, "board")
	files := map[client.ObjectKey][]byte{}
	for i := range videos {
		video, file := g.Recording(m, "board", fmt.Sprintf("video-%d", i))
		key := client.ObjectKeyFromObject(video)
		m.all, m.hashes[key], files[key] = append(m.all, key), video.Status.Media.SHA256, file
	}
	return files
}

// decodes has ffmpeg decode every picture of a file.
func decodes(t testing.TB, file []byte) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "video.mp4")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-xerror", "-i", name, "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("decoding what was played: %v: %s", err, out)
	}
}
