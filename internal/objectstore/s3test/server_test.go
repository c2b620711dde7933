// SPDX-License-Identifier: Apache-2.0

package s3test_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

// parentVariable makes the test binary play the parent that is going to be killed.
const parentVariable = "S3TEST_PLAY_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVariable) == "" {
		os.Exit(m.Run())
	}
	server, err := s3test.Run(context.Background(), s3test.Options{Dir: os.Getenv(parentVariable)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintln(os.Stdout, server.Address)
	select {} // until somebody kills us
}

func TestServerDiesWithItsParent(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"="+t.TempDir())
	parent.Stderr = os.Stderr
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	// An open connection ends when the server does, so there is nothing to poll for.
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()

	if err := parent.Process.Kill(); err != nil { // SIGKILL: no handler runs
		t.Fatal(err)
	}
	_ = parent.Wait()
	if err := connection.SetReadDeadline(clock.RealClock{}.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(connection); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the S3 server outlived its parent")
	}
}

func TestCloseEndsTheServerAndRemovesItsFiles(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	server, err := s3test.Run(t.Context(), s3test.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	server.Close()
	select {
	case <-server.Done():
	default:
		t.Error("the server still runs after Close")
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunSaysWhyTheServerDidNotStart(t *testing.T) {
	_, err := s3test.Run(t.Context(), s3test.Options{Address: "no address"})
	if err == nil || !strings.Contains(err.Error(), "--address") {
		t.Errorf("error = %v, want what the server said about --address", err)
	}
}

func TestRunSaysHowToGetAMissingServer(t *testing.T) {
	repository := t.TempDir()
	if err := os.WriteFile(repository+"/go.mod", []byte("module github.com/reelkeeper/reelkeeper\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(repository)
	_, err := s3test.Run(t.Context(), s3test.Options{})
	if err == nil || !strings.Contains(err.Error(), "make s3server") {
		t.Errorf("error = %v, want one that names `make s3server`", err)
	}
}
