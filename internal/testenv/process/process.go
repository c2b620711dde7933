// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package process starts programs that never outlive the program that started them.
//
// Tests and the demo start servers: etcd, the API server, an object store, Reelkeeper itself. Deferred calls stop
// them when all goes well, but no deferred call runs after a panic in another goroutine, a test's timeout, os.Exit
// or kill -9. So each child leads a process group of its own, and two guards watch over it:
//
//   - a warden, one small shell per program, holds the reading end of a pipe whose writing end only we have. However we
//     end, the kernel closes our end; the warden then kills every group that is still registered, grandchildren included,
//     and removes our temporary directories;
//   - on Linux the kernel itself kills each child when the thread that started it ends (PDEATHSIG), which covers the
//     moment between a child's start and its registration, and a warden that was killed too.
//
// A process that leaves its group (setsid) is out of their reach and has to end by itself.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"k8s.io/utils/clock"
)

const (
	defaultReadyTimeout = time.Minute
	defaultGrace        = 10 * time.Second

	// readyInterval is how often readiness is asked for: often enough not to be felt, seldom enough not to slow the
	// very start that is waited for.
	readyInterval = 50 * time.Millisecond

	// tailBytes bounds how much of a log an error quotes.
	tailBytes = 2048
)

// wall is the only clock that other processes go by.
var wall clock.RealClock

// Spec says what to start and how to know that it works.
type Spec struct {
	// Name is what errors call the process, such as "kube-apiserver". Required.
	Name string
	// Path is the program. A name without a slash is looked up in PATH. Required.
	Path string
	// Args are its arguments, without the program's own name.
	Args []string
	// Env is its whole environment as NAME=value; nil means ours.
	Env []string
	// Dir is its working directory; empty means ours.
	Dir string
	// Log is the file to which standard output and error are appended; empty means that they are dropped.
	Log string
	// Ready says whether the process can do its work: nil means yes, an error says what is still missing. It is asked
	// again and again until it says yes. Without Ready, a process counts as ready once it is started.
	Ready func(context.Context) error
	// ReadyTimeout bounds the wait for Ready; zero means one minute.
	ReadyTimeout time.Duration
	// Grace is how long Stop waits between asking (SIGTERM) and forcing (SIGKILL); zero means ten seconds.
	Grace time.Duration
}

// Process is a started child. Its methods can be called from any goroutine.
type Process struct {
	spec Spec
	cmd  *exec.Cmd
	done chan struct{}
	err  error // written before done is closed
}

// Start starts the program and waits until it is ready. ctx bounds only that wait: a process that was started lives
// until Stop or Kill, or until this program ends. If the process ends or does not become ready in time, it is killed, and
// the error quotes the end of its log.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	guard, err := theWarden()
	if err != nil {
		return nil, err
	}
	// Not bound to ctx: the process outlives the wait for it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), spec.Path, spec.Args...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = spec.Env, spec.Dir, attributes()
	if spec.Log != "" {
		// The child gets the file itself, not a pipe through us, so that its last words are kept even when we are gone.
		log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("opening the log of %s: %w", spec.Name, err)
		}
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
	}
	if err := onForkingThread(cmd.Start); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, cmd: cmd, done: make(chan struct{})}
	guardErr := guard.watch(p.PID())
	go p.wait(guard)
	if guardErr != nil {
		p.Kill()
		return nil, guardErr
	}
	if err := p.waitReady(ctx); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// Name is what the process was called in its Spec.
func (p *Process) Name() string { return p.spec.Name }

// PID is the process's id, which is also its process group's.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the process to end. Its error is nil for exit code 0, and an *exec.ExitError when the process failed.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// State tells how the process ended: its exit code or signal, and what it used. It is nil until Done is closed.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.done:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Signal sends a signal to the whole process group. To signal a process that has ended does nothing.
func (p *Process) Signal(signal syscall.Signal) {
	select {
	case <-p.done:
	default:
		// The only error possible is that the group has just ended, which is fine.
		_ = syscall.Kill(-p.PID(), signal)
	}
}

// Stop asks the process group to end, forces it after the grace period, and returns when it has ended. Stopping twice
// is fine. The error is not nil when force was needed.
func (p *Process) Stop() error { return p.StopWithin(orDefault(p.spec.Grace, defaultGrace)) }

// StopWithin is Stop with a grace period of the caller's.
func (p *Process) StopWithin(grace time.Duration) error {
	p.Signal(syscall.SIGTERM)
	patience := wall.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-p.done:
		return nil
	case <-patience.C():
		p.Kill()
		return fmt.Errorf("%s did not end within %s of being asked and was killed: read %s for what it was doing",
			p.spec.Name, grace, p.logName())
	}
}

// Kill ends the process group at once and returns when it has ended.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// wait collects the child, then whatever it left in its group, and only then lets the warden forget the group.
func (p *Process) wait(guard *warden) {
	p.err = p.cmd.Wait()
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	guard.forget(p.PID())
	close(p.done)
}

func (p *Process) waitReady(ctx context.Context) error {
	if p.spec.Ready == nil {
		return nil
	}
	timeout := orDefault(p.spec.ReadyTimeout, defaultReadyTimeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := wall.NewTicker(readyInterval)
	defer tick.Stop()
	missing := errors.New("it was not asked yet")
	for {
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready (%s); the end of %s:\n%s",
				p.spec.Name, p.cmd.ProcessState, p.logName(), Tail(p.spec.Log, tailBytes))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %s: %w; the end of %s:\n%s",
				p.spec.Name, timeout, missing, p.logName(), Tail(p.spec.Log, tailBytes))
		case <-tick.C():
			err := p.spec.Ready(ctx)
			if err == nil {
				return nil
			}
			// An answer cut short by the deadline says less than the one before it.
			if ctx.Err() == nil {
				missing = err
			}
		}
	}
}

func (p *Process) logName() string {
	if p.spec.Log == "" {
		return "its log (none is kept: set Spec.Log)"
	}
	return p.spec.Log
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}
