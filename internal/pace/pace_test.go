// SPDX-License-Identifier: Apache-2.0

package pace_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/internal/pace"
)

// steppingClock passes as fast as somebody waits for it.
type steppingClock struct{ *clocktesting.FakeClock }

func (c steppingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestAReaderNeverExceedsItsPace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.IntRange(1, 1<<20).Draw(t, "perSecond")
		content := make([]byte, rapid.IntRange(0, 1<<13).Draw(t, "bytes"))
		clock := steppingClock{clocktesting.NewFakeClock(start)}
		p := pace.New(clock, float64(perSecond))
		open := func(content []byte) io.Reader {
			source := iotest.HalfReader(bytes.NewReader(content))
			if rapid.Bool().Draw(t, "the end comes with the last bytes") {
				source = iotest.DataErrReader(source)
			}
			return p.Reader(t.Context(), io.NopCloser(source))
		}
		first := rapid.IntRange(0, len(content)).Draw(t, "bytes of the first of two")
		reader, rest := open(content[:first]), content[first:]
		buf := make([]byte, rapid.IntRange(1, 4096).Draw(t, "buffer"))
		var read, last, reads int
		for {
			n, err := reader.Read(buf)
			if n > 0 {
				read, last, reads = read+n, n, reads+1
			}
			// All but the last piece have had their time, of which each wait may lose the part of a nanosecond.
			if allowed := clock.Now().Sub(start).Seconds()*float64(perSecond) + float64(last) + 1 + float64(reads)*float64(perSecond)*1e-9; float64(read) > allowed {
				t.Fatalf("%d bytes after %s at %d a second", read, clock.Now().Sub(start), perSecond)
			}
			if errors.Is(err, io.EOF) {
				if rest == nil {
					break
				}
				reader, rest, err = open(rest), nil, nil
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if read != len(content) {
			t.Fatalf("%d of %d bytes", read, len(content))
		}
		if most := time.Duration(float64(read)/float64(perSecond)*float64(time.Second)) + time.Microsecond; clock.Now().Sub(start) > most {
			t.Fatalf("it took %s for %d bytes, longer than %s", clock.Now().Sub(start), read, most)
		}
	})
}

func TestAPauseIsNotMadeUpFor(t *testing.T) {
	fake := clocktesting.NewFakeClock(start)
	p := pace.New(fake, 1)
	if err := p.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	fake.Step(time.Hour)
	if err := p.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// After an hour of nothing there is room for one and not for thousands: this one would have to wait.
	if err := p.Wait(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want that of the context", err)
	}
}
