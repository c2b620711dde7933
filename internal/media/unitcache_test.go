// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Whoever reads what, and whatever is kept of it meanwhile: everybody gets what was packaged.
func TestWhatIsKeptIsWhatIsStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m, plain, stored := sealed(unitLengths.Draw(t, "units"))
		now := clocktesting.NewFakePassiveClock(noon)
		limit := rapid.Int64Range(0, int64(2*len(stored))).Draw(t, "limit")
		cache, object := NewUnitCache(limit, now), &memoryObject{content: stored}
		reader := NewReader(ofAnyVersion(t, m), unitTestKey, object, cache)
		for range rapid.IntRange(1, 12).Draw(t, "reads") {
			off := rapid.Int64Range(0, int64(len(plain))).Draw(t, "off")
			n := rapid.Int64Range(0, int64(len(plain))-off).Draw(t, "n")
			open, want := must(reader.Ciphertext(t.Context(), off, n)), stored[off:off+n]
			if rapid.Bool().Draw(t, "decrypted") {
				if err := closed(open); err != nil {
					t.Fatal(err)
				}
				open, want = must(reader.Plaintext(t.Context(), testKey, off, n)), plain[off:off+n]
			}
			if rapid.IntRange(0, 4).Draw(t, "left early") == 0 {
				if err := closed(open); err != nil {
					t.Fatal(err)
				}
			} else if got := readAll(t, rapid.Bool().Draw(t, "copied"), open); !bytes.Equal(got, want) {
				t.Fatalf("%d bytes from %d differ", n, off)
			}
			if kept, _, _ := cache.Counts(); kept > limit {
				t.Fatalf("%d bytes are kept, at most %d", kept, limit)
			}
			now.SetTime(now.Now().Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second))
		}
		if object.open != 0 {
			t.Fatalf("%d sources were left open", object.open)
		}
	})
}

func closed(open func() (*Stream, error)) error {
	stream, err := open()
	if err != nil {
		return err
	}
	return stream.Close()
}

// readWhole reads the whole object and returns what is wrong with it.
func readWhole(t *testing.T, reader *Reader) error {
	t.Helper()
	stream, err := reader.Ciphertext(t.Context(), 0, reader.Size())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	_, err = io.Copy(io.Discard, stream)
	return err
}

func TestUnitsAreKeptFromTheSecondTimeOn(t *testing.T) {
	t.Parallel()
	m, _, stored := sealed([]int64{32, 160, 320})
	cache, object := NewUnitCache(1<<20, clocktesting.NewFakePassiveClock(noon)), &memoryObject{content: stored}
	reader := NewReader(m, unitTestKey, object, cache)
	for time, want := range []struct{ kept, found, missed int64 }{{0, 0, 3}, {512, 0, 6}, {512, 3, 6}} {
		if err := readWhole(t, reader); err != nil {
			t.Fatal(err)
		}
		if kept, found, missed := cache.Counts(); kept != want.kept || found != want.found || missed != want.missed {
			t.Errorf("reading it for time %d: %d bytes kept, %d units found and %d not; want %+v", time+1, kept, found, missed, want)
		}
	}
	object.content = nil
	if err := readWhole(t, reader); err != nil {
		t.Errorf("with everything kept, and nothing in the store: %v", err)
	}
	if err := readWhole(t, NewReader(m, unitTestKey, object, cache)); err != nil {
		t.Errorf("with a reader that is new: %v", err)
	}
}

func TestWhatIsDamagedIsNotKept(t *testing.T) {
	t.Parallel()
	m, _, stored := sealed([]int64{32, 160, 320})
	cache := NewUnitCache(1<<20, clocktesting.NewFakePassiveClock(noon))
	reader := NewReader(m, unitTestKey, &memoryObject{content: flipped(stored, 100)}, cache)
	for range 3 {
		if err := readWhole(t, reader); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("a damaged segment: %v, want ErrCorrupt", err)
		}
	}
	if kept, _, _ := cache.Counts(); kept != 32 {
		t.Errorf("%d bytes are kept, want those of the init alone", kept)
	}
}

func TestNothingInUseMakesRoom(t *testing.T) {
	t.Parallel()
	now := clocktesting.NewFakePassiveClock(noon)
	cache := NewUnitCache(100, now)
	unit := func(name byte, size int64) Unit { return Unit{SHA256: Digest{name}, Bytes: size} }
	keep := func(what Unit) bool {
		begun := cache.begin(what)
		if begun != nil {
			cache.keep(begun, make([]byte, what.Bytes))
		}
		return begun != nil
	}
	a, b, c, d := unit('a', 60), unit('b', 40), unit('c', 40), unit('d', 101)
	if !keep(a) || !keep(b) {
		t.Fatal("there is room for two")
	}
	if keep(c) {
		t.Error("one that is in use made room for another")
	}
	now.SetTime(noon.Add(cacheIdle))
	if cache.get(a) == nil || keep(a) || !keep(c) || cache.get(b) != nil || cache.get(a) == nil {
		t.Error("what nobody has read for the longest time does not make room")
	}
	if keep(d) {
		t.Error("one is larger than all the room")
	}

	begun := cache.begin(unit('e', 0))
	now.SetTime(noon.Add(time.Hour))
	if cache.get(unit('e', 0)) != nil || cache.begin(unit('e', 0)) != nil {
		t.Error("one that is being read is there, or begun twice")
	}
	cache.abandon(begun)
	if cache.begin(unit('e', 0)) == nil {
		t.Error("one that was abandoned cannot be begun again")
	}
}
