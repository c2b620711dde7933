// SPDX-License-Identifier: Apache-2.0

package isobmff

import "fmt"

const (
	visualEntryFields = 78 // bytes of a VisualSampleEntry before its boxes
	audioEntryFields  = 28 // bytes of an AudioSampleEntry before its boxes
)

// parseSampleEntry reads the first sample description of a track: its size in pixels and its codec.
func parseSampleEntry(stsd []byte, track *Track) error {
	if len(stsd) < 8 {
		return fmt.Errorf("%w: %q is too short", ErrMalformed, "stsd")
	}
	entry, _, err := first(stsd[8:])
	if err != nil {
		return err
	}
	f := fields{rest: entry.Payload}
	if track.Kind == Audio {
		f.skip(audioEntryFields)
		track.Codec = audioCodec(entry.Type, f.rest)
		return f.err(entry.Type)
	}
	f.skip(24)
	track.Width, track.Height = int(f.u16()), int(f.u16())
	f.skip(visualEntryFields - 28)
	track.Codec = videoCodec(entry.Type, f.rest)
	return f.err(entry.Type)
}

// videoCodec writes the RFC 6381 string of a video sample entry: the fourcc alone where the profile is not known.
func videoCodec(fourcc string, boxes []byte) string {
	switch fourcc {
	case "avc1", "avc3":
		if c := Find(boxes, "avcC"); len(c) >= 4 {
			return fmt.Sprintf("%s.%02x%02x%02x", fourcc, c[1], c[2], c[3])
		}
	case "av01":
		if c := Find(boxes, "av1C"); len(c) >= 3 {
			return av1Codec(c)
		}
	}
	return fourcc
}

// av1Codec writes profile, level, tier and bit depth as the AV1 binding to ISO BMFF defines them (section 5).
func av1Codec(av1C []byte) string {
	profile, level := av1C[1]>>5, av1C[1]&0x1f
	tier, depth := "M", 8
	if av1C[2]&0x80 != 0 {
		tier = "H"
	}
	switch {
	case av1C[2]&0x60 == 0x60:
		depth = 12
	case av1C[2]&0x40 != 0:
		depth = 10
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", profile, level, tier, depth)
}

func audioCodec(fourcc string, boxes []byte) string {
	switch fourcc {
	case "Opus":
		return "opus"
	case "mp4a":
		if esds := Find(boxes, "esds"); len(esds) > 4 {
			if object := audioObjectType(esds[4:]); object > 0 {
				return fmt.Sprintf("mp4a.40.%d", object)
			}
		}
		return "mp4a.40.2"
	}
	return fourcc
}

// Tags of the MPEG-4 descriptors that lead to the decoder's configuration (ISO/IEC 14496-1).
const (
	tagElementaryStream = 0x03
	tagDecoderConfig    = 0x04
	tagDecoderSpecific  = 0x05
)

// audioObjectType walks the descriptors of an esds box down to the AudioSpecificConfig and returns its first five
// bits, or 0 when there is none.
func audioObjectType(descriptors []byte) int {
	f := fields{rest: descriptors}
	for !f.short {
		tag := f.u8()
		descriptorLength(&f)
		switch tag {
		case tagElementaryStream:
			skipElementaryStream(&f)
		case tagDecoderConfig:
			f.skip(13)
		case tagDecoderSpecific:
			object := int(f.u8() >> 3)
			if object == 31 { // escape: six more bits follow; nothing that browsers play
				return 0
			}
			return object
		default:
			return 0
		}
	}
	return 0
}

// descriptorLength reads a length of up to four bytes, seven bits in each.
func descriptorLength(f *fields) {
	for range 4 {
		if f.u8()&0x80 == 0 {
			return
		}
	}
}

func skipElementaryStream(f *fields) {
	f.skip(2)
	flags := f.u8()
	if flags&0x80 != 0 { // depends on another stream
		f.skip(2)
	}
	if flags&0x40 != 0 { // URL
		f.skip(int(f.u8()))
	}
	if flags&0x20 != 0 { // clock
		f.skip(2)
	}
}
