// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"k8s.io/utils/clock"
)

// Addressing says where the bucket's name goes in a URL.
type Addressing string

const (
	// AddressingPath puts the bucket into the path: https://endpoint/bucket/key. Every self-hosted server speaks it.
	AddressingPath Addressing = "Path"
	// AddressingVirtualHost puts the bucket into the host name: https://bucket.endpoint/key.
	AddressingVirtualHost Addressing = "VirtualHost"
)

// Checksums says whether requests carry x-amz-checksum-* headers.
type Checksums string

const (
	// ChecksumsAuto sends a SHA-256 in a header wherever the bytes are known beforehand. Trailers are never sent: several
	// servers refuse them.
	ChecksumsAuto Checksums = "Auto"
	// ChecksumsOff sends none, in single puts and in multipart uploads alike, for servers that refuse the headers.
	ChecksumsOff Checksums = "Off"
)

// Config says which server to talk to, and as whom. It does not print its secrets.
type Config struct {
	// Endpoint is the server's URL: http or https, host, optional port, nothing more.
	Endpoint string
	// Region is what requests are signed for; empty means us-east-1, which most self-hosted servers accept.
	Region string
	// Addressing is Path unless set.
	Addressing Addressing
	// AccessKey and SecretKey are required. SessionToken belongs to temporary credentials only.
	AccessKey string
	SecretKey string `json:"-"`
	// SessionToken comes with temporary credentials.
	SessionToken string `json:"-"`
	// CABundle holds PEM certificates that servers are checked against, in place of the system's. Empty is the system's.
	CABundle []byte
	// Checksums is Auto unless set.
	Checksums Checksums
}

const defaultRegion = "us-east-1"

// Format prints where the server is and nothing secret, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{endpoint %s, region %s, access key %s}", c.Endpoint, c.Region, c.AccessKey)
}

// Client talks to one S3 server with one set of credentials. It is safe for concurrent use.
//
// It is built on minio-go rather than on the AWS SDK because minio-go presigns every method on every query, which the worker's
// completing and aborting of uploads needs, sends no checksum trailers unless asked, and has no environment variables or
// profiles that could change where requests go.
type Client struct {
	cfg       Config
	core      *minio.Core
	transport *http.Transport
	clock     clock.Clock
}

// maxAttempts bounds minio-go's retries of one request: at most about 600 ms of waiting. What fails longer than that is for
// the caller's backoff, which other work does not wait for.
const maxAttempts = 3

// New checks cfg and returns a client. It does not talk to the server.
func New(cfg Config) (*Client, error) {
	endpoint, err := parseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, invalidConfig(err.Error())
	}
	if cfg.AccessKey == "" || cfg.SecretKey == "" {
		return nil, invalidConfig("the credentials Secret needs both an access key and a secret key")
	}
	if cfg.Region == "" {
		cfg.Region = defaultRegion
	}
	lookup, ok := map[Addressing]minio.BucketLookupType{
		"": minio.BucketLookupPath, AddressingPath: minio.BucketLookupPath, AddressingVirtualHost: minio.BucketLookupDNS,
	}[cfg.Addressing]
	if !ok {
		return nil, invalidConfig(fmt.Sprintf("addressing %q is neither Path nor VirtualHost", cfg.Addressing))
	}
	transport, err := NewTransport(cfg.CABundle)
	if err != nil {
		return nil, invalidConfig(err.Error())
	}
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, cfg.SessionToken),
		Secure:       endpoint.Scheme == "https",
		Region:       cfg.Region,
		BucketLookup: lookup,
		Transport:    transport,
		MaxRetries:   maxAttempts,
	})
	if err != nil {
		return nil, invalidConfig(scrub(err.Error()))
	}
	return &Client{cfg: cfg, core: core, transport: transport, clock: clock.RealClock{}}, nil
}

// Format prints where the server is and nothing secret, whatever the verb.
func (c *Client) Format(f fmt.State, verb rune) { c.cfg.Format(f, verb) }

// At returns a client with the same credentials for the same server at another address, for URLs that others are to use.
func (c *Client) At(endpoint string) (*Client, error) {
	cfg := c.cfg
	cfg.Endpoint = endpoint
	return New(cfg)
}

// Signer tells clients apart whose presigned URLs are not good for the same: it changes with the endpoint and the credentials, and
// tells neither.
func (c *Client) Signer() string {
	parts := []string{c.cfg.Endpoint, c.cfg.Region, c.cfg.AccessKey, c.cfg.SecretKey, c.cfg.SessionToken}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Close lets go of idle connections. Running requests are not touched.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

func invalidConfig(detail string) error {
	return &Error{Op: "connect", Reason: ReasonInvalidConfig, detail: detail}
}

func parseEndpoint(endpoint string) (*url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the endpoint must be a URL such as https://s3.example.com:9000")
	}
	if u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("the endpoint must name scheme, host and port only: no credentials, path or query")
	}
	return u, nil
}

// NewTransport returns an HTTP transport that trusts the certificates of the PEM bundle and no others, or the system's where the
// bundle is empty. Its limits bound how long a dead server is noticed late; a body may take as long as its context allows.
func NewTransport(caBundle []byte) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(caBundle) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(caBundle) {
			return nil, errors.New("the CA bundle holds no PEM certificate")
		}
		config.RootCAs = pool
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		// Bodies are counted and hashed as stored, so nothing may decompress them on the way.
		DisableCompression: true,
	}, nil
}

// drain reads what little may be left of a body, so that its connection can be used again, and closes it.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}
