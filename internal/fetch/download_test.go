// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestAFileComes(t *testing.T) {
	t.Parallel()
	body := randomBytes(3 << 20)
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "q3.mp4", time.Time{}, bytes.NewReader(body))
	})
	var last, total int64
	file := target(t)
	_, err := s.client(t).Download(t.Context(), Request{URL: s.address("/q3.mp4?secret=1"), MaxBytes: int64(len(body)), SHA256: strings.ToUpper(digest(body))}, file,
		func(done, all int64) { last, total = done, all })
	if err != nil || !bytes.Equal(content(file), body) || last != int64(len(body)) || total != last {
		t.Errorf("%v; %d of %d bytes", err, last, total)
	}
}

// cutting serves a file whose connection breaks every so many bytes.
func cutting(body []byte, every int, header func(http.Header)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		header(w.Header())
		from := 0
		if spec := r.Header.Get("Range"); spec != "" && r.Header.Get("If-Range") == w.Header().Get("ETag") {
			_, _ = fmt.Sscanf(spec, "bytes=%d-", &from)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body)-1, len(body)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(body[from:min(from+every, len(body))])
		if from+every < len(body) {
			panic(http.ErrAbortHandler)
		}
	}
}

func TestABrokenDownloadGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	body := randomBytes(8 << 20)
	s := newSite(t, cutting(body, 2<<20, func(h http.Header) { h.Set("ETag", `"one"`) }))
	// With two attempts: what makes progress may break more often than that.
	s.want(t, s.client(t, func(o *Options) { o.Attempts = 2 }), Request{URL: s.address("/")}, body)
	asked := s.requests()
	if len(asked) < 4 || len(asked) > 6 {
		t.Errorf("%d requests for four pieces", len(asked))
	}
	for _, r := range asked[1:] {
		if r.Header.Get("Range") == "" || r.Header.Get("If-Range") != `"one"` {
			t.Errorf("a later request asks for %q if %q", r.Header.Get("Range"), r.Header.Get("If-Range"))
		}
	}
}

func TestWithoutAStrongValidatorItBeginsAnew(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]func(http.Header){
		"none":        func(http.Header) {},
		"a weak ETag": func(h http.Header) { h.Set("ETag", `W/"one"`) },
		"a date that is too new": func(h http.Header) {
			h.Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := randomBytes(2 << 20)
			var calls int
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				calls++
				header(w.Header())
				w.Header().Set("Content-Length", strconv.Itoa(len(body)))
				if r.Header.Get("Range") != "" {
					t.Errorf("asked for a range with %q", r.Header.Get("If-Range"))
				}
				if calls < 3 {
					_, _ = w.Write(body[:len(body)/2])
					panic(http.ErrAbortHandler)
				}
				_, _ = w.Write(body)
			})
			s.want(t, s.client(t), Request{URL: s.address("/")}, body)
		})
	}
}

func TestAnOldDateIsAValidator(t *testing.T) {
	t.Parallel()
	body := randomBytes(2 << 20)
	modified := time.Now().Add(-time.Hour)
	first := true
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body[:len(body)/2])
			panic(http.ErrAbortHandler)
		}
		if r.Header.Get("If-Range") == "" {
			t.Error("the second request does not ask for the rest")
		}
		http.ServeContent(w, r, "q3.mp4", modified, bytes.NewReader(body))
	})
	s.want(t, s.client(t), Request{URL: s.address("/")}, body)
}

func TestTwoStatesOfAFileAreNeverMixed(t *testing.T) {
	t.Parallel()
	one, two := randomBytes(2<<20), randomBytes(2<<20)
	for name, second := range map[string]http.HandlerFunc{
		"the server honours If-Range": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"two"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(two))
		},
		"the server ignores If-Range": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"two"`)
			r.Header.Del("If-Range")
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(two))
		},
		"the server sends another range": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"one"`)
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 5-%d/%d", len(two)-1, len(two)))
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(two[5:])
				return
			}
			_, _ = w.Write(two)
		},
		"the file is shorter now": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			_, _ = w.Write(two)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := true
			s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
				if first {
					first = false
					cutting(one, 1<<20, func(h http.Header) { h.Set("ETag", `"one"`) })(w, r)
				}
				second(w, r)
			})
			s.want(t, s.client(t), Request{URL: s.address("/")}, two)
		})
	}
}

