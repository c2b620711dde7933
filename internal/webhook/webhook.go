// SPDX-License-Identifier: Apache-2.0

// Package webhook tells another program what happened, signed as Standard Webhooks says, so that any of its libraries can check
// what comes.
//
// Specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The keys of a Secret that says where the webhook is.
const (
	// URLKey is its address. Many webhooks have a secret in it, so that it is shown nowhere.
	URLKey = "url"
	// SecretKey is what messages are signed with: whsec_ and 24 to 64 bytes in base64. Two, with a space between them, are for
	// the time in which one takes over from the other: messages then bear both signatures.
	SecretKey = "secret"
	// CAKey is a bundle of certificates, in PEM, that are trusted besides the system's. It can be absent.
	CAKey = "ca.crt"
)

// timeout is how long the other program may take to answer: as long as the specification recommends at least.
const timeout = 15 * time.Second

// Message is what is told.
type Message struct {
	// ID is the same at every try. Who has seen it can leave the message out.
	ID string
	// Type says what the message is about, such as access.requested.
	Type string
	// Time is when it happened.
	Time time.Time
	// Data is the rest, as JSON.
	Data any
}

// Endpoint is a webhook.
type Endpoint struct {
	address *url.URL
	signers []*standardwebhooks.Webhook
	client  *http.Client
}

// ParseEndpoint reads what a Secret says about a webhook. Its errors name the key, and never say what stands there.
func ParseEndpoint(data map[string][]byte) (*Endpoint, error) {
	address, errURL := parseURL(string(data[URLKey]))
	signers, errSecret := parseSecrets(string(data[SecretKey]))
	roots, errCA := parseCA(data[CAKey])
	if err := errors.Join(errURL, errSecret, errCA); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Endpoint{address, signers, &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: refuse}}, nil
}

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "":
		return nil, fmt.Errorf("its key %s is not an address: write one such as https://hooks.example.com/reelkeeper", URLKey)
	case u.Scheme != "https" && (u.Scheme != "http" || !withinCluster(u.Hostname())):
		return nil, fmt.Errorf("its key %s has to begin with https, but for Services of the cluster: messages name people", URLKey)
	}
	return u, nil
}

// withinCluster says whether a host is a Service, or this very machine.
func withinCluster(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" ||
		strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")
}

func parseSecrets(text string) ([]*standardwebhooks.Webhook, error) {
	var signers []*standardwebhooks.Webhook
	for secret := range strings.FieldsSeq(text) {
		signer, err := standardwebhooks.NewWebhook(secret)
		encoded := strings.TrimRight(strings.TrimPrefix(secret, "whsec_"), "=")
		if size := len(encoded) * 6 / 8; err != nil || size < 24 || size > 64 {
			return nil, fmt.Errorf("its key %s has to be whsec_ and 24 to 64 random bytes in base64: echo whsec_$(openssl rand -base64 32)", SecretKey)
		}
		signers = append(signers, signer)
	}
	if len(signers) == 0 {
		return nil, fmt.Errorf("it lacks the key %s, which messages are signed with: echo whsec_$(openssl rand -base64 32)", SecretKey)
	}
	return signers, nil
}

// parseCA returns nil, which means the system's, for no bundle.
func parseCA(bundle []byte) (*x509.CertPool, error) {
	if len(bundle) == 0 {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	if !roots.AppendCertsFromPEM(bundle) {
		return nil, fmt.Errorf("its key %s holds no certificate in PEM", CAKey)
	}
	return roots, nil
}

// Host is the part of the address that can be shown.
func (e *Endpoint) Host() string { return e.address.Host }

// Send returns nil when the other program has taken the message, which it says with a status of 2xx. Any other answer, and none, is
// an error that can be shown and that another try may not meet. Redirects are not followed.
func (e *Endpoint) Send(ctx context.Context, message Message, now time.Time) error {
	request, err := e.request(ctx, message, now)
	if err != nil {
		return err
	}
	response, err := e.client.Do(request)
	if err != nil {
		// What the client returns names the whole address.
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err
		}
		return fmt.Errorf("send a message to the webhook at %s: %w", e.Host(), err)
	}
	defer response.Body.Close()
	// What it says is read, so that it can finish, and not told: it is not for us to repeat.
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the webhook at %s answered %d %s", e.Host(), response.StatusCode, http.StatusText(response.StatusCode))
	}
	return nil
}

func (e *Endpoint) request(ctx context.Context, message Message, now time.Time) (*http.Request, error) {
	payload, err := json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      any       `json:"data"`
	}{message.Type, message.Time.UTC(), message.Data})
	if err != nil {
		return nil, fmt.Errorf("write message %s: %w", message.ID, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address.String(), bytes.NewReader(payload))
	if err != nil {
		return nil, fmt.Errorf("make a request to the webhook at %s", e.Host())
	}
	var signatures []string
	for _, signer := range e.signers {
		signature, err := signer.Sign(message.ID, now, payload)
		if err != nil {
			return nil, fmt.Errorf("sign message %s: %w", message.ID, err)
		}
		signatures = append(signatures, signature)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "reelkeeper")
	request.Header.Set(standardwebhooks.HeaderWebhookID, message.ID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return request, nil
}
