// SPDX-License-Identifier: Apache-2.0

package media

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNewPlan(t *testing.T) {
	t.Parallel()
	h264 := func(change ...func(*VideoStream)) *VideoStream {
		v := &VideoStream{Index: 0, Codec: "h264", Profile: "High", PixelFormat: "yuv420p", Width: 1280, Height: 720, PixelAspect: 1, BitRate: 900_000}
		for _, f := range change {
			f(v)
		}
		return v
	}
	codec := func(name, profile, format string) func(*VideoStream) {
		return func(v *VideoStream) { v.Codec, v.Profile, v.PixelFormat = name, profile, format }
	}
	size := func(w, h int) func(*VideoStream) { return func(v *VideoStream) { v.Width, v.Height = w, h } }
	audio := func(codec string, rate, channels int, bits int64) *AudioStream {
		return &AudioStream{Index: 1, Codec: codec, SampleRate: rate, Channels: channels, BitRate: bits}
	}
	copied := &VideoPlan{Action: Copy, Width: 1280, Height: 720}
	made := func(w, h int, rate int64) *VideoPlan {
		return &VideoPlan{Action: Transcode, Width: w, Height: h, MaxBitRate: rate}
	}
	cases := map[string]struct {
		video     *VideoStream
		audio     *AudioStream
		duration  time.Duration
		limits    Limits
		wantVideo *VideoPlan
		wantAudio *AudioPlan
	}{
		"H.264 and AAC are copied": {
			video: h264(), audio: audio("aac", 48000, 2, 128_000),
			wantVideo: copied, wantAudio: &AudioPlan{Index: 1, Action: Copy},
		},
		"Opus is copied": {
			audio: audio("opus", 48000, 2, 0), wantAudio: &AudioPlan{Index: 1, Action: Copy},
		},
		"a picture exactly as high as allowed is copied": {
			video: h264(), limits: Limits{MaxHeight: 720}, wantVideo: copied,
		},
		"a picture one line too high is scaled": {
			video: h264(size(1280, 721)), limits: Limits{MaxHeight: 720}, wantVideo: made(1278, 720, 900_000),
		},
		"a full HD picture is scaled to 720": {
			video: h264(size(1920, 1080)), limits: Limits{MaxHeight: 720}, wantVideo: made(1280, 720, 900_000),
		},
		"a lower picture is never scaled up": {
			video: h264(codec("vp8", "0", "yuv420p"), size(640, 360)), limits: Limits{MaxHeight: 720}, wantVideo: made(640, 360, 900_000),
		},
		"AV1 in ten bits is copied": {
			video: h264(codec("av1", "Main", "yuv420p10le")), wantVideo: copied,
		},
		"H.264 in ten bits is transcoded": {
			video: h264(codec("h264", "High 10", "yuv420p10le")), wantVideo: made(1280, 720, 900_000),
		},
		"H.264 in 4:4:4 is transcoded": {
			video: h264(codec("h264", "High 4:4:4 Predictive", "yuv444p")), wantVideo: made(1280, 720, 900_000),
		},
		"VP9 is transcoded within the rate of the whole file": {
			video:    h264(codec("vp9", "Profile 0", "yuv420p"), func(v *VideoStream) { v.BitRate = 0 }),
			duration: 10 * time.Second, wantVideo: made(1280, 720, 800_000),
		},
		"VP9 without duration has no bound yet": {
			video: h264(codec("vp9", "Profile 0", "yuv420p"), func(v *VideoStream) { v.BitRate = 0 }), wantVideo: made(1280, 720, 0),
		},
		"a tiny bit rate is not believed": {
			video: h264(codec("vp9", "Profile 0", "yuv420p"), func(v *VideoStream) { v.BitRate = 10 }), wantVideo: made(1280, 720, leastVideoBitRate),
		},
		"odd sizes become even": {
			video: h264(codec("vp8", "0", "yuv420p"), size(1281, 719)), wantVideo: made(1280, 718, 900_000),
		},
		"one pixel becomes the least that H.264 has": {
			video: h264(codec("vp8", "0", "yuv420p"), size(1, 1)), wantVideo: made(2, 2, 900_000),
		},
		"a picture lying on its side is turned upright": {
			video: h264(func(v *VideoStream) { v.Rotation = -90 }), wantVideo: made(720, 1280, 900_000),
		},
		"a picture upside down keeps its shape": {
			video: h264(func(v *VideoStream) { v.Rotation = 180 }), wantVideo: made(1280, 720, 900_000),
		},
		"height is what people see, after turning": {
			video: h264(size(720, 480), func(v *VideoStream) { v.Rotation = 90 }), limits: Limits{MaxHeight: 720}, wantVideo: made(480, 720, 900_000),
		},
		"pixels that are not square become so": {
			video:     h264(codec("mpeg4", "", "yuv420p"), size(720, 576), func(v *VideoStream) { v.PixelAspect = 16.0 / 15 }),
			wantVideo: &VideoPlan{Action: Transcode, Width: 768, Height: 576, SquarePixels: true, MaxBitRate: 900_000},
		},
		"the second try copies nothing": {
			video: h264(), audio: audio("aac", 48000, 2, 128_000), limits: Limits{NoCopy: true},
			wantVideo: made(1280, 720, 900_000), wantAudio: &AudioPlan{Index: 1, Action: Transcode, Channels: 2, SampleRate: 48000, BitRate: 128_000},
		},
		"six channels of Vorbis become two of AAC": {
			audio: audio("vorbis", 44100, 6, 0), wantAudio: &AudioPlan{Index: 1, Action: Transcode, Channels: 2, SampleRate: 44100, BitRate: 128_000},
		},
		"speech at a low rate does not grow": {
			audio: audio("mp3", 22050, 1, 32_000), wantAudio: &AudioPlan{Index: 1, Action: Transcode, Channels: 1, SampleRate: 22050, BitRate: 32_000},
		},
		"sample rates that AAC lacks become 48 kHz": {
			audio: audio("pcm_s16le", 96000, 1, 1_536_000), wantAudio: &AudioPlan{Index: 1, Action: Transcode, Channels: 1, SampleRate: 48000, BitRate: 64_000},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := NewPlan(Source{Container: MP4, Bytes: 1_000_000, Duration: tc.duration, Video: tc.video, Audio: tc.audio}, tc.limits)
			want := Plan{Container: MP4, Video: tc.wantVideo, Audio: tc.wantAudio}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(VideoPlan{}, "Why"), cmpopts.IgnoreFields(AudioPlan{}, "Why")); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if got.Video != nil && (got.Video.Action == Transcode) != (got.Video.Why != "") {
				t.Errorf("action %s because %q", got.Video.Action, got.Video.Why)
			}
		})
	}
}

func TestArgumentsLockTheInputDownBeforeItIsOpened(t *testing.T) {
	t.Parallel()
	args := strings.Join(Plan{Container: MP4, Video: &VideoPlan{Action: Copy}}.arguments("/scratch/-i http:evil"), " ")
	before, after, found := strings.Cut(args, " -i file:/scratch/-i http:evil ")
	if !found {
		t.Fatalf("the input is not named as a file: %s", args)
	}
	for _, want := range []string{"-nostdin", "-f mov", "-protocol_whitelist file ", "-format_whitelist mov,matroska", "-enable_drefs 0", "-use_absolute_path 0"} {
		if !strings.Contains(before+" ", want) {
			t.Errorf("%q does not stand before the input: %s", want, before)
		}
	}
	if !strings.Contains(after, "-map_metadata -1") {
		t.Errorf("metadata is carried over: %s", after)
	}
}
