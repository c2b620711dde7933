// SPDX-License-Identifier: Apache-2.0

// Package fetch downloads one file from an https address that somebody chose who need not be trusted, over a network that
// has more on it than the Internet.
//
//	who chose the address must not        so
//	reach what is private                 every connection's address is checked once the name is resolved, on every redirect too
//	read somebody's credentials           they go to one host, and no redirect takes them elsewhere
//	fill the disk                         bytes are counted, whatever the server announced
//	keep a worker for ever                servers that stall are left, and the caller's context bounds the whole
//	learn what lies behind a refusal      errors name the host that was asked for, not what was found there
//
// A download that breaks is resumed where the server can say that the file is still the same, and begun anew where it cannot.
package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"
)

const (
	// maxRedirects is how many redirects are followed.
	maxRedirects = 5
	// maxHeaderBytes bounds what is read of an answer's headers.
	maxHeaderBytes = 64 << 10
	dialTimeout    = 10 * time.Second
	headerTimeout  = time.Minute
)

// Options configure a Client. The zero value fetches from every public address.
type Options struct {
	// Hosts are the names that may be called, with *.example.com for all below example.com. Empty is every host.
	Hosts []string
	// PrivateAddresses lets hosts have addresses of private networks, of carriers' shared space, and of the loopback.
	PrivateAddresses bool
	// CABundle holds PEM certificates that servers are checked against, in place of the system's. Empty is the system's.
	CABundle []byte
	// Attempts bounds how often the same byte is asked for; 6 unless set.
	Attempts int
	// MinBackoff and MaxBackoff bound the pause before another attempt, which doubles each time; 500 ms and 30 s unless set.
	MinBackoff, MaxBackoff time.Duration
	// Stall is how long a server may send nothing; a minute unless set.
	Stall time.Duration
	// Clock measures the pauses; the real one unless set.
	Clock clock.WithDelayedExecution
	// Resolver finds the addresses of names; the system's unless set.
	Resolver *net.Resolver
}

// Client fetches. It is safe for concurrent use.
type Client struct {
	options Options
	http    *http.Client
}

// New returns a client, or an error when the CA bundle holds no certificate.
func New(options Options) (*Client, error) {
	if options.Attempts <= 0 {
		options.Attempts = 6
	}
	if options.MinBackoff <= 0 {
		options.MinBackoff = 500 * time.Millisecond
	}
	if options.MaxBackoff <= 0 {
		options.MaxBackoff = 30 * time.Second
	}
	if options.Stall <= 0 {
		options.Stall = time.Minute
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	trust, err := trusted(options.CABundle)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Resolver: options.Resolver, Control: newGuard(options.PrivateAddresses).control}
	return &Client{
		options: options,
		http: &http.Client{
			CheckRedirect: func(next *http.Request, via []*http.Request) error { return redirect(options.Hosts, next, via) },
			Transport: &http.Transport{
				// No proxy, whatever the environment says: it would make the connections, and nobody would look at their addresses.
				Proxy:                  nil,
				DialContext:            dialer.DialContext,
				TLSClientConfig:        trust,
				TLSHandshakeTimeout:    dialTimeout,
				ResponseHeaderTimeout:  headerTimeout,
				MaxResponseHeaderBytes: maxHeaderBytes,
				ForceAttemptHTTP2:      true,
				// Bytes are counted and hashed as they are stored at the source.
				DisableCompression: true,
				DisableKeepAlives:  true,
			},
		},
	}, nil
}

func trusted(bundle []byte) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(bundle) == 0 {
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(bundle) {
		return nil, errors.New("the CA bundle for source.url holds no PEM certificate")
	}
	return config, nil
}

// redirect decides whether a redirect is followed, and takes from the request what must not follow it: credentials as soon as
// one hop has led to another origin, and in any case the address that it came from, which may carry a secret in its query.
func redirect(hosts []string, next *http.Request, via []*http.Request) error {
	next.Header.Del("Referer")
	for _, earlier := range append(via[1:len(via):len(via)], next) {
		if !sameOrigin(via[0].URL, earlier.URL) {
			next.Header.Del("Authorization")
		}
	}
	switch {
	case len(via) > maxRedirects:
		return errRedirects
	case next.URL.Scheme != "https":
		return errScheme
	case next.URL.User != nil:
		return errUserInfo
	case !HostAllowed(hosts, next.URL.Hostname()):
		return errHost
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if u.Port() == "" {
		return "443"
	}
	return u.Port()
}

// retryAfter is the pause that a server asks for; 0 for none, and for dates.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > int(time.Hour/time.Second) {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
