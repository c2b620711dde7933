// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

const (
	// maxBackoffs is how many times the first pause the pauses between restarts grow to: from 10 s to 5 min.
	maxBackoffs = 30

	// The kubelet's bounds of a termination message that is taken from the log.
	messageBytes = 2048
	messageLines = 80

	// startError is the exit code of what could not even be started.
	startError = 128
)

// keep runs a container, again and again as its policy says. It returns whether the container succeeded in the end.
func (r *podRun) keep(ctx context.Context, c *corev1.Container, state *containerState, policy corev1.RestartPolicy) bool {
	for pause := r.node.options.RestartBackoff; ; pause = min(2*pause, maxBackoffs*r.node.options.RestartBackoff) {
		end := r.once(ctx, c, state)
		if end == nil {
			return false
		}
		again := ctx.Err() == nil && restarted(policy, end.ExitCode)
		r.change(ctx, func(s *podState) {
			state.state = corev1.ContainerState{Terminated: end}
			state.done = !again
			// How its containers end says nothing about a Pod that was cut short, unless it is deleted anyway.
			if cause := context.Cause(ctx); cause != nil && !isDeletion(cause) && s.failure == nil {
				s.failure = new(whyEnded(cause))
			}
		})
		if !again {
			return end.ExitCode == 0
		}
		r.change(ctx, func(*podState) {
			state.last = state.state
			state.restarts++
			state.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
				Reason: "CrashLoopBackOff", Message: fmt.Sprintf("waiting %s before the container is restarted", pause),
			}}
		})
		select {
		case <-ctx.Done():
		case <-wall.After(pause):
		}
	}
}

// once runs a container one time and tells how it ended; nil if the Pod ended before the container could start.
func (r *podRun) once(ctx context.Context, c *corev1.Container, state *containerState) *corev1.ContainerStateTerminated {
	var spec process.Spec
	if !r.insist(ctx, func() error {
		var err error
		spec, err = r.node.command(ctx, r.sources(), r.house, c)
		return err
	}) {
		return nil
	}
	spec.Log = r.log(c.Name, state.restarts)
	if err := os.WriteFile(r.house.terminationLog(c.Name), nil, 0o600); err != nil {
		return &corev1.ContainerStateTerminated{ExitCode: startError, Reason: "StartError", Message: err.Error()}
	}
	started := metav1.Now()
	running, err := process.Start(ctx, spec)
	if err != nil {
		return &corev1.ContainerStateTerminated{
			ExitCode: startError, Reason: "StartError", Message: err.Error(), StartedAt: started, FinishedAt: metav1.Now(),
		}
	}
	id := containerID(running.PID())
	r.change(ctx, func(*podState) {
		state.id = id
		state.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}
	})
	r.await(ctx, running)
	code, signal := exitOf(running.State())
	end := &corev1.ContainerStateTerminated{
		ExitCode: code, Signal: signal, Reason: "Completed", StartedAt: started, FinishedAt: metav1.Now(), ContainerID: id,
		Message: terminationMessage(c, code, r.house.terminationLog(c.Name), spec.Log),
	}
	if code != 0 {
		end.Reason = "Error"
	}
	return end
}

// containerID names the process, so that a test (or a person) can find it.
func containerID(pid int) string { return fmt.Sprintf("process://%d", pid) }

// await waits until the process has ended, by itself or because the Pod does.
func (r *podRun) await(ctx context.Context, running *process.Process) {
	select {
	case <-running.Done():
		return
	case <-ctx.Done():
	}
	stopped := make(chan struct{})
	defer close(stopped)
	go func() {
		select {
		case <-r.gone:
			running.Kill()
		case <-stopped:
		}
	}()
	if err := running.StopWithin(r.grace(context.Cause(ctx))); err != nil {
		r.node.log.Warn("A container had to be killed", "pod", r.pod.Namespace+"/"+r.pod.Name, "err", err)
	}
}

// grace is how long containers may take to end, by the reason why they have to.
func (r *podRun) grace(cause error) time.Duration {
	own := shutdownGrace
	if seconds := r.pod.Spec.TerminationGracePeriodSeconds; seconds != nil {
		own = time.Duration(*seconds) * time.Second
	}
	if asked, isDeleted := errors.AsType[deleted](cause); isDeleted {
		return asked.grace
	}
	if errors.Is(cause, errDeadline) {
		return own
	}
	return min(own, shutdownGrace)
}

// exitOf gives a container's exit code: that of the process, or 128 and the signal that ended it.
func exitOf(state *os.ProcessState) (code, signal int32) {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		signal := int32(status.Signal())
		return 128 + signal, signal
	}
	return int32(state.ExitCode()), 0
}

// terminationMessage is what the container wrote for it or, where it asks for that and failed, the end of its log.
func terminationMessage(c *corev1.Container, code int32, path, log string) string {
	message := process.Tail(path, messageBytes)
	if message != "" || code == 0 || c.TerminationMessagePolicy != corev1.TerminationMessageFallbackToLogsOnError {
		return message
	}
	lines := strings.SplitAfter(process.Tail(log, messageBytes), "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	return strings.Join(lines[max(0, len(lines)-messageLines):], "")
}

// log is the file of a container's log, one for each time it is started.
func (r *podRun) log(container string, restarts int32) string {
	return filepath.Join(r.logs(), fmt.Sprintf("%s.%d.log", container, restarts))
}
