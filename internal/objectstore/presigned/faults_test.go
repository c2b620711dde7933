// SPDX-License-Identifier: Apache-2.0

package presigned_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/presigned"
)

// fault spoils one exchange that passes through a flakyProxy; nil lets it pass.
type fault func(w http.ResponseWriter, forward func(http.ResponseWriter))

// flakyProxy stands before the real server and spoils the first exchanges, one fault each.
type flakyProxy struct {
	*httptest.Server
	mu     sync.Mutex
	faults []fault
	seen   int
}

func newFlakyProxy(t *testing.T, faults ...fault) *flakyProxy {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = target.Host // the signature is for the real server's name
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p := &flakyProxy{faults: faults}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if spoil := p.next(); spoil != nil {
			spoil(w, func(w http.ResponseWriter) { forward.ServeHTTP(w, r) })
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *flakyProxy) next() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	if len(p.faults) == 0 {
		return nil
	}
	spoil := p.faults[0]
	p.faults = p.faults[1:]
	return spoil
}

func (p *flakyProxy) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}

// through makes a presigned URL lead through the proxy.
func (p *flakyProxy) through(presigned string) string {
	return strings.Replace(presigned, server.Endpoint, p.URL, 1)
}

func answer(status int, headers ...string) fault {
	return func(w http.ResponseWriter, _ func(http.ResponseWriter)) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}
}

// hangUp breaks the connection before anything was done.
func hangUp(http.ResponseWriter, func(http.ResponseWriter)) { panic(http.ErrAbortHandler) }

// loseAnswer lets the server do its work and breaks the connection before the client hears of it.
func loseAnswer(_ http.ResponseWriter, forward func(http.ResponseWriter)) {
	forward(httptest.NewRecorder())
	panic(http.ErrAbortHandler)
}

// cutAfter passes n bytes of the body on and then breaks the connection.
func cutAfter(n int) fault {
	return func(w http.ResponseWriter, forward func(http.ResponseWriter)) {
		forward(&cuttingWriter{ResponseWriter: w, left: n})
		panic(http.ErrAbortHandler)
	}
}

type cuttingWriter struct {
	http.ResponseWriter
	left int
}

func (w *cuttingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p[:min(len(p), w.left)])
	w.left -= n
	if err == nil && w.left == 0 {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		err = errors.New("cut")
	}
	return n, err
}

func TestTransientFailuresAreRetried(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		faults       []fault
		wantRequests int
	}{
		"a server error":            {[]fault{answer(http.StatusInternalServerError)}, 2},
		"a bad gateway twice":       {[]fault{answer(http.StatusBadGateway), answer(http.StatusBadGateway)}, 3},
		"a request to slow down":    {[]fault{answer(http.StatusServiceUnavailable, "Retry-After", "1")}, 2},
		"a broken connection":       {[]fault{hangUp}, 2},
		"an answer that was lost":   {[]fault{loseAnswer}, 2},
		"one of everything":         {[]fault{answer(http.StatusTooManyRequests), hangUp, answer(http.StatusGatewayTimeout), loseAnswer}, 5},
		"nothing wrong, no retries": {nil, 1},
	}
	b := newBed(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := newFlakyProxy(t, tc.faults...)
			key := strings.ReplaceAll(name, " ", "-")
			if _, err := b.worker.PutObject(t.Context(), proxy.through(b.sign(t, http.MethodPut, key)), []byte("content"), ""); err != nil {
				t.Fatal(err)
			}
			if got := proxy.requests(); got != tc.wantRequests {
				t.Errorf("%d requests, want %d", got, tc.wantRequests)
			}
			if got := b.read(t, b.sign(t, http.MethodGet, key), 0); string(got) != "content" {
				t.Errorf("stored %q", got)
			}
		})
	}
}

func TestLastingFailuresAreNotRetried(t *testing.T) {
	b := newBed(t)
	for status, want := range map[int]objectstore.ErrorReason{
		http.StatusForbidden:           objectstore.ReasonForbidden,
		http.StatusNotFound:            objectstore.ReasonNotFound,
		http.StatusNotImplemented:      objectstore.ReasonNotSupported,
		http.StatusTemporaryRedirect:   objectstore.ReasonWrongRegion,
		http.StatusInsufficientStorage: objectstore.ReasonQuotaExceeded,
	} {
		proxy := newFlakyProxy(t, answer(status, "Location", server.Endpoint))
		_, err := b.worker.PutObject(t.Context(), proxy.through(b.sign(t, http.MethodPut, "k")), []byte("content"), "")
		wantReason(t, err, want)
		if got := proxy.requests(); got != 1 {
			t.Errorf("status %d: %d requests, want 1", status, got)
		}
	}
}

func TestRetriesEnd(t *testing.T) {
	b := newBed(t)
	proxy := newFlakyProxy(t, slices.Repeat([]fault{hangUp}, 4)...)
	worker := newWorker(t, presigned.Options{Attempts: 3})
	_, err := worker.PutObject(t.Context(), proxy.through(b.sign(t, http.MethodPut, "k")), []byte("content"), "")
	wantReason(t, err, objectstore.ReasonUnavailable)
	if got := proxy.requests(); got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
}

