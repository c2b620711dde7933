// SPDX-License-Identifier: Apache-2.0

//go:build unix

package delivery

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
)

// serveHere runs the gateway within the test, where it can be profiled. What it costs is then not told from what the client costs.
func (d *delivery) serveHere(port int) {
	d.b.Helper()
	certificate, err := tls.LoadX509KeyPair(d.path("tls.crt"), d.path("tls.key"))
	if err != nil {
		d.b.Fatal(err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		d.b.Fatal(err)
	}
	options := d.world.Options
	options.PublicURL = d.address
	server, err := gateway.New(options)
	if err != nil {
		d.b.Fatal(err)
	}
	go func() {
		_ = server.Serve(d.b.Context(), tls.NewListener(listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}))
	}()
}

// profiled does something, and leaves a profile of it where one is wanted.
func (d *delivery) profiled(name string, do func()) {
	d.b.Helper()
	dir := os.Getenv("DELIVERY_PROFILE")
	if dir == "" {
		do()
		return
	}
	file, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		d.b.Fatal(err)
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		d.b.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	do()
}
