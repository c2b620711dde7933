// SPDX-License-Identifier: Apache-2.0

// Package presigned moves bytes to and from an object store with nothing but presigned URLs: it holds no credentials, so
// that who runs it may do exactly what the URLs say. Transient failures are retried with backoff. Errors are those of package
// objectstore, and no URL appears in them: a presigned URL is a secret for as long as it lives.
package presigned

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Options configure a Client; the zero value is usable.
type Options struct {
	// CABundle holds PEM certificates that servers are checked against, in place of the system's. Empty is the system's.
	CABundle []byte
	// Attempts bounds how often one request is tried; 6 unless set.
	Attempts int
	// MinBackoff and MaxBackoff bound the pause before another attempt, which doubles each time; 250 ms and 15 s unless set.
	MinBackoff, MaxBackoff time.Duration
	// Clock measures the pauses; the real one unless set.
	Clock clock.Clock
}

// Client uses presigned URLs. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	options Options
}

// New returns a client, or an error when the CA bundle holds no certificate.
func New(options Options) (*Client, error) {
	transport, err := objectstore.NewTransport(options.CABundle)
	if err != nil {
		return nil, err
	}
	if options.Attempts <= 0 {
		options.Attempts = 6
	}
	if options.MinBackoff <= 0 {
		options.MinBackoff = 250 * time.Millisecond
	}
	if options.MaxBackoff <= 0 {
		options.MaxBackoff = 15 * time.Second
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	return &Client{
		options: options,
		http: &http.Client{
			Transport: transport,
			// A signature is for one URL: whoever redirects a request with one leads it astray.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one HTTP exchange that may be tried again.
type request struct {
	op     string
	method string
	url    string
	header http.Header
	// body can be sent any number of times; nil for none.
	body []byte
}

// retrying calls try until it succeeds, fails for good, or the attempts are used up.
func (c *Client) retrying(ctx context.Context, try func(attempt int) error) error {
	for attempt := 1; ; attempt++ {
		err := try(attempt)
		if err == nil || attempt >= c.options.Attempts || !objectstore.IsTransient(err) {
			return err
		}
		if !c.pause(ctx, attempt, err) {
			return err
		}
	}
}

// pause waits before the attempt after this one, at least as long as the server asked for; false when ctx ended meanwhile.
func (c *Client) pause(ctx context.Context, attempt int, err error) bool {
	backoff := min(c.options.MinBackoff<<min(attempt-1, 16), c.options.MaxBackoff)
	backoff = backoff/2 + rand.N(backoff/2+1) //nolint:gosec // half of it at random, so that many workers do not return at once
	if asked, ok := errors.AsType[*retryAfterError](err); ok {
		backoff = max(backoff, min(asked.after, c.options.MaxBackoff))
	}
	timer := c.options.Clock.NewTimer(backoff)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfterError carries the pause that a server asked for.
type retryAfterError struct {
	error
	after time.Duration
}

// Unwrap returns the server's refusal itself.
func (e *retryAfterError) Unwrap() error { return e.error }

// do sends a request once. The caller closes the response's body.
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		// The parser's error quotes the URL.
		return nil, objectstore.NewTransportError(r.op, errors.New("the presigned URL is malformed"))
	}
	maps.Copy(req.Header, r.header)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, objectstore.NewTransportError(r.op, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer closeBody(resp)
	return nil, refusal(r.op, resp)
}

// maxDocument bounds what is read of an XML answer.
const maxDocument = 64 << 10

// refusal makes an error of an answer that is not a success.
func refusal(op string, resp *http.Response) error {
	document, _ := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	said := errorDocument{Message: http.StatusText(resp.StatusCode)}
	_ = xml.Unmarshal(document, &said) // a proxy's error page leaves it as it is
	err := objectstore.NewResponseError(op, resp.StatusCode, said.Code, said.Message)
	if after := retryAfter(resp); after > 0 {
		return &retryAfterError{err, after}
	}
	return err
}

// retryAfter is the pause that a server asks for; 0 for none, and for dates, which S3 servers do not use.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// errorDocument is how S3 says what went wrong.
type errorDocument struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

// closeBody reads the little that may be left, so that the connection can be used again.
func closeBody(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxDocument)
	_ = resp.Body.Close()
}

// errShort tells of an answer that lacks what the protocol promises.
func errShort(op, what string) error {
	return objectstore.NewResponseError(op, http.StatusOK, "", fmt.Sprintf("the answer has no %s", what))
}
