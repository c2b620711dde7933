// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxProbeOutput bounds what ffprobe may say; two streams take 2 kB.
const maxProbeOutput = 1 << 20

// probeEntries are the only facts that ffprobe is asked for.
const probeEntries = "format=duration,size,bit_rate:" +
	"stream=index,codec_type,codec_name,profile,pix_fmt,width,height,sample_aspect_ratio,sample_rate,channels,bit_rate:" +
	"stream_disposition=default,attached_pic:stream_side_data=rotation:stream_tags=rotate"

// Probe asks ffprobe what is in the file at path, whose container Sniff has decided. The error is an *InputError where
// the input is at fault.
func (t Tools) Probe(ctx context.Context, container Container, path string, size int64) (Source, error) {
	args := append([]string{"-v", "error", "-threads", "1", "-of", "json", "-show_entries", probeEntries}, inputOptions(container, path)...)
	out := &limited{limit: maxProbeOutput}
	err := command{path: t.FFprobe, args: args, stdout: out}.run(ctx)
	if refusal, ok := errors.AsType[*toolError](err); ok {
		return Source{}, whyRefused(refusal)
	}
	if err != nil {
		return Source{}, err
	}
	var probed probeResult
	if err := json.Unmarshal(out.buffer.Bytes(), &probed); err != nil {
		return Source{}, fmt.Errorf("reading what ffprobe said: %w", err)
	}
	return probed.source(container, size)
}

// whyRefused tells a codec that is kept from the decoders from a file that makes no sense.
func whyRefused(refusal *toolError) error {
	if strings.Contains(refusal.said, "not on whitelist") {
		return inputError(NotAVideo, "The file has a stream in a format that Reelkeeper does not take. Convert it to H.264 and AAC and upload that.")
	}
	return damaged()
}

var errTooMuch = errors.New("too much output")

// limited is a buffer that refuses to grow beyond a limit. The buffer is not embedded: its ReadFrom, which io.Copy prefers, knows
// no limit.
type limited struct {
	buffer bytes.Buffer
	limit  int
	// over says that more came, whatever became of the tool that wrote it.
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	if l.buffer.Len()+len(p) > l.limit {
		l.over = true
		return 0, fmt.Errorf("%w: more than %d bytes", errTooMuch, l.limit)
	}
	return l.buffer.Write(p)
}

// probeResult is the JSON of ffprobe, which writes most numbers as strings.
type probeResult struct {
	Streams []probeStream `json:"streams"`
	Format  struct {
		Duration string `json:"duration"`
	} `json:"format"`
}

type probeStream struct {
	Index       int    `json:"index"`
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Profile     string `json:"profile"`
	PixelFormat string `json:"pix_fmt"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	PixelAspect string `json:"sample_aspect_ratio"`
	SampleRate  string `json:"sample_rate"`
	Channels    int    `json:"channels"`
	BitRate     string `json:"bit_rate"`
	Disposition struct {
		Default         int `json:"default"`
		AttachedPicture int `json:"attached_pic"`
	} `json:"disposition"`
	SideData []struct {
		Rotation float64 `json:"rotation"`
	} `json:"side_data_list"`
	Tags struct {
		Rotate string `json:"rotate"`
	} `json:"tags"`
}

// source picks the streams to keep: the default one of its kind, else the first.
func (r probeResult) source(container Container, size int64) (Source, error) {
	source := Source{Container: container, Bytes: size, Duration: parseSeconds(r.Format.Duration)}
	video, audio := r.pick(probeStream.isPicture), r.pick(probeStream.isSound)
	kept := 0
	if video != nil {
		source.Video = video.video()
		kept++
	}
	if audio != nil {
		source.Audio = audio.audio()
		kept++
	}
	if kept == 0 {
		return Source{}, inputError(NotAVideo, "The file has neither picture nor sound that can be played. Check that it plays, then upload it again.")
	}
	source.Dropped = len(r.Streams) - kept
	return source, nil
}

func (r probeResult) pick(fits func(probeStream) bool) *probeStream {
	var picked *probeStream
	for i := range r.Streams {
		stream := &r.Streams[i]
		if !fits(*stream) {
			continue
		}
		if picked == nil || (stream.Disposition.Default == 1 && picked.Disposition.Default == 0) {
			picked = stream
		}
	}
	return picked
}

func (s probeStream) isPicture() bool {
	return s.Type == "video" && s.Disposition.AttachedPicture == 0 && s.Codec != "" && s.Width > 0 && s.Height > 0
}

func (s probeStream) isSound() bool {
	return s.Type == "audio" && s.Codec != "" && s.Channels > 0
}

func (s probeStream) video() *VideoStream {
	return &VideoStream{
		Index: s.Index, Codec: s.Codec, Profile: s.Profile, PixelFormat: s.PixelFormat,
		Width: s.Width, Height: s.Height,
		Rotation:    s.rotation(),
		PixelAspect: parseRatio(s.PixelAspect),
		BitRate:     parseInt(s.BitRate),
	}
}

func (s probeStream) audio() *AudioStream {
	return &AudioStream{
		Index: s.Index, Codec: s.Codec, Profile: s.Profile,
		SampleRate: int(parseInt(s.SampleRate)), Channels: s.Channels, BitRate: parseInt(s.BitRate),
	}
}

// rotation reads the display matrix, or the tag that some writers leave instead.
func (s probeStream) rotation() int {
	for _, data := range s.SideData {
		if data.Rotation != 0 {
			return int(math.Round(data.Rotation)) % 360
		}
	}
	return int(parseInt(s.Tags.Rotate)) % 360
}

// parseInt reads a number that ffprobe may leave out or call "N/A"; both are zero.
func parseInt(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func parseSeconds(text string) time.Duration {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds < 0 || seconds > maxDuration.Seconds() {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// parseRatio reads "4:3". Absent and undefined ("0:1") are square.
func parseRatio(text string) float64 {
	num, den, _ := strings.Cut(text, ":")
	n, d := parseInt(num), parseInt(den)
	if n == 0 || d == 0 || n > 64*d || d > 64*n {
		return 1
	}
	return float64(n) / float64(d)
}
