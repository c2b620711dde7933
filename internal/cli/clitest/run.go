// SPDX-License-Identifier: Apache-2.0

// Package clitest runs the kubectl plugin in tests as a shell would.
package clitest

import (
	"bytes"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/cli"
)

// Run runs the plugin against the API server of a kubeconfig at a time, and returns what it prints and its exit code.
func Run(t testing.TB, kubeconfig string, now time.Time, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), cli.Environment{
		In: strings.NewReader(stdin), Out: &out, Err: &errs, Clock: clocktesting.NewFakePassiveClock(now), Version: "v0.0.0-test",
	}, append([]string{"--kubeconfig", kubeconfig}, args...))
	return out.String(), errs.String(), code
}
