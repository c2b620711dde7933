// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// memoryObject is a stored object in memory, which can be made to misbehave.
type memoryObject struct {
	content []byte
	wrap    func(io.Reader) io.Reader
	open    int
}

func (o *memoryObject) ReadRange(_ context.Context, off, n int64) (io.ReadCloser, error) {
	from, to := min(off, int64(len(o.content))), min(off+n, int64(len(o.content)))
	var r io.Reader = bytes.NewReader(o.content[from:to])
	if o.wrap != nil {
		r = o.wrap(r)
	}
	o.open++
	return &closeCounter{Reader: r, open: &o.open}, nil
}

type closeCounter struct {
	io.Reader
	open *int
}

func (c *closeCounter) Close() error { *c.open--; return nil }

// sealed makes an object of the given unit lengths with its manifest. Every 16 bytes of plaintext differ.
func sealed(lengths []int64) (m *Manifest, plain, stored []byte) {
	var size int64
	for _, n := range lengths {
		size += n
	}
	plain = make([]byte, size)
	for i := range plain {
		plain[i] = byte(i>>8) ^ byte(i*7)
	}
	stored = bytes.Clone(plain)
	stream, err := cipherAt(testKey, 0)
	if err != nil {
		panic(err) // an AES-256 key of 32 bytes is always good
	}
	stream.XORKeyStream(stored, stored)
	m = &Manifest{Version: ManifestVersion}
	var at int64
	for i, n := range lengths {
		unit, err := UnitOf(stored[at:at+n], unitTestKey, at)
		if err != nil {
			panic(err)
		}
		if at += n; i == 0 {
			m.Init = unit
		} else {
			m.Segments = append(m.Segments, Segment{Unit: unit})
		}
	}
	m.Media.Bytes = size
	return m, plain, stored
}

// untagged is the manifest as the first version of the format had it.
func untagged(m *Manifest) *Manifest {
	old := *m
	old.Version, old.Init.Tag, old.Segments = 1, Tag{}, slices.Clone(m.Segments)
	for i := range old.Segments {
		old.Segments[i].Tag = Tag{}
	}
	return &old
}

// ofAnyVersion is the manifest, or as it was written before there were tags.
func ofAnyVersion(t *rapid.T, m *Manifest) *Manifest {
	if rapid.Bool().Draw(t, "without tags") {
		return untagged(m)
	}
	return m
}

// unitLengths are a few units, some larger than a stream's buffer.
var unitLengths = rapid.Custom(func(t *rapid.T) []int64 {
	blocks := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(1, 40), rapid.Int64Range(streamBuffer/16-2, streamBuffer/16+2), rapid.Int64Range(1, 3*streamBuffer/16)), 2, 4).Draw(t, "blocks")
	for i := range blocks {
		blocks[i] *= 16
	}
	return blocks
})

func TestAnyRangeOfPlaintextIsTheDecryptedRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, plain, stored := sealed(unitLengths.Draw(t, "units"))
		off := rapid.Int64Range(0, int64(len(plain))).Draw(t, "off")
		n := rapid.Int64Range(0, int64(len(plain))-off).Draw(t, "n")
		object := &memoryObject{content: stored}
		if rapid.Bool().Draw(t, "slowly") {
			object.wrap = iotest.HalfReader
		}
		reader := NewReader(ofAnyVersion(t, m), unitTestKey, object, nil)
		if got := readAll(t, rapid.Bool().Draw(t, "copied"), must(reader.Plaintext(t.Context(), testKey, off, n))); !bytes.Equal(got, plain[off:off+n]) {
			t.Fatalf("plaintext of %d bytes from %d differs", n, off)
		}
		if got := readAll(t, rapid.Bool().Draw(t, "copied"), must(reader.Ciphertext(t.Context(), off, n))); !bytes.Equal(got, stored[off:off+n]) {
			t.Fatalf("ciphertext of %d bytes from %d differs", n, off)
		}
		if object.open != 0 {
			t.Fatalf("%d sources were left open", object.open)
		}
	})
}

func must(stream *Stream, err error) func() (*Stream, error) {
	return func() (*Stream, error) { return stream, err }
}

func readAll(t *rapid.T, copied bool, open func() (*Stream, error)) []byte {
	stream, err := open()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if copied {
		_, err = io.Copy(&out, stream)
	} else {
		_, err = io.Copy(&out, struct{ io.Reader }{stream})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.Close(), stream.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestChangedByteInATouchedSegmentNeverEndsWell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, plain, stored := sealed(unitLengths.Draw(t, "units"))
		off := rapid.Int64Range(0, int64(len(plain))-1).Draw(t, "off")
		n := rapid.Int64Range(1, int64(len(plain))-off).Draw(t, "n")
		at := rapid.IntRange(0, len(stored)-1).Draw(t, "changed byte")
		reader := NewReader(ofAnyVersion(t, m), unitTestKey, &memoryObject{content: stored}, nil)
		unit := reader.unitAt(int64(at))
		touched := unit >= reader.unitAt(off) && unit <= reader.unitAt(off+n-1)
		stored[at] ^= 0x40

		stream, err := reader.Plaintext(t.Context(), testKey, off, n)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		got, err := io.ReadAll(stream)
		if touched != errors.Is(err, ErrCorrupt) {
			t.Fatalf("range touches the changed segment: %v; error: %v", touched, err)
		}
		if touched && int64(len(got)) >= n {
			t.Fatal("all bytes were handed out although one was changed")
		}
		if !touched && (err != nil || !bytes.Equal(got, plain[off:off+n])) {
			t.Fatalf("an untouched range: %v", err)
		}
	})
}

