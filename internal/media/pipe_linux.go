// SPDX-License-Identifier: Apache-2.0

package media

import (
	"os"

	"golang.org/x/sys/unix"
)

// widen gives a pipe a buffer of 1 MiB instead of 64 KiB, so that its two ends switch less often. The kernel may refuse
// an unprivileged process that has many; then it stays as it is.
func widen(pipe *os.File) {
	connection, err := pipe.SyscallConn()
	if err != nil {
		return
	}
	_ = connection.Control(func(fd uintptr) {
		_, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20)
	})
}
