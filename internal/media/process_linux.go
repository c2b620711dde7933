// SPDX-License-Identifier: Apache-2.0

package media

import "syscall"

// processAttributes puts a tool into its own process group, and has the kernel kill it when we die without a chance to.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
