// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// Pack converts the file at path by the plan and packages it into out while it comes: nothing lies on disk in between.
// Whatever out has received is worthless when an error is returned. The error is an *InputError where the source is at
// fault, and ErrConversion where another plan may do better.
func (t Tools) Pack(ctx context.Context, plan Plan, path string, out io.Writer, how Packaging, done func(time.Duration)) (*Packaged, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	widen(writer)

	var packaged *Packaged
	var convertErr, packageErr error
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer writer.Close() // ffmpeg has its own; ours would keep the packager waiting
		convertErr = t.Convert(ctx, plan, path, writer, done)
		return convertErr
	})
	group.Go(func() error {
		packaged, packageErr = Package(ctx, reader, out, how)
		return packageErr
	})
	if group.Wait() == nil {
		return packaged, nil
	}
	return nil, packingError(convertErr, packageErr)
}

// packingError picks the error that came first of two that cause each other: a converter that fails ends the stream early,
// and a packager that fails has the converter killed.
func packingError(convertErr, packageErr error) error {
	noSamples, cutShort := errors.Is(packageErr, ErrNoSamples), errors.Is(packageErr, io.ErrUnexpectedEOF)
	switch {
	case noSamples && (convertErr == nil || errors.Is(convertErr, ErrConversion)):
		return truncated()
	case noSamples, cutShort, packageErr == nil:
		if convertErr != nil {
			return convertErr
		}
	}
	return packageErr
}
