// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
)

// Alive says whether a process runs, ours or not. One that has ended and that its parent has not collected yet does not.
// It asks ps, which every Unix has (Debian: package procps).
func Alive(ctx context.Context, pid int) bool {
	out, err := exec.CommandContext(ctx, "ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}
