// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of previews. They lie in the manifest, which is read whole, so they are small.
const (
	maxPosterBytes = 64 << 10
	maxSheetBytes  = 192 << 10
	// maxPreviews is how many pictures a sheet has at most, sheetColumns how many stand in a row.
	maxPreviews  = 100
	sheetColumns = 10
	// previewsEvery is the least time between two of a sheet.
	previewsEvery = 2 * time.Second
	// previewTime bounds making them: a recording is not kept waiting for its previews.
	previewTime = 5 * time.Minute
	sealBytes   = 16 // what sealing adds
)

// Sizes of the box that a preview is fitted into, in pixels.
const (
	posterWidth, posterHeight   = 480, 360
	onSheetWidth, onSheetHeight = 160, 120
)

// previewQualities are those of JPEG, as ffmpeg counts them: the first that fits the bound is taken.
var previewQualities = []int{5, 10, 20, 31}

// Previews are small pictures of a recording, as JPEG: one for lists, and a sheet of many for the seek bar of a player. In a manifest
// both are sealed.
type Previews struct {
	// Poster is one picture.
	Poster []byte `json:"poster"`
	// Sheet has the pictures of the recording in rows.
	Sheet []byte `json:"sheet"`
	// EveryMillis is the time from one picture of the sheet to the next; the first is of the start.
	EveryMillis int64 `json:"everyMs"`
	// Count is how many pictures the sheet has, Columns how many of them stand in a row.
	Count   int `json:"count"`
	Columns int `json:"columns"`
	// Width and Height are those of one picture of the sheet, in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Previews makes previews of the file at path, as the plan reads it. Sound alone has none, and neither has what ffmpeg cannot make small
// enough: both are nil without an error.
func (t Tools) Previews(ctx context.Context, plan Plan, path string, packaged *Packaged) (*Previews, error) {
	if plan.Video == nil || packaged.Width == 0 || packaged.Height == 0 || packaged.Duration <= 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	p := sheetFor(packaged)
	rows := (p.Count + p.Columns - 1) / p.Columns
	filter := fmt.Sprintf("fps=1000/%d,%s,tpad=stop=-1:stop_mode=clone,tile=%dx%d", p.EveryMillis, scaled(p.Width, p.Height), p.Columns, rows)
	var err error
	if p.Sheet, err = t.picture(ctx, plan, path, 0, filter, maxSheetBytes); err != nil {
		return nil, err
	}
	width, height := fitInto(packaged.Width, packaged.Height, posterWidth, posterHeight)
	// Meetings begin with an empty room.
	if p.Poster, err = t.picture(ctx, plan, path, packaged.Duration/10, scaled(width, height), maxPosterBytes); err != nil {
		return nil, err
	}
	if len(p.Sheet) == 0 || len(p.Poster) == 0 {
		return nil, nil
	}
	return p, nil
}

// sheetFor says what the sheet of a recording is like.
func sheetFor(packaged *Packaged) *Previews {
	every := max(previewsEvery, (packaged.Duration+maxPreviews-1)/maxPreviews).Milliseconds()
	count := int(min(max(packaged.Duration.Milliseconds()/every, 1), maxPreviews))
	width, height := fitInto(packaged.Width, packaged.Height, onSheetWidth, onSheetHeight)
	return &Previews{EveryMillis: every, Count: count, Columns: min(count, sheetColumns), Width: width, Height: height}
}

// fitInto is the largest size of the same shape that fits into a box, in whole pairs of pixels.
func fitInto(width, height, boxWidth, boxHeight int) (int, int) {
	if width*boxHeight > height*boxWidth {
		return boxWidth, even(boxWidth * height / width)
	}
	return even(boxHeight * width / height), boxHeight
}

func scaled(width, height int) string {
	return fmt.Sprintf("scale=%d:%d,setsar=1,format=yuvj420p", width, height)
}

// picture makes one JPEG of what follows a moment, in the best quality that fits; nil where none does. The source is decoded once for all of them.
func (t Tools) picture(ctx context.Context, plan Plan, path string, from time.Duration, filter string, most int) ([]byte, error) {
	var outputs []*limited
	var labels strings.Builder
	var written []string
	for i, quality := range previewQualities {
		label := fmt.Sprintf("[q%d]", quality)
		labels.WriteString(label)
		outputs = append(outputs, &limited{limit: most})
		written = append(written,
			"-map", label, "-map_metadata", "-1", "-fflags", "+bitexact",
			"-frames:v", "1", "-q:v", strconv.Itoa(quality), "-f", "mjpeg", outputURL(i))
	}
	graph := fmt.Sprintf("[0:%d]%s,split=%d%s", plan.Video.Index, filter, len(previewQualities), labels.String())
	args := slices.Concat(
		[]string{"-v", "error", "-nostdin", "-hide_banner", "-nostats"},
		plan.previewInput(from), inputOptions(plan.Container, path), []string{"-filter_complex", graph}, written)
	if err := (command{path: t.FFmpeg, args: args}).runInto(ctx, outputs); err != nil {
		return nil, err
	}
	for _, out := range outputs {
		if !out.over {
			return out.buffer.Bytes(), nil
		}
	}
	return nil, nil
}

// previewInput decodes no more than is needed: key frames alone where they are close enough to be copied.
func (p Plan) previewInput(from time.Duration) []string {
	options := []string{"-ss", strconv.FormatFloat(from.Seconds(), 'f', 3, 64)}
	if p.Video.Action == Copy {
		options = append(options, "-skip_frame", "nokey")
	}
	return options
}

// The nonces of what is sealed. The key belongs to one attempt, which seals each once.
const (
	nonceOfPoster = iota + 1
	nonceOfSheet
)

// Seal returns the previews as they stand in a manifest.
func (p Previews) Seal(key Key) (*Previews, error) {
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	p.Poster = aead.Seal(nil, sealNonce(nonceOfPoster), p.Poster, nil)
	p.Sheet = aead.Seal(nil, sealNonce(nonceOfSheet), p.Sheet, nil)
	return &p, nil
}

// Open returns sealed previews as they were.
func (p Previews) Open(key Key) (*Previews, error) {
	aead, err := sealing(key)
	if err != nil {
		return nil, err
	}
	poster, posterErr := aead.Open(nil, sealNonce(nonceOfPoster), p.Poster, nil)
	sheet, sheetErr := aead.Open(nil, sealNonce(nonceOfSheet), p.Sheet, nil)
	if err := errors.Join(posterErr, sheetErr); err != nil {
		return nil, fmt.Errorf("opening the previews: %w", err)
	}
	p.Poster, p.Sheet = poster, sheet
	return &p, nil
}

func sealing(key Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("preparing a key for sealing: %w", err)
	}
	return cipher.NewGCM(block)
}

func sealNonce(of byte) []byte {
	nonce := make([]byte, 12)
	nonce[0] = of
	return nonce
}

func (p *Previews) validate(version int) error {
	if p == nil {
		return nil
	}
	if version < versionWithPreviews {
		return fmt.Errorf("previews come with version %d, and this is version %d", versionWithPreviews, version)
	}
	return errors.Join(
		within("the bytes of previews.poster", int64(len(p.Poster)), sealBytes+1, maxPosterBytes+sealBytes),
		within("the bytes of previews.sheet", int64(len(p.Sheet)), sealBytes+1, maxSheetBytes+sealBytes),
		within("previews.everyMs", p.EveryMillis, 1, maxDuration.Milliseconds()),
		within("previews.count", int64(p.Count), 1, maxPreviews),
		within("previews.columns", int64(p.Columns), 1, sheetColumns),
		within("previews.width", int64(p.Width), 1, onSheetWidth),
		within("previews.height", int64(p.Height), 1, onSheetHeight),
	)
}
