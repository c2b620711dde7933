// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// segment is where a part of the recording lies.
type segment struct{ offset, length int64 }

func (s segment) header() string { return fmt.Sprintf("bytes=%d-%d", s.offset, s.offset+s.length-1) }

// connection is one connection of HTTP/1.1 over TLS, which gateway and nginx both speak to proxies and browsers, with a cookie.
type connection struct {
	client *http.Client
	header http.Header
	buffer []byte
}

func (d *delivery) connection(header http.Header) *connection {
	return &connection{header: header, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: d.roots}, MaxConnsPerHost: 1, DisableCompression: true, ReadBufferSize: 32 << 10,
	}}}
}

func (c *connection) close() { c.client.CloseIdleConnections() }

// fetched is what came of a request: how many bytes, how long until the first, and until the last.
type fetched struct {
	bytes       int64
	first, last time.Duration
}

// get reads an answer to its end and throws it away. A span of length 0 is the whole.
func (c *connection) get(ctx context.Context, address string, span segment) (fetched, error) {
	begun := time.Now()
	response, err := c.send(ctx, http.MethodGet, address, span)
	if err != nil {
		return fetched{}, err
	}
	defer response.Body.Close()
	if c.buffer == nil {
		c.buffer = make([]byte, 16<<10) // what a record of TLS holds
	}
	var got fetched
	for {
		n, err := response.Body.Read(c.buffer)
		if got.bytes == 0 && n > 0 {
			got.first = time.Since(begun)
		}
		got.bytes += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return got, fmt.Errorf("after %d bytes: %w", got.bytes, err)
		}
	}
	got.last = time.Since(begun)
	if span.length > 0 && got.bytes != span.length {
		return got, fmt.Errorf("%d bytes, not %d", got.bytes, span.length)
	}
	return got, nil
}

func (c *connection) send(ctx context.Context, method, address string, span segment) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, c.header)
	if span.length > 0 {
		request.Header.Set("Range", span.header())
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		said, _ := io.ReadAll(io.LimitReader(response.Body, 512))
		_ = response.Body.Close()
		return nil, fmt.Errorf("status %d: %s", response.StatusCode, said)
	}
	return response, nil
}

// view begins a view session, as a page does, and returns the address that its routes begin with.
func (d *delivery) view(ctx context.Context, c *connection, recording *v1alpha1.MeetingRecording) (string, error) {
	response, err := c.send(ctx, http.MethodPost, d.page(recording)+"/sessions", segment{})
	if err != nil {
		return "", fmt.Errorf("begin to watch: %w", err)
	}
	defer response.Body.Close()
	var began struct{ Playlist string }
	if err := json.NewDecoder(response.Body).Decode(&began); err != nil {
		return "", fmt.Errorf("begin to watch: %w", err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return d.address + strings.TrimSuffix(began.Playlist, "playlist.m3u8"), nil
}

func (d *delivery) page(recording *v1alpha1.MeetingRecording) string {
	return d.address + "/r/" + recording.Namespace + "/" + recording.Name
}

// playlist is that of the recording.
func (d *delivery) playlist() []byte {
	d.b.Helper()
	c := d.connection(d.cookie("curious"))
	defer c.close()
	view, err := d.view(d.b.Context(), c, d.open)
	if err != nil {
		d.b.Fatal(err)
	}
	response, err := c.send(d.b.Context(), http.MethodGet, view+"playlist.m3u8", segment{})
	if err != nil {
		d.b.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		d.b.Fatal(err)
	}
	return content
}

// readSegments reads the playlist as a player does.
func (d *delivery) readSegments() (found []segment) {
	d.b.Helper()
	lines := bufio.NewScanner(bytes.NewReader(d.playlist()))
	for lines.Scan() {
		var one segment
		if _, err := fmt.Sscanf(lines.Text(), "#EXT-X-BYTERANGE:%d@%d", &one.length, &one.offset); err == nil {
			found = append(found, one)
		}
	}
	if len(found) < 10 {
		d.b.Fatalf("the playlist names %d segments", len(found))
	}
	return found
}

// quantile is the value that the given share of all are not above; all have to be in ascending order.
func quantile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return all[min(int(float64(len(all))*share), len(all)-1)]
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
