// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A slide of the sample meeting, shown for as long as it takes to say.
type slide struct{ title, words string }

var slides = []slide{
	{"Q3 review", "Welcome to the third quarter review. This meeting is being recorded. Revenue is up by twelve percent over last year."},
	{"What went well", "What went well. The new region opened two weeks early, and support answered every ticket within a day."},
	{"What comes next", "What comes next. We close the books on Friday. Please keep these numbers inside the company. Thank you for coming."},
}

// rounds is how often the slides are gone through: enough that processing takes long enough to be watched.
const rounds = 8

// makeSample makes a meeting of more than three minutes, slides and a spoken voice, the way browsers record: WebM with VP8 and
// Opus.
func makeSample(ctx context.Context, dir string) (string, error) {
	var list strings.Builder
	for i, s := range slides {
		part := filepath.Join(dir, fmt.Sprintf("slide-%d.webm", i))
		if err := makeSlide(ctx, part, s); err != nil {
			return "", err
		}
		fmt.Fprintf(&list, "file '%s'\n", part)
	}
	once := list.String()
	list.WriteString(strings.Repeat(once, rounds-1))
	parts := filepath.Join(dir, "slides.txt")
	if err := os.WriteFile(parts, []byte(list.String()), 0o600); err != nil {
		return "", err
	}
	meeting := filepath.Join(dir, "meeting.webm")
	return meeting, execute(ctx, "ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", parts, "-c", "copy", meeting)
}

// makeSlide speaks the words into a file, and shows the title with a running clock for as long as that takes.
func makeSlide(ctx context.Context, path string, s slide) error {
	voice := path + ".wav"
	if err := execute(ctx, "espeak-ng", "-v", "en", "-s", "150", "-w", voice, s.words); err != nil {
		return err
	}
	picture := fmt.Sprintf("drawtext=text='%s':fontsize=64:fontcolor=white:x=(w-text_w)/2:y=(h-text_h)/2-40,"+
		"drawtext=text='%%{pts\\:hms}':fontsize=32:fontcolor=0xd0d0ff:x=(w-text_w)/2:y=h-120", s.title)
	return execute(ctx, "ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", "color=c=0x1d3557:size=1280x720:rate=15", "-i", voice,
		"-vf", picture, "-af", "apad=pad_dur=1", "-shortest",
		"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-g", "60",
		"-c:a", "libopus", "-ar", "48000", "-b:a", "48k", path)
}

// execute runs a program to its end; its error carries what the program complained of.
func execute(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
