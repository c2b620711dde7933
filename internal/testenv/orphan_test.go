// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// ownerVariable makes this test binary start a control plane, tell of it, and wait to be killed.
const ownerVariable = "REELKEEPER_TEST_OWNER"

// owned is what the owner tells on its standard output.
type owned struct {
	PIDs    map[string]int
	Address string
	Dir     string
}

// TestNothingSurvivesItsOwner kills a program that runs a whole control plane, as kill -9 does, and looks for survivors.
func TestNothingSurvivesItsOwner(t *testing.T) {
	t.Parallel()
	owner := exec.CommandContext(t.Context(), os.Args[0])
	owner.Env = append(os.Environ(), ownerVariable+"=1")
	owner.Stderr = os.Stderr
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var left owned
	if err := json.NewDecoder(stdout).Decode(&left); err != nil {
		t.Fatalf("reading what the owner tells: %v", errors.Join(err, owner.Process.Kill(), owner.Wait()))
	}
	if len(left.PIDs) != 3 {
		t.Errorf("the owner runs %v, want three programs", left.PIDs)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // "signal: killed", as intended

	for name, pid := range left.PIDs {
		eventually(t, name+" has ended", func(ctx context.Context) bool { return !process.Alive(ctx, pid) })
	}
	eventually(t, "nobody listens", func(ctx context.Context) bool {
		return process.ListenReady("tcp", left.Address)(ctx) != nil
	})
	eventually(t, "the directory is gone", func(context.Context) bool {
		_, err := os.Stat(left.Dir)
		return os.IsNotExist(err)
	})
}

func playOwner() {
	err := func() error {
		dir, err := process.TempDir("reelkeeper-owner-")
		if err != nil {
			return err
		}
		plane, err := controlplane.Start(context.Background(), dir, controlplane.Options{ControllerManager: true})
		if err != nil {
			return err
		}
		tell := owned{PIDs: map[string]int{}, Dir: dir, Address: strings.TrimPrefix(plane.Config.Host, "https://")}
		for name, running := range plane.Processes() {
			tell.PIDs[name] = running.PID()
		}
		return json.NewEncoder(os.Stdout).Encode(tell)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}
