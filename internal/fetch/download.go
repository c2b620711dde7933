// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Request names one file. It does not print: address and credentials are secrets.
type Request struct {
	// URL is an https address.
	URL string
	// Authorization is the header of that name, sent to CredentialsHost and nowhere else; empty for none.
	Authorization, CredentialsHost string
	// MaxBytes is how large the file may be.
	MaxBytes int64
	// SHA256 is the digest that the file must have, in hexadecimal; empty for any.
	SHA256 string
}

// Format prints that there is a request, whatever the verb.
func (r Request) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[request]") }

// File is where the bytes go. *os.File is one.
type File interface {
	io.Writer
	io.Seeker
	Truncate(size int64) error
}

// Result is what was downloaded.
type Result struct {
	Bytes  int64
	SHA256 [sha256.Size]byte
}

const (
	copyBuffer = 1 << 20
	// progressMade is how many new bytes show that a server is worth as many attempts again.
	progressMade = 1 << 20
)

// Download writes the whole file to an empty File. The function progress, which may be nil, is called with what has come and, where the
// server said so, how much there is. What Download fails with is an *Error; File then holds what came.
func (c *Client) Download(ctx context.Context, request Request, file File, progress func(done, total int64)) (Result, error) {
	target, err := url.Parse(request.URL)
	if err != nil || target.Scheme != "https" || target.Host == "" || target.User != nil {
		return Result{}, final(AddressNotAllowed, "the address is no plain https address: make a new MeetingRecording with one")
	}
	if !HostAllowed(c.options.Hosts, target.Hostname()) {
		return Result{}, final(AddressNotAllowed, "the store does not allow to fetch from %s: ask its owner to add it to spec.intake.urls.hosts", target.Hostname())
	}
	d := &download{client: c, request: request, target: target, file: file, progress: progress, hash: sha256.New(), total: -1}
	if err := d.run(ctx); err != nil {
		return Result{}, err
	}
	return d.finish()
}

// download is one file on its way.
type download struct {
	client   *Client
	request  Request
	target   *url.URL
	file     File
	progress func(done, total int64)

	hash   hash.Hash
	offset int64
	// total is the size that the server announced, -1 for none.
	total int64
	// validator is the ETag or the date that tells one state of the file from another; empty where the server gives none that can.
	validator string
}

// run tries until the file is whole. Attempts are counted anew when there was progress.
func (d *download) run(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		before := d.offset
		failure := d.once(ctx)
		if failure == nil {
			return nil
		}
		if d.offset >= before+progressMade {
			attempt = 1
		}
		if failure.Terminal || attempt >= d.client.options.Attempts || !d.pause(ctx, attempt, failure) {
			return failure
		}
	}
}

// pause waits before the next attempt; false when ctx ended meanwhile.
func (d *download) pause(ctx context.Context, attempt int, failure *Error) bool {
	options := &d.client.options
	wait := min(options.MinBackoff<<min(attempt-1, 16), options.MaxBackoff)
	wait = wait/2 + rand.N(wait/2+1) //nolint:gosec // half of it at random, so that many workers do not return at once
	wait = max(wait, min(failure.retryAfter, options.MaxBackoff))
	timer := options.Clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// once makes one request and takes what comes.
func (d *download) once(ctx context.Context) *Error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if d.validator == "" && d.offset > 0 {
		if err := d.restart(); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.request.URL, nil)
	if err != nil {
		return final(AddressNotAllowed, "the address is malformed: make a new MeetingRecording with the right one")
	}
	d.dress(req)
	resp, err := d.client.http.Do(req)
	if err != nil {
		return explain(ctx, d.target.Hostname(), err)
	}
	defer resp.Body.Close()
	if err := d.adopt(resp); err != nil {
		return err
	}
	return d.receive(ctx, resp.Body, cancel)
}

// dress puts on the headers.
func (d *download) dress(req *http.Request) {
	req.Header.Set("User-Agent", "reelkeeper")
	req.Header.Set("Accept-Encoding", "identity")
	if d.request.Authorization != "" && strings.EqualFold(d.request.CredentialsHost, d.target.Hostname()) {
		req.Header.Set("Authorization", d.request.Authorization)
	}
	if d.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.offset))
		req.Header.Set("If-Range", d.validator)
	}
}

