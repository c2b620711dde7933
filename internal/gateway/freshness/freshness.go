// SPDX-License-Identifier: Apache-2.0

// Package freshness tells how old what a process knows from watches may be. A watch that is silent looks the same whether nothing happens
// or nothing arrives; so it is looked at the connections: is every watch open, and does the API server answer on the way that they take?
package freshness

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// pingEvery is how often the API server is asked, whether or not it has answered, and pingTimeout how long it may take: a slow answer still
	// tells how things stood when it was asked for.
	pingEvery   = time.Second
	pingTimeout = 5 * time.Second
)

// Monitor follows the watches of a client. The zero value is not ready; see New.
type Monitor struct {
	clock clock.WithTicker

	mutex    sync.Mutex
	watches  map[string]*watch
	answered time.Time
}

// watch is what goes on at one path of the API server.
type watch struct {
	open int
	lost time.Time
}

// New returns a Monitor that has seen nothing yet.
func New(clock clock.WithTicker) *Monitor {
	return &Monitor{clock: clock, watches: map[string]*watch{}}
}

// Age is how old the view may be: since the API server last answered, or since a watch was lost that has not come back.
func (m *Monitor) Age() time.Duration {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	since := m.answered
	for _, watch := range m.watches {
		if watch.open == 0 && watch.lost.Before(since) {
			since = watch.lost
		}
	}
	return m.clock.Since(since)
}

// Run asks the API server again and again until ctx ends. Ping has to take the way that watches take, and to be answered from what
// is stored now.
func (m *Monitor) Run(ctx context.Context, ping func(context.Context) error) error {
	ticker := m.clock.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		go m.ping(ctx, ping)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

func (m *Monitor) ping(ctx context.Context, ping func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	asked := m.clock.Now()
	if ping(ctx) != nil {
		return // the age tells
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if asked.After(m.answered) {
		m.answered = asked
	}
}

// Wrap lets the Monitor see the watches that go through a transport.
func (m *Monitor) Wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		if err != nil || response.StatusCode != http.StatusOK || r.URL.Query().Get("watch") == "" {
			return response, err
		}
		response.Body = &stream{ReadCloser: response.Body, ended: m.begin(r.URL.Path)}
		return response, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// begin notes that a watch is open, until what it returns is called.
func (m *Monitor) begin(path string) (ended func()) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	seen := m.watches[path]
	if seen == nil {
		seen = &watch{}
		m.watches[path] = seen
	}
	seen.open++
	return sync.OnceFunc(func() {
		m.mutex.Lock()
		defer m.mutex.Unlock()
		seen.open--
		seen.lost = m.clock.Now()
	})
}

// stream is the body of a watch.
type stream struct {
	io.ReadCloser
	ended func()
}

// Read implements io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil {
		s.ended()
	}
	return n, err
}

// Close implements io.Closer.
func (s *stream) Close() error {
	s.ended()
	return s.ReadCloser.Close()
}
