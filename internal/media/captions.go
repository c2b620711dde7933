// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Bounds of captions. They lie in the manifest, which is read whole.
const (
	// MaxCaptions is how many tracks of captions a recording has at most.
	MaxCaptions = 8
	// maxCaptionBytes bounds one track: the captions of an hour have about 80 kB. maxCaptionsBytes bounds all together, so that the
	// manifest of the longest recording has room for them.
	maxCaptionBytes  = 512 << 10
	maxCaptionsBytes = 1 << 20
	// maxRawCaptionBytes bounds what ffmpeg may write of one track before it is cleaned.
	maxRawCaptionBytes = 4 * maxCaptionBytes
	// maxCaptionTitle is in characters, maxLanguageBytes what a language tag of every part has.
	maxCaptionTitle  = 100
	maxLanguageBytes = 35
	// captionTime bounds making them all, which takes reading the source once, and once for each track where one cannot be used.
	captionTime = 5 * time.Minute
)

// captionCodecs are the formats of subtitles that are text.
var captionCodecs = []string{"mov_text", "subrip", "webvtt", "ass"}

// Captions are what is said in a recording, as text in one language. In a manifest the text is sealed.
type Captions struct {
	// Language is a BCP 47 tag, "und" where the source names none.
	Language string `json:"language"`
	// Title is what the source calls the track; empty for nothing.
	Title string `json:"title,omitempty"`
	// Text is WebVTT of cues alone, whose text has no tags.
	Text []byte `json:"text"`
}

// Captions makes captions of the subtitles of the file at path. Tracks that cannot be used are left out, and the error says why;
// the others are good all the same.
func (t Tools) Captions(ctx context.Context, container Container, path string) ([]Captions, error) {
	ctx, cancel := context.WithTimeout(ctx, captionTime)
	defer cancel()
	streams, err := t.captionStreams(ctx, container, path)
	if err != nil {
		return nil, err
	}
	texts, faults := t.captionTexts(ctx, container, path, streams)
	var made []Captions
	room := maxCaptionsBytes
	for i, stream := range streams {
		switch text := texts[i]; {
		case len(text) > min(maxCaptionBytes, room):
			faults = append(faults, fmt.Errorf("stream %d: %d bytes of captions are too many", stream.Index, len(text)))
		case len(text) > 0:
			room -= len(text)
			made = append(made, Captions{Language: languageOf(stream.Tags.Language), Title: titleOf(stream.Tags.Title), Text: text})
		}
	}
	return made, errors.Join(faults...)
}

// captionStream is what ffprobe says of one stream of subtitles.
type captionStream struct {
	Index int    `json:"index"`
	Codec string `json:"codec_name"`
	Tags  struct {
		Language string `json:"language"`
		Title    string `json:"title"`
	} `json:"tags"`
}

// captionStreams are those of text, the first MaxCaptions of them. They are asked for apart from what is packaged, so that nothing that
// subtitles say of themselves is in the way of that.
func (t Tools) captionStreams(ctx context.Context, container Container, path string) ([]captionStream, error) {
	args := append([]string{
		"-v", "error", "-threads", "1", "-of", "json", "-select_streams", "s", "-show_entries", "stream=index,codec_name:stream_tags=language,title",
	}, inputOptions(container, path)...)
	out := &limited{limit: maxProbeOutput}
	if err := (command{path: t.FFprobe, args: args, stdout: out}).run(ctx); err != nil {
		return nil, err
	}
	var probed struct {
		Streams []captionStream `json:"streams"`
	}
	if err := json.Unmarshal(out.buffer.Bytes(), &probed); err != nil {
		return nil, fmt.Errorf("reading what ffprobe said of subtitles: %w", err)
	}
	text := slices.DeleteFunc(probed.Streams, func(s captionStream) bool { return !slices.Contains(captionCodecs, s.Codec) })
	return text[:min(len(text), MaxCaptions)], nil
}

