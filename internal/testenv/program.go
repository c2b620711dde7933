// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// BuildReelkeeper builds the program that is shipped into a directory, with the flags of its image, and returns where it is.
func BuildReelkeeper(dir string) (string, error) {
	root, err := controlplane.Root()
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "reelkeeper")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "./cmd/reelkeeper")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build reelkeeper: %w: %s", err, out)
	}
	return program, nil
}

// FreeAddress is an address of this machine where nobody listened a moment ago.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	port, err := process.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}