// adopt takes over an answer after a look at what it is an answer to.
func (d *download) adopt(resp *http.Response) *Error {
	host := d.target.Hostname()
	total := resp.ContentLength
	switch resp.StatusCode {
	case http.StatusOK:
		if err := d.restart(); err != nil {
			return err
		}
	case http.StatusPartialContent:
		start, size, ok := objectstore.ParseContentRange(resp.Header.Get("Content-Range"))
		if !ok || d.offset == 0 || start != d.offset || d.total >= 0 && size != d.total || validatorOf(resp) != d.validator {
			d.validator = "" // whatever this is, it does not go on where we are: begin anew
			return passing("%s sent another part of the file than was asked for", host)
		}
		total = size
	case http.StatusRequestedRangeNotSatisfiable:
		d.validator = ""
		return passing("%s has another file now", host)
	default:
		return refusal(host, resp)
	}
	if failure := d.acceptable(resp, total); failure != nil {
		return failure
	}
	d.total, d.validator = total, validatorOf(resp)
	return nil
}

// acceptable refuses what cannot be a recording, before it comes.
func (d *download) acceptable(resp *http.Response, total int64) *Error {
	host := d.target.Hostname()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	encoding := resp.Header.Get("Content-Encoding")
	switch {
	case kind == "text/html" || kind == "application/xhtml+xml":
		return final(NotAVideo, "%s answered with a web page, probably to sign in on: name the address of the file itself, and credentials where it needs some", host)
	case encoding != "" && encoding != "identity":
		return final(NotAVideo, "%s sends the file encoded (%.20q) although it was asked not to: have it sent as it is", host, encoding)
	case total > d.request.MaxBytes:
		return tooLarge(host, d.request.MaxBytes)
	case total < 0 && resp.ProtoMajor == 1 && !slices.Contains(resp.TransferEncoding, "chunked"):
		// The end of such an answer looks the same as a connection that broke.
		return final(Unreachable, "%s does not say how long the file is, so that its end cannot be told from a broken connection: have it send Content-Length", host)
	}
	return nil
}

func tooLarge(host string, limit int64) *Error {
	return final(TooLarge, "the file at %s is larger than %d bytes, which is what may come: make it smaller, or have the limit raised", host, limit)
}

// receive writes what comes, until the end of the file.
func (d *download) receive(ctx context.Context, body io.Reader, cancel context.CancelCauseFunc) *Error {
	host := d.target.Hostname()
	stall := d.client.options.Clock.AfterFunc(d.client.options.Stall, func() { cancel(errStalled) })
	defer stall.Stop()
	buffer := make([]byte, copyBuffer)
	for {
		n, err := body.Read(buffer)
		stall.Reset(d.client.options.Stall)
		if d.offset+int64(n) > d.request.MaxBytes {
			return tooLarge(host, d.request.MaxBytes)
		}
		if _, err := d.file.Write(buffer[:n]); err != nil {
			return &Error{Reason: Internal, Message: "writing to the scratch folder failed (is it full?)", Terminal: false, cause: err}
		}
		d.hash.Write(buffer[:n])
		d.offset += int64(n)
		if d.progress != nil && n > 0 {
			d.progress(d.offset, d.total)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			return explain(ctx, host, err)
		}
		if d.total >= 0 && d.offset != d.total {
			return passing("%s sent %d of %d bytes", host, d.offset, d.total)
		}
		return nil
	}
}

// restart begins anew.
func (d *download) restart() *Error {
	d.hash.Reset()
	d.offset, d.total, d.validator = 0, -1, ""
	err := d.file.Truncate(0)
	if err == nil {
		_, err = d.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return &Error{Reason: Internal, Message: "writing to the scratch folder failed", cause: err}
	}
	return nil
}

func (d *download) finish() (Result, error) {
	result := Result{Bytes: d.offset}
	d.hash.Sum(result.SHA256[:0])
	if want := d.request.SHA256; want != "" && !strings.EqualFold(want, hex.EncodeToString(result.SHA256[:])) {
		return Result{}, final(ChecksumMismatch, "the file at %s has another SHA-256 digest than spec.source.url.sha256 says: make a new MeetingRecording with the right one", d.target.Hostname())
	}
	return result, nil
}

// dateIsStrong is how much older than the answer a Last-Modified has to be, so that the file cannot have changed twice within the
// same second (RFC 9110, section 8.8.2.2).
const dateIsStrong = time.Minute

// validatorOf is what If-Range takes: a strong ETag, or else a date that is old enough.
func validatorOf(resp *http.Response) string {
	if etag := resp.Header.Get("ETag"); strings.HasPrefix(etag, `"`) {
		return etag
	}
	modified, err := http.ParseTime(resp.Header.Get("Last-Modified"))
	if err != nil {
		return ""
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil || now.Sub(modified) < dateIsStrong {
		return ""
	}
	return resp.Header.Get("Last-Modified")
}
