// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// endlessMeeting is a stream of fragments of one second and one mebibyte each, made as it is read.
type endlessMeeting struct {
	now       bytes.Buffer
	timescale uint32
	fragment  int
	fragments int
	mdat      []byte
}

func newEndlessMeeting(t *testing.T, fragments int) *endlessMeeting {
	t.Helper()
	file := read(t, mediatest.Make(t, "f.mp4", "-i", mediatest.MP4(t), "-c", "copy", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"))
	moov := isobmff.Find(file, "moov")
	movie, err := isobmff.ParseMovie(moov)
	if err != nil {
		t.Fatal(err)
	}
	e := &endlessMeeting{timescale: movie.Picture().Timescale, fragments: fragments, mdat: isobmff.Encode("mdat", make([]byte, 1<<20))}
	e.now.Write(isobmff.Encode("ftyp", []byte("isom\x00\x00\x00\x00")))
	e.now.Write(isobmff.Encode("moov", moov))
	return e
}

func (e *endlessMeeting) Read(p []byte) (int, error) {
	if e.now.Len() == 0 {
		if e.fragment == e.fragments {
			return 0, io.EOF
		}
		e.next()
	}
	return e.now.Read(p)
}

// next writes one fragment of one key frame that lasts a second.
func (e *endlessMeeting) next() {
	word := binary.BigEndian.AppendUint32
	tfhd := word(word(word(nil, 0x020008), 1), e.timescale) // default duration: one second
	tfdt := binary.BigEndian.AppendUint64(word(nil, 1<<24), uint64(e.fragment)*uint64(e.timescale))
	trun := word(word(word(nil, 0x04), 1), 0) // one sample, and it is a key frame
	var traf []byte
	for _, box := range [][]byte{isobmff.Encode("tfhd", tfhd), isobmff.Encode("tfdt", tfdt), isobmff.Encode("trun", trun)} {
		traf = append(traf, box...)
	}
	e.now.Write(isobmff.Encode("moof", isobmff.Encode("traf", traf)))
	e.now.Write(e.mdat)
	e.fragment++
}

// TestMemoryDoesNotGrowWithTheRecording packages half a gigabyte. It runs alone, so that what it counts is its own.
func TestMemoryDoesNotGrowWithTheRecording(t *testing.T) {
	const seconds = 512
	meeting := newEndlessMeeting(t, seconds)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	packaged, err := Package(t.Context(), meeting, io.Discard, Packaging{MediaKey: testKey})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if packaged.Bytes < seconds<<20 || len(packaged.Segments) != seconds/4 {
		t.Errorf("%d bytes in %d segments", packaged.Bytes, len(packaged.Segments))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("packaging %d bytes allocated %d bytes in all", packaged.Bytes, used)
	}
}

func TestMeasureFindsTheLengthThatAHeaderLacks(t *testing.T) {
	t.Parallel()
	path := mediatest.Make(t, "live.webm", "-i", mediatest.MP4(t), "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", "-live", "1")
	source, err := probeFile(t, path)
	if err != nil {
		t.Fatal(err)
	}
	if source.Duration != 0 {
		t.Fatalf("the header says %s; the test needs one that says nothing", source.Duration)
	}
	length, err := tools(t).Measure(t.Context(), source.Container, path)
	if err != nil || length.Seconds() < 5.5 || length.Seconds() > 6.5 {
		t.Errorf("measured %s (%v), want about 6 s", length, err)
	}
}
