// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// uploadConcurrency is how many parts are under way at a time; one more is being filled. Together they are the memory
// that an upload needs: three times the part size.
const uploadConcurrency = 2

// uploader cuts a stream into the parts of a multipart upload and sends them while the next one fills. One goroutine
// writes.
type uploader struct {
	store  Store
	target Target
	group  *errgroup.Group
	ctx    context.Context //nolint:containedctx // io.Writer has no room for one, and an uploader lives as long as one stream
	free   chan []byte     // buffers that no part uses
	part   []byte          // the part being filled; nil before its first byte
	etags  []string        // of the parts, by number; filled as they arrive
	sent   int
}

func newUploader(ctx context.Context, store Store, target Target) *uploader {
	group, ctx := errgroup.WithContext(ctx)
	u := &uploader{
		store: store, target: target, group: group, ctx: ctx,
		free: make(chan []byte, uploadConcurrency), etags: make([]string, len(target.PartURLs)),
	}
	for range uploadConcurrency {
		u.free <- nil // made when first needed, for most recordings are short
	}
	return u
}

var errNoRoom = errors.New("the object is larger than all parts that the spec has URLs for")

// Write takes the next bytes of the object. It blocks while uploadConcurrency full parts are under way.
func (u *uploader) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if u.part == nil {
			u.part = make([]byte, 0, u.target.PartSize)
		}
		n := min(len(p), cap(u.part)-len(u.part))
		u.part = append(u.part, p[:n]...)
		p, written = p[n:], written+n
		if len(u.part) == cap(u.part) {
			if err := u.send(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// send starts the upload of the part being filled and waits for a buffer for the next.
func (u *uploader) send() error {
	if u.sent == len(u.etags) {
		return fail(StorageError, "uploading the media", errNoRoom)
	}
	number, body := u.sent, u.part
	u.sent++
	u.group.Go(func() error { return u.put(number, body) })
	select {
	case <-u.ctx.Done():
		return context.Cause(u.ctx)
	case u.part = <-u.free:
		return nil
	}
}

// put uploads one part, counted from zero, and gives its buffer back.
func (u *uploader) put(number int, body []byte) error {
	etag, err := u.store.PutPart(u.ctx, u.target.PartURLs[number], number+1, body)
	if err != nil {
		return fail(StorageError, "uploading the media", err)
	}
	u.etags[number] = etag
	u.free <- body[:0]
	return nil
}

// finish sends what is left, waits for all parts and completes the upload.
func (u *uploader) finish(ctx context.Context) error {
	if len(u.part) > 0 {
		if err := u.send(); err != nil {
			return err
		}
	}
	if err := u.group.Wait(); err != nil {
		return err
	}
	return fail(StorageError, "completing the upload", u.store.Complete(ctx, u.target.CompleteURL, u.etags[:u.sent]))
}

// abandon waits for what is under way. The parts stay: a second pass overwrites them, and an abort discards them.
func (u *uploader) abandon() { _ = u.group.Wait() }