func TestAnswersThatAreNoFile(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status   int
		header   map[string]string
		want     Reason
		terminal bool
	}{
		"401":                      {http.StatusUnauthorized, nil, Forbidden, true},
		"403":                      {http.StatusForbidden, nil, Forbidden, true},
		"404":                      {http.StatusNotFound, nil, NotFound, true},
		"410":                      {http.StatusGone, nil, NotFound, true},
		"400":                      {http.StatusBadRequest, nil, Unreachable, true},
		"429":                      {http.StatusTooManyRequests, nil, Unreachable, false},
		"503, with a pause":        {http.StatusServiceUnavailable, map[string]string{"Retry-After": "3600"}, Unreachable, false},
		"a web page":               {http.StatusOK, map[string]string{"Content-Type": "text/html; charset=utf-8"}, NotAVideo, true},
		"what was encoded":         {http.StatusOK, map[string]string{"Content-Encoding": "gzip"}, NotAVideo, true},
		"a redirect to nowhere":    {http.StatusFound, nil, Unreachable, true},
		"a redirect to plain http": {http.StatusFound, map[string]string{"Location": "http://example.com/secret"}, AddressNotAllowed, true},
		"a redirect with a name":   {http.StatusFound, map[string]string{"Location": "https://bob:secret@example.com/"}, AddressNotAllowed, true},
		"a redirect to metadata":   {http.StatusTemporaryRedirect, map[string]string{"Location": "https://169.254.169.254/latest"}, AddressNotAllowed, true},
		"a redirect in a circle":   {http.StatusFound, map[string]string{"Location": "/"}, AddressNotAllowed, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range tc.header {
					w.Header().Set(key, value)
				}
				w.WriteHeader(tc.status)
			})
			refused(t, s.client(t, func(o *Options) { o.Attempts = 3 }), Request{URL: s.address("/secret")}, tc.want, tc.terminal)
			if asked := len(s.requests()); !tc.terminal && asked != 3 || tc.terminal && asked > 1 && name != "a redirect in a circle" {
				t.Errorf("%d requests", asked)
			}
		})
	}
}

func TestTheLimitHoldsWhateverWasAnnounced(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"announced, and not waited for": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "2000")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"not announced": func(w http.ResponseWriter, _ *http.Request) {
			for range 20 {
				_, _ = w.Write(make([]byte, 100))
				_ = http.NewResponseController(w).Flush()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, handler)
			refused(t, s.client(t), Request{URL: s.address("/"), MaxBytes: 1999}, TooLarge, true)
		})
	}
}

func TestAnEndThatCannotBeToldIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of")
	})
	refused(t, s.client(t), Request{URL: s.address("/")}, Unreachable, true)
}

func TestAnotherDigestIsAnotherFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "what came") })
	refused(t, s.client(t), Request{URL: s.address("/"), SHA256: digest([]byte("what was meant"))}, ChecksumMismatch, true)
}

func TestCredentialsGoToTheirHostAlone(t *testing.T) {
	t.Parallel()
	other := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/back" {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "media")
	})
	var s *site
	s = newSite(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/away":
			http.Redirect(w, r, other.address("/file"), http.StatusFound)
		case "/boomerang":
			http.Redirect(w, r, other.address("/back?to="+url.QueryEscape(s.address("/file"))), http.StatusFound)
		default:
			_, _ = io.WriteString(w, "media")
		}
	})
	trust := func(o *Options) {
		o.CABundle = append(o.CABundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})...)
	}
	for path, want := range map[string][]string{
		"/file":      {"Bearer secret"},
		"/same":      {"Bearer secret", "Bearer secret"},
		"/away":      {"Bearer secret", ""},
		"/boomerang": {"Bearer secret", "", ""},
	} {
		before := [2]int{len(s.requests()), len(other.requests())}
		s.want(t, s.client(t, trust), Request{URL: s.address(path), Authorization: "Bearer secret", CredentialsHost: "Example.com"}, []byte("media"))
		var got []string
		for _, r := range append(s.requests()[before[0]:before[0]+1], append(other.requests()[before[1]:], s.requests()[before[0]+1:]...)...) {
			got = append(got, r.Header.Get("Authorization"))
			if r.Header.Get("Referer") != "" {
				t.Errorf("%s: a request tells where it comes from: %s", path, r.Header.Get("Referer"))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: credentials sent: %q, want %q", path, got, want)
		}
	}
	before := len(s.requests())
	s.want(t, s.client(t), Request{URL: s.address("/file"), Authorization: "Bearer secret", CredentialsHost: "media.example.com"}, []byte("media"))
	if got := s.requests()[before].Header.Get("Authorization"); got != "" {
		t.Errorf("credentials of another host were sent: %q", got)
	}
}

