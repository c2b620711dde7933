// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
)

func TestDrainingTellsFirstAndFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	namespace := env.Namespace(t)
	recording, file := w.LongRecording(t, namespace, "review")
	options := w.Options
	options.DrainDelay = 2 * time.Second
	server, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	address := fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	host := w.SignIn(t, "host").At(address)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+pageOf(recording)+"/download", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	running, err := host.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer running.Body.Close()
	first := make([]byte, 1000)
	if _, err := io.ReadFull(running.Body, first); err != nil {
		t.Fatal(err)
	}

	stop()
	await(t, time.Second, func() bool { return host.Get(t, "/readyz").Status == http.StatusServiceUnavailable })
	if answer := host.Get(t, pageOf(recording)); answer.Status != http.StatusOK {
		t.Errorf("who does not know yet that it ends gets %d", answer.Status)
	}
	host.Get(t, pageOf(recording)+"/download", "Range", "bytes=1-100") // its end would be written down in ten seconds
	select {
	case err := <-served:
		t.Fatalf("it has ended in the middle of an answer: %v", err)
	case <-gatewaytest.Wall.After(3 * time.Second):
	}
	rest, err := io.ReadAll(running.Body)
	if err != nil || !bytes.Equal(append(first, rest...), file) {
		t.Errorf("what was running did not finish: %d bytes of %d, %v", len(rest)+len(first), len(file), err)
	}
	if err := <-served; err != nil {
		t.Errorf("serving ended with %v", err)
	}
	if got := ends(t, w, namespace, 2); len(got) != 2 {
		t.Errorf("ends: %q", got)
	}
}
