// SPDX-License-Identifier: Apache-2.0

package media

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
)

// firstOutput is the file descriptor of the first of a command's outputs.
const firstOutput = 3

// outputURL is what ffmpeg is told to write its nth output to, counted from 0.
func outputURL(n int) string { return fmt.Sprintf("pipe:%d", firstOutput+n) }

// runInto runs the tool with a pipe for each output, so that one reading of a source makes several things of it. An output that is too large
// is read to its end all the same: a tool that cannot write one of them gives up on all.
func (c command) runInto(ctx context.Context, outputs []*limited) error {
	var reading sync.WaitGroup
	var ours []io.Closer
	for _, output := range outputs {
		reader, writer, err := os.Pipe()
		if err != nil {
			closeAll(ours)
			reading.Wait()
			return fmt.Errorf("making a pipe: %w", err)
		}
		c.outputs, ours = append(c.outputs, writer), append(ours, writer)
		reading.Go(func() {
			defer reader.Close()
			if _, err := io.Copy(output, reader); err != nil {
				_, _ = io.Copy(io.Discard, reader)
			}
		})
	}
	err := c.run(ctx)
	closeAll(ours)
	reading.Wait()
	return err
}

func closeAll(files []io.Closer) {
	for _, file := range files {
		_ = file.Close()
	}
}
