// SPDX-License-Identifier: Apache-2.0

package media

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/reelkeeper/reelkeeper/internal/media/isobmff"
)

const (
	// maxBoxes bounds how many boxes are looked at; the index of an honest file has a few dozen.
	maxBoxes = 20_000
	// maxTable bounds the two small tables that are read into memory.
	maxTable = 1 << 20
)

var (
	// mp4Path are the boxes that lead to the sample descriptions and data references of a track.
	mp4Path = []string{"moov", "trak", "mdia", "minf", "dinf", "stbl"}
	// mp4Encrypted are the sample entries of Common Encryption (enc?) and of FairPlay (drm?).
	mp4Encrypted = []string{"encv", "enca", "enct", "encs", "drmi", "drms", "drmt"}
)

// errFound ends a walk early.
var errFound = errors.New("found")

func inspectMP4(input io.ReaderAt, size int64) error {
	w := &mp4Walk{input: input, budget: maxBoxes}
	err := w.walk(0, size, true)
	if errors.Is(err, errFound) {
		return nil
	}
	if errors.Is(err, isobmff.ErrMalformed) {
		return damaged()
	}
	if err == nil && !w.sawMovie {
		return truncated() // the index is what is written last
	}
	return err
}

type mp4Walk struct {
	input    io.ReaderAt
	budget   int
	sawMovie bool
}

// walk visits the boxes between two offsets. At the top it stops after the movie box: nothing after that matters.
func (w *mp4Walk) walk(from, to int64, top bool) error {
	for from < to {
		if w.budget--; w.budget < 0 {
			return isobmff.ErrMalformed
		}
		h, err := isobmff.ReadHeader(io.NewSectionReader(w.input, from, to-from))
		if err != nil {
			return err
		}
		if h.Size == 0 {
			h.Size = to - from
		}
		next := from + h.Size
		if next > to {
			return io.ErrUnexpectedEOF
		}
		if err := w.visit(h, from+int64(len(h.Raw)), next); err != nil {
			return err
		}
		if top && h.Type == "moov" {
			return errFound
		}
		from = next
	}
	return nil
}

func (w *mp4Walk) visit(h isobmff.Header, from, to int64) error {
	switch {
	case h.Type == "stsd" || h.Type == "dref":
		return w.table(h.Type, from, to)
	case h.Type == "rmra":
		return mediaElsewhere()
	case slices.Contains(mp4Path, h.Type):
		w.sawMovie = w.sawMovie || h.Type == "moov"
		return w.walk(from, to, false)
	}
	return nil
}

// table checks the entries of a sample description or of a data reference.
func (w *mp4Walk) table(kind string, from, to int64) error {
	if to-from < 8 || to-from > maxTable {
		return isobmff.ErrMalformed
	}
	payload := make([]byte, to-from)
	if _, err := w.input.ReadAt(payload, from); err != nil {
		return err
	}
	for entry, err := range isobmff.Children(payload[8:]) {
		switch {
		case err != nil:
			return nil // QuickTime leaves odd bytes behind the last entry
		case kind == "stsd" && slices.Contains(mp4Encrypted, entry.Type):
			return encrypted()
		case kind == "dref" && !selfContained(entry):
			return mediaElsewhere()
		}
	}
	return nil
}

// selfContained reports whether a data reference says "the media is in this very file".
func selfContained(entry isobmff.Box) bool {
	const sameFile = 1
	return len(entry.Payload) >= 4 && bytes.Equal(entry.Payload[1:4], []byte{0, 0, sameFile})
}

func mediaElsewhere() error {
	return inputError(NotAVideo, "The file keeps its pictures or sound in other files, which Reelkeeper never opens. Export it as one self-contained file and upload that.")
}
