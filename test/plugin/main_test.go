// SPDX-License-Identifier: Apache-2.0

package plugin

import (
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/cli/clitest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Options{CRDs: []string{"config/crd"}}, &env)
}

// run runs the plugin against the API server, and returns what it prints and its exit code.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return clitest.Run(t, env.Kubeconfig, now, stdin, args...)
}

// now is when the tests say that they run.
var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
