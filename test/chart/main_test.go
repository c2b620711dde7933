// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package chart tests what users install: the Helm chart, put on a real API server by real Helm; the kustomizations in
// config/, which say the same; what the objects in them let everybody do; and the samples.
package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

const (
	chartDir  = "../../charts/reelkeeper"
	configDir = "../../config"
	values    = "testdata/values.yaml"
	helm      = "../../bin/helm"

	operatorNamespace = "reelkeeper-system"
	manager           = "system:serviceaccount:reelkeeper-system:reelkeeper-manager"
	gateway           = "system:serviceaccount:reelkeeper-system:reelkeeper-gateway"
	worker            = "system:serviceaccount:reelkeeper-system:reelkeeper-worker"

	// mutatingPolicies is what `helm template` has to be told of, because it asks no server.
	mutatingPolicies = "--api-versions=admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
)

var (
	env     *testenv.Env
	scheme  = runtime.NewScheme()
	install = sync.OnceValue(installChart)
)

func TestMain(m *testing.M) {
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		panic(err)
	}
	log.SetLogger(logr.Discard())
	testenv.Main(m, testenv.Options{}, &env)
}

// installed makes sure that the chart is on the tests' API server, and that its admission policies are at work.
func installed(t *testing.T) {
	t.Helper()
	if err := install(); err != nil {
		t.Fatal(err)
	}
}

func installChart() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := makeOperatorNamespace(ctx, env); err != nil {
		return err
	}
	if _, err := env.RunKubectl(ctx, "create", "namespace", tenant); err != nil {
		return err
	}
	if _, err := helmInstall(ctx, env); err != nil {
		return err
	}
	return waitForPolicies(ctx)
}

// helmInstall installs the chart with the tests' values and further arguments, and returns its notes. The CRDs are
// established then, but it can take another moment until they are served.
func helmInstall(ctx context.Context, on *testenv.Env, args ...string) (string, error) {
	args = append([]string{"install", "reelkeeper", chartDir, "--namespace", operatorNamespace, "--values", values}, args...)
	notes, err := runHelm(ctx, on, args...)
	if err != nil {
		return "", err
	}
	_, err = on.RunKubectl(ctx, "wait", "--for=condition=Established", "--timeout=1m", "crd", "--all")
	return notes, err
}

func makeOperatorNamespace(ctx context.Context, on *testenv.Env) error {
	_, err := on.RunKubectl(ctx, "apply", "--server-side", "--kustomize", configDir+"/namespace")
	return err
}

// waitForPolicies returns when the API server has taken up the policies, which it does some moments after they are made.
func waitForPolicies(ctx context.Context) error {
	admin, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	forged := auditEvent("default")
	seen := recording("default", "probe")
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		made := seen.DeepCopy()
		mutated := admin.Create(ctx, made, client.DryRunAll)
		refusal := admin.Create(ctx, forged.DeepCopy(), client.DryRunAll)
		return mutated == nil && len(made.Finalizers) > 0 && apierrors.IsForbidden(refusal), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the admission policies to be at work: %w", err)
	}
	return nil
}

// runHelm runs Helm against a control plane as its administrator.
func runHelm(ctx context.Context, on *testenv.Env, args ...string) (string, error) {
	if _, err := os.Stat(helm); err != nil {
		return "", fmt.Errorf("helm is missing: run `make bin/helm`: %w", err)
	}
	home, err := os.MkdirTemp("", "reelkeeper-helm-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	cmd := exec.CommandContext(ctx, helm, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+on.Kubeconfig, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("helm %v: %w: %s", args, err, stderr.String())
	}
	return stdout.String(), nil
}

// rendered is what the chart makes of the tests' values and further arguments.
func rendered(t *testing.T, args ...string) []*unstructured.Unstructured {
	t.Helper()
	out, err := runHelm(t.Context(), env, append([]string{"template", "reelkeeper", chartDir, "--namespace", operatorNamespace, "--values", values}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, out)
}

// kustomized is what a kustomization in config/ is made of.
func kustomized(t *testing.T, dir string) []*unstructured.Unstructured {
	t.Helper()
	return decode(t, env.Kubectl(t, "kustomize", filepath.Join(configDir, dir)))
}

func decode(t *testing.T, documents string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewBufferString(documents), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if err != nil && err.Error() == "EOF" {
			return objects
		}
		if err != nil {
			t.Fatalf("decoding what was rendered: %v", err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// as is a client with the rights of somebody else.
func as(t *testing.T, user string, groups ...string) client.Client {
	t.Helper()
	return env.As(t, scheme, user, groups...)
}
