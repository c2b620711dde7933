// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// SegmentTarget is how long segments become at least, but for the last: about four seconds. It is a little less than
	// four so that key frames asked for every four seconds but placed on the nearest frame end a segment each.
	SegmentTarget = 3500 * time.Millisecond

	// keyFrameInterval is the distance of key frames that transcoding makes, in seconds.
	keyFrameInterval = 4
	// fragmentTime and fragmentBytes end a fragment before its key frame comes, so that ffmpeg, which holds one fragment
	// in memory, needs the same memory for a source with few key frames as for any other.
	fragmentTime  = 5 * time.Second
	fragmentBytes = 8 << 20
)

// Convert runs the plan over the file at path and writes fragmented MP4 to out as it comes. It reports how much of the
// recording is done, as media time, about once a second. An error of the tool says nothing yet about the input: an
// output without any sample does.
func (t Tools) Convert(ctx context.Context, plan Plan, path string, out io.Writer, done func(time.Duration)) error {
	args := append(plan.arguments(path), "-f", "mp4", "pipe:1")
	return t.withProgress(ctx, args, out, done)
}

// Measure finds out how long a recording is when its header does not say, by walking over all of it without decoding.
func (t Tools) Measure(ctx context.Context, container Container, path string) (time.Duration, error) {
	var length time.Duration
	args := append(globalOptions(), inputOptions(container, path)...)
	args = append(args, "-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy", "-f", "null", "-")
	err := t.withProgress(ctx, args, io.Discard, func(done time.Duration) { length = max(length, done) })
	if _, ok := errors.AsType[*toolError](err); ok {
		return 0, nil // not known is an answer; whether the file is any good, converting will tell
	}
	return length, err
}

func (t Tools) withProgress(ctx context.Context, args []string, out io.Writer, done func(time.Duration)) error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer reader.Close()
		followProgress(reader, done)
	}()
	err = command{path: t.FFmpeg, args: args, stdout: out, outputs: []*os.File{writer}}.run(ctx)
	writer.Close()
	<-finished
	return err
}

// followProgress reads the key=value lines that ffmpeg writes. It drains the pipe to its end, whatever comes.
func followProgress(r io.Reader, done func(time.Duration)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		value, found := strings.CutPrefix(lines.Text(), "out_time_us=")
		if !found {
			continue
		}
		if micros, err := strconv.ParseInt(value, 10, 64); err == nil && micros > 0 {
			done(time.Duration(micros) * time.Microsecond)
		}
	}
	_, _ = io.Copy(io.Discard, r) // after an over-long line, so that the writer never blocks
}

func globalOptions() []string {
	return []string{"-v", "error", "-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:3"}
}

// arguments spells the plan out for ffmpeg, up to the output itself. Metadata and chapters stay behind: titles,
// places and device names are nobody's business who may watch the picture.
func (p Plan) arguments(path string) []string {
	args := append(globalOptions(), inputOptions(p.Container, path)...)
	if p.Video != nil {
		args = append(args, "-map", fmt.Sprintf("0:%d", p.Video.Index))
		args = append(args, p.Video.arguments()...)
	}
	if p.Audio != nil {
		args = append(args, "-map", fmt.Sprintf("0:%d", p.Audio.Index))
		args = append(args, p.Audio.arguments()...)
	}
	return append(args,
		"-sn", "-dn", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact",
		"-max_muxing_queue_size", "4096",
		"-movflags", "+cmaf+frag_keyframe+skip_trailer",
		"-frag_duration", strconv.FormatInt(p.fragmentTime().Microseconds(), 10),
		"-frag_size", strconv.Itoa(fragmentBytes),
	)
}

// fragmentTime is where fragments end at the latest. Without pictures nothing else ends them, and a segment is one.
func (p Plan) fragmentTime() time.Duration {
	if p.Video == nil {
		return keyFrameInterval * time.Second
	}
	return fragmentTime
}

func (v VideoPlan) arguments() []string {
	if v.Action == Copy {
		return []string{"-c:v", "copy"}
	}
	args := []string{
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p",
		"-profile:v", "high", "-level:v", h264Level(v.Width, v.Height),
		"-force_key_frames", fmt.Sprintf("expr:gte(t,n_forced*%d)", keyFrameInterval),
		"-fps_mode", "vfr", "-enc_time_base", "-1", // every frame at its own time
		"-vf", v.filter(),
	}
	if v.MaxBitRate > 0 {
		// The buffer lets a change of slides through and still holds the average.
		args = append(args, "-maxrate", strconv.FormatInt(v.MaxBitRate, 10), "-bufsize", strconv.FormatInt(8*v.MaxBitRate, 10))
	}
	return args
}

// filter scales to the planned size. A source that changes its shape on the way, as shared windows do, is put into that
// size with bars rather than distorted.
func (v VideoPlan) filter() string {
	filter := fmt.Sprintf("scale=%d:%d:force_original_aspect_ratio=decrease:force_divisible_by=2,pad=%[1]d:%[2]d:(ow-iw)/2:(oh-ih)/2,setsar=1", v.Width, v.Height)
	if v.SquarePixels {
		return "scale=iw*sar:ih,setsar=1," + filter
	}
	return filter
}

// h264Level states a level by picture size. Left alone, x264 takes the time base of a browser's WebM for a thousand
// frames a second and states a level that players refuse.
func h264Level(width, height int) string {
	macroblocks := ((width + 15) / 16) * ((height + 15) / 16)
	switch {
	case macroblocks <= 3_600:
		return "3.2"
	case macroblocks <= 8_704:
		return "4.2"
	case macroblocks <= 36_864:
		return "5.2"
	}
	return "6.2"
}

func (a AudioPlan) arguments() []string {
	if a.Action == Copy {
		return []string{"-c:a", "copy"}
	}
	return []string{
		"-c:a", "aac", "-ac", strconv.Itoa(a.Channels), "-ar", strconv.Itoa(a.SampleRate),
		"-b:a", strconv.FormatInt(a.BitRate, 10),
	}
}
