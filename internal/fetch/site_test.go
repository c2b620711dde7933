// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// site is a real server with TLS, and the names by which it is found.
type site struct {
	*httptest.Server
	names *names
	port  string

	mu   sync.Mutex
	seen []*http.Request
}

// newSite serves under https://example.com:<port>, the name that the test server's certificate is for.
func newSite(t *testing.T, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{names: newNames(t)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Clone(context.WithoutCancel(r.Context())))
		s.mu.Unlock()
		handler(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // broken connections are what the tests are about
	s.StartTLS()
	t.Cleanup(s.Close)
	address, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.port = address.Port()
	s.names.set("example.com", "127.0.0.1")
	return s
}

func (s *site) address(path string) string { return "https://example.com:" + s.port + path }

func (s *site) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// client trusts the site and may call it, on the loopback.
func (s *site) client(t *testing.T, changes ...func(*Options)) *Client {
	t.Helper()
	options := Options{
		PrivateAddresses: true, Resolver: s.names.resolver(), MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, Stall: 5 * time.Second,
		CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}),
	}
	for _, change := range changes {
		change(&options)
	}
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// names is a DNS server. A name with several entries has another address at each question.
type names struct {
	address string
	mu      sync.Mutex
	entries map[string][]netip.Addr
	asked   map[string]int
}

func newNames(t *testing.T) *names {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	n := &names{address: conn.LocalAddr().String(), entries: map[string][]netip.Addr{}, asked: map[string]int{}}
	go func() {
		buffer := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := n.answer(buffer[:size]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return n
}

func (n *names) set(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.entries[name+"."] = nil
	for _, address := range addresses {
		n.entries[name+"."] = append(n.entries[name+"."], netip.MustParseAddr(address))
	}
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", n.address)
	}}
}

func (n *names) answer(question []byte) []byte {
	var message dnsmessage.Message
	if err := message.Unpack(question); err != nil || len(message.Questions) != 1 {
		return nil
	}
	asked := message.Questions[0]
	message.Response, message.Additionals = true, nil
	n.mu.Lock()
	defer n.mu.Unlock()
	entries, known := n.entries[asked.Name.String()]
	switch {
	case !known:
		message.RCode = dnsmessage.RCodeNameError
	case asked.Type == dnsmessage.TypeA:
		entry := entries[min(n.asked[asked.Name.String()], len(entries)-1)]
		n.asked[asked.Name.String()]++
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: entry.As4()},
		}}
	}
	packed, err := message.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// target is an empty file.
func target(t *testing.T) *os.File {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "raw"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func content(file *os.File) []byte {
	read, err := os.ReadFile(file.Name())
	if err != nil {
		return nil
	}
	return read
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// want downloads, and compares.
func (s *site) want(t *testing.T, client *Client, request Request, want []byte) {
	t.Helper()
	if request.MaxBytes == 0 {
		request.MaxBytes = 1 << 30
	}
	file := target(t)
	result, err := client.Download(t.Context(), request, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(file), want) || result.Bytes != int64(len(want)) || hex.EncodeToString(result.SHA256[:]) != digest(want) {
		t.Errorf("%d bytes with digest %x, want %d", result.Bytes, result.SHA256, len(want))
	}
}

// refused downloads in vain. No error may tell the address.
func refused(t *testing.T, client *Client, request Request, reason Reason, terminal bool) {
	t.Helper()
	refusedWith(t, client, request, reason, terminal, "")
}

// refusedWith looks for words in the message too.
func refusedWith(t *testing.T, client *Client, request Request, reason Reason, terminal bool, words string) {
	t.Helper()
	if request.MaxBytes == 0 {
		request.MaxBytes = 1 << 30
	}
	_, err := client.Download(t.Context(), request, target(t), nil)
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Reason != reason || failure.Terminal != terminal {
		t.Fatalf("error = %#v, want %s, terminal %v", err, reason, terminal)
	}
	for _, secret := range []string{"secret", "Bearer", "127.0.0.1", "169.254", "10.0.0"} {
		if strings.Contains(failure.Message, secret) && !strings.Contains(request.URL, "127.0.0.1") {
			t.Errorf("the message tells %q: %s", secret, failure.Message)
		}
	}
	if !strings.Contains(failure.Message, words) {
		t.Errorf("the message does not say %q: %s", words, failure.Message)
	}
}
