// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// checkBuffer is how much is read and hashed in one go.
const checkBuffer = 256 << 10

// Findings are what a check of a stored object against its manifest has found.
type Findings struct {
	// Bytes is the size of the object; Want is what the manifest says.
	Bytes, Want int64
	// Damaged are the units that differ from the manifest or are missing, in ascending order: 0 is the init, n is segment n-1.
	Damaged []int
	// SHA256 is of the object as it was read, up to the size that the manifest says.
	SHA256 Digest

	ends []int64 // of the units
}

// Whole reports whether the object is what was packaged, byte by byte.
func (f *Findings) Whole() bool { return len(f.Damaged) == 0 && f.Bytes == f.Want }

// String says what is wrong in one sentence without a full stop: how many segments, which, and where their bytes are.
func (f *Findings) String() string {
	if f.Whole() {
		return "it is what was packaged"
	}
	var parts []string
	if f.Bytes != f.Want {
		parts = append(parts, fmt.Sprintf("it has %d bytes instead of %d", f.Bytes, f.Want))
	}
	if len(f.Damaged) > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d segments differ: %s", len(f.Damaged), len(f.ends), f.ranges()))
	}
	return strings.Join(parts, "; ")
}

// maxRanges bounds how many runs of segments are named.
const maxRanges = 8

// ranges names runs of damaged units, such as "segments 3 to 5 (bytes 1232 to 4095)".
func (f *Findings) ranges() string {
	var runs []string
	for i := 0; i < len(f.Damaged); {
		first, last := f.Damaged[i], f.Damaged[i]
		for i++; i < len(f.Damaged) && f.Damaged[i] == last+1; i++ {
			last++
		}
		if len(runs) == maxRanges {
			runs = append(runs, "and more")
			break
		}
		name := unitName(first)
		if last > first {
			name += " to " + unitName(last)
		}
		start := int64(0)
		if first > 0 {
			start = f.ends[first-1]
		}
		runs = append(runs, fmt.Sprintf("%s (bytes %d to %d)", name, start, f.ends[last]-1))
	}
	return strings.Join(runs, ", ")
}

// unitName counts segments as the playlist and the manifest do, from 0.
func unitName(unit int) string {
	if unit == 0 {
		return "the init"
	}
	return fmt.Sprintf("segment %d", unit-1)
}

// Check reads a whole object of this size once and compares it with its manifest: the size, every unit, and so the whole. That
// bytes differ is no error but a finding. The error says that the object could not be read to its end, from which nothing
// follows: it is the source's, or that fewer bytes came than the object has. done, which may be nil, is told the bytes as they
// are read.
func Check(ctx context.Context, m *Manifest, size int64, source Ranger, done func(n int64)) (*Findings, error) {
	ends := m.ends()
	want := ends[len(ends)-1]
	found := &Findings{Bytes: size, Want: want, ends: ends}
	readable := min(size, want)
	body := io.NopCloser(strings.NewReader(""))
	if readable > 0 {
		var err error
		if body, err = source.ReadRange(ctx, 0, readable); err != nil {
			return nil, fmt.Errorf("reading the stored recording: %w", err)
		}
	}
	defer body.Close()
	c := &checker{source: body, whole: newBackgroundHash(), done: done}
	defer c.whole.stop()
	at := int64(0)
	for unit, end := range ends {
		sum, err := c.unit(min(end, readable)-at, at)
		if err != nil {
			return nil, err
		}
		if end > readable || sum != m.unit(unit).SHA256 {
			found.Damaged = append(found.Damaged, unit)
		}
		at = min(end, readable)
	}
	found.SHA256 = c.whole.sum()
	return found, nil
}

// checker reads on in an object and hashes it twice: unit by unit, and in the background as a whole.
type checker struct {
	source io.Reader
	whole  *backgroundHash
	done   func(n int64)
}

// unit hashes the next n bytes, which begin at an offset.
func (c *checker) unit(n, at int64) (Digest, error) {
	unit := sha256.New()
	for n > 0 {
		buf := c.whole.buffer()
		read, err := io.ReadFull(c.source, buf[:min(n, checkBuffer)])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("fewer bytes came than the object has")
		}
		if err != nil {
			return Digest{}, fmt.Errorf("reading the stored recording at byte %d: %w", at, err)
		}
		c.whole.write(buf[:read])
		unit.Write(buf[:read])
		n, at = n-int64(read), at+int64(read)
		if c.done != nil {
			c.done(int64(read))
		}
	}
	var sum Digest
	unit.Sum(sum[:0])
	return sum, nil
}

// backgroundHash hashes what it is given while the giver goes on, so that hashing twice takes the time of once.
type backgroundHash struct {
	hash hash.Hash
	in   chan []byte
	free chan []byte
	over chan struct{}
}

func newBackgroundHash() *backgroundHash {
	h := &backgroundHash{hash: sha256.New(), in: make(chan []byte, 2), free: make(chan []byte, 3), over: make(chan struct{})}
	for range cap(h.free) {
		h.free <- make([]byte, checkBuffer)
	}
	go func() {
		defer close(h.over)
		for chunk := range h.in {
			h.hash.Write(chunk)
			h.free <- chunk[:checkBuffer]
		}
	}()
	return h
}

// buffer is one to fill, and then to give to write.
func (h *backgroundHash) buffer() []byte { return <-h.free }

// write takes a buffer, which must not be changed any more.
func (h *backgroundHash) write(chunk []byte) { h.in <- chunk }

// sum ends the hash.
func (h *backgroundHash) sum() Digest {
	h.stop()
	var sum Digest
	h.hash.Sum(sum[:0])
	return sum
}

// stop ends the goroutine. Stopping twice does nothing.
func (h *backgroundHash) stop() {
	if h.in != nil {
		close(h.in)
		<-h.over
		h.in = nil
	}
}
