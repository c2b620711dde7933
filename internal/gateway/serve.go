// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// content is something that can be read at any offset.
type content struct {
	size int64
	etag string
	open func(ctx context.Context, off, n int64) (*media.Stream, error)
	// visit is what it was allowed by.
	visit visit
	// before is asked before anything is sent, and after is told what was, where before agreed. Either may be nil.
	before func(asked byterange.Range) *refusal
	after  func(asked byterange.Range, sent int64, err error)
}

// serve answers with the bytes that the request asks for. What goes wrong before the first byte is returned as a refusal;
// after it, the connection is broken off, so that nobody takes a part, or what was tampered with, for the whole.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c content) *refusal {
	header := w.Header()
	header.Set("Accept-Ranges", "bytes")
	header.Set("ETag", c.etag)
	asked, ok := byterange.Of(r.Header, c.size, c.etag)
	if !ok {
		header.Set("Content-Range", byterange.Unsatisfiable(c.size))
		header.Del("Content-Disposition")
		http.Error(w, http.StatusText(http.StatusRequestedRangeNotSatisfiable), http.StatusRequestedRangeNotSatisfiable)
		return nil
	}
	var stream *media.Stream
	if r.Method != http.MethodHead {
		if c.before != nil {
			if refused := c.before(asked); refused != nil {
				return refused
			}
		}
		var err error
		if stream, err = c.open(r.Context(), asked.Offset, asked.Length); err != nil {
			c.ended(asked, 0, err)
			return faulty(err)
		}
		defer stream.Close()
	}
	status := http.StatusOK
	if asked.Partial {
		status = http.StatusPartialContent
		header.Set("Content-Range", asked.ContentRange())
	}
	header.Set("Content-Length", strconv.FormatInt(asked.Length, 10))
	w.WriteHeader(status)
	if stream != nil {
		s.send(w, r, stream, asked, c)
	}
	return nil
}

func (c *content) ended(asked byterange.Range, sent int64, err error) {
	if c.after != nil {
		c.after(asked, sent, err)
	}
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, stream *media.Stream, asked byterange.Range, c content) {
	allowed := c.visit
	guard := &guard{to: w, gate: s.gate, visit: allowed, next: s.clock.Now().Add(recheckEvery)}
	sent, err := stream.WriteTo(guard)
	c.ended(asked, sent, err)
	if err == nil {
		return
	}
	if guard.refused != nil {
		s.logRefusal(guard.refused) // a decision is no fault, and stands in the audit log
	} else if r.Context().Err() == nil {
		s.log.Error(err, "Breaking off in the middle of a recording", "namespace", allowed.namespace, "name", allowed.name)
		s.damage.report(r.Context(), err, allowed)
	}
	panic(http.ErrAbortHandler)
}

// recheckEvery is how often it is decided anew whether an answer that takes long may go on. A file can take hours, and
// revoking the right to it is to take effect in seconds.
const recheckEvery = time.Second

var errRevoked = errors.New("the right to it was revoked while it was being sent")

// guard passes on what may still be sent.
type guard struct {
	to    io.Writer
	gate  *gate
	visit visit
	next  time.Time
	// refused is why nothing more is.
	refused *refusal
}

// Write implements io.Writer.
func (g *guard) Write(data []byte) (int, error) {
	if now := g.gate.clock.Now(); !now.Before(g.next) {
		if _, g.refused = g.gate.enter(g.visit); g.refused != nil {
			return 0, errRevoked
		}
		g.next = now.Add(recheckEvery)
	}
	return g.to.Write(data)
}
