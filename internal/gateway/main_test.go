// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var (
	env       *testenv.Env
	world     *gatewaytest.World
	worldOnce sync.Once
)

func TestMain(m *testing.M) { testenv.Main(m, gatewaytest.EnvOptions(), &env) }

// theWorld is the gateway that all tests of this package share.
func theWorld(t testing.TB) *gatewaytest.World {
	t.Helper()
	worldOnce.Do(func() { world = gatewaytest.Start(t, env) })
	if world == nil {
		t.Fatal("the world did not start: see the first test that failed")
	}
	return world
}

// pageOf is the path of a recording's page.
func pageOf(recording *v1alpha1.MeetingRecording) string {
	return "/r/" + recording.Namespace + "/" + recording.Name
}

// beginView begins a view session, or fails the test, and returns the path that its routes begin with.
func beginView(t *testing.T, browser *gatewaytest.Browser, recording *v1alpha1.MeetingRecording) string {
	t.Helper()
	answer := browser.Post(t, pageOf(recording)+"/sessions", nil)
	if answer.Status != http.StatusCreated {
		t.Fatalf("beginning to watch: status %d: %s", answer.Status, answer.Body)
	}
	var view struct{ Playlist string }
	if err := json.Unmarshal(answer.Body, &view); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, answer.Body)
	}
	return strings.TrimSuffix(view.Playlist, "playlist.m3u8")
}

// isVideo asks ffprobe whether bytes are, all by themselves, a video that can be played, of the kind that the tests' recordings are. One in a
// hundred pieces of noise it takes for H.263, which has next to no marks of its own.
func isVideo(t *testing.T, content []byte) bool {
	t.Helper()
	probe, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatal("ffprobe is missing: apt-get install ffmpeg")
	}
	file := filepath.Join(t.TempDir(), "candidate")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), probe, "-v", "error", "-allowed_extensions", "ALL", "-protocol_whitelist", "file,crypto,data",
		"-show_entries", "stream=codec_name", "-of", "csv=p=0", file).Output()
	return err == nil && strings.Contains(string(out), "h264")
}
