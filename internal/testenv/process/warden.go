// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// wardenScript is the whole warden: it notes what it is told, one thing a line, until the pipe's other end is closed,
// which happens when we end. It is a shell script rather than this program started a second time, because it has to
// stay small, must not need a hook in everybody's main, and must have nothing that can fail.
//
// Directories are removed twice, a second apart, since a process that is being killed can still finish a write.
const wardenScript = `
trap '' HUP INT TERM QUIT
groups=
while read -r verb what; do
  case $verb in
    watch) groups="$groups $what" ;;
    forget)
      kept=
      for group in $groups; do [ "$group" = "$what" ] || kept="$kept $group"; done
      groups=$kept ;;
    remove) set -- "$@" "$what" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
[ $# -eq 0 ] || rm -rf -- "$@" || { sleep 1; rm -rf -- "$@"; }
`

// warden is our end of the pipe.
type warden struct {
	mu   sync.Mutex
	pipe io.Writer
}

var theWarden = sync.OnceValues(func() (*warden, error) {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", wardenScript, "reelkeeper-warden")
	cmd.Dir = "/" // keeps nobody's directory busy
	// A group of its own, so that neither Ctrl-C nor a kill of our group takes it along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the warden's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the warden that cleans up after us (it needs /bin/sh): %w", err)
	}
	go func() { _ = cmd.Wait() }() // collected only if somebody kills it before us
	return &warden{pipe: pipe}, nil
})

func (w *warden) watch(group int) error { return w.tell("watch", strconv.Itoa(group)) }

// forget cannot report an error to anybody; a group that has ended and stays registered does no harm before its number
// is given out again.
func (w *warden) forget(group int) { _ = w.tell("forget", strconv.Itoa(group)) }

func (w *warden) tell(verb, what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := fmt.Fprintf(w.pipe, "%s %s\n", verb, what); err != nil {
		return fmt.Errorf("the warden that cleans up after us is gone, start this program anew: %w", err)
	}
	return nil
}

// TempDir makes a private directory (mode 0700) that is removed when this program ends, however it ends. The name
// follows the rules of os.MkdirTemp.
func TempDir(pattern string) (string, error) {
	guard, err := theWarden()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", pattern)
	if err != nil {
		return "", fmt.Errorf("making a temporary directory (is TMPDIR writable?): %w", err)
	}
	if strings.ContainsAny(dir, "\n\\") {
		return "", fmt.Errorf("the temporary directory %q has a line break or backslash in its name: set TMPDIR to another", dir)
	}
	return dir, guard.tell("remove", dir)
}

// forks carries the starting of processes to one thread that never ends.
var forks = sync.OnceValue(func() chan<- func() {
	queue := make(chan func())
	go func() {
		// PDEATHSIG fires when the starting *thread* ends, and the Go runtime ends threads as it likes, unless a goroutine
		// is locked to one and never returns.
		runtime.LockOSThread()
		for start := range queue {
			start()
		}
	}()
	return queue
})

func onForkingThread(start func() error) error {
	result := make(chan error)
	forks() <- func() { result <- start() }
	return <-result
}
