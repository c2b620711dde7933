// SPDX-License-Identifier: Apache-2.0

package isobmff

import (
	"fmt"
	"math/bits"
	"time"
)

// Fragment is what a moof says about the samples that follow it.
type Fragment struct {
	// Start and End are decode times since the start of the recording; End is never before Start.
	Start, End time.Duration
	// Key reports whether a player can start here: the pictures begin with a key frame, or there are none.
	Key bool
}

// nonSync is the bit of the sample flags that marks a sample that cannot be decoded alone.
const nonSync = 0x10000

// ParseFragment reads the payload of a moof box of the given movie. Times come from the picture track where the
// fragment has pictures, else from its sound.
func (m *Movie) ParseFragment(moof []byte) (Fragment, error) {
	var (
		found    *run
		foundFor *Track
		end      time.Duration
	)
	for box, err := range Children(moof) {
		if err != nil {
			return Fragment{}, err
		}
		if box.Type != "traf" {
			continue
		}
		track, samples, err := m.parseTrackFragment(box.Payload)
		if err != nil {
			return Fragment{}, err
		}
		if track == nil || samples.count == 0 {
			continue
		}
		if found == nil || (track.Kind == Video && foundFor.Kind != Video) {
			found, foundFor = samples, track
		}
		if end, err = later(end, samples.start+samples.duration, track.Timescale); err != nil {
			return Fragment{}, err
		}
	}
	if found == nil {
		return Fragment{}, fmt.Errorf("%w: a moof without samples", ErrMalformed)
	}
	start, err := ticks(found.start, foundFor.Timescale)
	return Fragment{Start: start, End: max(start, end), Key: foundFor.Kind != Video || found.key}, err
}

func later(end time.Duration, at uint64, timescale uint32) (time.Duration, error) {
	other, err := ticks(at, timescale)
	return max(end, other), err
}

// run sums up the samples of one track in one fragment.
type run struct {
	start    uint64 // decode time, in ticks
	duration uint64
	count    uint64
	key      bool // the first sample is a sync sample

	defaultDuration uint32
	defaultFlags    uint32
}

// parseTrackFragment returns a nil track for one that the movie does not list.
func (m *Movie) parseTrackFragment(traf []byte) (*Track, *run, error) {
	track, samples, err := m.parseFragmentHeader(Find(traf, "tfhd"))
	if err != nil || track == nil {
		return nil, nil, err
	}
	time := fields{rest: Find(traf, "tfdt")}
	version, _ := time.versionAndFlags()
	samples.start = time.sized(version)
	if err := time.err("tfdt"); err != nil {
		return nil, nil, err
	}
	for box, err := range Children(traf) {
		if err != nil {
			return nil, nil, err
		}
		if box.Type == "trun" {
			if err := samples.add(box.Payload); err != nil {
				return nil, nil, err
			}
		}
	}
	if samples.start > 1<<62 || samples.duration > 1<<62 {
		return nil, nil, fmt.Errorf("%w: decode time %d out of range", ErrMalformed, samples.start)
	}
	return track, samples, nil
}

func (m *Movie) parseFragmentHeader(tfhd []byte) (*Track, *run, error) {
	f := fields{rest: tfhd}
	_, flags := f.versionAndFlags()
	track := m.track(f.u32())
	if track == nil {
		return nil, nil, f.err("tfhd")
	}
	samples := &run{defaultDuration: track.defaultDuration, defaultFlags: track.defaultFlags}
	if flags&0x01 != 0 { // base data offset
		f.skip(8)
	}
	if flags&0x02 != 0 { // sample description
		f.skip(4)
	}
	if flags&0x08 != 0 {
		samples.defaultDuration = f.u32()
	}
	if flags&0x10 != 0 { // default size
		f.skip(4)
	}
	if flags&0x20 != 0 {
		samples.defaultFlags = f.u32()
	}
	return track, samples, f.err("tfhd")
}

// add reads one trun.
func (r *run) add(trun []byte) error {
	f := fields{rest: trun}
	_, flags := f.versionAndFlags()
	count := f.u32()
	if flags&0x01 != 0 { // data offset
		f.skip(4)
	}
	firstFlags, hasFirst := r.defaultFlags, flags&0x04 != 0
	if hasFirst {
		firstFlags = f.u32()
	}
	perSample := 4 * bits.OnesCount32(flags&0xf00)
	if uint64(perSample)*uint64(count) > uint64(len(f.rest)) {
		f.short = true
	}
	if err := f.err("trun"); err != nil {
		return err
	}
	if r.count == 0 && count > 0 {
		if flags&0x400 != 0 && !hasFirst {
			firstFlags = sampleFlags(f.rest, flags)
		}
		r.key = firstFlags&nonSync == 0
	}
	r.count += uint64(count)
	r.duration += runDuration(f, flags, count, r.defaultDuration)
	return nil
}

// sampleFlags reads the flags of the first sample, which come after its duration and size where those are present.
func sampleFlags(samples []byte, flags uint32) uint32 {
	f := fields{rest: samples}
	f.skip(4 * bits.OnesCount32(flags&0x300))
	return f.u32()
}

func runDuration(f fields, flags, count, byDefault uint32) uint64 {
	if flags&0x100 == 0 {
		return uint64(count) * uint64(byDefault)
	}
	var sum uint64
	other := 4 * bits.OnesCount32(flags&0xe00)
	for range count {
		sum += uint64(f.u32())
		f.skip(other)
	}
	return sum
}

// ticks turns a decode time into a duration without overflow or rounding drift.
func ticks(at uint64, timescale uint32) (time.Duration, error) {
	hi, lo := bits.Mul64(at, uint64(time.Second))
	if hi >= uint64(timescale) {
		return 0, fmt.Errorf("%w: decode time %d at %d a second out of range", ErrMalformed, at, timescale)
	}
	nanoseconds, _ := bits.Div64(hi, lo, uint64(timescale))
	if nanoseconds > 1<<62 {
		return 0, fmt.Errorf("%w: decode time %d at %d a second out of range", ErrMalformed, at, timescale)
	}
	return time.Duration(nanoseconds), nil
}
