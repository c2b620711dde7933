// SPDX-License-Identifier: Apache-2.0

// Package mediatest makes small recordings with the real ffmpeg for tests, each once per test process.
package mediatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Sources of pictures and sound for ffmpeg's lavfi.
const (
	Picture = "testsrc2=size=320x180:rate=15:duration=6"
	Sound   = "sine=frequency=440:duration=6:sample_rate=48000"
)

var made sync.Map // recipe -> func() (path, error)

// Make runs ffmpeg with the given arguments and a file called name as its output, and returns its path. The same recipe
// is run once per process; the file must not be changed. A failure to run ffmpeg fails the test.
func Make(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	recipe := name + "\x00" + strings.Join(args, "\x00")
	make1, _ := made.LoadOrStore(recipe, sync.OnceValues(func() (string, error) { return run(name, args) }))
	path, err := make1.(func() (string, error))()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

func run(name string, args []string) (string, error) {
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		return "", fmt.Errorf("install ffmpeg to run this test (Debian: apt-get install ffmpeg): %w", err)
	}
	folder, err := os.MkdirTemp(root(), "")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	cmd := exec.Command(ffmpeg, append(append([]string{"-v", "error", "-nostdin", "-y"}, args...), path)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("ffmpeg %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return path, nil
}

// root is one folder per process; Main removes it.
var root = sync.OnceValue(func() string {
	folder, err := os.MkdirTemp("", "reelkeeper-media-")
	if err != nil {
		panic(err)
	}
	return folder
})

// Main runs the tests of a package, removes what Make made, and ends the program. Call it from TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a TestMain that has more to do afterwards: it returns the exit code.
func Run(m *testing.M) int {
	defer os.RemoveAll(root())
	return m.Run()
}

// MP4 is six seconds of H.264 and AAC, a key frame every second.
func MP4(tb testing.TB) string {
	tb.Helper()
	return Make(tb, "meeting.mp4", "-f", "lavfi", "-i", Picture, "-f", "lavfi", "-i", Sound,
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k")
}
