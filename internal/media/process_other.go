// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package media

import "syscall"

// processAttributes puts a tool into its own process group. When we die, it ends at its next write to our pipe.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