// captionTexts are the WebVTT of streams, nil where one has no cues or cannot be used, and why. The source is read once for all of them, and once
// for each where one of them makes ffmpeg give up.
func (t Tools) captionTexts(ctx context.Context, container Container, path string, streams []captionStream) (texts [][]byte, faults []error) {
	if len(streams) == 0 {
		return nil, nil
	}
	outputs, err := t.webVTT(ctx, container, path, streams)
	if err != nil && len(streams) > 1 && ctx.Err() == nil {
		for _, stream := range streams {
			alone, why := t.captionTexts(ctx, container, path, []captionStream{stream})
			texts, faults = append(texts, alone...), append(faults, why...)
		}
		return texts, faults
	}
	for i, stream := range streams {
		var text []byte
		switch out := outputs[i]; {
		case err != nil:
			faults = append(faults, fmt.Errorf("stream %d: %w", stream.Index, err))
		case out.over:
			faults = append(faults, fmt.Errorf("stream %d: %w: more than %d bytes", stream.Index, errTooMuch, maxRawCaptionBytes))
		default:
			text = cleanWebVTT(out.buffer.Bytes())
		}
		texts = append(texts, text)
	}
	return texts, faults
}

// webVTT has ffmpeg write streams, each into an output of its own.
func (t Tools) webVTT(ctx context.Context, container Container, path string, streams []captionStream) ([]*limited, error) {
	args := slices.Concat([]string{"-v", "error", "-nostdin", "-hide_banner", "-nostats"}, inputOptions(container, path))
	outputs := make([]*limited, len(streams))
	for i, stream := range streams {
		outputs[i] = &limited{limit: maxRawCaptionBytes}
		args = append(args, "-map", fmt.Sprintf("0:%d", stream.Index), "-map_metadata", "-1", "-fflags", "+bitexact", "-c:s", "webvtt", "-f", "webvtt", outputURL(i))
	}
	return outputs, command{path: t.FFmpeg, args: args}.runInto(ctx, outputs)
}

// languageOf turns what containers have, mostly three letters of ISO 639-2, into BCP 47.
func languageOf(tag string) string {
	if len(tag) > maxLanguageBytes {
		return language.Und.String()
	}
	parsed, err := language.Parse(tag)
	if text := parsed.String(); err == nil && len(text) <= maxLanguageBytes {
		return text
	}
	return language.Und.String()
}

// titleOf is a title in one line.
func titleOf(title string) string {
	plain := []rune(strings.TrimSpace(printable(title)))
	return strings.TrimSpace(string(plain[:min(len(plain), maxCaptionTitle)]))
}

// SealCaptions returns captions as they stand in a manifest.
func SealCaptions(plain []Captions, key Key) ([]Captions, error) {
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	sealed := slices.Clone(plain)
	for i := range sealed {
		sealed[i].Text = aead.Seal(nil, captionNonce(i), sealed[i].Text, nil)
	}
	return sealed, nil
}

// OpenCaptions returns the text of a track of a manifest, counted from 0.
func (m *Manifest) OpenCaptions(track int, key Key) ([]byte, error) {
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, captionNonce(track), m.Captions[track].Text, nil)
	if err != nil {
		return nil, fmt.Errorf("opening captions %d: %w", track, err)
	}
	return text, nil
}

// captionNonce counts from 1; there are eight at most. The key belongs to one attempt, which seals each track once.
func captionNonce(track int) []byte { return sealNonce(byte(track + 1)) }

var languageTag = regexp.MustCompile(`^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$`)

func (m *Manifest) validateCaptions() error {
	if len(m.Captions) > 0 && m.Version < versionWithPreviews {
		return fmt.Errorf("captions come with version %d, and this is version %d", versionWithPreviews, m.Version)
	}
	if err := within("the number of captions", int64(len(m.Captions)), 0, MaxCaptions); err != nil {
		return err
	}
	total := int64(0)
	for i, c := range m.Captions {
		if err := c.validate(fmt.Sprintf("captions[%d]", i)); err != nil {
			return err
		}
		total += int64(len(c.Text))
	}
	return within("the bytes of all captions", total, 0, maxCaptionsBytes+MaxCaptions*sealBytes)
}

func (c Captions) validate(name string) error {
	if !languageTag.MatchString(c.Language) {
		return fmt.Errorf("%s.language is no language tag", name)
	}
	return errors.Join(
		within("the bytes of "+name+".language", int64(len(c.Language)), 2, maxLanguageBytes),
		within("the characters of "+name+".title", int64(utf8.RuneCountInString(c.Title)), 0, maxCaptionTitle),
		within("the bytes of "+name+".text", int64(len(c.Text)), sealBytes+1, maxCaptionBytes+sealBytes),
	)
}
