// SPDX-License-Identifier: Apache-2.0

package process

import "syscall"

// attributes gives a child its own process group, and has the kernel kill it when its starting thread ends.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
