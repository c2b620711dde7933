// SPDX-License-Identifier: Apache-2.0

//go:build unix

package process_test

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

func TestStart(t *testing.T) {
	t.Parallel()
	notYet := func(context.Context) error { return errors.New("the flux is not up") }
	cases := map[string]struct {
		script  string
		ready   func(context.Context) error
		wantErr []string
	}{
		"a process without a readiness check is ready at once": {script: "sleep 600"},
		"a process that ends too early fails with its last words": {
			script: "echo no such flag >&2; exit 3", ready: notYet,
			wantErr: []string{"under test ended before it was ready", "exit status 3", "no such flag"},
		},
		"a process that is never ready fails with what was missing": {
			script: "echo thinking; sleep 600", ready: notYet,
			wantErr: []string{"under test was not ready within 300ms", "the flux is not up", "thinking"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := process.Start(t.Context(), process.Spec{
				Name: "under test", Path: "/bin/sh", Args: []string{"-c", tc.script},
				Log: filepath.Join(t.TempDir(), "log"), Ready: tc.ready, ReadyTimeout: 300 * time.Millisecond,
			})
			if tc.wantErr == nil {
				if err != nil {
					t.Fatalf("Start: %v", err)
				}
				p.Kill()
				return
			}
			for _, want := range tc.wantErr {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Start: error %v does not say %q", err, want)
				}
			}
		})
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script    string
		wantForce bool
	}{
		"a process that obeys ends by itself":    {script: "echo up; exec sleep 600"},
		"a process that does not obey is killed": {script: "trap '' TERM; echo up; while :; do sleep 600; done", wantForce: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			p, err := process.Start(t.Context(), process.Spec{
				Name: "under test", Path: "/bin/sh", Args: []string{"-c", tc.script}, Log: log, Grace: 200 * time.Millisecond,
				Ready: func(context.Context) error {
					if process.Tail(log, 10) == "" {
						return errors.New("it has said nothing yet")
					}
					return nil
				},
			})
			if err != nil {
				t.Fatalf("Start: %v", err)
			}
			if p.State() != nil {
				t.Error("State: not nil while the process runs")
			}
			if err := p.Stop(); (err != nil) != tc.wantForce {
				t.Errorf("Stop: error %v, want force used: %t", err, tc.wantForce)
			}
			if err := p.Stop(); err != nil {
				t.Errorf("second Stop: %v", err)
			}
			if p.State() == nil {
				t.Error("State: nil after the process has ended")
			}
		})
	}
}

func TestWaitTellsTheExitCode(t *testing.T) {
	p, err := process.Start(t.Context(), process.Spec{Name: "under test", Path: "/bin/sh", Args: []string{"-c", "exit 7"}})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	if failed, ok := errors.AsType[*exec.ExitError](p.Wait()); !ok || failed.ExitCode() != 7 {
		t.Errorf("Wait: %v, want exit status 7", p.Wait())
	}
}
