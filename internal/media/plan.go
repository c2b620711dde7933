// SPDX-License-Identifier: Apache-2.0

package media

import (
	"math"
	"slices"
)

// Action says what happens to a stream.
type Action string

const (
	// Copy keeps the stream bit for bit: nothing is lost, almost nothing is spent.
	Copy Action = "Copy"
	// Transcode decodes the stream and encodes it anew, as H.264 or AAC.
	Transcode Action = "Transcode"
)

// Limits are what the effective policy demands of the media.
type Limits struct {
	// MaxHeight is the largest allowed height of the picture in pixels; zero for no limit.
	MaxHeight int
	// NoCopy transcodes what could be copied. It is the second try for streams that fit by their headers but do not in
	// truth, as with key frames minutes apart.
	NoCopy bool
}

// Plan is what will be done with each stream of a source.
type Plan struct {
	Container Container
	Video     *VideoPlan
	Audio     *AudioPlan
}

// VideoPlan is what will be done with the picture. Everything after Why matters for transcoding only.
type VideoPlan struct {
	Index  int
	Action Action
	// Why is half a sentence for logs: what made copying impossible. Empty when copied.
	Why string
	// Width and Height of the result, both even.
	Width, Height int
	// SquarePixels is set where the source's pixels are not square and must be made so.
	SquarePixels bool
	// MaxBitRate keeps the result from becoming larger than its source, in bits a second; zero for no bound.
	MaxBitRate int64
}

// AudioPlan is what will be done with the sound. Everything after Why matters for transcoding only.
type AudioPlan struct {
	Index      int
	Action     Action
	Why        string
	Channels   int
	SampleRate int
	BitRate    int64 // bits a second
}

// Copies reports whether every stream is copied.
func (p Plan) Copies() bool {
	return (p.Video == nil || p.Video.Action == Copy) && (p.Audio == nil || p.Audio.Action == Copy)
}

// NewPlan decides per stream: what every current browser plays is copied, everything else is transcoded to H.264 or
// AAC. It is a pure function of its arguments.
func NewPlan(source Source, limits Limits) Plan {
	plan := Plan{Container: source.Container}
	if source.Video != nil {
		plan.Video = planVideo(source, *source.Video, limits)
	}
	if source.Audio != nil {
		plan.Audio = planAudio(*source.Audio, limits)
	}
	return plan
}

func planVideo(source Source, video VideoStream, limits Limits) *VideoPlan {
	width, height := displaySize(video)
	plan := &VideoPlan{Index: video.Index, Action: Copy, Why: whyNotCopyVideo(video, height, limits)}
	if plan.Why == "" {
		plan.Width, plan.Height = video.Width, video.Height
		return plan
	}
	plan.Action = Transcode
	plan.Width, plan.Height = fit(width, height, limits.MaxHeight)
	plan.SquarePixels = video.PixelAspect != 1
	plan.MaxBitRate = videoBound(source, video)
	return plan
}

// whyNotCopyVideo names what stands in the way of copying, or nothing.
func whyNotCopyVideo(video VideoStream, displayHeight int, limits Limits) string {
	switch {
	case limits.NoCopy:
		return "copying was tried and failed"
	case !playsEverywhere(video):
		return "browsers do not all play " + video.Codec + " " + video.Profile + " " + video.PixelFormat
	case limits.MaxHeight > 0 && displayHeight > limits.MaxHeight:
		return "it is higher than the policy allows"
	case video.Rotation != 0:
		// The rotation could be carried over, but browsers that are fed segments do not all heed it.
		return "it is rotated by metadata"
	}
	return ""
}

func playsEverywhere(video VideoStream) bool {
	switch video.Codec {
	case "h264":
		return slices.Contains([]string{"yuv420p", "yuvj420p"}, video.PixelFormat) &&
			slices.Contains([]string{"Baseline", "Constrained Baseline", "Main", "High", "Progressive High", "Constrained High"}, video.Profile)
	case "av1":
		return slices.Contains([]string{"yuv420p", "yuv420p10le"}, video.PixelFormat)
	}
	return false
}

// displaySize is the size that people see: pixels made square, the picture turned upright.
func displaySize(video VideoStream) (width, height int) {
	width, height = int(math.Round(float64(video.Width)*video.PixelAspect)), video.Height
	if video.Rotation%180 != 0 {
		return height, width
	}
	return width, height
}

// fit shrinks a size to the greatest height, keeping its shape, and makes both sides even, as H.264 needs.
func fit(width, height, maxHeight int) (int, int) {
	if maxHeight > 0 && height > maxHeight {
		width, height = int(math.Round(float64(width)*float64(maxHeight)/float64(height))), maxHeight
	}
	return even(width), even(height)
}

func even(side int) int { return max(2, side-side%2) }

// leastVideoBitRate keeps slides readable whatever the source claims about itself.
const leastVideoBitRate = 150_000

// videoBound is the rate beyond which the result would be larger than the source.
func videoBound(source Source, video VideoStream) int64 {
	rate := video.BitRate
	if rate == 0 && source.Duration > 0 {
		rate = int64(float64(source.Bytes) * 8 / source.Duration.Seconds())
	}
	if rate == 0 {
		return 0
	}
	return max(rate, leastVideoBitRate)
}

func planAudio(audio AudioStream, limits Limits) *AudioPlan {
	plan := &AudioPlan{Index: audio.Index, Action: Copy}
	switch {
	case limits.NoCopy:
		plan.Why = "copying was tried and failed"
	case audio.Codec != "aac" && audio.Codec != "opus":
		plan.Why = "browsers do not all play " + audio.Codec
	default:
		return plan
	}
	plan.Action = Transcode
	plan.Channels = min(max(audio.Channels, 1), 2)
	plan.SampleRate = aacSampleRate(audio.SampleRate)
	plan.BitRate = audioBitRate(audio, plan.Channels)
	return plan
}

// aacSampleRate keeps the rates that every AAC decoder knows, and turns others into 48 kHz.
func aacSampleRate(rate int) int {
	if slices.Contains([]int{8000, 16000, 22050, 24000, 32000, 44100, 48000}, rate) {
		return rate
	}
	return 48000
}

// audioBitRate gives each channel 64 kbit/s, which is transparent for speech, but not more than the source has.
func audioBitRate(audio AudioStream, channels int) int64 {
	rate := int64(channels) * 64_000
	if audio.BitRate > 0 {
		rate = min(rate, max(audio.BitRate, int64(channels)*24_000))
	}
	return rate
}
