// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

const (
	english = "1\n00:00:01,000 --> 00:00:02,500\nThe <b>merger</b> is off & on\n\n2\n00:00:03,000 --> 00:00:04,000\na < b\nsecond line\n"
	chinese = "1\n00:00:01,000 --> 00:00:02,000\n早上好\n"

	englishClean = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nThe merger is off &amp; on\n\n00:00:03.000 --> 00:00:04.000\na &lt; b\nsecond line\n"
	chineseClean = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n早上好\n"
)

// subtitles is a small recording with tracks that were SubRip, which the arguments may change. It is not made by mediatest.Make, whose
// recipes are kept by arguments that have to be the same.
func subtitles(t *testing.T, name string, texts []string, args ...string) string {
	t.Helper()
	inputs, maps := []string{"-i", mediatest.MP4(t)}, []string{"-map", "0:v"}
	for i, text := range texts {
		inputs = append(inputs, "-f", "srt", "-i", write(t, []byte(text)))
		maps = append(maps, "-map", strconv.Itoa(i+1))
	}
	return mediatest.Make(t, name, append(append(append(inputs, maps...), "-c:v", "copy"), args...)...)
}

func captionsOf(t *testing.T, path string) ([]Captions, error) {
	t.Helper()
	source, err := probeFile(t, path)
	if err != nil {
		t.Fatal(err)
	}
	return tools(t).Captions(t.Context(), source.Container, path)
}

