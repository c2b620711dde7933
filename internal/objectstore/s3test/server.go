// SPDX-License-Identifier: Apache-2.0

// Package s3test starts a real S3 server (hack/s3server, which embeds versitygw) for tests and for the demo. The server
// keeps its buckets in a directory and dies with the process that started it, however that one ends.
package s3test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Options choose what kind of server to start; the zero value is one with versioning, over plain HTTP, on a free port.
type Options struct {
	// Dir keeps the buckets; the caller removes it. Empty means a temporary directory that Close removes.
	Dir string
	// Address is where to listen; empty means a free port on 127.0.0.1.
	Address string
	// Region is us-east-1 unless set.
	Region string
	// WithoutVersioning starts a server whose buckets cannot keep versions.
	WithoutVersioning bool
	// TLS makes the server speak https with a certificate that only CABundle vouches for.
	TLS bool
	// AccessKey and SecretKey are made up unless set.
	AccessKey, SecretKey string
}

// Server is a running S3 server.
type Server struct {
	// Endpoint is the URL to talk to; Address is its host and port.
	Endpoint, Address string
	// Region is what requests must be signed for.
	Region string
	// AccessKey and SecretKey belong to the account that owns everything.
	AccessKey, SecretKey string
	// RestrictedAccessKey and RestrictedSecretKey belong to an account that the server knows and that may do nothing.
	RestrictedAccessKey, RestrictedSecretKey string
	// CABundle vouches for the server's certificate; empty without TLS.
	CABundle []byte

	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan struct{}
	stderr *tail
	close  func()
}

// TB is the part of testing.TB that Start needs; it is spelled out so that programs can use this package without "testing".
type TB interface {
	Helper()
	Cleanup(func())
	Fatal(args ...any)
	Context() context.Context
}

// Start starts a server for one test, or fails it. The server ends with the test.
func Start(t TB, opts Options) *Server {
	t.Helper()
	server, err := Run(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// Bucket makes a bucket that keeps versions and returns a client for it, or fails the test. The client is closed with the test.
func (s *Server) Bucket(t TB, name string) *objectstore.Client {
	t.Helper()
	objects, err := objectstore.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(objects.Close)
	if _, err := objects.EnsureBucket(t.Context(), name, objectstore.BucketOptions{Versioning: true}); err != nil {
		t.Fatal(err)
	}
	return objects
}

// startTimeout bounds how long a server may take from exec to its first answer. It takes 0.1 s on an idle machine.
const startTimeout = 30 * time.Second

// Run starts a server and returns when it answers. The caller must Close it.
func Run(ctx context.Context, opts Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	s, args, err := prepare(opts)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx, args); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.answers(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("the S3 server does not answer: %w\n%s", err, s.stderr)
	}
	return s, nil
}

// Config is what a client of the owning account needs.
func (s *Server) Config() objectstore.Config {
	return objectstore.Config{
		Endpoint: s.Endpoint, Region: s.Region, AccessKey: s.AccessKey, SecretKey: s.SecretKey, CABundle: s.CABundle,
	}
}

// Close stops the server, waits for its end and removes what it made. It may be called more than once.
func (s *Server) Close() { s.close() }

// PID is the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.exited }

// prepare makes the directories, the credentials and the command line.
func prepare(opts Options) (*Server, []string, error) {
	binary, err := findBinary()
	if err != nil {
		return nil, nil, err
	}
	temporary, err := os.MkdirTemp("", "s3server-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a directory for the S3 server: %w", err)
	}
	s := &Server{
		Region:    or(opts.Region, "us-east-1"),
		AccessKey: or(opts.AccessKey, "owner"), SecretKey: or(opts.SecretKey, randomSecret()),
		RestrictedAccessKey: "restricted", RestrictedSecretKey: randomSecret(),
		exited: make(chan struct{}), stderr: &tail{},
	}
	s.close = sync.OnceFunc(func() { s.stop(); _ = os.RemoveAll(temporary) })
	dir := or(opts.Dir, filepath.Join(temporary, "data"))
	args := []string{binary, "--exit-with-stdin", "--region", s.Region, "--address", or(opts.Address, "127.0.0.1:0"), "--dir", filepath.Join(dir, "buckets")}
	if !opts.WithoutVersioning {
		args = append(args, "--versioning", filepath.Join(dir, "versions"))
	}
	if opts.TLS {
		cert, key, err := selfSigned()
		if err == nil {
			err = errors.Join(os.WriteFile(filepath.Join(temporary, "tls.crt"), cert, 0o600), os.WriteFile(filepath.Join(temporary, "tls.key"), key, 0o600))
		}
		if err != nil {
			return nil, nil, fmt.Errorf("make a certificate for the S3 server: %w", err)
		}
		s.CABundle = cert
		args = append(args, "--tls-cert", filepath.Join(temporary, "tls.crt"), "--tls-key", filepath.Join(temporary, "tls.key"))
	}
	return s, args, nil
}

// start runs the program and waits for the line that says where it listens.
func (s *Server) start(ctx context.Context, args []string) error {
	// ctx ends with the start; the server goes on until Close or the end of this process.
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(),
		"S3_ACCESS_KEY="+s.AccessKey, "S3_SECRET_KEY="+s.SecretKey,
		"S3_RESTRICTED_ACCESS_KEY="+s.RestrictedAccessKey, "S3_RESTRICTED_SECRET_KEY="+s.RestrictedSecretKey)
	s.cmd.Stderr = s.stderr
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the S3 server: %w", err)
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the S3 server: %w", err)
	}
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start the S3 server: %w", err)
	}
	ready := make(chan []byte, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadBytes('\n')
		ready <- line
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("the S3 server did not start: %w\n%s", ctx.Err(), s.stderr)
	case line := <-ready:
		if len(line) == 0 {
			<-s.exited // what it said is whole only then
		}
		return s.announced(line)
	}
}

// announced takes over what the server said of itself; an empty line means that it ended.
func (s *Server) announced(line []byte) error {
	var where struct{ Endpoint, Address string }
	if err := json.Unmarshal(line, &where); err != nil {
		return fmt.Errorf("the S3 server ended before it was ready:\n%s", s.stderr)
	}
	s.Endpoint, s.Address = where.Endpoint, where.Address
	return nil
}

// answers asks the server for its buckets as a client would.
func (s *Server) answers(ctx context.Context) error {
	client, err := objectstore.New(s.Config())
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Ping(ctx)
}

// stop ends the process: closing its stdin is enough, killing it is for a server that hangs.
func (s *Server) stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.stdin.Close()
	select {
	case <-s.exited:
	case <-clock.RealClock{}.After(5 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
}

// tail keeps the last of what the server wrote to stderr, for messages.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write keeps at most the last 8 KiB.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if extra := t.buf.Len() - 8<<10; extra > 0 {
		t.buf.Next(extra)
	}
	return len(p), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}

func or(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}
