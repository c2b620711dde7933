// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"testing"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

// env is the control plane of all tests but those that lose theirs.
var env *testenv.Env

// options are what every control plane is started with: all that is shipped, and the controllers that empty namespaces.
func options() testenv.Options {
	return testenv.Options{
		Options:   controlplane.Options{ControllerManager: true},
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/rbac", "config/admission"},
	}
}

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Main(m, options(), &env)
}
