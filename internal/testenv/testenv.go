// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package testenv gives tests a real Kubernetes control plane.
//
// A package's tests share one, which starts in seconds, and keep apart by namespace, so that they can run in parallel:
//
//	var env *testenv.Env
//
//	func TestMain(m *testing.M) {
//		testenv.Main(m, testenv.Options{CRDs: []string{"config/crd/bases"}}, &env)
//	}
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		namespace := env.Namespace(t)
//		c := env.Client(t, scheme)
//		…
//	}
//
// The binaries have to be there: `make controlplane` builds them, or KUBEBUILDER_ASSETS names a directory with them.
// Nothing that is started outlives the test binary, whichever way that ends (see package process). For programs other
// than tests there is package controlplane.
package testenv

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

// startTimeout bounds the start of everything, on a machine that is busy with other packages' tests too.
const startTimeout = 3 * time.Minute

// Options say what the tests need. Paths are relative to the repository's top directory.
type Options struct {
	controlplane.Options

	// CRDs are files, or directories of files, with CustomResourceDefinitions. They are served when the start returns.
	CRDs []string
	// Manifests are files, directories of files or kustomizations, that are applied afterwards, in this order. Admission
	// policies among them take effect only some moments later.
	Manifests []string
	// Started is called when the control plane is up and everything is applied, before the first test. It starts what the
	// tests need besides, such as a development node, in goroutines that end with ctx, which ends after the last test.
	Started func(ctx context.Context, env *Env) error
}

// Env is a running control plane with what tests do with it. Its methods can be called from any goroutine.
type Env struct {
	*controlplane.ControlPlane

	controllers bool
	end         context.CancelFunc // ends what Options.Started began
}

// stop ends everything at once: nobody will need this control plane's data.
func (e *Env) stop() {
	e.end()
	e.Kill()
}

// Main runs the tests of a package with one control plane that they share, and ends the program. It belongs into
// TestMain; env is set before the first test runs.
func Main(m *testing.M, options Options, env **Env) {
	started, err := start(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	*env = started
	code := m.Run()
	started.stop()
	os.Exit(code)
}

// Start starts a control plane for one test alone, and stops it with the test. Prefer Main: a start takes seconds.
func Start(tb testing.TB, options Options) *Env {
	tb.Helper()
	env, err := start(options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(env.stop)
	return env
}

func start(options Options) (*Env, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	dir, err := process.TempDir("reelkeeper-test-")
	if err != nil {
		return nil, err
	}
	plane, err := controlplane.Start(ctx, dir, options.Options)
	if err != nil {
		return nil, fmt.Errorf("starting the control plane: %w", err)
	}
	life, end := context.WithCancel(context.Background())
	env := &Env{ControlPlane: plane, controllers: options.ControllerManager, end: end}
	err = env.install(ctx, options)
	if err == nil && options.Started != nil {
		err = options.Started(life, env)
	}
	if err != nil {
		env.stop()
		return nil, err
	}
	return env, nil
}

func (e *Env) install(ctx context.Context, options Options) error {
	root, err := controlplane.Root()
	if err != nil {
		return err
	}
	if len(options.CRDs) > 0 {
		var paths []string
		for _, path := range options.CRDs {
			paths = append(paths, inside(root, path))
		}
		kinds, err := envtest.InstallCRDs(e.Config, envtest.CRDInstallOptions{
			Paths: paths, ErrorIfPathMissing: true, MaxTime: time.Minute,
		})
		if err != nil {
			return fmt.Errorf("installing CRDs from %v (`make manifests` generates them): %w", options.CRDs, err)
		}
		if err := e.awaitSchemas(ctx, kinds); err != nil {
			return err
		}
	}
	for _, path := range options.Manifests {
		if err := e.apply(ctx, inside(root, path)); err != nil {
			return err
		}
	}
	return controlplane.AwaitAdmission(ctx, e.Config)
}

// awaitSchemas waits until the API server publishes the schemas of all kinds: that comes a little later than each kind's being
// served, and `kubectl explain` and the admission policies that change objects go by them.
func (e *Env) awaitSchemas(ctx context.Context, kinds []*apiextensionsv1.CustomResourceDefinition) error {
	api, err := discovery.NewDiscoveryClientForConfig(e.Config)
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		paths, err := api.OpenAPIV3().Paths()
		if err != nil {
			return false, nil //nolint:nilerr // asked again until the time is up
		}
		return !slices.ContainsFunc(kinds, func(kind *apiextensionsv1.CustomResourceDefinition) bool {
			published, found := paths["apis/"+kind.Spec.Group+"/"+kind.Spec.Versions[0].Name]
			if !found {
				return true
			}
			schemas, err := published.Schema(runtime.ContentTypeJSON)
			return err != nil || !bytes.Contains(schemas, []byte(`"kind":"`+kind.Spec.Names.Kind+`"`))
		}), nil
	})
}

// apply leaves to kubectl what it can do best: read any YAML, kustomize, and map kinds to resources.
func (e *Env) apply(ctx context.Context, path string) error {
	from := []string{"--recursive", "--filename=" + path}
	if _, err := os.Stat(filepath.Join(path, "kustomization.yaml")); err == nil {
		from = []string{"--kustomize=" + path}
	}
	_, err := e.RunKubectl(ctx, append([]string{"apply", "--server-side", "--force-conflicts"}, from...)...)
	return err
}

func inside(root, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(root, path)
}
