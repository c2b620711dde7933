// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// listener is a server on this machine that a hostile input tries to reach.
func listener(t *testing.T) (url string, reached func() bool) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	connections := make(chan struct{}, 16)
	go func() {
		for {
			connection, err := server.Accept()
			if err != nil {
				return
			}
			connections <- struct{}{}
			_ = connection.Close()
		}
	}()
	return "http://" + server.Addr().String() + "/secret.mp4", func() bool { return len(connections) > 0 }
}

// TestHostileInputReachesNothing gives each hostile input to the checks in front of ffmpeg, which must refuse it, and then,
// as if they had not, to ffprobe and ffmpeg with the options that every input is opened with.
func TestHostileInputReachesNothing(t *testing.T) {
	t.Parallel()
	secret := mediatest.MP4(t) // what a local file would give away if it were opened
	cases := map[string]func(t *testing.T, url string) []byte{
		"an HLS playlist of a local file": func(*testing.T, string) []byte {
			return []byte("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\nfile://" + secret + "\n#EXT-X-ENDLIST\n")
		},
		"an HLS playlist of a network address": func(_ *testing.T, url string) []byte {
			return []byte("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n" + url + "\n#EXT-X-ENDLIST\n")
		},
		"a concat script": func(*testing.T, string) []byte {
			return []byte("ffconcat version 1.0\nfile '" + secret + "'\n")
		},
		"a DASH manifest": func(_ *testing.T, url string) []byte {
			return []byte(`<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation id="1"><BaseURL>` + url + `</BaseURL></Representation></AdaptationSet></Period></MPD>`)
		},
		"an SDP session": func(*testing.T, string) []byte {
			return []byte("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n")
		},
		"a movie whose media is a local file": func(t *testing.T, _ string) []byte {
			return withDataReference(t, aliasTo(secret))
		},
		"a movie whose media is /etc/passwd": func(t *testing.T, _ string) []byte {
			return withDataReference(t, isobmff.Encode("url ", append([]byte{0, 0, 0, 0}, "file:///etc/passwd\x00"...)))
		},
		"a movie whose media is a network address": func(t *testing.T, url string) []byte {
			return withDataReference(t, isobmff.Encode("url ", append([]byte{0, 0, 0, 0}, url+"\x00"...)))
		},
		"a movie whose alias is a network address": func(t *testing.T, url string) []byte {
			return withDataReference(t, aliasTo(url))
		},
		"a movie that refers to another movie": func(t *testing.T, url string) []byte {
			reference := isobmff.Encode("rdrf", append([]byte("\x00\x00\x00\x00url \x00\x00\x00\x40"), url+"\x00"...))
			moov := isobmff.Encode("moov", isobmff.Encode("rmra", isobmff.Encode("rmda", reference)))
			return append(isobmff.Encode("ftyp", []byte("qt  \x00\x00\x00\x00qt  ")), moov...)
		},
	}
	for name, build := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, reached := listener(t)
			path := write(t, build(t, url))
			if _, err := probeFile(t, path); err == nil {
				t.Error("the checks let it pass")
			} else if wrong, ok := errors.AsType[*InputError](err); !ok || wrong.Reason != NotAVideo {
				t.Errorf("error %v, want NotAVideo", err)
			}
			for _, container := range []Container{MP4, Matroska} {
				checkOpensNothing(t, container, path, secret)
			}
			if reached() {
				t.Error("the network was reached")
			}
		})
	}
}

// checkOpensNothing runs ffprobe and ffmpeg over the file and looks for a stranger's bytes in the output.
func checkOpensNothing(t *testing.T, container Container, path, secret string) {
	t.Helper()
	tools := tools(t)
	_, _ = tools.Probe(t.Context(), container, path, 1000)
	plan := Plan{Container: container, Video: &VideoPlan{Action: Copy}}
	var out bytes.Buffer
	_ = tools.Convert(t.Context(), plan, path, &out, func(time.Duration) {})
	plain, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	frame := plain[len(plain)/2 : len(plain)/2+256] // from within the secret's mdat
	if bytes.Contains(out.Bytes(), frame) || strings.Contains(out.String(), "root:x:0:0") {
		t.Errorf("as %s the output has bytes of a file that was not uploaded", container)
	}
}