func TestOtherHostsAreNotCalled(t *testing.T) {
	t.Parallel()
	var s *site
	s = newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "https://127.0.0.1:"+s.port+"/file", http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "media")
	})
	among := func(hosts ...string) *Client { return s.client(t, func(o *Options) { o.Hosts = hosts }) }
	s.want(t, among("example.com", "127.0.0.1"), Request{URL: s.address("/away")}, []byte("media"))
	before := len(s.requests())
	refused(t, among("example.com"), Request{URL: s.address("/away")}, AddressNotAllowed, true)
	refused(t, among("127.0.0.1"), Request{URL: s.address("/file")}, AddressNotAllowed, true)
	if asked := len(s.requests()) - before; asked != 1 {
		t.Errorf("%d requests, want the one that was redirected", asked)
	}
}

func TestPrivateAddressesAreRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "media") })
	public := s.client(t, func(o *Options) { o.PrivateAddresses = false })
	refused(t, public, Request{URL: s.address("/")}, AddressNotAllowed, true)
	refused(t, public, Request{URL: "https://127.0.0.1:" + s.port}, AddressNotAllowed, true)
	refused(t, public, Request{URL: "https://[::ffff:127.0.0.1]:" + s.port}, AddressNotAllowed, true)
	if len(s.requests()) != 0 {
		t.Error("the server was called")
	}
	s.want(t, s.client(t), Request{URL: s.address("/")}, []byte("media"))
}

// TestRebinding has a name lead somewhere else each time it is asked for: to what is allowed when somebody looks, then inside.
func TestRebinding(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "https://"+r.Host+"/file", http.StatusFound)
			return
		}
		cutting(make([]byte, 4<<20), 2<<20, func(h http.Header) { h.Set("ETag", `"one"`) })(w, r)
	})
	t.Run("between a download and its resumption", func(t *testing.T) {
		s.names.set("a.example.com", "127.0.0.1", "169.254.169.254")
		refused(t, s.client(t), Request{URL: strings.Replace(s.address("/"), "example.com", "a.example.com", 1)}, AddressNotAllowed, true)
	})
	t.Run("between an address and its redirect", func(t *testing.T) {
		s.names.set("b.example.com", "127.0.0.1", "169.254.169.254")
		before := len(s.requests())
		refused(t, s.client(t, func(o *Options) { o.Hosts = []string{"*.example.com"} }), Request{URL: strings.Replace(s.address("/away"), "example.com", "b.example.com", 1)}, AddressNotAllowed, true)
		if asked := len(s.requests()) - before; asked != 1 {
			t.Errorf("%d requests", asked)
		}
	})
	t.Run("to a host that is not allowed", func(t *testing.T) {
		only := s.client(t, func(o *Options) { o.Hosts = []string{"other.example.com"} })
		refused(t, only, Request{URL: s.address("/")}, AddressNotAllowed, true)
	})
}

func TestAServerThatStallsIsLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	client := s.client(t, func(o *Options) { o.Attempts, o.Stall = 2, 50*time.Millisecond })
	refusedWith(t, client, Request{URL: s.address("/")}, Unreachable, false, "stopped sending")
	if len(s.requests()) != 2 {
		t.Errorf("%d requests", len(s.requests()))
	}
}

func TestWhoIsNotTrustedIsNotAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "media") })
	refusedWith(t, s.client(t, func(o *Options) { o.CABundle, o.Attempts = nil, 1 }), Request{URL: s.address("/")}, Unreachable, false, "caBundle")
	if _, err := New(Options{CABundle: []byte("no certificate")}); err == nil {
		t.Error("a bundle without a certificate is accepted")
	}
	refusedWith(t, s.client(t, func(o *Options) { o.Attempts = 1 }), Request{URL: "https://nowhere.example/"}, Unreachable, false, "does not resolve")
}

// TestProxiesOfTheEnvironmentAreNotUsed: a proxy would make the connections, and nobody would look at their addresses.
func TestProxiesOfTheEnvironmentAreNotUsed(t *testing.T) {
	called := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(proxy.Close)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("ALL_PROXY", proxy.URL)
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "media") })
	s.want(t, s.client(t), Request{URL: s.address("/")}, []byte("media"))
	if transport := s.client(t).http.Transport.(*http.Transport); called || transport.Proxy != nil {
		t.Error("the proxy of the environment is used")
	}
}

func TestRequestsDoNotPrint(t *testing.T) {
	t.Parallel()
	request := Request{URL: "https://example.com/?secret=1", Authorization: "Bearer secret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if printed := fmt.Sprintf(verb, request); strings.Contains(printed, "secret") {
			t.Errorf("%s prints %s", verb, printed)
		}
	}
}
