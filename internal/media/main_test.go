// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

func TestMain(m *testing.M) { mediatest.Main(m) }

// testKey is a media key for tests.
var testKey = Key{0: 1, 7: 8, 31: 255}

func tools(tb testing.TB) Tools {
	tb.Helper()
	found, err := FindTools()
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// probeFile takes a file through every check in front of packaging.
func probeFile(tb testing.TB, path string) (Source, error) {
	tb.Helper()
	file, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		tb.Fatal(err)
	}
	container, err := Sniff(file, info.Size())
	if err != nil {
		return Source{}, err
	}
	if err := Inspect(container, file, info.Size()); err != nil {
		return Source{}, err
	}
	return tools(tb).Probe(tb.Context(), container, path, info.Size())
}

// packageFile packages a file by the plan that fits it and returns the stored bytes and their map.
func packageFile(tb testing.TB, path string, limits Limits) ([]byte, *Packaged, Plan) {
	tb.Helper()
	source, err := probeFile(tb, path)
	if err != nil {
		tb.Fatalf("probing %s: %v", path, err)
	}
	plan := NewPlan(source, limits)
	var stored bytes.Buffer
	packaged, err := tools(tb).Pack(tb.Context(), plan, path, &stored, Packaging{MediaKey: testKey, UnitKey: unitTestKey, Duration: source.Duration}, func(time.Duration) {})
	if err != nil {
		tb.Fatalf("packaging %s: %v", path, err)
	}
	return stored.Bytes(), packaged, plan
}

// testManifest wraps the map of a packaged file into a manifest.
func testManifest(packaged *Packaged) *Manifest {
	return &Manifest{
		Version:   ManifestVersion,
		CreatedAt: time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC),
		Recording: Recording{
			Namespace: "finance", Name: "q3-review", UID: "0b9f8f4e-8d0a-4f86-9a52-2d9b8a1f6f10", Attempt: 1,
			Labels: map[string]string{"reelkeeper.io/sensitivity": "high"}, Spec: []byte(`{"state":"Active"}`),
		},
		Key:      WrappedKey{ID: "1234567", Wrapped: bytes.Repeat([]byte{7}, 60), Salt: bytes.Repeat([]byte{9}, SaltBytes)},
		Source:   SourceFacts{Bytes: 1000, SHA256: Digest{1}, DurationMillis: 6000},
		Media:    packaged.Facts("media/finance/0b9f8f4e/1.mp4"),
		Init:     packaged.Init,
		Segments: packaged.Segments,
	}
}

// decrypted is what the object is in plaintext, by the naive way.
func decrypted(tb testing.TB, stored []byte) []byte {
	tb.Helper()
	stream, err := cipherAt(testKey, 0)
	if err != nil {
		tb.Fatal(err)
	}
	plain := bytes.Clone(stored)
	stream.XORKeyStream(plain, plain)
	return plain
}

// ffprobe runs ffprobe on bytes as any user would, without a word about the format.
func ffprobe(tb testing.TB, content []byte, args ...string) (string, error) {
	tb.Helper()
	path := tb.TempDir() + "/file.mp4"
	if err := os.WriteFile(path, content, 0o600); err != nil {
		tb.Fatal(err)
	}
	out, err := exec.Command(tools(tb).FFprobe, append(append([]string{"-v", "error"}, args...), path)...).CombinedOutput()
	return string(out), err
}
