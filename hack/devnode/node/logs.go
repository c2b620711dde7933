// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/cert"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// followInterval is how often a followed log is looked at for more.
const followInterval = 200 * time.Millisecond

// serveLogs serves what `kubectl logs` asks a kubelet for, on a port of its own choice, until ctx ends.
func (n *Node) serveLogs(ctx context.Context) (port int32, err error) {
	identity, err := n.tlsConfig(ctx)
	if err != nil {
		return 0, err
	}
	listener, err := tls.Listen("tcp", net.JoinHostPort(address, "0"), identity)
	if err != nil {
		return 0, fmt.Errorf("listening for requests for logs: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.containerLogs)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }, // so that followers end with us
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.log.Error("Serving logs has ended; `kubectl logs` fails until the node is restarted", "err", err)
		}
	}()
	return int32(netip.MustParseAddrPort(listener.Addr().String()).Port()), nil
}

// tlsConfig lets in only the API server: other users of this machine could reach the port too. Its authority for client
// certificates is published in the cluster.
func (n *Node) tlsConfig(ctx context.Context) (*tls.Config, error) {
	const name = "extension-apiserver-authentication"
	published, err := n.client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("finding the API server's authority for client certificates: %w", err)
	}
	callers := x509.NewCertPool()
	if !callers.AppendCertsFromPEM([]byte(published.Data["client-ca-file"])) {
		return nil, fmt.Errorf("ConfigMap kube-system/%s has no client-ca-file: start the API server with --client-ca-file", name)
	}
	certPEM, keyPEM, err := cert.GenerateSelfSignedCertKey(n.name, []net.IP{net.ParseIP(address)}, nil)
	if err != nil {
		return nil, fmt.Errorf("making the log endpoint's certificate: %w", err)
	}
	own, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("using the log endpoint's certificate: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: callers,
		VerifyConnection: func(state tls.ConnectionState) error {
			if !slices.Contains(state.PeerCertificates[0].Subject.Organization, "system:masters") {
				return errors.New("only the API server may read logs here")
			}
			return nil
		},
	}, nil
}

func (n *Node) containerLogs(w http.ResponseWriter, request *http.Request) {
	run := n.find(request.PathValue("namespace"), request.PathValue("pod"))
	if run == nil {
		http.Error(w, "this node does not run that Pod, or did so only in a former life", http.StatusNotFound)
		return
	}
	query := request.URL.Query()
	path, ended := run.currentLog(request.PathValue("container"), query.Get("previous") == "true")
	log, err := os.Open(path)
	if err != nil {
		http.Error(w, "the container has no log yet", http.StatusNotFound)
		return
	}
	defer log.Close()
	if lines, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		if err := seekTail(log, lines); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	follow(request.Context(), flushing{w}, log, query.Get("follow") == "true", ended)
}

// follow copies a log and, if asked to, what is added to it until the container has ended or the reader is gone.
func follow(ctx context.Context, w io.Writer, log io.Reader, more bool, ended func() bool) {
	tick := wall.NewTicker(followInterval)
	defer tick.Stop()
	for {
		last := !more || ended() // asked before the copy, so that nothing written in between is missed
		if _, err := io.Copy(w, log); err != nil || last {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C():
		}
	}
}

// currentLog is the log of the container's latest start, or of the one before.
func (r *podRun) currentLog(container string, previous bool) (path string, ended func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range append(slices.Clone(r.state.inits), r.state.mains...) {
		if c.name != container {
			continue
		}
		start := c.restarts
		if previous || c.state.Waiting != nil && start > 0 {
			start--
		}
		return r.log(container, start), func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return c.done || c.restarts > start
		}
	}
	return "", nil
}

// seekTail moves to the beginning of the last lines, within the last mebibyte.
func seekTail(log *os.File, lines int) error {
	const window = 1 << 20
	tail := process.Tail(log.Name(), window)
	keep := strings.SplitAfter(strings.TrimSuffix(tail, "\n"), "\n")
	keep = keep[max(0, len(keep)-lines):]
	length := len(strings.Join(keep, ""))
	if strings.HasSuffix(tail, "\n") && lines > 0 {
		length++
	}
	_, err := log.Seek(-int64(length), io.SeekEnd)
	return err
}

// flushing passes every write on at once, for a reader who waits.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(data []byte) (int, error) {
	n, err := f.ResponseWriter.Write(data)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}
