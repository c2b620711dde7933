// SPDX-License-Identifier: Apache-2.0

package media

import (
	"errors"
	"io"
)

// Inspect looks into the container for what must not reach ffmpeg or can never work: encrypted media, media kept in
// other files, and a missing index. It reads headers only. The error is an *InputError where the input is at fault.
func Inspect(container Container, input io.ReaderAt, size int64) error {
	var err error
	switch container {
	case MP4:
		err = inspectMP4(input, size)
	case Matroska:
		err = inspectMatroska(input, size)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return truncated()
	}
	return err
}

func truncated() error {
	return inputError(Truncated, "The file ends before anything in it can be played: the upload or the recording was cut off. Upload the whole file again.")
}

func encrypted() error {
	return inputError(Encrypted, "The media in the file is encrypted (DRM), so it cannot be played or converted. Export an unprotected copy and upload that.")
}

func damaged() error {
	return inputError(NotAVideo, "The file begins like a video but its structure is damaged. Check that it plays, then upload it again.")
}