// withDataReference replaces the data references of a good movie.
func withDataReference(t *testing.T, entry []byte) []byte {
	t.Helper()
	movie := read(t, mediatest.Make(t, "a.mov", "-f", "lavfi", "-i", "mandelbrot=size=320x180:rate=15", "-t", "6",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p"))
	dref := append([]byte{0, 0, 0, 0, 0, 0, 0, 1}, entry...)
	return rebuild(movie, func(boxType string, payload []byte) []byte {
		if boxType == "dref" {
			return dref
		}
		return payload
	})
}

// rebuild writes boxes anew, changing the payloads of leaves.
func rebuild(boxes []byte, change func(string, []byte) []byte) []byte {
	var out []byte
	for box, err := range isobmff.Children(boxes) {
		if err != nil {
			return append(out, boxes...)
		}
		switch box.Type {
		case "moov", "trak", "mdia", "minf", "dinf", "stbl":
			out = append(out, isobmff.Encode(box.Type, rebuild(box.Payload, change))...)
		default:
			out = append(out, isobmff.Encode(box.Type, change(box.Type, box.Payload))...)
		}
	}
	return out
}

// aliasTo is a QuickTime alias record, the one kind of data reference that ffmpeg follows when it is allowed to.
func aliasTo(target string) []byte {
	record := make([]byte, 154) // version and flags, then a record whose volume and file name stay empty
	tlv := func(kind uint16, value string) []byte {
		head := binary.BigEndian.AppendUint16(nil, kind)
		head = binary.BigEndian.AppendUint16(head, uint16(len(value)))
		if len(value)%2 == 1 {
			value += "\x00"
		}
		return append(head, value...)
	}
	record = append(record, tlv(2, target)...)
	record = append(record, tlv(18, target)...)
	return isobmff.Encode("alis", append(record, 0xff, 0xff, 0, 0))
}

// TestHostileMovieWorksWithoutOurOptions shows that the attack is real: ffmpeg follows the alias where it is told to.
func TestHostileMovieWorksWithoutOurOptions(t *testing.T) {
	t.Parallel()
	secret := mediatest.MP4(t)
	path := write(t, withDataReference(t, aliasTo(secret)))
	out, err := exec.Command(tools(t).FFmpeg, "-v", "verbose", "-f", "mov", "-enable_drefs", "1", "-use_absolute_path", "1", "-i", path,
		"-c", "copy", "-f", "null", "-").CombinedOutput()
	if files := strings.Count(string(out), "[AVIOContext"); files != 2 {
		t.Errorf("ffmpeg read %d files, want 2: without a followed alias the test of our options proves nothing: %v\n%s", files, err, out)
	}
}

func TestConvertKillsFFmpegWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	// Nobody reads the output beyond its first byte, so ffmpeg waits with a full pipe when it is to be stopped.
	path := mediatest.Make(t, "killed.mp4", "-i", mediatest.MP4(t), "-c", "copy")
	source, err := probeFile(t, path)
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer writer.Close()
		stopped <- tools(t).Convert(ctx, NewPlan(source, Limits{}), path, writer, func(time.Duration) {})
	}()
	if _, err := reader.Read(make([]byte, 1)); err != nil {
		t.Fatal(err) // ffmpeg never began
	}
	cancel()
	if err := <-stopped; err == nil {
		t.Error("an interrupted conversion succeeded")
	}
	if out, err := exec.Command("pgrep", "-f", path).CombinedOutput(); err == nil {
		t.Errorf("ffmpeg is still there: %s", out)
	}
}
