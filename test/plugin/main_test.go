// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"bytes"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Options{CRDs: []string{"config/crd"}}, &env)
}

// run runs the plugin against the API server, and returns what it prints and its exit code.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Run(t.Context(), cli.Environment{
		In: strings.NewReader(stdin), Out: &out, Err: &errs, Clock: clocktesting.NewFakePassiveClock(now), Version: "v0.0.0-test",
	}, append([]string{"--kubeconfig", env.Kubeconfig}, args...))
	return out.String(), errs.String(), code
}

// now is when the tests say that they run.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
