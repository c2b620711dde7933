// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

// tunnel passes connections on to the API server until it is cut: then nothing comes through any more, and nobody is told.
type tunnel struct {
	listener net.Listener
	to       string
	cut      atomic.Bool
}

func newTunnel(t *testing.T, to string) *tunnel {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	passage := &tunnel{listener: listener, to: to}
	go passage.run()
	return passage
}

func (p *tunnel) run() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		go p.pass(near, far)
		go p.pass(far, near)
	}
}

func (p *tunnel) pass(from, to net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if p.cut.Load() {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			_ = from.Close()
			_ = to.Close()
			return
		}
	}
}

func TestAGatewayWithAnOldViewRefuses(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	api, _ := w.Env.KubeconfigFor(t, gatewaytest.OperatorNamespace, "reelkeeper-gateway")
	server, err := url.Parse(api.Host)
	if err != nil {
		t.Fatal(err)
	}
	passage := newTunnel(t, server.Host)
	api.Host = fmt.Sprintf("https://%s", passage.listener.Addr())
	api.ServerName = server.Hostname()
	cluster, err := gateway.Connect(t.Context(), api, gatewaytest.OperatorNamespace, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = cluster.Run(t.Context()) }()
	address := w.Serve(t, func(o *gateway.Options) {
		o.Reader, o.Governance = cluster.Complete(gateway.Options{}).Reader, cluster.Complete(gateway.Options{}).Governance
		o.Synced, o.Age = cluster.Synced, cluster.Age
	})
	viewer := w.SignIn(t, "participant").At(address)
	await(t, 30*time.Second, func() bool { return viewer.Get(t, "/readyz").Status == http.StatusOK })
	view := beginView(t, viewer, recording)
	paths := []string{view + "key", view + "playlist.m3u8", view + "media", pageOf(recording), "/", "/trash", pageOf(recording) + "/download"}
	for _, path := range paths {
		if answer := viewer.Get(t, path); answer.Status == http.StatusServiceUnavailable {
			t.Errorf("%s answers %d while the view is current", path, answer.Status)
		}
	}

	passage.cut.Store(true)
	lost := gatewaytest.Wall.Now()
	await(t, 20*time.Second, func() bool { return viewer.Get(t, view+"key").Status == http.StatusServiceUnavailable })
	if took := gatewaytest.Wall.Since(lost); took > 6*time.Second {
		t.Errorf("it went on giving keys for %s, want at most 5 s", took)
	}
	for _, path := range append(paths, "/readyz") {
		if answer := viewer.Get(t, path); answer.Status != http.StatusServiceUnavailable {
			t.Errorf("%s answers %d with an old view", path, answer.Status)
		}
	}
	if answer := viewer.Get(t, view+"key"); answer.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to come back")
	}
	if answer := viewer.Get(t, "/healthz"); answer.Status != http.StatusOK {
		t.Errorf("/healthz answers %d: to be started anew would not help", answer.Status)
	}
}

func await(t *testing.T, limit time.Duration, condition func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, limit, true, func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		t.Fatalf("not within %s", limit)
	}
}
