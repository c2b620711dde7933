// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
)

const (
	// maxIndexBox bounds the two boxes that are read into memory: moov, and the moof of one fragment.
	maxIndexBox = 16 << 20
	// maxSegmentTime and maxSegmentBytes are where a source has too few key frames to be cut into segments that one can
	// seek in.
	maxSegmentTime  = time.Minute
	maxSegmentBytes = 256 << 20
)

// ErrSparseKeyFrames says that the copied pictures have key frames so far apart that seeking would not work. Transcode
// them (Limits.NoCopy) and package again with a fresh salt.
var ErrSparseKeyFrames = errors.New("key frames are too far apart to cut the recording into segments")

// ErrNoSamples says that the stream had no sample at all: nothing in the source could be read.
var ErrNoSamples = errors.New("the stream has no samples")

// Packaged is the map of a media object that was written.
type Packaged struct {
	Init     Unit
	Segments []Segment
	// PlainSHA256 is of the whole file before it was encrypted.
	PlainSHA256 Digest
	// Bytes is the size of the object, PaddingBytes how much of it is padding.
	Bytes, PaddingBytes int64
	// Duration is from the first sample's start to the last one's end.
	Duration time.Duration
	// Codecs as RFC 6381 writes them, such as "avc1.64001f,mp4a.40.2".
	Codecs string
	// Width and Height of the picture in pixels; zero without one.
	Width, Height int
}

// Packaging says how to package.
type Packaging struct {
	// MediaKey is the AES-256 key. It must never have encrypted anything else: derive it with a fresh salt every time.
	MediaKey Key
	// UnitKey is the AES-256 key that tags units. It belongs to the same attempt alone, and differs from MediaKey, which viewers get.
	UnitKey Key
	// Duration is how long the recording is as far as known; players of the downloaded file show it. Zero leaves it out.
	Duration time.Duration
	// MaxBytes is the room for the object; beyond it packaging ends with an *InputError TooLarge. Zero for no limit.
	MaxBytes int64
}

// Package reads fragmented MP4 from in and writes the encrypted media object to out, both as streams: it holds one moof
// and one buffer in memory, however long the recording is.
func Package(ctx context.Context, in io.Reader, out io.Writer, how Packaging) (*Packaged, error) {
	sealer, err := newSealer(out, how)
	if err != nil {
		return nil, err
	}
	p := &packager{in: in, out: sealer, how: how}
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		err := p.next()
		if errors.Is(err, io.EOF) {
			return p.finish()
		}
		if err != nil {
			return nil, err
		}
	}
}

// packager turns boxes into segments.
type packager struct {
	in       io.Reader
	out      *sealer
	how      Packaging
	head     bytes.Buffer // the boxes before moov
	movie    *isobmff.Movie
	packaged Packaged

	open  bool          // a segment has begun
	start time.Duration // of the open segment
	first time.Duration // start of the first segment
	end   time.Duration // of the latest sample so far
}

