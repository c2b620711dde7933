// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"io"
	"sync"
)

const (
	// aheadBuffers of aheadBytes each are read ahead: enough that the network never waits for the hash.
	aheadBuffers = 4
	aheadBytes   = 256 << 10
)

// readAhead reads from a source in the background, so that receiving and hashing take the longer of their times and not the
// sum. Its owner closes it; the source is closed then.
type readAhead struct {
	source io.ReadCloser
	stop   context.CancelFunc
	ctx    context.Context //nolint:containedctx // says to the background that the reader was closed
	full   chan chunk      // what was read, in order
	free   chan []byte     // buffers to read into
	once   sync.Once
	done   sync.WaitGroup
	now    chunk  // being handed out
	rest   []byte // of now
}

// chunk is what one read gave: bytes, or the error that ended the source.
type chunk struct {
	buf []byte
	err error
}

// newReadAhead begins to read what open opens. The context that open gets ends when the reader is closed.
func newReadAhead(ctx context.Context, open func(context.Context) (io.ReadCloser, error)) (*readAhead, error) {
	ctx, stop := context.WithCancel(ctx)
	source, err := open(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	r := &readAhead{
		source: source, ctx: ctx, stop: stop, full: make(chan chunk, aheadBuffers+1), free: make(chan []byte, aheadBuffers),
	}
	for range aheadBuffers {
		r.free <- make([]byte, aheadBytes)
	}
	r.done.Go(r.fetch)
	return r, nil
}

func (r *readAhead) fetch() {
	for {
		select {
		case <-r.ctx.Done():
			r.full <- chunk{err: context.Cause(r.ctx)} // has room for that and every buffer
			return
		case buf := <-r.free:
			n, err := io.ReadFull(r.source, buf[:aheadBytes])
			if err == io.ErrUnexpectedEOF { // ReadFull's own; a broken connection may wrap the same
				err = io.EOF
			}
			r.full <- chunk{buf[:n], err}
			if err != nil {
				return
			}
		}
	}
}

// Read implements io.Reader.
func (r *readAhead) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.now.err != nil {
			return 0, r.now.err
		}
		if r.now.buf != nil {
			r.free <- r.now.buf
		}
		r.now = <-r.full
		r.rest = r.now.buf
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close ends reading: a read that waits for the network returns because its context ends.
func (r *readAhead) Close() error {
	var err error
	r.once.Do(func() {
		r.stop()
		r.done.Wait()
		err = r.source.Close()
	})
	return err
}
