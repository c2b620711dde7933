// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// TestInputThatMustWork takes every kind of recording that meetings leave behind from its file to the stored object, and
// asks ffmpeg to play the decrypted object from start to end.
func TestInputThatMustWork(t *testing.T) {
	t.Parallel()
	picture, sound := []string{"-f", "lavfi", "-i", mediatest.Picture}, []string{"-f", "lavfi", "-i", mediatest.Sound}
	both := append(append([]string{}, picture...), sound...)
	h264 := []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "15"}
	aac := []string{"-c:a", "aac", "-b:a", "64k"}
	with := func(parts ...[]string) []string {
		var all []string
		for _, part := range parts {
			all = append(all, part...)
		}
		return all
	}
	cases := map[string]struct {
		name        string
		recipe      []string
		prepare     func(t *testing.T, path string) string
		limits      Limits
		wantVideo   Action
		wantAudio   Action
		wantCodecs  string // prefix of each, comma separated
		wantSize    [2]int
		wantSeconds float64
	}{
		"H.264 and AAC in MP4 is copied": {
			name: "a.mp4", recipe: with(both, h264, aac),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"H.264 and Opus in MP4 is copied": {
			name: "a.mp4", recipe: with(both, h264, []string{"-c:a", "libopus", "-b:a", "48k"}),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,opus", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"H.264 and AAC in Matroska is copied": {
			name: "a.mkv", recipe: with(both, h264, aac),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"H.264 with B-frames is copied": {
			name: "a.mp4", recipe: with(both, []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-pix_fmt", "yuv420p", "-g", "30"}, aac),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"a fragmented MP4 is copied": {
			name: "a.mp4", recipe: with(both, h264, aac, []string{"-movflags", "+frag_keyframe+empty_moov"}),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"QuickTime is copied": {
			name: "a.mov", recipe: with(both, h264, aac),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"VP8 and Opus in WebM becomes H.264 and keeps its sound": {
			name: "a.webm", recipe: with(both, []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-c:a", "libopus"}),
			wantVideo: Transcode, wantAudio: Copy, wantCodecs: "avc1.,opus", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"VP9 and Opus in WebM without duration, as browsers record it": {
			name: "a.webm", recipe: with(both, []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-c:a", "libopus", "-live", "1"}),
			wantVideo: Transcode, wantAudio: Copy, wantCodecs: "avc1.,opus", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"AV1 is copied": {
			name: "a.mp4", recipe: with(picture, []string{"-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-pix_fmt", "yuv420p"}),
			wantVideo: Copy, wantCodecs: "av01.0.", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"H.265 becomes H.264": {
			name: "a.mp4", recipe: with(picture, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"}),
			wantVideo: Transcode, wantCodecs: "avc1.", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"a picture higher than the policy allows is made smaller": {
			name: "a.mp4", recipe: with(both, h264, aac), limits: Limits{MaxHeight: 90},
			wantVideo: Transcode, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{160, 90}, wantSeconds: 6,
		},
		"variable frame rate": {
			name: "a.mkv", recipe: with([]string{"-f", "lavfi", "-i", mediatest.Picture + ",select='lt(mod(n,15),3)'"}, sound, []string{"-fps_mode", "vfr", "-enc_time_base", "1/1000"}, h264, aac),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"variable frame rate in WebM": {
			name: "a.webm", recipe: with([]string{"-f", "lavfi", "-i", mediatest.Picture + ",select='lt(mod(n,15),3)'"}, sound, []string{"-fps_mode", "vfr", "-enc_time_base", "1/1000", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"}),
			wantVideo: Transcode, wantAudio: Transcode, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"sound only": {
			name: "a.m4a", recipe: with(sound, aac),
			wantAudio: Copy, wantCodecs: "mp4a.40.2", wantSeconds: 6,
		},
		"sound only in six channels": {
			name: "a.mkv", recipe: with(sound, []string{"-ac", "6", "-c:a", "flac"}),
			wantAudio: Transcode, wantCodecs: "mp4a.40.2", wantSeconds: 6,
		},
		"picture only": {
			name: "a.mp4", recipe: with(picture, h264),
			wantVideo: Copy, wantCodecs: "avc1.", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"odd sizes": {
			name: "a.webm", recipe: with([]string{"-f", "lavfi", "-i", "testsrc2=size=321x181:rate=15:duration=6"}, []string{"-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"}),
			wantVideo: Transcode, wantCodecs: "avc1.", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"rotated by metadata": {
			name: "a.mp4", recipe: with(both, h264, aac), prepare: rotated,
			wantVideo: Transcode, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{180, 320}, wantSeconds: 6,
		},
		"covers and further languages are dropped": {
			name: "a.mkv", recipe: with(both, []string{"-f", "lavfi", "-i", "sine=frequency=880:duration=6", "-f", "lavfi", "-i", "color=red:size=64x64:duration=1:rate=1"},
				[]string{"-map", "0", "-map", "1", "-map", "2", "-map", "3"}, h264, aac, []string{"-c:v:1", "mjpeg", "-disposition:v:1", "attached_pic"}),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 6,
		},
		"a file cut in the middle keeps its first half": {
			name: "a.mkv", recipe: with(both, h264, aac), prepare: cut(0.5),
			wantVideo: Copy, wantAudio: Copy, wantCodecs: "avc1.,mp4a.40.2", wantSize: [2]int{320, 180}, wantSeconds: 3,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := mediatest.Make(t, tc.name, tc.recipe...)
			if tc.prepare != nil {
				path = tc.prepare(t, path)
			}
			stored, packaged, plan := packageFile(t, path, tc.limits)
			if plan.Video != nil && plan.Video.Action != tc.wantVideo || plan.Video == nil && tc.wantVideo != "" {
				t.Errorf("video plan %+v, want %q", plan.Video, tc.wantVideo)
			}
			if plan.Audio != nil && plan.Audio.Action != tc.wantAudio || plan.Audio == nil && tc.wantAudio != "" {
				t.Errorf("audio plan %+v, want %q", plan.Audio, tc.wantAudio)
			}
			if !codecsBegin(packaged.Codecs, tc.wantCodecs) {
				t.Errorf("codecs %q, want them to begin with %q", packaged.Codecs, tc.wantCodecs)
			}
			if got := [2]int{packaged.Width, packaged.Height}; got != tc.wantSize {
				t.Errorf("size %v, want %v", got, tc.wantSize)
			}
			if got := packaged.Duration.Seconds(); got < tc.wantSeconds-0.7 || got > tc.wantSeconds+0.7 {
				t.Errorf("duration %.2f s, want about %.0f", got, tc.wantSeconds)
			}
			checkPlays(t, stored, packaged)
		})
	}
}

func TestSubtitlesAreDropped(t *testing.T) {
	t.Parallel()
	subtitles := write(t, []byte("1\n00:00:00,000 --> 00:00:02,000\nThe merger is off.\n"))
	path := mediatest.Make(t, "a.mkv", "-i", mediatest.MP4(t), "-f", "srt", "-i", subtitles, "-c:v", "copy", "-c:a", "copy", "-c:s", "srt")
	source, err := probeFile(t, path)
	if err != nil || source.Dropped != 1 {
		t.Fatalf("%d streams dropped (%v), want 1", source.Dropped, err)
	}
	stored, packaged, _ := packageFile(t, path, Limits{})
	if packaged.Codecs != "avc1.42c00c,mp4a.40.2" || bytes.Contains(decrypted(t, stored), []byte("merger")) {
		t.Errorf("the object has %s, or the subtitles", packaged.Codecs)
	}
}

func TestUploadCutOffBehindItsIndexKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	path := mediatest.Make(t, "fast.mp4", "-i", mediatest.MP4(t), "-c", "copy", "-movflags", "+faststart")
	content := read(t, path)
	for name, tc := range map[string]struct {
		keep     float64
		want     time.Duration
		wantLost bool
	}{
		"half of the media": {keep: 0.55, want: 3 * time.Second},
		"the index alone":   {keep: 0.012, wantLost: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			short := write(t, content[:int(float64(len(content))*tc.keep)])
			source, err := probeFile(t, short)
			if err != nil {
				t.Fatal(err)
			}
			packaged, err := tools(t).Pack(t.Context(), NewPlan(source, Limits{}), short, io.Discard, Packaging{MediaKey: testKey}, func(time.Duration) {})
			if wrong, ok := errors.AsType[*InputError](err); tc.wantLost && (!ok || wrong.Reason != Truncated) {
				t.Errorf("error %v, want Truncated", err)
			} else if tc.wantLost {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if packaged.Duration < tc.want/2 || packaged.Duration > tc.want*3/2 {
				t.Errorf("%s were kept, want about %s", packaged.Duration, tc.want)
			}
		})
	}
}

// checkPlays decodes the decrypted object from start to end, and each segment with the init alone.
func checkPlays(t *testing.T, stored []byte, packaged *Packaged) {
	t.Helper()
	plain := decrypted(t, stored)
	if out, err := ffprobe(t, plain, "-show_entries", "frame=pts_time", "-of", "csv", "-count_frames"); err != nil || !strings.Contains(out, "frame") {
		t.Errorf("ffprobe on the decrypted object: %v: %.300s", err, out)
	}
	offset := packaged.Init.Bytes
	for i, segment := range packaged.Segments {
		alone := slices.Concat(plain[:packaged.Init.Bytes], plain[offset:offset+segment.Bytes])
		out, err := ffprobe(t, alone, "-show_entries", "packet=flags,codec_type", "-of", "csv=p=0", "-read_intervals", "%+#1", "-select_streams", "v:0")
		if err != nil || packaged.Width > 0 && !strings.Contains(out, "K") {
			t.Errorf("segment %d does not begin with a key frame: %v: %s", i, err, out)
		}
		offset += segment.Bytes
		if i < len(packaged.Segments)-1 && time.Duration(segment.DurationMillis)*time.Millisecond < SegmentTarget {
			t.Errorf("segment %d lasts %d ms, less than %s", i, segment.DurationMillis, SegmentTarget)
		}
	}
	if offset != int64(len(stored)) {
		t.Errorf("units add up to %d bytes of %d", offset, len(stored))
	}
}

func codecsBegin(got, want string) bool {
	gots, wants := strings.Split(got, ","), strings.Split(want, ",")
	for i := range wants {
		if len(gots) != len(wants) || !strings.HasPrefix(gots[i], wants[i]) {
			return false
		}
	}
	return true
}

// rotated returns a copy of the file that players turn by 90 degrees.
func rotated(t *testing.T, path string) string {
	t.Helper()
	return mediatest.Make(t, "rotated.mp4", "-i", path, "-c", "copy", "-metadata:s:v:0", "rotate=90")
}

// cut returns a function that makes a copy of the file without its end.
func cut(keep float64) func(*testing.T, string) string {
	return func(t *testing.T, path string) string {
		t.Helper()
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return write(t, content[:int(float64(len(content))*keep)])
	}
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := t.TempDir() + "/input.mp4"
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestInputThatMustFail checks that each kind of bad input is named as what it is.
func TestInputThatMustFail(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		make    func(t *testing.T) string
		want    Reason
		message string
	}{
		"no bytes": {
			make: func(t *testing.T) string { return write(t, nil) }, want: Empty, message: "no bytes",
		},
		"an MP4 whose index is missing because the recorder was killed": {
			make: func(t *testing.T) string { return cut(0.6)(t, mediatest.MP4(t)) }, want: Truncated, message: "cut off",
		},
		"eight bytes of an MP4": {
			make: func(t *testing.T) string { return write(t, read(t, mediatest.MP4(t))[:8]) }, want: Truncated, message: "cut off",
		},
		"a Matroska header alone": {
			make: func(t *testing.T) string { return write(t, ebmlMagic) }, want: Truncated, message: "cut off",
		},
		"a text file": {
			make: func(t *testing.T) string { return write(t, []byte("Dear all, please find attached…")) }, want: NotAVideo, message: "unknown kind",
		},
		"a PDF called meeting.mp4": {
			make: func(t *testing.T) string { return write(t, []byte("%PDF-1.7 …")) }, want: NotAVideo, message: "PDF",
		},
		"an HLS playlist": {
			make: func(t *testing.T) string { return write(t, []byte("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")) }, want: NotAVideo, message: "playlist",
		},
		"an MPEG-TS file": {
			make: func(t *testing.T) string {
				return mediatest.Make(t, "a.ts", "-i", mediatest.MP4(t), "-c", "copy")
			}, want: NotAVideo, message: "transport stream",
		},
		"noise behind an MP4 header": {
			make: func(t *testing.T) string {
				return write(t, append([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"), []byte("\x00\x00\x00\x20moov\x00\x00\x00\x01trak\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00")...))
			}, want: NotAVideo, message: "damaged",
		},
		"subtitles without picture and sound": {
			make: func(t *testing.T) string {
				subtitles := write(t, []byte("1\n00:00:00,000 --> 00:00:02,000\nHello\n"))
				return mediatest.Make(t, "a.mkv", "-f", "srt", "-i", subtitles, "-c:s", "srt")
			}, want: NotAVideo, message: "neither picture nor sound",
		},
		"a codec that no decoder is kept for": {
			make: func(t *testing.T) string {
				return mediatest.Make(t, "a.mkv", "-f", "lavfi", "-i", mediatest.Picture, "-c:v", "wmv2")
			}, want: NotAVideo, message: "does not take",
		},
		"an MP4 under Common Encryption": {
			make: func(t *testing.T) string {
				return mediatest.Make(t, "a.mp4", "-i", mediatest.MP4(t), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr",
					"-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
			}, want: Encrypted, message: "DRM",
		},
		"a Matroska file with encrypted tracks": {
			make: func(t *testing.T) string { return write(t, encryptedMatroska()) }, want: Encrypted, message: "DRM",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := probeFile(t, tc.make(t))
			wrong, ok := errors.AsType[*InputError](err)
			if !ok {
				t.Fatalf("error %v, want an input error", err)
			}
			if wrong.Reason != tc.want || !strings.Contains(wrong.Message, tc.message) {
				t.Errorf("error %q, want reason %s and a message with %q", wrong, tc.want, tc.message)
			}
		})
	}
}

// encryptedMatroska is as little of a Matroska file as says that its track is encrypted.
func encryptedMatroska() []byte {
	element := func(id string, content ...[]byte) []byte {
		var body []byte
		for _, part := range content {
			body = append(body, part...)
		}
		return append(append([]byte(id), 0x80|byte(len(body))), body...)
	}
	encryption := element("\x50\x35", element("\x47\xe1", []byte{5}))
	track := element("\xae", element("\x6d\x80", element("\x62\x40", encryption)))
	return append(element(string(ebmlMagic)), element("\x18\x53\x80\x67", element("\x16\x54\xae\x6b", track))...)
}
