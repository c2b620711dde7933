// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

// census counts requests, by what they ask for.
type census struct {
	mu     sync.Mutex
	counts map[string]int
	took   map[string]time.Duration
}

func (c *census) note(what string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts, c.took = map[string]int{}, map[string]time.Duration{}
	}
	c.counts[what]++
	c.took[what] += took
}

// reset forgets what was counted.
func (c *census) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.took = nil, nil
}

// each says how many requests there were for each of n recordings, and how long one took.
func (c *census) each(n int) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines strings.Builder
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		if count := c.counts[what]; 10*count >= n {
			fmt.Fprintf(&lines, "  %5.1f  %6s  %s\n", float64(count)/float64(n), (c.took[what] / time.Duration(count)).Round(100*time.Microsecond), what)
		}
	}
	return lines.String()
}

// atMost fails the test where each of n recordings took more requests than it may.
func (c *census) atMost(t testing.TB, what string, n int, api, s3 float64) {
	t.Helper()
	got := [2]float64{c.rate("API ", n), c.rate("S3 ", n)}
	if got[0] > api || got[1] > s3 {
		t.Errorf("%s takes %.1f requests to the API server and %.1f to the object store, and should take at most %.1f and %.1f:\n%s", what, got[0], got[1], api, s3, c.each(n))
	}
}

// rate is how many requests whose name begins so there were for each of n recordings.
func (c *census) rate(prefix string, n int) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := 0
	for what, count := range c.counts {
		if strings.HasPrefix(what, prefix) {
			sum += count
		}
	}
	return float64(sum) / float64(n)
}

// wrap counts what a client asks an API server.
func (c *census) wrap(config *rest.Config) {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return counted(func(r *http.Request) (*http.Response, error) {
			begun := clock.RealClock{}.Now()
			answer, err := next.RoundTrip(r)
			if r.URL.Query().Get("watch") == "" {
				c.note("API "+r.Method+" "+resourceIn(r.URL), clock.RealClock{}.Since(begun))
			}
			return answer, err
		})
	})
}

type counted func(*http.Request) (*http.Response, error)

func (f counted) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// resourceIn leaves the names out of a path of the API server: meetingrecordings/NAME/status.
func resourceIn(u *url.URL) string {
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if at := slices.Index(parts, "namespaces"); at >= 0 && len(parts) > at+2 {
		parts = parts[at+2:]
		if len(parts) > 1 {
			parts[1] = "NAME"
		}
	}
	return strings.Join(parts, "/")
}

// count puts something before the object store that counts.
func (v *vault) count(t testing.TB) *census {
	t.Helper()
	target, err := url.Parse(v.server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	all := &census{}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := clock.RealClock{}.Now()
		proxy.ServeHTTP(w, r)
		if what := objectIn(r.URL); what != "" {
			all.note("S3 "+r.Method+" "+what, clock.RealClock{}.Since(begun))
		}
	}))
	t.Cleanup(front.Close)
	counted := *v.server
	counted.Endpoint = front.URL
	v.server = &counted
	return all
}

// objectIn says what kind of object of a recording a path of the object store names, or what is listed; nothing for all others, such as
// what the probes of the store are about.
func objectIn(u *url.URL) string {
	query := u.Query()
	key, kind := query.Get("prefix"), "list "
	if query.Has("versions") {
		kind = "list versions "
	}
	if !query.Has("prefix") {
		_, key, _ = strings.Cut(strings.Trim(u.Path, "/"), "/")
		kind = ""
	}
	root, rest, _ := strings.Cut(key, "/")
	switch {
	case rest == "" || root == "probe":
		return ""
	case strings.HasSuffix(key, "/state.json"):
		return kind + "state"
	}
	return kind + root
}
