// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
)

// HTTPReady is a Spec.Ready that wants status 200 from url. A nil client means http.DefaultClient.
func HTTPReady(client *http.Client, url string) func(context.Context) error {
	if client == nil {
		client = http.DefaultClient
	}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return fmt.Errorf("asking %s: %w", url, err)
		}
		response, err := client.Do(request)
		if err != nil {
			return err // it names method and URL already
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(io.LimitReader(response.Body, 512))
			return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
		}
		return nil
	}
}

// ListenReady is a Spec.Ready that wants somebody to accept connections, for instance on ("tcp", "127.0.0.1:9000").
func ListenReady(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// FreePort asks the kernel for a TCP port on 127.0.0.1 that nobody uses now. Somebody else can take it before you
// do, so give a program port 0 where it can tell which port it got, and else be ready to try again.
func FreePort() (int, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("asking for a free port: %w", err)
	}
	port := netip.MustParseAddrPort(listener.Addr().String()).Port()
	return int(port), listener.Close()
}

// Tail returns at most the last n bytes of a file, and nothing if it cannot be read.
func Tail(path string, n int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > n {
		if _, err := file.Seek(-n, io.SeekEnd); err != nil {
			return ""
		}
	}
	tail, err := io.ReadAll(io.LimitReader(file, n))
	if err != nil {
		return ""
	}
	return string(tail)
}
