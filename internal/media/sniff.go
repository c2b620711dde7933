// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// Container is a family of file formats, named as ffmpeg names its demuxer.
type Container string

const (
	// MP4 is ISO BMFF and QuickTime: .mp4, .m4a, .mov, .3gp.
	MP4 Container = "mov"
	// Matroska is .mkv and .webm.
	Matroska Container = "matroska"
)

var (
	ebmlMagic = []byte{0x1a, 0x45, 0xdf, 0xa3}

	// mp4First are the boxes that files of the MP4 family begin with; those before ftyp was invented begin with any.
	mp4First = []string{"ftyp", "styp", "moov", "mdat", "wide", "free", "skip", "pnot"}
)

// lookalikes are formats that people and attackers upload instead of a video. They are named only to give a clear
// message: whatever is not on the short list of containers is refused, named or not.
var lookalikes = []struct {
	magic string
	name  string
}{
	{"#EXTM3U", "an HLS playlist"},
	{"ffconcat", "a list of files for ffmpeg"},
	{"<?xml", "an XML document"},
	{"<", "a web page or XML document"},
	{"RIFF", "an AVI or WAV file"},
	{"OggS", "an Ogg file"},
	{"FLV", "a Flash video"},
	{"ID3", "an MP3 file"},
	{"PK\x03\x04", "a ZIP archive or office document"},
	{"%PDF", "a PDF document"},
	{"\x89PNG", "a PNG picture"},
	{"\xff\xd8\xff", "a JPEG picture"},
	{"\x30\x26\xb2\x75", "a Windows Media file"},
	{"G", "perhaps an MPEG transport stream"},
}

// Sniff decides from the first bytes which container an input of the given size is. File names and content types are
// not asked: a playlist called meeting.mp4 must not reach the playlist reader. The error is an *InputError where the
// input is at fault.
func Sniff(input io.ReaderAt, size int64) (Container, error) {
	if size == 0 {
		return "", inputError(Empty, "The upload has no bytes. Upload the recording again.")
	}
	head := make([]byte, 12)
	n, err := input.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, ebmlMagic):
		return Matroska, nil
	case len(head) >= 8 && slices.Contains(mp4First, string(head[4:8])):
		return MP4, nil
	}
	return "", inputError(NotAVideo, "The file is %s; Reelkeeper takes MP4, MOV, M4A, MKV and WebM. Convert it to one of them and upload that.",
		lookalike(head))
}

func lookalike(head []byte) string {
	for _, known := range lookalikes {
		if bytes.HasPrefix(head, []byte(known.magic)) {
			return known.name
		}
	}
	return "of an unknown kind"
}
