// SPDX-License-Identifier: Apache-2.0

package media

import "time"

// Source is what probing found in an input: at most one picture and one sound stream, the ones that will be kept.
type Source struct {
	Container Container
	// Duration as the header says it; zero where it does not, as in WebM recorded by a browser.
	Duration time.Duration
	// Bytes is the size of the input.
	Bytes int64
	// Video is nil in a recording of sound only.
	Video *VideoStream
	// Audio is nil in a silent recording.
	Audio *AudioStream
	// Dropped counts the streams that are left out: subtitles, data, cover pictures, further languages.
	Dropped int
}

// VideoStream is one picture stream.
type VideoStream struct {
	// Index is the stream's number in the input.
	Index int
	// Codec, Profile and PixelFormat are ffmpeg's names, such as "h264", "High" and "yuv420p".
	Codec, Profile, PixelFormat string
	// Width and Height are the coded size in pixels, before rotation.
	Width, Height int
	// Rotation is how far players must turn the picture, clockwise or not, in degrees; zero for upright ones.
	Rotation int
	// PixelAspect is width/height of one pixel; 1 for square ones and where the file does not say.
	PixelAspect float64
	// BitRate in bits a second; zero when unknown.
	BitRate int64
}

// AudioStream is one sound stream.
type AudioStream struct {
	// Index is the stream's number in the input.
	Index int
	// Codec and Profile are ffmpeg's names, such as "aac" and "LC".
	Codec, Profile string
	SampleRate     int // samples a second
	Channels       int
	// BitRate in bits a second; zero when unknown.
	BitRate int64
}
