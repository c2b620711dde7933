// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

func TestPreviewsShowWhatIsThereAtTheirTime(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		limits Limits
		args   []string
	}{
		// The picture is black for the first half, and white after that.
		"copied":                          {args: []string{"-g", "5"}},
		"transcoded, with few key frames": {limits: Limits{MaxHeight: 90}, args: []string{"-g", "1000"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := mediatest.Make(t, "halves.mp4", append([]string{
				"-f", "lavfi", "-i", "color=black:size=320x180:rate=5:duration=12", "-f", "lavfi", "-i", "color=white:size=320x180:rate=5:duration=12",
				"-filter_complex", "concat=n=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
			}, tc.args...)...)
			_, packaged, plan := packageFile(t, path, tc.limits)
			made, err := tools(t).Previews(t.Context(), plan, path, packaged)
			if err != nil {
				t.Fatal(err)
			}
			sheet := picture(t, made.Sheet)
			if got, want := sheet.Bounds().Size(), image.Pt(made.Columns*made.Width, 2*made.Height); got != want || made.Count != 12 || made.EveryMillis != 2000 {
				t.Fatalf("the sheet has %v pixels, want %v, for %d pictures every %d ms", got, want, made.Count, made.EveryMillis)
			}
			for n := range made.Count {
				want := n >= 6 // begins at 12 s
				if n == 6 {
					continue // what is nearest is either
				}
				x, y := n%made.Columns*made.Width+made.Width/2, n/made.Columns*made.Height+made.Height/2
				if got := bright(sheet, x, y); got != want {
					t.Errorf("the picture of %d s is bright: %t, want %t", 2*n, got, want)
				}
			}
			poster := picture(t, made.Poster)
			if got := poster.Bounds().Size(); got != image.Pt(480, 270) || bright(poster, 240, 135) {
				t.Errorf("the poster has %v pixels and is bright: %t; want a dark one of 480x270", got, bright(poster, 240, 135))
			}
		})
	}
}

func TestPreviewsFitTheirBounds(t *testing.T) {
	t.Parallel()
	path := mediatest.Make(t, "noisy.mp4", "-f", "lavfi", "-i", "nullsrc=size=180x320:rate=2:duration=220,geq=random(1)*255:128:128",
		"-c:v", "libx264", "-preset", "ultrafast", "-g", "2", "-pix_fmt", "yuv420p")
	_, packaged, plan := packageFile(t, path, Limits{})
	made, err := tools(t).Previews(t.Context(), plan, path, packaged)
	if err != nil {
		t.Fatal(err)
	}
	if made == nil {
		t.Fatal("noise has no previews")
	}
	if made.Count != maxPreviews || made.Width != 66 || made.Height != 120 || len(made.Sheet) > maxSheetBytes || len(made.Poster) > maxPosterBytes {
		t.Errorf("%d previews of %dx%d, a sheet of %d and a poster of %d bytes", made.Count, made.Width, made.Height, len(made.Sheet), len(made.Poster))
	}
}

func TestSoundAloneHasNoPreviews(t *testing.T) {
	t.Parallel()
	path := mediatest.Make(t, "sound.m4a", "-f", "lavfi", "-i", mediatest.Sound, "-c:a", "aac", "-f", "mp4")
	_, packaged, plan := packageFile(t, path, Limits{})
	if made, err := tools(t).Previews(t.Context(), plan, path, packaged); made != nil || err != nil {
		t.Errorf("previews of sound: %v, %v", made, err)
	}
}

func TestR7PreviewsAreSealedInTheManifest(t *testing.T) {
	t.Parallel()
	_, packaged, _ := packageFile(t, mediatest.MP4(t), Limits{})
	plain := Previews{Poster: []byte("poster"), Sheet: []byte("sheet"), EveryMillis: 2000, Count: 3, Columns: 3, Width: 160, Height: 90}
	sealed, err := plain.Seal(testKey)
	if err != nil {
		t.Fatal(err)
	}
	manifest := testManifest(packaged)
	manifest.Previews = sealed
	read := storedAndRead(t, manifest)
	opened, err := read.Previews.Open(testKey)
	if diff := cmp.Diff(&plain, opened); err != nil || diff != "" {
		t.Errorf("previews that were sealed and opened (-want +got):\n%s%v", diff, err)
	}
	if _, err := read.Previews.Open(unitTestKey); err == nil {
		t.Error("another key opens the previews")
	}
	manifest.Version = versionWithTags
	if _, err := EncodeManifest(manifest, testKey); err == nil {
		t.Error("a manifest of an earlier version takes previews")
	}
	manifest.Version, manifest.Previews.Count = ManifestVersion, maxPreviews+1
	if _, err := EncodeManifest(manifest, testKey); err == nil {
		t.Error("a manifest takes more previews than there may be")
	}
}

func picture(t *testing.T, content []byte) image.Image {
	t.Helper()
	decoded, err := jpeg.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func bright(picture image.Image, x, y int) bool {
	red, _, _, _ := picture.At(x, y).RGBA()
	return red > 0x8000
}

func TestWhatAToolSaysIsBounded(t *testing.T) {
	t.Parallel()
	out := &limited{limit: 10}
	// As os/exec copies it: by ReadFrom, where there is one.
	if _, err := io.Copy(out, strings.NewReader("eleven bytes")); !errors.Is(err, errTooMuch) {
		t.Errorf("the error is %v, want that it was too much", err)
	}
}
