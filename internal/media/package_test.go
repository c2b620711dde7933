// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
	"github.com/reelkeeper/reelkeeper/internal/media/mediatest"
)

// R7: what is stored is compressed and encrypted.
func TestR7StoredBytesAreEncryptedAndBarelyLongerThanTheMedia(t *testing.T) {
	t.Parallel()
	stored, packaged, _ := packageFile(t, mediatest.MP4(t), Limits{})
	// Some noise is H.263 to ffprobe, whose streams have next to no marks.
	if out, err := ffprobe(t, stored, "-show_entries", "stream=codec_name", "-of", "csv=p=0"); err == nil && !strings.Contains(out, "h263") {
		t.Errorf("ffprobe takes the stored bytes for media: %s", out)
	}
	for _, box := range []string{"ftyp", "moov", "moof", "mdat", "free", "avcC"} {
		if bytes.Contains(stored[:packaged.Init.Bytes], []byte(box)) {
			t.Errorf("the stored init has a readable %s box", box)
		}
	}
	plain := decrypted(t, stored)
	out, err := ffprobe(t, plain, "-show_entries", "format=duration", "-of", "csv=p=0")
	if err != nil {
		t.Fatalf("ffprobe refuses the decrypted object: %v: %s", err, out)
	}
	if seconds, err := strconv.ParseFloat(strings.TrimSpace(out), 64); err != nil || seconds < 5.8 || seconds > 6.3 {
		t.Errorf("players of the downloaded file see a duration of %q, want about 6", out)
	}
	if limit := packaged.Bytes - packaged.PaddingBytes; float64(packaged.Bytes) > 1.01*float64(limit) {
		t.Errorf("%d bytes are stored for %d bytes of media, more than 1.01 times", packaged.Bytes, limit)
	}
	if source := int64(len(read(t, mediatest.MP4(t)))); packaged.Bytes > source*11/10 {
		t.Errorf("copying made %d bytes of %d", packaged.Bytes, source)
	}
}

func TestNoCopiedMetadata(t *testing.T) {
	t.Parallel()
	path := mediatest.Make(t, "titled.mp4", "-i", mediatest.MP4(t), "-c", "copy", "-metadata", "title=Merger with Initech", "-metadata", "location=+48.1-011.5/")
	stored, _, _ := packageFile(t, path, Limits{})
	if plain := decrypted(t, stored); bytes.Contains(plain, []byte("Initech")) || bytes.Contains(plain, []byte("+48.1")) {
		t.Error("the title or place of the recording went into the object")
	}
}

func TestEveryUnitStartsAndEndsOnACipherBlock(t *testing.T) {
	t.Parallel()
	stored, packaged, _ := packageFile(t, mediatest.MP4(t), Limits{})
	units := []Unit{packaged.Init}
	for _, segment := range packaged.Segments {
		units = append(units, segment.Unit)
	}
	plain, at := decrypted(t, stored), int64(0)
	for i, unit := range units {
		if unit.Bytes%aes.BlockSize != 0 {
			t.Errorf("unit %d has %d bytes", i, unit.Bytes)
		}
		content := plain[at : at+unit.Bytes]
		at += unit.Bytes
		var types []string
		for box, err := range isobmff.Children(content) {
			if err != nil {
				t.Fatalf("unit %d: %v", i, err)
			}
			types = append(types, box.Type)
		}
		if first := types[0]; i == 0 && first != "ftyp" || i > 0 && first != "moof" {
			t.Errorf("unit %d begins with %s", i, first)
		}
	}
	if at != packaged.Bytes || at != int64(len(stored)) {
		t.Errorf("the units end at %d, the object at %d, and it was said to end at %d", at, len(stored), packaged.Bytes)
	}
}

