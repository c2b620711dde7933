// SPDX-License-Identifier: Apache-2.0

package presigned

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Reader reads an object and goes on where it was when the connection breaks. It never mixes two states of an object: it
// demands the ETag that it began with.
type Reader struct {
	client *Client
	ctx    context.Context //nolint:containedctx // a reader's later requests belong to the call that opened it, like those of http.Response.Body
	url    string
	body   io.ReadCloser
	etag   string
	size   int64
	offset int64
	err    error
}

// Get opens an object through a URL that was presigned for GET, beginning at offset. Every request of the reader ends with ctx.
// The caller closes the reader, which is for one goroutine. An offset at the object's end or beyond fails with
// objectstore.ReasonInvalidRange, except that 0 is right for an empty object too.
func (c *Client) Get(ctx context.Context, url string, offset int64) (*Reader, error) {
	r := &Reader{client: c, ctx: ctx, url: url, offset: offset, size: -1}
	if err := c.retrying(ctx, func(int) error { return r.open() }); err != nil {
		return nil, err
	}
	return r, nil
}

// Size is the length of the whole object in bytes.
func (r *Reader) Size() int64 { return r.size }

// ETag is the server's mark of the object's state.
func (r *Reader) ETag() string { return r.etag }

// Read reads on; after a broken connection from a new one. It returns io.EOF only at the object's end.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if r.offset >= r.size {
		r.err = io.EOF
		return 0, r.err
	}
	var n int
	r.err = r.client.retrying(r.ctx, func(int) (err error) {
		n, err = r.readOnce(p)
		return err
	})
	return n, r.err
}

// readOnce reads at least one byte or says why not.
func (r *Reader) readOnce(p []byte) (int, error) {
	if r.body == nil {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadAtLeast(r.body, p[:min(int64(len(p)), r.size-r.offset)], 1)
	r.offset += int64(n)
	if n > 0 {
		return n, nil // what broke, if anything, is met again by the next call
	}
	_ = r.body.Close()
	r.body = nil
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the object is longer than what came
	}
	return 0, objectstore.NewTransportError("get", err)
}

// open requests the object from r.offset on.
func (r *Reader) open() error {
	req := request{op: "get", method: http.MethodGet, url: r.url, header: http.Header{}}
	if r.offset > 0 {
		req.header.Set("Range", fmt.Sprintf("bytes=%d-", r.offset))
	}
	if r.etag != "" {
		req.header.Set("If-Match", `"`+r.etag+`"`)
	}
	resp, err := r.client.do(r.ctx, req)
	if err != nil {
		return err
	}
	if err := r.adopt(resp); err != nil {
		_ = resp.Body.Close()
		return err
	}
	return nil
}

// adopt takes over a response after a look at what it is a response to.
func (r *Reader) adopt(resp *http.Response) error {
	size := resp.ContentLength
	if r.offset > 0 {
		start, total, ok := objectstore.ParseContentRange(resp.Header.Get("Content-Range"))
		if !ok || start != r.offset {
			return errShort("get", "matching Content-Range")
		}
		size = total
	}
	etag := strings.Trim(resp.Header.Get("ETag"), `"`)
	if size < 0 {
		return errShort("get", "Content-Length")
	}
	if r.etag != "" && (etag != r.etag || size != r.size) {
		return objectstore.NewResponseError("get", http.StatusPreconditionFailed, "PreconditionFailed", "the object changed while it was read")
	}
	r.body, r.etag, r.size = resp.Body, etag, size
	return nil
}

// Close ends the reading.
func (r *Reader) Close() error {
	r.err = errClosed
	if r.body == nil {
		return nil
	}
	return r.body.Close()
}

var errClosed = errors.New("the reader is closed")
