// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
	"github.com/reelkeeper/reelkeeper/internal/gateway/tracing"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

// content is something that can be read at any offset.
type content struct {
	size int64
	etag string
	// mime is its type; digest is the SHA-256 of the whole, zero where that is not known.
	mime   string
	digest media.Digest
	// ranges is how many ranges one request may ask for.
	ranges int
	open   func(ctx context.Context, off, n int64) (*media.Stream, error)
	// visit is what it was allowed by.
	visit visit
	// before is asked before anything is sent, and after is told what was, where before agreed. Either may be nil.
	before func(asked byterange.Asked) *refusal
	after  func(asked byterange.Asked, sent int64)
}

// serve answers with the bytes that the request asks for. What goes wrong before the first byte is returned as a refusal;
// after it, the connection is broken off, so that nobody takes a part, or what was tampered with, for the whole.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, c content) *refusal {
	header := w.Header()
	header.Set("Accept-Ranges", "bytes")
	header.Set("ETag", c.etag)
	if status := byterange.Condition(r.Header, c.etag); status != 0 {
		header.Del("Content-Disposition")
		header.Del("Content-Type")
		w.WriteHeader(status)
		return nil
	}
	asked, ok := byterange.Of(r.Method, r.Header, c.size, c.etag, c.ranges)
	if !ok {
		header.Set("Content-Range", byterange.Unsatisfiable(c.size))
		header.Del("Content-Disposition")
		http.Error(w, http.StatusText(http.StatusRequestedRangeNotSatisfiable), http.StatusRequestedRangeNotSatisfiable)
		return nil
	}
	if r.Method == http.MethodHead {
		c.describe(header, asked)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	if c.before != nil {
		if refused := c.before(asked); refused != nil {
			return refused
		}
	}
	who, people := s.gate.viewer(r, c.visit.session)
	leave := s.pressure.enter(r.Context(), who, people)
	if leave == nil {
		c.ended(asked, 0)
		return &refusal{kind: busy, wait: busyWait}
	}
	defer leave()
	ctx, read := tracing.Step(r.Context(), "read media")
	defer read()
	first, err := c.open(ctx, asked.Ranges[0].Offset, asked.Ranges[0].Length)
	if err != nil {
		c.ended(asked, 0)
		return faulty(err)
	}
	s.send(w, r, first, asked, c)
	return nil
}

// describe sets the headers of what is sent, and returns the frame of several ranges. A digest of the whole goes with every part of it
// (RFC 9530); where the whole is what is sent, it is the content's too.
func (c *content) describe(header http.Header, asked byterange.Asked) (frame byterange.Multipart) {
	header.Set("Content-Type", c.mime)
	length := asked.Bytes()
	switch {
	case len(asked.Ranges) > 1:
		frame = byterange.NewMultipart(asked, c.mime)
		length = frame.Length
		header.Set("Content-Type", frame.ContentType)
	case asked.Partial:
		header.Set("Content-Range", asked.Ranges[0].ContentRange(c.size))
	}
	header.Set("Content-Length", strconv.FormatInt(length, 10))
	if c.digest != (media.Digest{}) {
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(c.digest[:]) + ":"
		header.Set("Repr-Digest", digest)
		if !asked.Partial {
			header.Set("Content-Digest", digest)
		}
	}
	return frame
}

func (c *content) ended(asked byterange.Asked, sent int64) {
	if c.after != nil {
		c.after(asked, sent)
	}
}

// send sends what was asked for, of which the first range is open.
func (s *Server) send(w http.ResponseWriter, r *http.Request, first *media.Stream, asked byterange.Asked, c content) {
	frame := c.describe(w.Header(), asked)
	status := http.StatusOK
	if asked.Partial {
		status = http.StatusPartialContent
	}
	w.WriteHeader(status)
	guard := &guard{to: w, gate: s.gate, visit: c.visit, next: s.clock.Now().Add(recheckEvery)}
	sent, err := c.copy(r.Context(), guard, first, asked, frame)
	c.ended(asked, sent)
	if err == nil {
		return
	}
	if guard.refused != nil {
		s.logRefusal(guard.refused) // a decision is no fault, and stands in the audit log
	} else if r.Context().Err() == nil {
		s.log.Error(err, "Breaking off in the middle of a recording", "namespace", c.visit.namespace, "name", c.visit.name)
		s.damage.report(r.Context(), err, c.visit)
	}
	panic(http.ErrAbortHandler)
}

// copy sends the ranges in their frame, and returns how many bytes of the recording were sent.
func (c *content) copy(ctx context.Context, to io.Writer, stream *media.Stream, asked byterange.Asked, frame byterange.Multipart) (sent int64, err error) {
	for i, part := range asked.Ranges {
		if i > 0 {
			if stream, err = c.open(ctx, part.Offset, part.Length); err != nil {
				return sent, err
			}
		}
		n, err := sendPart(to, stream, frame, i)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	_, err = io.WriteString(to, frame.End)
	return sent, err
}

func sendPart(to io.Writer, stream *media.Stream, frame byterange.Multipart, i int) (int64, error) {
	defer stream.Close()
	if i < len(frame.Heads) {
		if _, err := io.WriteString(to, frame.Heads[i]); err != nil {
			return 0, err
		}
	}
	return stream.WriteTo(to)
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
	if len(data) == 0 {
		return 0, nil
	}
	if now := g.gate.clock.Now(); !now.Before(g.next) {
		if _, g.refused = g.gate.enter(g.visit); g.refused != nil {
			return 0, errRevoked
		}
		g.next = now.Add(recheckEvery)
	}
	return g.to.Write(data)
}