func TestContextEndsRetriesAndReads(t *testing.T) {
	b := newBed(t)
	stalled := newFlakyProxy(t, func(_ http.ResponseWriter, _ func(http.ResponseWriter)) {})
	stalled.Close() // refuses connections from now on
	patient, err := presigned.New(presigned.Options{Attempts: 1000, MinBackoff: time.Hour, MaxBackoff: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = patient.Get(ctx, stalled.through(b.sign(t, http.MethodGet, "k")), 0)
	wantReason(t, err, objectstore.ReasonConnectionRefused)

	release := make(chan struct{})
	silent := newFlakyProxy(t, func(http.ResponseWriter, func(http.ResponseWriter)) { <-release })
	t.Cleanup(func() { close(release) })
	short, cancelShort := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancelShort()
	_, err = patient.Get(short, silent.through(b.sign(t, http.MethodGet, "k")), 0)
	wantReason(t, err, objectstore.ReasonTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want one that is context.DeadlineExceeded", err)
	}
}

func TestReaderGoesOnWhereTheConnectionBroke(t *testing.T) {
	b := newBed(t)
	content := randomBytes(3 << 20)
	put(t, b, "k", content)
	proxy := newFlakyProxy(t, hangUp, cutAfter(1), cutAfter(1<<20), answer(http.StatusServiceUnavailable), answer(http.StatusBadGateway), cutAfter(1<<19))
	for _, offset := range []int64{0, 5} {
		got := b.read(t, proxy.through(b.sign(t, http.MethodGet, "k")), offset)
		if !bytes.Equal(got, content[offset:]) {
			t.Errorf("from %d read %d bytes that differ from the %d stored", offset, len(got), len(content)-int(offset))
		}
	}
	if got := proxy.requests(); got < 7 {
		t.Errorf("%d requests: the faults were not met", got)
	}
}

func TestReaderDoesNotMixTwoStatesOfAnObject(t *testing.T) {
	b := newBed(t)
	put(t, b, "k", randomBytes(1<<20))
	proxy := newFlakyProxy(t, cutAfter(1000))
	reader, err := b.worker.Get(t.Context(), proxy.through(b.sign(t, http.MethodGet, "k")), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	put(t, b, "k", []byte(strings.Repeat("another", 200_000)))
	_, err = io.Copy(io.Discard, reader)
	wantReason(t, err, objectstore.ReasonPreconditionFailed)
}

func TestReaderRefusesAServerThatIgnoresRange(t *testing.T) {
	b := newBed(t)
	whole := newFlakyProxy(t, func(w http.ResponseWriter, _ func(http.ResponseWriter)) { _, _ = w.Write([]byte("0123456789")) })
	if _, err := b.worker.Get(t.Context(), whole.through(b.sign(t, http.MethodGet, "k")), 5); err == nil {
		t.Error("the beginning of the object was taken for its end")
	}
}

func TestCompleteSurvivesALostAnswer(t *testing.T) {
	b := newBed(t)
	upload, complete, parts := onePart(t, b, []byte("content"))
	proxy := newFlakyProxy(t, loseAnswer)
	if _, err := b.worker.Complete(t.Context(), proxy.through(complete), parts); err != nil {
		t.Fatal(err)
	}
	if got := b.read(t, b.sign(t, http.MethodGet, upload.Key), 0); string(got) != "content" {
		t.Errorf("stored %q", got)
	}
}

func TestCompleteNoticesAnErrorAfterStatus200(t *testing.T) {
	b := newBed(t)
	late := func(document string) fault {
		return func(w http.ResponseWriter, _ func(http.ResponseWriter)) { _, _ = w.Write([]byte(document)) }
	}
	_, complete, parts := onePart(t, b, []byte("content"))
	proxy := newFlakyProxy(t, late(`<?xml version="1.0"?> <Error><Code>InternalError</Code><Message>later</Message></Error>`))
	if _, err := b.worker.Complete(t.Context(), proxy.through(complete), parts); err != nil || proxy.requests() != 2 {
		t.Errorf("after a late internal error: %v with %d requests, want success with 2", err, proxy.requests())
	}
	denied := newFlakyProxy(t, late(`<Error><Code>AccessDenied</Code></Error>`))
	_, err := b.worker.Complete(t.Context(), denied.through(complete), parts)
	wantReason(t, err, objectstore.ReasonForbidden)
	empty := newFlakyProxy(t, late(""))
	if _, err := b.worker.Complete(t.Context(), empty.through(complete), parts); err == nil {
		t.Error("an empty answer was taken for success")
	}
}

func onePart(t *testing.T, b bed, content []byte) (objectstore.Upload, string, []presigned.Part) {
	t.Helper()
	upload, err := b.signer.CreateMultipart(t.Context(), b.bucket, "k", "")
	if err != nil {
		t.Fatal(err)
	}
	url, err := b.signer.PresignPart(t.Context(), upload, 1, ttl)
	if err != nil {
		t.Fatal(err)
	}
	part, err := b.worker.PutPart(t.Context(), url, 1, content)
	if err != nil {
		t.Fatal(err)
	}
	complete, err := b.signer.PresignComplete(t.Context(), upload, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return upload, complete, []presigned.Part{part}
}
