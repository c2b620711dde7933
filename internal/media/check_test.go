// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCheckFindsWhatDiffersAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lengths := unitLengths.Draw(t, "lengths")
		m, _, stored := sealed(lengths)
		content := bytes.Clone(stored)
		damaged := map[int]bool{}
		for range rapid.IntRange(0, 3).Draw(t, "flips") {
			at := rapid.IntRange(0, len(content)-1).Draw(t, "at")
			content[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		content = content[:rapid.OneOf(rapid.Just(len(content)), rapid.IntRange(0, len(content))).Draw(t, "length")]
		if rapid.Bool().Draw(t, "longer") {
			content = append(content, 7)
		}
		end := 0
		for i, n := range lengths {
			from := min(end, len(content))
			end += int(n)
			damaged[i] = !bytes.Equal(stored[end-int(n):end], content[from:min(end, len(content))])
		}

		object := &memoryObject{content: content}
		var read int64
		found, err := Check(t.Context(), m, int64(len(content)), object, func(n int64) { read += n })
		if err != nil {
			t.Fatal(err)
		}
		for i := range lengths {
			if slices.Contains(found.Damaged, i) != damaged[i] {
				t.Fatalf("unit %d: damaged %t, found %v", i, damaged[i], found.Damaged)
			}
		}
		if found.Whole() != bytes.Equal(content, stored) {
			t.Fatalf("whole: %t, %s", found.Whole(), found)
		}
		seen := content[:min(len(content), len(stored))]
		if found.SHA256 != Digest(sha256.Sum256(seen)) || read != int64(len(seen)) || object.open != 0 {
			t.Fatalf("hash of the whole is wrong, or %d of %d bytes were told, or %d streams are open", read, len(seen), object.open)
		}
	})
}

func TestWhatCannotBeReadIsNoDamage(t *testing.T) {
	t.Parallel()
	m, _, stored := sealed([]int64{64, streamBuffer, 128})
	broken := errors.New("connection reset")
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"a connection that breaks":           func(r io.Reader) io.Reader { return io.MultiReader(io.LimitReader(r, 100), iotest.ErrReader(broken)) },
		"a stream that ends early":           func(r io.Reader) io.Reader { return io.LimitReader(r, 100) },
		"a stream that ends early at a seam": func(r io.Reader) io.Reader { return io.LimitReader(r, 64) },
	} {
		object := &memoryObject{content: stored, wrap: wrap}
		if found, err := Check(t.Context(), m, int64(len(stored)), object, nil); err == nil || errors.Is(err, ErrCorrupt) || object.open != 0 {
			t.Errorf("%s: %v, %v; %d streams open", name, found, err, object.open)
		}
	}
}

func TestFindingsSaySegmentsAndBytes(t *testing.T) {
	t.Parallel()
	lengths := make([]int64, 30)
	for i := range lengths {
		lengths[i] = 16
	}
	m, _, stored := sealed(lengths)
	cases := map[string]struct {
		damage func([]byte) []byte
		want   string
	}{
		"whole":         {func(b []byte) []byte { return b }, "it is what was packaged"},
		"the init":      {func(b []byte) []byte { b[3]++; return b }, "1 of 30 segments differ: the init (bytes 0 to 15)"},
		"a run and one": {func(b []byte) []byte { b[16]++; b[32]++; b[64]++; return b }, "3 of 30 segments differ: segment 0 to segment 1 (bytes 16 to 47), segment 3 (bytes 64 to 79)"},
		"cut off":       {func(b []byte) []byte { return b[:16*28] }, "it has 448 bytes instead of 480; 2 of 30 segments differ: segment 27 to segment 28 (bytes 448 to 479)"},
		"longer":        {func(b []byte) []byte { return append(b, 1) }, "it has 481 bytes instead of 480"},
		"every second": {func(b []byte) []byte {
			for i := 0; i < len(b); i += 32 {
				b[i]++
			}
			return b
		}, "and more"},
	}
	for name, tc := range cases {
		content := tc.damage(bytes.Clone(stored))
		found, err := Check(t.Context(), m, int64(len(content)), &memoryObject{content: content}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := found.String(); got != tc.want && (tc.want != "and more" || !strings.HasSuffix(got, tc.want)) {
			t.Errorf("%s:\n%s", name, cmp.Diff(tc.want, got))
		}
	}
}