func TestCaptionsAreTheTextOfSubtitles(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		path func(t *testing.T) string
		want []Captions
		// wantError is in why something was left out; empty for nothing.
		wantError string
	}{
		"no subtitles": {path: func(t *testing.T) string { return mediatest.MP4(t) }},
		"mov_text in MP4": {
			path: func(t *testing.T) string {
				return subtitles(t, "text.mp4", []string{english}, "-c:s", "mov_text", "-metadata:s:s:0", "language=eng")
			},
			want: []Captions{{Language: "en", Text: []byte(englishClean)}},
		},
		"SubRip in two languages, one with a title": {
			path: func(t *testing.T) string {
				return subtitles(t, "two.mkv", []string{english, chinese}, "-c:s", "srt", "-metadata:s:s:0", "language=ger", "-metadata:s:s:1", "language=chi", "-metadata:s:s:1", "title=简体\n2")
			},
			want: []Captions{{Language: "de", Text: []byte(englishClean)}, {Language: "zh", Title: "简体 2", Text: []byte(chineseClean)}},
		},
		"WebVTT and ASS, in no language": {
			path: func(t *testing.T) string {
				return subtitles(t, "others.mkv", []string{chinese, chinese}, "-c:s:0", "webvtt", "-c:s:1", "ass", "-metadata:s:s:0", "language=klingon!")
			},
			want: []Captions{{Language: "und", Text: []byte(chineseClean)}, {Language: "und", Text: []byte(chineseClean)}},
		},
		"more tracks than there may be": {
			path: func(t *testing.T) string {
				return subtitles(t, "many.mkv", repeated(chinese, MaxCaptions+2), "-c:s", "srt")
			},
			want: repeated(Captions{Language: "und", Text: []byte(chineseClean)}, MaxCaptions),
		},
		"a track that is too large, before one that is not": {
			path: func(t *testing.T) string {
				return subtitles(t, "huge.mkv", []string{long(2 * maxCaptionBytes), chinese}, "-c:s", "srt")
			},
			want:      []Captions{{Language: "und", Text: []byte(chineseClean)}},
			wantError: "too many",
		},
		"a track of which ffmpeg says more than anybody listens to": {
			path: func(t *testing.T) string {
				return subtitles(t, "endless.mkv", []string{long(2 * maxRawCaptionBytes), chinese}, "-c:s", "srt")
			},
			want:      []Captions{{Language: "und", Text: []byte(chineseClean)}},
			wantError: "too much output",
		},
		"tracks that are too large together": {
			path: func(t *testing.T) string {
				return subtitles(t, "together.mkv", append(repeated(long(400<<10), 3), chinese), "-c:s", "srt")
			},
			want:      nil, // two of the large ones, and the small one: counted below
			wantError: "too many",
		},
		"a track with markup, styles and notes in its text": {
			path: func(t *testing.T) string {
				return subtitles(t, "hostile.mkv", []string{"1\n00:00:01,000 --> 00:00:02,000\n<c.red>x</c><img src=x onerror=y()> --> z\n&lt;b&gt;\n\n2\n00:00:02,000 --> 00:00:03,000\nNOTE\n"}, "-c:s", "srt")
			},
			want: []Captions{{Language: "und", Text: nil}}, // looked at below
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := captionsOf(t, tc.path(t))
			if tc.wantError == "" && err != nil || tc.wantError != "" && (err == nil || !strings.Contains(err.Error(), tc.wantError)) {
				t.Errorf("the error is %v, want %q", err, tc.wantError)
			}
			for _, c := range got {
				checkOnlyCues(t, c.Text)
			}
			switch {
			case name == "tracks that are too large together":
				if len(got) != 3 || !bytes.Equal(got[2].Text, []byte(chineseClean)) {
					t.Errorf("%d tracks, want two large ones and a small one", len(got))
				}
			case len(tc.want) == 1 && tc.want[0].Text == nil:
				if len(got) != 1 || bytes.Contains(got[0].Text, []byte("<img")) {
					t.Errorf("captions are %s", got)
				}
			default:
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("captions (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func repeated[T any](one T, times int) []T {
	all := make([]T, times)
	for i := range all {
		all[i] = one
	}
	return all
}

// long is SubRip of at least so many bytes of text.
func long(size int) string {
	var text strings.Builder
	for n := 0; text.Len() < size; n++ {
		fmt.Fprintf(&text, "%d\n00:%02d:%02d,000 --> 00:%02d:%02d,500\n%s\n\n", n+1, n/60%60, n%60, n/60%60, n%60, strings.Repeat("blah ", 400))
	}
	return text.String()
}

func TestPicturesOfTextAreNoCaptions(t *testing.T) {
	t.Parallel()
	made := read(t, subtitles(t, "pictures.mkv", []string{english, chinese}, "-c:s:0", "ass", "-c:s:1", "srt"))
	// ffmpeg makes no pictures of text. The name of one format is as long as that of the other.
	path := write(t, bytes.Replace(made, []byte("S_TEXT/ASS"), []byte("S_HDMV/PGS"), 1))
	got, err := captionsOf(t, path)
	if diff := cmp.Diff([]Captions{{Language: "und", Text: []byte(chineseClean)}}, got); err != nil || diff != "" {
		t.Errorf("captions (-want +got):\n%s%v", diff, err)
	}
	packageFile(t, path, Limits{})
}

func TestWebVTTIsWrittenAnewFromItsCues(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ raw, want string }{
		"nothing": {"", ""},
		"no cue":  {"WEBVTT\n\nSTYLE\n::cue { background: url(http://tracker.example) }\n\nREGION\nid:x\n\nNOTE --> x\n", ""},
		"short times, a name and settings": {
			"WEBVTT - title\nKind: captions\n\nintro\n00:01.000 --> 00:02.000 line:0 align:start region:x\nHi\n",
			"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHi\n",
		},
		"carriage returns, several empty lines, and cues out of order": {
			"WEBVTT\r\n\r\n\r\n00:03.000 --> 00:04.000\r\nlater\r\n\r\n\r\n\r\n01:00:00.000 --> 01:00:01.000\rlast\r\r00:01.000 --> 00:02.000\rfirst\r\r",
			"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nfirst\n\n00:00:03.000 --> 00:00:04.000\nlater\n\n01:00:00.000 --> 01:00:01.000\nlast\n",
		},
		"tags of WebVTT": {
			"00:01.000 --> 00:02.000\n<v Alice>Yes, <c.red.big>we</c> <00:00:01.500><i>can</i>, <lang fr>oui</lang></v>\n",
			"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nYes, we can, oui\n",
		},
		"tags of HTML, and an arrow": {
			"00:01.000 --> 00:02.000\n<script>alert(1)</script> 1 < 2 --> &lt;b&gt; &amp;lt; &amp &#60;\n",
			"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n&lt;script&gt;alert(1)&lt;/script&gt; 1 &lt; 2 --&gt; &lt;b&gt; &amp;lt; &amp;amp &amp;#60;\n",
		},
		"tags that come together when others are taken out": {
			"00:01.000 --> 00:02.000\n<<b>b>bold<</b>/b>\n", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n&lt;b&gt;bold&lt;/b&gt;\n",
		},
		"bytes that are no text": {
			"00:01.000 --> 00:02.000\na\x00b\x1b[31mc\xffd\u2028e\ufefff\n", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nab[31mc\ufffdd ef\n",
		},
		"times that make no sense": {
			"00:02.000 --> 00:01.000\na\n\n00:01.000 --> 00:01.000\nb\n\n999:00:00.000 --> 999:00:01.000\nc\n\n00:1.000 --> 00:2.000\nd\n\n00:01.000 --> 00:02.000\n \n", "",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, string(cleanWebVTT([]byte(tc.raw)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var onlyCues = regexp.MustCompile(`\AWEBVTT\n(?:\n\d\d+:\d\d:\d\d\.\d{3} --> \d\d+:\d\d:\d\d\.\d{3}\n(?:[^<>\x00-\x1f]+\n)+)+\z`)

// checkOnlyCues checks that WebVTT has cues and nothing else, whose text a browser shows as it is.
func checkOnlyCues(t *testing.T, text []byte) {
	t.Helper()
	if !onlyCues.Match(text) {
		t.Errorf("there is more than cues in %.500q", text)
	}
}

func FuzzWebVTT(f *testing.F) {
	f.Add([]byte("WEBVTT\n\n00:01.000 --> 00:02.000\n<v Alice>Hi & <b>bye\n"))
	f.Add([]byte("\n00:01.000 --> 00:02.000\r\n&lt;\x00<i\n> -->\n\nSTYLE\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		clean := cleanWebVTT(raw)
		if clean == nil {
			return
		}
		checkOnlyCues(t, clean)
		if again := cleanWebVTT(clean); !bytes.Equal(clean, again) {
			t.Errorf("cleaned twice it is %q, and once %q", again, clean)
		}
	})
}

func TestR7CaptionsAreSealedInTheManifest(t *testing.T) {
	t.Parallel()
	_, packaged, _ := packageFile(t, mediatest.MP4(t), Limits{})
	plain := []Captions{{Language: "en", Text: []byte(englishClean)}, {Language: "zh-Hans", Title: "简体", Text: []byte(chineseClean)}}
	sealed, err := SealCaptions(plain, testKey)
	if err != nil {
		t.Fatal(err)
	}
	manifest := testManifest(packaged)
	manifest.Captions = sealed
	read := storedAndRead(t, manifest)
	for i := range plain {
		if text, err := read.OpenCaptions(i, testKey); err != nil || !bytes.Equal(text, plain[i].Text) {
			t.Errorf("captions %d that were sealed and opened are %q (%v)", i, text, err)
		}
		if _, err := read.OpenCaptions(i, unitTestKey); err == nil {
			t.Error("another key opens captions")
		}
	}
	read.Captions[0], read.Captions[1] = read.Captions[1], read.Captions[0]
	if _, err := read.OpenCaptions(0, testKey); err == nil {
		t.Error("captions open in the place of others")
	}
}

func TestManifestRefusesCaptionsOutOfBounds(t *testing.T) {
	t.Parallel()
	_, packaged, _ := packageFile(t, mediatest.MP4(t), Limits{})
	one := Captions{Language: "en", Text: make([]byte, sealBytes+1)}
	cases := map[string]func(*Manifest){
		"in an earlier version": func(m *Manifest) { m.Version, m.Captions = versionWithTags, []Captions{one} },
		"too many":              func(m *Manifest) { m.Captions = repeated(one, MaxCaptions+1) },
		"too large": func(m *Manifest) {
			m.Captions = []Captions{{Language: "en", Text: make([]byte, maxCaptionBytes+sealBytes+1)}}
		},
		"too large together": func(m *Manifest) {
			m.Captions = repeated(Captions{Language: "en", Text: make([]byte, maxCaptionBytes)}, 3)
		},
		"without text":      func(m *Manifest) { m.Captions = []Captions{{Language: "en"}} },
		"in no language":    func(m *Manifest) { m.Captions = []Captions{{Text: one.Text}} },
		"in what is no tag": func(m *Manifest) { m.Captions = []Captions{{Language: "e\"n", Text: one.Text}} },
		"with too long a name": func(m *Manifest) {
			m.Captions = []Captions{{Language: "en", Title: strings.Repeat("x", 101), Text: one.Text}}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifest := testManifest(packaged)
			change(manifest)
			if _, err := EncodeManifest(manifest, testKey); err == nil || !strings.Contains(err.Error(), "captions") {
				t.Errorf("the error is %v, want one about captions", err)
			}
		})
	}
}