// Every chunk of a unit is hashed by the same polynomial, and units may be alike: what is exchanged, or changed in the same way twice, must
// show all the same.
func TestChangesThatLookAlikeDoNotCancelOut(t *testing.T) {
	t.Parallel()
	const length = 3*tagChunk + 160
	m, _, original := sealed([]int64{32, length, length})
	first, second := original[32:32+length], original[32+length:]
	for name, changed := range map[string][]byte{
		"two segments in the wrong order":   slices.Concat(original[:32], second, first),
		"a segment twice":                   slices.Concat(original[:32], first, first),
		"two chunks in the wrong order":     slices.Concat(original[:32], first[tagChunk:2*tagChunk], first[:tagChunk], first[2*tagChunk:], second),
		"the same bit in two chunks":        flipped(original, 32, 32+tagChunk),
		"the same bit in two segments":      flipped(original, 32, 32+length),
		"the same bit in two chunks, later": flipped(original, 32+tagChunk+77, 32+2*tagChunk+77),
	} {
		reader := NewReader(m, unitTestKey, &memoryObject{content: changed}, nil)
		stream, err := reader.Ciphertext(t.Context(), 0, reader.Size())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(stream); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		_ = stream.Close()
	}
}

func flipped(content []byte, at ...int) []byte {
	changed := bytes.Clone(content)
	for _, i := range at {
		changed[i] ^= 0x10
	}
	return changed
}

// Viewers get the media key: with it alone, nobody must be able to make bytes that pass.
func TestNothingPassesWithAnotherUnitKey(t *testing.T) {
	t.Parallel()
	m, _, stored := sealed([]int64{32, 160})
	for _, key := range []Key{{}, testKey, manifestTestKey} {
		stream, err := NewReader(m, key, &memoryObject{content: stored}, nil).Ciphertext(t.Context(), 0, 192)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(stream); !errors.Is(err, ErrCorrupt) {
			t.Errorf("with the key %x: %v, want ErrCorrupt", key[:4], err)
		}
		_ = stream.Close()
	}
}

func TestShortOrFailingObjectNeverEndsWell(t *testing.T) {
	t.Parallel()
	m, _, stored := sealed([]int64{32, 64, streamBuffer + 160})
	for name, object := range map[string]*memoryObject{
		"an object without its end": {content: stored[:len(stored)-1]},
		"an object without bytes":   {},
	} {
		stream, err := NewReader(m, unitTestKey, object, nil).Ciphertext(t.Context(), 40, 100)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(stream); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
		_ = stream.Close()
	}
	broken := fmt.Errorf("connection reset: %w", io.ErrUnexpectedEOF)
	object := &memoryObject{content: stored, wrap: func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 70), iotest.ErrReader(broken)) }}
	stream, err := NewReader(m, unitTestKey, object, nil).Ciphertext(t.Context(), 0, int64(len(stored)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(stream); !errors.Is(err, broken) || errors.Is(err, ErrCorrupt) {
		t.Errorf("a broken connection: %v, want its own error", err)
	}
}

// FuzzRange checks that a range is either refused or served exactly.
func FuzzRange(f *testing.F) {
	m, plain, stored := sealed([]int64{1216, 4096, streamBuffer + 32, 16})
	reader := NewReader(m, unitTestKey, &memoryObject{content: stored}, nil)
	for _, at := range [][2]int64{{0, 0}, {0, 1}, {0, reader.Size()}, {-1, 1}, {1, -1}, {reader.Size(), 0}, {1216, 4096}, {1 << 62, 1 << 62}, {15, 2}} {
		f.Add(at[0], at[1])
	}
	f.Fuzz(func(t *testing.T, off, n int64) {
		stream, err := reader.Plaintext(t.Context(), testKey, off, n)
		fits := off >= 0 && n >= 0 && off <= reader.Size() && n <= reader.Size()-off
		if !fits {
			if !errors.Is(err, ErrRange) {
				t.Fatalf("%d bytes from %d: %v, want ErrRange", n, off, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		got, err := io.ReadAll(stream)
		if err != nil || !bytes.Equal(got, plain[off:off+n]) {
			t.Fatalf("%d bytes from %d differ: %v", n, off, err)
		}
	})
}

// BenchmarkStream measures what serving a byte costs.
func BenchmarkStream(b *testing.B) {
	m, _, stored := sealed([]int64{1216, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20})
	reader := NewReader(m, unitTestKey, &memoryObject{content: stored}, nil)
	for name, open := range map[string]func() (*Stream, error){
		"ciphertext": func() (*Stream, error) { return reader.Ciphertext(b.Context(), 0, reader.Size()) },
		"plaintext":  func() (*Stream, error) { return reader.Plaintext(b.Context(), testKey, 0, reader.Size()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(reader.Size())
			b.ReportAllocs()
			for b.Loop() {
				stream, err := open()
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, stream); err != nil {
					b.Fatal(err)
				}
				_ = stream.Close()
			}
		})
	}
}