func TestPackageKeepsToItsRoom(t *testing.T) {
	t.Parallel()
	source, err := probeFile(t, mediatest.MP4(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = tools(t).Pack(t.Context(), NewPlan(source, Limits{}), mediatest.MP4(t), io.Discard, Packaging{MediaKey: testKey, MaxBytes: 20_000}, func(time.Duration) {})
	if wrong, ok := errors.AsType[*InputError](err); !ok || wrong.Reason != TooLarge {
		t.Errorf("error %v, want TooLarge", err)
	}
}

func TestPackageRefusesABrokenStream(t *testing.T) {
	t.Parallel()
	ftyp := isobmff.Encode("ftyp", []byte("isom\x00\x00\x00\x00"))
	for name, tc := range map[string]struct {
		stream []byte
		want   error
	}{
		"nothing":                {nil, ErrNoSamples},
		"only a file type":       {ftyp, ErrNoSamples},
		"the middle of a header": {ftyp[:5], io.ErrUnexpectedEOF},
		"the middle of a box":    {ftyp[:10], io.ErrUnexpectedEOF},
		"an empty movie":         {append(bytes.Clone(ftyp), isobmff.Encode("moov", nil)...), isobmff.ErrMalformed},
		"a box without a size":   {[]byte("\x00\x00\x00\x00mdat"), isobmff.ErrMalformed},
		"a moov of 4 GiB":        {[]byte("\xff\xff\xff\xffmoov"), isobmff.ErrMalformed},
	} {
		if _, err := Package(t.Context(), bytes.NewReader(tc.stream), io.Discard, Packaging{}); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// TestNaiveDecoderReadsTheFormat decodes a stored recording with nothing but what docs/media-format.md says: no code of the
// package, one block at a time.
func TestNaiveDecoderReadsTheFormat(t *testing.T) {
	t.Parallel()
	stored, packaged, _ := packageFile(t, mediatest.MP4(t), Limits{})
	file, err := EncodeManifest(testManifest(packaged), manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(file), "\n")
	var manifest struct {
		Media struct{ Bytes int }
		Init  struct {
			Bytes  int
			SHA256 string
			Tag    string
		}
		Segments [][4]any
	}
	if err := json.Unmarshal([]byte(body), &manifest); err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(testKey[:])
	if err != nil {
		t.Fatal(err)
	}
	decode := func(offset, length int, sha, tag string) []byte {
		sum := sha256.Sum256(stored[offset : offset+length])
		if got := hexText(sum[:]); got != sha {
			t.Fatalf("the unit at %d has hash %s, want %s", offset, got, sha)
		}
		if got := hexText(naiveTag(t, stored, offset, length)); got != tag {
			t.Fatalf("the unit at %d has tag %s, want %s", offset, got, tag)
		}
		plain := make([]byte, length)
		for i := range length {
			var counter, pad [16]byte
			binary.BigEndian.PutUint64(counter[8:], uint64((offset+i)/16))
			block.Encrypt(pad[:], counter[:])
			plain[i] = stored[offset+i] ^ pad[(offset+i)%16]
		}
		return plain
	}
	movie := decode(0, manifest.Init.Bytes, manifest.Init.SHA256, manifest.Init.Tag)
	offset := manifest.Init.Bytes
	for _, row := range manifest.Segments {
		length := int(row[0].(float64))
		movie = append(movie, decode(offset, length, row[2].(string), row[3].(string))...)
		offset += length
	}
	if offset != manifest.Media.Bytes || !bytes.Equal(movie, decrypted(t, stored)) {
		t.Errorf("the naive decoder read %d of %d bytes, or others", offset, manifest.Media.Bytes)
	}
	if out, err := ffprobe(t, movie); err != nil {
		t.Errorf("ffprobe refuses what the naive decoder read: %v: %s", err, out)
	}
}

// naiveTag is the tag of a unit by the words of docs/media-format.md.
func naiveTag(t *testing.T, stored []byte, offset, length int) []byte {
	t.Helper()
	block, err := aes.NewCipher(unitTestKey[:])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	gmac := func(first byte, offset int, data []byte) []byte {
		nonce := binary.BigEndian.AppendUint64([]byte{first, 0, 0, 0}, uint64(offset))
		return gcm.Seal(nil, nonce, nil, data)
	}
	var chunks []byte
	for at := offset; at < offset+length; at += 65536 {
		chunks = append(chunks, gmac(0, at, stored[at:min(at+65536, offset+length)])...)
	}
	return gmac(1, offset, chunks)
}

func hexText(sum []byte) string {
	const digits = "0123456789abcdef"
	var text []byte
	for _, b := range sum {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

func TestPlaylistDescribesEveryByte(t *testing.T) {
	t.Parallel()
	m := smallManifest(segment(160, 4000), segment(3200, 4004), segment(16, 100))
	got := string(Playlist(m, "media.mp4", `key?a="b"`))
	want := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:5
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-KEY:METHOD=AES-256-CTR,URI="key?a=%22b%22",IV=0x00000000000000000000000000000000
#EXT-X-MAP:URI="media.mp4",BYTERANGE="1200@0"
#EXT-X-KEY:METHOD=AES-256-CTR,URI="key?a=%22b%22",IV=0x0000000000000000000000000000004b
#EXTINF:4.000,
#EXT-X-BYTERANGE:160@1200
media.mp4
#EXT-X-KEY:METHOD=AES-256-CTR,URI="key?a=%22b%22",IV=0x00000000000000000000000000000055
#EXTINF:4.004,
#EXT-X-BYTERANGE:3200@1360
media.mp4
#EXT-X-KEY:METHOD=AES-256-CTR,URI="key?a=%22b%22",IV=0x0000000000000000000000000000011d
#EXTINF:0.100,
#EXT-X-BYTERANGE:16@4560
media.mp4
#EXT-X-ENDLIST
`
	if got != want {
		t.Errorf("playlist:\n%s\nwant:\n%s", got, want)
	}
}

// FuzzInspect looks for containers that make the checks panic, hang or read without bound.
func FuzzInspect(f *testing.F) {
	f.Add(encryptedMatroska())
	f.Add([]byte("\x00\x00\x00\x20moov\x00\x00\x00\x01trak\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add(isobmff.Encode("moov", isobmff.Encode("trak", isobmff.Encode("stsd", []byte("\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x08encv")))))
	f.Fuzz(func(_ *testing.T, content []byte) {
		input, size := bytes.NewReader(content), int64(len(content))
		_, _ = Sniff(input, size)
		_ = Inspect(MP4, input, size)
		_ = Inspect(Matroska, input, size)
	})
}

// FuzzPackage looks for streams that make the packager panic, or count what it did not write.
func FuzzPackage(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x08moov"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var out bytes.Buffer
		packaged, err := Package(t.Context(), bytes.NewReader(stream), &out, Packaging{MediaKey: testKey, Duration: time.Minute})
		if err == nil && packaged.Bytes != int64(out.Len()) {
			t.Errorf("%d bytes counted, %d written", packaged.Bytes, out.Len())
		}
	})
}