// next handles one box. It returns io.EOF between two boxes only.
func (p *packager) next() error {
	h, err := isobmff.ReadHeader(p.in)
	if err != nil {
		return err
	}
	if h.Size == 0 {
		return fmt.Errorf("%w: %q without a size in a stream", isobmff.ErrMalformed, h.Type)
	}
	switch {
	case h.Type == "moov":
		err = p.moov(h)
	case p.movie == nil:
		err = p.beforeMovie(h)
	case h.Type == "moof":
		err = p.moof(h)
	case h.Type == "mdat":
		err = p.mdat(h)
	default: // indexes of offsets that our padding makes wrong
		_, err = io.CopyN(io.Discard, p.in, h.Payload())
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (p *packager) beforeMovie(h isobmff.Header) error {
	payload, err := p.read(h)
	if err != nil {
		return err
	}
	if h.Type == "ftyp" {
		p.head.Write(isobmff.Encode(h.Type, payload))
	}
	return nil
}

// moov writes the init segment.
func (p *packager) moov(h isobmff.Header) error {
	if p.movie != nil {
		return fmt.Errorf("%w: a second moov", isobmff.ErrMalformed)
	}
	payload, err := p.read(h)
	if err != nil {
		return err
	}
	if p.movie, err = isobmff.ParseMovie(payload); err != nil {
		return err
	}
	if p.how.Duration > 0 {
		if payload, err = isobmff.WithDuration(payload, p.how.Duration); err != nil {
			return err
		}
	}
	p.head.Write(isobmff.Encode("moov", payload))
	if _, err := p.out.Write(p.head.Bytes()); err != nil {
		return err
	}
	p.packaged.Init, err = p.endUnit()
	return err
}

// moof begins a new segment where a player can start and the segment before is long enough, and writes itself.
func (p *packager) moof(h isobmff.Header) error {
	payload, err := p.read(h)
	if err != nil {
		return err
	}
	fragment, err := p.movie.ParseFragment(payload)
	if err != nil {
		return err
	}
	switch length := fragment.Start - p.start; {
	case !p.open:
		p.open, p.start, p.first = true, fragment.Start, fragment.Start
	case fragment.Key && length >= SegmentTarget:
		if err := p.endSegment(fragment.Start); err != nil {
			return err
		}
		p.start = fragment.Start
	case length > maxSegmentTime, p.out.unitBytes() > maxSegmentBytes:
		return ErrSparseKeyFrames
	}
	p.end = max(p.end, fragment.End)
	_, err = p.out.Write(isobmff.Encode(h.Type, payload))
	return err
}

func (p *packager) mdat(h isobmff.Header) error {
	if !p.open {
		return fmt.Errorf("%w: mdat before the first moof", isobmff.ErrMalformed)
	}
	if _, err := p.out.Write(h.Raw); err != nil {
		return err
	}
	_, err := p.out.readFrom(p.in, h.Payload())
	return err
}

// read reads the payload of a box that is small by its nature.
func (p *packager) read(h isobmff.Header) ([]byte, error) {
	if h.Payload() > maxIndexBox {
		return nil, fmt.Errorf("%w: %q of %d bytes", isobmff.ErrMalformed, h.Type, h.Size)
	}
	payload := make([]byte, h.Payload())
	_, err := io.ReadFull(p.in, payload)
	return payload, err
}

// endUnit pads what was written since the last unit to whole cipher blocks and returns its length, hash and tag.
func (p *packager) endUnit() (Unit, error) {
	padding := isobmff.Padding(p.out.offset)
	if _, err := p.out.Write(padding); err != nil {
		return Unit{}, err
	}
	p.packaged.PaddingBytes += int64(len(padding))
	return p.out.endUnit()
}

func (p *packager) endSegment(end time.Duration) error {
	unit, err := p.endUnit()
	if err != nil {
		return err
	}
	if len(p.packaged.Segments) == MaxSegments {
		return inputError(TooLarge, "The recording is longer than %s. Cut it into shorter ones.", maxDuration)
	}
	// Both ends are rounded, not their difference, so that the sum of many segments does not drift.
	millis := (end - p.first).Milliseconds() - (p.start - p.first).Milliseconds()
	p.packaged.Segments = append(p.packaged.Segments, Segment{Unit: unit, DurationMillis: max(millis, 0)})
	return nil
}

func (p *packager) finish() (*Packaged, error) {
	if !p.open {
		return nil, ErrNoSamples
	}
	if err := p.endSegment(p.end); err != nil {
		return nil, err
	}
	done := &p.packaged
	done.Bytes, done.PlainSHA256 = p.out.offset, p.out.plainDigest()
	done.Duration = max(p.end-p.first, 0)
	done.Codecs = p.movie.Codecs()
	if picture := p.movie.Picture(); picture != nil {
		done.Width, done.Height = picture.Width, picture.Height
	}
	return done, nil
}

// Facts is what a manifest says about the object, stored under key. The hash of the whole is missing: packaging has hashed
// every unit, and whoever reads the object back to compare them hashes the whole of what is really stored on the way.
func (p *Packaged) Facts(key string) MediaFacts {
	return MediaFacts{
		Key: key, Bytes: p.Bytes, PlainSHA256: p.PlainSHA256, DurationMillis: p.Duration.Milliseconds(),
		Codecs: p.Codecs, Width: p.Width, Height: p.Height,
	}
}
