// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/reelkeeper/reelkeeper/hack/devnode/node"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// env is a real control plane with the CRDs, the admission policies and the rights that the project ships.
var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	// What the tests and the worker put into the temporary directory goes with the test binary.
	dir, err := process.TempDir("meetingrecording-")
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Main(m, testenv.Options{
		Options:   controlplane.Options{ControllerManager: true, AuditPolicy: controlplane.AuditWrites},
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/rbac", "config/admission"},
	}, &env)
}

// operatorNamespace is the one that the shipped rights are for.
const operatorNamespace = "reelkeeper-system"

// startNode runs, from its first call on, a node that runs the real worker. It ends with the test binary.
var startNode = sync.OnceValue(func() error {
	worker, err := buildReelkeeper()
	if err != nil {
		return err
	}
	go func() {
		err := node.Run(context.Background(), env.Config, node.Options{Commands: map[string]string{"/reelkeeper": worker}})
		fmt.Fprintln(os.Stderr, "the development node ended:", err)
	}()
	return nil
})

// buildReelkeeper builds the program that is shipped, so that Jobs run what they run in a cluster.
func buildReelkeeper() (string, error) {
	dir, err := process.TempDir("reelkeeper-bin-")
	if err != nil {
		return "", err
	}
	return testenv.BuildReelkeeper(dir)
}
