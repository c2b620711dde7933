// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	manifestTestKey = Key{3, 1, 4, 1, 5}
	unitTestKey     = Key{2, 7, 1, 8, 2}
)

func keyOf(key Key) func(WrappedKey) (Key, error) {
	return func(WrappedKey) (Key, error) { return key, nil }
}

// smallManifest describes an object that does not exist.
func smallManifest(segments ...Segment) *Manifest {
	m := testManifest(&Packaged{
		Init: Unit{Bytes: 1200 - 1200%16, SHA256: Digest{1}, Tag: Tag{2}}, Codecs: "avc1.64001f,mp4a.40.2", Width: 1280, Height: 720, Segments: segments,
	})
	m.Media.Bytes = m.Init.Bytes
	for _, s := range segments {
		m.Media.Bytes += s.Bytes
		m.Media.DurationMillis += s.DurationMillis
	}
	return m
}

func segment(bytes, millis int64) Segment {
	return Segment{Unit: Unit{Bytes: bytes, SHA256: Digest{byte(bytes)}, Tag: Tag{1, byte(bytes)}}, DurationMillis: millis}
}

func TestManifestComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	want := smallManifest(segment(160, 4000), segment(3200, 4004), segment(16, 100))
	stored, err := EncodeManifest(want, manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeManifest(stored, keyOf(manifestTestKey))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManifestFromBeforeTagsIsRead(t *testing.T) {
	t.Parallel()
	want := untagged(smallManifest(segment(160, 4000), segment(16, 100)))
	stored, err := EncodeManifest(want, manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	if row := `"segments":[[160,4000,"` + want.Segments[0].SHA256.String() + `"],`; !strings.Contains(string(stored), row) {
		t.Errorf("the manifest lacks %s:\n%s", row, stored)
	}
	got, err := DecodeManifest(stored, keyOf(manifestTestKey))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManifestIsTwoLinesOfJSON(t *testing.T) {
	t.Parallel()
	stored, err := EncodeManifest(smallManifest(segment(160, 4000)), manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(stored), "\n"), "\n")
	if len(lines) != 2 || !json.Valid([]byte(lines[0])) || !json.Valid([]byte(lines[1])) {
		t.Fatalf("not two lines of JSON:\n%s", stored)
	}
	if want := `"segments":[[160,4000,"a0000000`; !strings.Contains(lines[1], want) {
		t.Errorf("the manifest lacks %s:\n%s", want, lines[1])
	}
}

func TestForgedManifestIsRefused(t *testing.T) {
	t.Parallel()
	stored, err := EncodeManifest(smallManifest(segment(160, 4000)), manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeManifest(stored, keyOf(Key{})); !errors.Is(err, ErrManifestForged) {
		t.Errorf("with another key: %v", err)
	}
	for i := range stored {
		changed := bytes.Clone(stored)
		changed[i] ^= 1
		if _, err := DecodeManifest(changed, keyOf(manifestTestKey)); err == nil {
			t.Fatalf("a manifest with byte %d changed was accepted", i)
		}
		if _, err := AuthenticateManifest(changed, keyOf(manifestTestKey)); err == nil {
			t.Fatalf("a manifest with byte %d changed is genuine", i)
		}
	}
	for name, changed := range map[string][]byte{
		"a line more": append(bytes.Clone(stored), "{}\n"...), "a space more": append(bytes.Clone(stored), ' '), "no last newline": stored[:len(stored)-1],
	} {
		if _, err := DecodeManifest(changed, keyOf(manifestTestKey)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	keyErr := errors.New("the keyset does not know this key")
	if _, err := DecodeManifest(stored, func(WrappedKey) (Key, error) { return Key{}, keyErr }); !errors.Is(err, keyErr) {
		t.Errorf("without the key: %v", err)
	}
}

// TestManifestHasOneKey says the key twice, with a MAC that fits: which of the two is meant would be a matter of the reader.
func TestManifestHasOneKey(t *testing.T) {
	t.Parallel()
	stored, err := EncodeManifest(smallManifest(segment(160, 4000)), manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := AuthenticateManifest(stored, keyOf(manifestTestKey)); err != nil || !bytes.Equal(got.Salt, smallManifest().Key.Salt) {
		t.Errorf("AuthenticateManifest = %+v, %v", got, err)
	}
	payload := stored[macLineBytes:]
	_, after, _ := bytes.Cut(payload, []byte(`"key":`))
	member, _, _ := bytes.Cut(after, []byte("}"))
	other := bytes.Replace(member, []byte(`"wrapped":"`), []byte(`"wrapped":"AAAA`), 1)
	for name, twice := range map[string][]byte{
		"in front": fmt.Appendf(nil, `{"key":%s},%s`, other, payload[1:]),
		"behind":   fmt.Appendf(nil, "%s,\"key\":%s}}\n", bytes.TrimSuffix(payload, []byte("}\n")), other),
	} {
		if m, err := DecodeManifest(withMAC(twice), keyOf(manifestTestKey)); err == nil {
			t.Errorf("with another key %s: %+v", name, m.Key)
		}
	}
	if _, err := DecodeManifest(withMAC([]byte("{}\n")), keyOf(manifestTestKey)); err == nil {
		t.Error("without a key: accepted")
	}
}

// withMAC is a payload with the first line that belongs to it.
func withMAC(payload []byte) []byte {
	return slices.Concat([]byte(macLineStart), []byte(hex.EncodeToString(manifestMAC(payload, manifestTestKey))), []byte(macLineEnd), payload)
}

func TestManifestBounds(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change  func(*Manifest)
		message string
	}{
		"an unknown version":                  {func(m *Manifest) { m.Version = 4 }, "version 4"},
		"no version":                          {func(m *Manifest) { m.Version = 0 }, "version 0"},
		"a segment without a tag":             {func(m *Manifest) { m.Segments[0].Tag = Tag{} }, "segments[0] has a tag: false"},
		"tags in the first version":           {func(m *Manifest) { m.Version = 1 }, "init has a tag: true"},
		"no UID":                              {func(m *Manifest) { m.Recording.UID = "" }, "recording.uid"},
		"a name without end":                  {func(m *Manifest) { m.Recording.Name = strings.Repeat("x", 2000) }, "recording.name"},
		"attempt zero":                        {func(m *Manifest) { m.Recording.Attempt = 0 }, "recording.attempt"},
		"a spec that is no object":            {func(m *Manifest) { m.Recording.Spec = json.RawMessage(`[]`) }, "recording.spec"},
		"a short salt":                        {func(m *Manifest) { m.Key.Salt = m.Key.Salt[1:] }, "key.salt"},
		"no wrapped key":                      {func(m *Manifest) { m.Key.Wrapped = nil }, "key.wrapped"},
		"no segments":                         {func(m *Manifest) { m.Segments = nil }, "segments"},
		"a segment of no bytes":               {func(m *Manifest) { m.Segments[0].Bytes = 0 }, "segments[0].bytes"},
		"a negative segment":                  {func(m *Manifest) { m.Segments[0].Bytes = -16 }, "segments[0].bytes"},
		"a segment that is not of blocks":     {func(m *Manifest) { m.Segments[0].Bytes = 161 }, "multiple of 16"},
		"a segment that overflows":            {func(m *Manifest) { m.Segments[0].Bytes = 1 << 62 }, "segments[0].bytes"},
		"segments that do not fill the media": {func(m *Manifest) { m.Media.Bytes += 16 }, "add up to"},
		"segments beyond the media":           {func(m *Manifest) { m.Media.Bytes -= 16 }, "add up to"},
		"durations that do not add up":        {func(m *Manifest) { m.Media.DurationMillis++ }, "ms"},
		"an init that is not of blocks":       {func(m *Manifest) { m.Init.Bytes = 1201 }, "init.bytes"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := smallManifest(segment(160, 4000), segment(160, 4000))
			tc.change(m)
			if _, err := EncodeManifest(m, manifestTestKey); err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("error %v, want one with %q", err, tc.message)
			}
		})
	}
}

func TestManifestOfADayFits(t *testing.T) {
	t.Parallel()
	segments := make([]Segment, 24*3600*1000/int(SegmentTarget.Milliseconds()))
	for i := range segments {
		segments[i] = segment(2<<20, SegmentTarget.Milliseconds())
	}
	stored, err := EncodeManifest(smallManifest(segments...), manifestTestKey)
	if err != nil {
		t.Fatal(err)
	}
	if len(stored) > MaxManifestBytes/3 {
		t.Errorf("a day takes %d bytes of %d", len(stored), MaxManifestBytes)
	}
	if _, err := DecodeManifest(stored, keyOf(manifestTestKey)); err != nil {
		t.Error(err)
	}
}

// FuzzManifest looks for bytes that the decoder takes, with any key, and that are not what the encoder writes.
func FuzzManifest(f *testing.F) {
	for _, m := range []*Manifest{smallManifest(segment(160, 4000)), smallManifest(segment(16, 1), segment(32, 0))} {
		stored, err := EncodeManifest(m, manifestTestKey)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(stored[macLineBytes:])
	}
	f.Add([]byte(`{"version":1,"segments":[[16,0,""]]}`))
	f.Add([]byte(`{"version":2,"segments":[[16,0,"",""]]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, _ = DecodeManifest(payload, keyOf(manifestTestKey)) // the first line may be anything
		whole, err := DecodeManifest(withMAC(payload), keyOf(manifestTestKey))
		if key, keyErr := AuthenticateManifest(withMAC(payload), keyOf(manifestTestKey)); err == nil && (keyErr != nil || !bytes.Equal(key.Salt, whole.Key.Salt)) {
			t.Fatalf("the key alone is %+v, %v", key, keyErr)
		}
		m, err := parseManifest(payload)
		if err != nil {
			return
		}
		stored, err := EncodeManifest(m, manifestTestKey)
		if err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", err)
		}
		again, err := DecodeManifest(stored, keyOf(manifestTestKey))
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		if reader := NewReader(again, unitTestKey, nil, nil); reader.Size() != m.Media.Bytes {
			t.Errorf("the reader has %d bytes, the manifest says %d", reader.Size(), m.Media.Bytes)
		}
		if !strings.HasSuffix(string(Playlist(again, "media", "key")), "#EXT-X-ENDLIST\n") {
			t.Error("the playlist does not end")
		}
	})
}

// storedAndRead is the manifest as it is read again.
func storedAndRead(t *testing.T, manifest *Manifest) *Manifest {
	t.Helper()
	stored, err := EncodeManifest(manifest, testKey)
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeManifest(stored, func(WrappedKey) (Key, error) { return testKey, nil })
	if err != nil {
		t.Fatal(err)
	}
	return read
}
