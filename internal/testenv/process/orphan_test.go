// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// roleVariable makes this test binary play another program's part.
const roleVariable = "REELKEEPER_TEST_ROLE"

// family is what the parent of the orphan test tells about itself on its standard output.
type family struct {
	Child, Grandchild, Warden int
	Address, TempDir          string
}

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "parent":
		playParent()
	case "child":
		playChild()
	default:
		os.Exit(m.Run())
	}
}

// TestNoOrphans ends a parent in every way that a program can end, and looks for what it left behind.
func TestNoOrphans(t *testing.T) {
	signal := func(s syscall.Signal) func(*testing.T, *exec.Cmd, family) {
		return func(t *testing.T, parent *exec.Cmd, _ family) {
			t.Helper()
			if err := parent.Process.Signal(s); err != nil {
				t.Fatalf("signalling the parent: %v", err)
			}
		}
	}
	cases := map[string]struct {
		ending string // how the parent ends by itself
		end    func(*testing.T, *exec.Cmd, family)
		// onlyLinux marks an ending that only the kernel's PDEATHSIG can cover, for the direct child alone.
		onlyLinux bool
	}{
		"kill -9":                          {end: signal(syscall.SIGKILL)},
		"Ctrl-C":                           {end: signal(syscall.SIGINT)},
		"SIGTERM":                          {end: signal(syscall.SIGTERM)},
		"a panic in a goroutine":           {ending: "panic"},
		"os.Exit without stopping anybody": {ending: "exit"},
		"kill -9 after the warden was killed": {onlyLinux: true, end: func(t *testing.T, parent *exec.Cmd, f family) {
			t.Helper()
			if err := syscall.Kill(f.Warden, syscall.SIGKILL); err != nil {
				t.Fatalf("killing the warden: %v", err)
			}
			signal(syscall.SIGKILL)(t, parent, f)
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.onlyLinux && runtime.GOOS != "linux" {
				t.Log("nothing guards against this outside Linux")
				return
			}
			t.Parallel()
			parent, f := startParent(t, tc.ending)
			if tc.end != nil {
				tc.end(t, parent, f)
			}
			_ = parent.Wait() // how it ended is the case's business
			eventually(t, "the child has ended", func() bool { return !process.Alive(t.Context(), f.Child) })
			if tc.onlyLinux {
				_ = syscall.Kill(-f.Child, syscall.SIGKILL)
				_ = os.RemoveAll(f.TempDir)
				return
			}
			eventually(t, "the grandchild has ended", func() bool { return !process.Alive(t.Context(), f.Grandchild) })
			eventually(t, "nobody listens", func() bool { return process.ListenReady("tcp", f.Address)(t.Context()) != nil })
			eventually(t, "the temporary directory is gone", func() bool {
				_, err := os.Stat(f.TempDir)
				return os.IsNotExist(err)
			})
			eventually(t, "the warden has ended", func() bool { return !process.Alive(t.Context(), f.Warden) })
		})
	}
}

func startParent(t *testing.T, ending string) (*exec.Cmd, family) {
	t.Helper()
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), roleVariable+"=parent", "REELKEEPER_TEST_ENDING="+ending)
	stdout, err := parent.StdoutPipe()
	if err != nil {
		t.Fatalf("piping the parent's output: %v", err)
	}
	if err := parent.Start(); err != nil {
		t.Fatalf("starting the parent: %v", err)
	}
	t.Cleanup(func() { _ = parent.Process.Kill() })
	var f family
	if err := json.NewDecoder(stdout).Decode(&f); err != nil {
		t.Fatalf("reading what the parent says about itself: %v", err)
	}
	return parent, f
}

func playParent() {
	dir, err := process.TempDir("reelkeeper-orphans-")
	check(err)
	port, err := process.FreePort()
	check(err)
	f := family{TempDir: dir, Address: fmt.Sprintf("127.0.0.1:%d", port)}
	log := dir + "/child.log"
	p, err := process.Start(context.Background(), process.Spec{
		Name: "child", Path: os.Args[0], Log: log,
		Env:   append(os.Environ(), roleVariable+"=child", "REELKEEPER_TEST_ADDRESS="+f.Address),
		Ready: process.ListenReady("tcp", f.Address),
	})
	check(err)
	f.Child = p.PID()
	_, err = fmt.Sscan(process.Tail(log, 100), &f.Grandchild)
	check(err)
	f.Warden = findWarden()
	check(json.NewEncoder(os.Stdout).Encode(f))
	switch os.Getenv("REELKEEPER_TEST_ENDING") {
	case "panic":
		go func() { panic("as asked") }()
	case "exit":
		os.Exit(1)
	}
	select {}
}

// playChild is a server with a child of its own, deaf to polite requests.
func playChild() {
	grandchild := exec.CommandContext(context.Background(), "/bin/sh", "-c", "trap '' TERM HUP INT; while :; do sleep 600; done")
	check(grandchild.Start())
	fmt.Fprintln(os.Stdout, grandchild.Process.Pid)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", os.Getenv("REELKEEPER_TEST_ADDRESS"))
	check(err)
	for {
		conn, err := listener.Accept()
		check(err)
		check(conn.Close())
	}
}

// findWarden looks for our child that is called so; ps is the portable way.
func findWarden() int {
	out, err := exec.CommandContext(context.Background(), "ps", "-Ao", "pid=,ppid=,args=").Output()
	check(err)
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var pid, ppid int
		if _, err := fmt.Sscan(lines.Text(), &pid, &ppid); err == nil && ppid == os.Getpid() && strings.HasPrefix(strings.Fields(lines.Text())[2], "/bin/sh") {
			return pid
		}
	}
	panic("found no warden among our children: is ps (Debian: procps) installed?")
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		return holds(), nil
	})
	if err != nil {
		t.Errorf("waited in vain until %s: %v", what, err)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
