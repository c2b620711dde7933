// SPDX-License-Identifier: Apache-2.0

package isobmff_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

func TestMain(m *testing.M) { mediatest.Main(m) }

func TestPaddingReachesTheNextBlock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Range(0, 1<<50).Draw(t, "offset")
		padding := isobmff.Padding(offset)
		if (offset+int64(len(padding)))%isobmff.Alignment != 0 || len(padding) > 23 {
			t.Fatalf("%d bytes of padding at %d", len(padding), offset)
		}
		if len(padding) == 0 {
			return
		}
		h, err := isobmff.ReadHeader(bytes.NewReader(padding))
		if err != nil || h.Type != "free" || h.Size != int64(len(padding)) {
			t.Fatalf("padding is %x: %v", padding, err)
		}
	})
}

func TestReadHeader(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		bytes    string
		wantType string
		wantSize int64
		wantErr  error
	}{
		"a short box":                    {bytes: "\x00\x00\x00\x08free", wantType: "free", wantSize: 8},
		"a box with a long size":         {bytes: "\x00\x00\x00\x01mdat\x00\x00\x00\x01\x00\x00\x00\x00", wantType: "mdat", wantSize: 1 << 32},
		"a box to the end of the file":   {bytes: "\x00\x00\x00\x00mdat", wantType: "mdat"},
		"a box shorter than its header":  {bytes: "\x00\x00\x00\x07free", wantErr: isobmff.ErrMalformed},
		"a long size shorter than a box": {bytes: "\x00\x00\x00\x01free\x00\x00\x00\x00\x00\x00\x00\x0f", wantErr: isobmff.ErrMalformed},
		"a size beyond all files":        {bytes: "\x00\x00\x00\x01free\xff\x00\x00\x00\x00\x00\x00\x0f", wantErr: isobmff.ErrMalformed},
		"the end":                        {bytes: "", wantErr: io.EOF},
		"half a header":                  {bytes: "\x00\x00\x00\x08fr", wantErr: io.ErrUnexpectedEOF},
		"half a long header":             {bytes: "\x00\x00\x00\x01free\x00", wantErr: io.ErrUnexpectedEOF},
		"a long header's first half":     {bytes: "\x00\x00\x00\x01free", wantErr: io.ErrUnexpectedEOF},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := isobmff.ReadHeader(bytes.NewReader([]byte(tc.bytes)))
			if !errors.Is(err, tc.wantErr) || h.Type != tc.wantType || h.Size != tc.wantSize {
				t.Errorf("%+v, %v; want %s of %d, %v", h, err, tc.wantType, tc.wantSize, tc.wantErr)
			}
		})
	}
}

// fragmented is a real fragmented MP4.
func fragmented(tb testing.TB) []byte {
	tb.Helper()
	content, err := os.ReadFile(mediatest.Make(tb, "f.mp4", "-i", mediatest.MP4(tb), "-c", "copy", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"))
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

func TestFragmentsOfARealFileFollowEachOther(t *testing.T) {
	t.Parallel()
	file := fragmented(t)
	movie, err := isobmff.ParseMovie(isobmff.Find(file, "moov"))
	if err != nil {
		t.Fatal(err)
	}
	if picture := movie.Picture(); picture == nil || picture.Width != 320 || picture.Height != 180 {
		t.Errorf("picture %+v, want 320 by 180", picture)
	}
	if got := movie.Codecs(); got != "avc1.42c00c,mp4a.40.2" {
		t.Errorf("codecs %q", got)
	}
	var end time.Duration
	for box, err := range isobmff.Children(file) {
		if err != nil {
			t.Fatal(err)
		}
		if box.Type != "moof" {
			continue
		}
		fragment, err := movie.ParseFragment(box.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if !fragment.Key || fragment.Start > end || fragment.End <= fragment.Start {
			t.Errorf("fragment %+v after one that ends at %s", fragment, end)
		}
		end = fragment.End
	}
	if end < 5900*time.Millisecond || end > 6200*time.Millisecond {
		t.Errorf("the last fragment ends at %s, want about 6 s", end)
	}
}

func TestWithDurationAddsOneBoxOnce(t *testing.T) {
	t.Parallel()
	moov := isobmff.Find(fragmented(t), "moov")
	longer, err := isobmff.WithDuration(moov, 90*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(longer) - len(moov); got != 20 {
		t.Errorf("the moov grew by %d bytes, want 20", got)
	}
	mehd := isobmff.Find(longer, "mvex", "mehd")
	if want := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0x52, 0x65, 0xc0}; !bytes.Equal(mehd, want) { // 5,400,000 at 1000 a second
		t.Errorf("mehd is %x, want %x", mehd, want)
	}
	if again, err := isobmff.WithDuration(longer, time.Hour); err != nil || !bytes.Equal(again, longer) {
		t.Errorf("a second box was added: %v", err)
	}
}

// FuzzMovie looks for boxes that make the parsers panic, or fragments that end before they start.
func FuzzMovie(f *testing.F) {
	file := fragmented(f)
	moov, moof := isobmff.Find(file, "moov"), isobmff.Find(file, "moof")
	f.Add(moov, moof)
	f.Fuzz(func(t *testing.T, moov, moof []byte) {
		_, _ = isobmff.WithDuration(moov, time.Hour)
		movie, err := isobmff.ParseMovie(moov)
		if err != nil {
			return
		}
		_ = movie.Codecs()
		fragment, err := movie.ParseFragment(moof)
		if err == nil && (fragment.Start < 0 || fragment.End < fragment.Start) {
			t.Errorf("fragment %+v", fragment)
		}
	})
}
