// SPDX-License-Identifier: Apache-2.0

package s3fault

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// staleFor is how many requests old a write is when listings show it in any case.
const staleFor = 30

// Proxy is a running proxy.
type Proxy struct {
	server *httptest.Server
	target *url.URL
	client *http.Transport

	mu      sync.Mutex
	armed   []armed
	struck  map[Kind]int
	count   int
	writes  []string
	written map[string]int // key -> the number of the request that wrote it
}

type armed struct {
	Fault
	seen int
}

// New starts a proxy before the server at target, a URL. Close it when done. Signatures are for the name that the client
// knows, so the Host header passes as it came.
func New(target string) (*Proxy, error) {
	parsed, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("read the address of the S3 server: %w", err)
	}
	p := &Proxy{target: parsed, client: &http.Transport{MaxIdleConnsPerHost: 8}, struck: map[Kind]int{}, written: map[string]int{}}
	p.server = httptest.NewServer(p)
	return p, nil
}

// URL is what clients take for the server.
func (p *Proxy) URL() string { return p.server.URL }

// Close ends the proxy and whatever passes through it.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
	p.client.CloseIdleConnections()
}

// Arm lets faults happen from now on, besides those that are armed.
func (p *Proxy) Arm(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range faults {
		p.armed = append(p.armed, armed{Fault: fault})
	}
}

// Disarm lets everything pass again.
func (p *Proxy) Disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = nil
}

// Struck counts the requests that were spoiled, by kind.
func (p *Proxy) Struck() map[Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.struck)
}

// Writes lists the requests so far that change something, as "METHOD /path?query" without signatures, oldest first.
func (p *Proxy) Writes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

// ServeHTTP lets one request pass, or fail.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		abort()
	}
	kind := p.admit(r)
	if p.instead(kind, w, r, body) {
		return
	}
	answer, content := p.forward(r, body)
	if kind == AnswerLost {
		abort()
	}
	p.pass(w, answer, p.spoil(kind, answer, content), kind, r.Method == http.MethodHead)
}

// instead fails a request that does not reach the server, or not whole. It returns false for all others.
func (p *Proxy) instead(kind Kind, w http.ResponseWriter, r *http.Request, body []byte) bool {
	switch kind {
	case SlowDown:
		refuse(w, http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	case ClockSkew:
		w.Header().Set("Date", "Sat, 01 Jan 2000 00:00:00 GMT")
		refuse(w, http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
	case HalfRequest:
		p.forwardHalf(r, body)
		abort()
	case Reset:
		abort()
	case AnswerLost, HalfAnswer, FlippedBit, StaleListing:
		return false
	default:
		return false
	}
	return true
}

// spoil changes what the server has answered.
func (p *Proxy) spoil(kind Kind, answer answer, content []byte) []byte {
	if kind == StaleListing {
		return p.withoutRecent(content)
	}
	if kind == FlippedBit && len(content) > 0 && answer.status < http.StatusMultipleChoices {
		content[len(content)/2] ^= 1
	}
	return content
}

// pass hands an answer on, or half of it.
func (p *Proxy) pass(w http.ResponseWriter, answer answer, content []byte, kind Kind, head bool) {
	maps.Copy(w.Header(), answer.header)
	if !head {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	}
	w.WriteHeader(answer.status)
	if kind == HalfAnswer {
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush() // or the client would see no answer at all
		abort()
	}
	_, _ = w.Write(content)
}

// answer is the server's, without its body.
type answer struct {
	status int
	header http.Header
}

// admit counts a request and says how it is to fail; empty is not at all.
func (p *Proxy) admit(r *http.Request) Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	if IsWrite(r) {
		p.writes = append(p.writes, describe(r))
		p.written[r.URL.Path] = p.count
	}
	var chosen Kind
	for i := range p.armed {
		fault := &p.armed[i]
		if !fault.Kind.happensTo(r) {
			continue
		}
		fault.seen++
		if chosen == "" && fault.seen >= fault.Nth && fault.seen < fault.Nth+fault.Times {
			chosen = fault.Kind
			p.struck[chosen]++
		}
	}
	return chosen
}

// forward has the server carry out a request and returns its whole answer.
func (p *Proxy) forward(r *http.Request, body []byte) (answer, []byte) {
	response, err := p.client.RoundTrip(p.outgoing(r, bytes.NewReader(body), int64(len(body))))
	if err != nil {
		abort()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		abort()
	}
	return answer{response.StatusCode, response.Header}, content
}

// forwardHalf announces a whole body to the server and sends half of it.
func (p *Proxy) forwardHalf(r *http.Request, body []byte) {
	half := io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{})
	answer, err := p.client.RoundTrip(p.outgoing(r, half, int64(len(body))))
	if err == nil {
		_ = answer.Body.Close()
	}
}

func (p *Proxy) outgoing(r *http.Request, body io.Reader, length int64) *http.Request {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host = p.target.Scheme, p.target.Host
	out.RequestURI = ""
	out.ContentLength = length
	out.Body = io.NopCloser(body)
	if length == 0 {
		out.Body = http.NoBody
	}
	return out
}

// withoutRecent takes out of a listing what was written within the last requests.
func (p *Proxy) withoutRecent(listing []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := string(listing)
	for path, at := range p.written {
		if _, key, found := strings.Cut(strings.TrimPrefix(path, "/"), "/"); found && key != "" && p.count-at <= staleFor {
			text = withoutKey(text, key)
		}
	}
	return []byte(text)
}

// withoutKey cuts out the elements of a listing that are about a key.
func withoutKey(listing, key string) string {
	for _, element := range []string{"Contents", "Version", "DeleteMarker", "Upload"} {
		opening, closing := "<"+element+">", "</"+element+">"
		parts := strings.Split(listing, opening)
		var kept strings.Builder
		kept.WriteString(parts[0])
		for _, part := range parts[1:] {
			inside, after, _ := strings.Cut(part, closing)
			if strings.Contains(inside, "<Key>"+key+"</Key>") {
				kept.WriteString(after)
			} else {
				kept.WriteString(opening + part)
			}
		}
		listing = kept.String()
	}
	return listing
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// abort ends the connection without an answer, or in the middle of one.
func abort() { panic(http.ErrAbortHandler) }

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message><ServerTime>%s</ServerTime></Error>`,
		code, message, time.Time{}.Format(time.RFC3339))
}

// describe leaves out what differs from one signature to the next.
func describe(r *http.Request) string {
	query := r.URL.Query()
	for name := range query {
		if strings.HasPrefix(strings.ToLower(name), "x-amz-") || name == "uploadId" {
			query.Del(name)
		}
	}
	return strings.TrimSuffix(r.Method+" "+r.URL.Path+"?"+query.Encode(), "?")
}
