// SPDX-License-Identifier: Apache-2.0

package isobmff

import (
	"fmt"
	"strings"
)

// Kind says what a track carries.
type Kind string

const (
	// Video is a picture track.
	Video Kind = "video"
	// Audio is a sound track.
	Audio Kind = "audio"
)

// maxTracks bounds what one movie may declare; packaging writes two at most.
const maxTracks = 64

// Track is what an init segment says about one track.
type Track struct {
	ID        uint32
	Kind      Kind
	Timescale uint32 // ticks a second, never zero
	Codec     string // RFC 6381, such as "avc1.64001f"
	Width     int    // picture size in pixels; zero for audio
	Height    int

	defaultDuration uint32 // of a sample, in ticks (trex)
	defaultFlags    uint32
}

// Movie is what an init segment says about the file.
type Movie struct {
	Tracks []Track
}

// Codecs lists the tracks' codecs as RFC 6381 writes them, video first: "avc1.64001f,mp4a.40.2".
func (m *Movie) Codecs() string {
	var codecs []string
	for _, kind := range []Kind{Video, Audio} {
		for _, track := range m.Tracks {
			if track.Kind == kind {
				codecs = append(codecs, track.Codec)
			}
		}
	}
	return strings.Join(codecs, ",")
}

// Picture returns the first video track, or nil in a file that has only sound.
func (m *Movie) Picture() *Track {
	for i := range m.Tracks {
		if m.Tracks[i].Kind == Video {
			return &m.Tracks[i]
		}
	}
	return nil
}

func (m *Movie) track(id uint32) *Track {
	for i := range m.Tracks {
		if m.Tracks[i].ID == id {
			return &m.Tracks[i]
		}
	}
	return nil
}

// ParseMovie reads the payload of a moov box. Tracks that are neither picture nor sound are left out.
func ParseMovie(moov []byte) (*Movie, error) {
	movie := &Movie{}
	for box, err := range Children(moov) {
		if err != nil {
			return nil, err
		}
		if box.Type != "trak" {
			continue
		}
		track, err := parseTrack(box.Payload)
		if err != nil {
			return nil, err
		}
		if track.Kind == Video || track.Kind == Audio {
			movie.Tracks = append(movie.Tracks, track)
		}
		if len(movie.Tracks) > maxTracks {
			return nil, fmt.Errorf("%w: more than %d tracks", ErrMalformed, maxTracks)
		}
	}
	if len(movie.Tracks) == 0 {
		return nil, fmt.Errorf("%w: no picture and no sound track in moov", ErrMalformed)
	}
	return movie, parseDefaults(Find(moov, "mvex"), movie)
}

func parseTrack(trak []byte) (Track, error) {
	id, err := parseTrackID(Find(trak, "tkhd"))
	if err != nil {
		return Track{}, err
	}
	timescale, err := parseTimescale(Find(trak, "mdia", "mdhd"))
	if err != nil {
		return Track{}, err
	}
	track := Track{ID: id, Timescale: timescale}
	if handler := Find(trak, "mdia", "hdlr"); len(handler) >= 12 {
		switch string(handler[8:12]) {
		case "vide":
			track.Kind = Video
		case "soun":
			track.Kind = Audio
		default:
			return track, nil
		}
	}
	err = parseSampleEntry(Find(trak, "mdia", "minf", "stbl", "stsd"), &track)
	return track, err
}

func parseTrackID(tkhd []byte) (uint32, error) {
	f := fields{rest: tkhd}
	version, _ := f.versionAndFlags()
	f.sized(version) // creation
	f.sized(version) // modification
	id := f.u32()
	return id, f.err("tkhd")
}

func parseTimescale(mdhd []byte) (uint32, error) {
	f := fields{rest: mdhd}
	version, _ := f.versionAndFlags()
	f.sized(version) // creation
	f.sized(version) // modification
	timescale := f.u32()
	if err := f.err("mdhd"); err != nil {
		return 0, err
	}
	if timescale == 0 {
		return 0, fmt.Errorf("%w: a track without timescale", ErrMalformed)
	}
	return timescale, nil
}

// parseDefaults fills in what mvex says about samples whose fragments do not say it themselves.
func parseDefaults(mvex []byte, movie *Movie) error {
	for box, err := range Children(mvex) {
		if err != nil {
			return err
		}
		if box.Type != "trex" {
			continue
		}
		f := fields{rest: box.Payload}
		f.versionAndFlags()
		track := movie.track(f.u32())
		f.skip(4) // default sample description
		duration := f.u32()
		f.skip(4) // default size
		flags := f.u32()
		if err := f.err("trex"); err != nil {
			return err
		}
		if track != nil {
			track.defaultDuration, track.defaultFlags = duration, flags
		}
	}
	return nil
}
