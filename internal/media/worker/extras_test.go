// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

func TestPreviewsAreMadeWhereThePolicyAsksForThem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(mediatest.MP4(t))
	spec := b.spec(4)
	spec.Processing.Thumbnails = true
	written, err := b.run(spec)
	if err != nil {
		t.Fatal(err)
	}
	if written.Previews == nil {
		t.Fatal("the manifest has no previews")
	}
	opened, err := written.Previews.Open(b.dataKey.Previews(written.Key.Salt))
	if err != nil {
		t.Fatal(err)
	}
	for name, picture := range map[string][]byte{"poster": opened.Poster, "sheet": opened.Sheet} {
		if !bytes.HasPrefix(picture, []byte{0xff, 0xd8, 0xff}) {
			t.Errorf("the %s is no JPEG", name)
		}
	}
	if stored := b.get(manifestKey); bytes.Contains(stored, []byte("/9j/")) {
		t.Error("the stored manifest has a JPEG that anybody can read")
	}
	plain, err := b.run(b.spec(4))
	if err != nil {
		t.Fatal(err)
	}
	if plain.Previews != nil {
		t.Error("there are previews that nobody asked for")
	}
}

func TestCaptionsAreMadeOfSubtitlesAndSealed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.put(withSubtitles(t))
	written, err := b.run(b.spec(4))
	if err != nil {
		t.Fatal(err)
	}
	if len(written.Captions) != 1 || written.Captions[0].Language != "en" {
		t.Fatalf("the manifest has captions %v, want some in English", written.Captions)
	}
	text, err := written.OpenCaptions(0, b.dataKey.Captions(written.Key.Salt))
	if err != nil || !strings.Contains(string(text), "The merger is off.") {
		t.Errorf("the captions are %q (%v)", text, err)
	}
	for name, content := range map[string][]byte{"manifest": b.get(manifestKey), "object": b.get(mediaKey)} {
		if bytes.Contains(content, []byte("merger")) || bytes.Contains(content, []byte("V0VCVlRU")) { // WEBVTT in base64
			t.Errorf("the stored %s has captions that anybody can read", name)
		}
	}
}

func TestR6ARecordingIsProcessedWithoutWhatItIsAsGoodWithout(t *testing.T) {
	t.Parallel()
	for format, left := range map[string]func(*media.Manifest) bool{
		"mjpeg":  func(m *media.Manifest) bool { return m.Previews == nil && len(m.Captions) == 1 },
		"webvtt": func(m *media.Manifest) bool { return m.Previews != nil && len(m.Captions) == 0 },
	} {
		t.Run("an ffmpeg that cannot write "+format, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.put(withSubtitles(t))
			spec := b.spec(4)
			spec.Processing.Thumbnails = true
			written, err := b.run(spec, without(t, format))
			if err != nil {
				t.Fatal(err)
			}
			if !left(written) {
				t.Errorf("there are %d captions, and previews: %t", len(written.Captions), written.Previews != nil)
			}
		})
	}
}

// without gives a worker an ffmpeg that cannot write a format, and is the real one but for that.
func without(t *testing.T, format string) func(*Environment) {
	t.Helper()
	return func(env *Environment) {
		script := filepath.Join(t.TempDir(), "ffmpeg")
		content := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *'-f %[1]s'*) echo no %[1]s >&2; exit 1;; esac\nexec %[2]s \"$@\"\n", format, env.Tools.FFmpeg)
		if err := os.WriteFile(script, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		env.Tools.FFmpeg = script
	}
}

// withSubtitles is a small recording in which something is said.
func withSubtitles(t *testing.T) string {
	t.Helper()
	subtitles := filepath.Join(t.TempDir(), "said.srt")
	if err := os.WriteFile(subtitles, []byte("1\n00:00:01,000 --> 00:00:02,000\nThe merger is off.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return mediatest.Make(t, "said.mp4", "-i", mediatest.MP4(t), "-i", subtitles, "-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "copy",
		"-c:s", "mov_text", "-metadata:s:s:0", "language=eng")
}
