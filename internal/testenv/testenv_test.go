// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	if os.Getenv(ownerVariable) != "" {
		playOwner()
	}
	testenv.Main(m, testenv.Options{
		Options:   controlplane.Options{ControllerManager: true, AuditPolicy: controlplane.AuditWrites},
		CRDs:      []string{"internal/testenv/testdata/crd.yaml"},
		Manifests: []string{"internal/testenv/testdata/policies.yaml", "internal/testenv/testdata/kustomized"},
	}, &env)
}

func TestServerReportsItsVersion(t *testing.T) {
	version, err := env.Clientset(t).Discovery().ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.GitVersion == "v0.0.0" || !strings.HasPrefix(version.GitVersion, "v1.") {
		t.Errorf("version %q: built without its version, see hack/controlplane/build.sh", version.GitVersion)
	}
}

func TestServiceAccountHasTheRightsThatRBACGivesIt(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	config, kubeconfig := env.KubeconfigFor(t, namespace, "worker")
	worker, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := worker.CoreV1().Secrets(namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Fatalf("listing Secrets without a Role: %v, want it forbidden", err)
	}
	env.Kubectl(t, "-n", namespace, "create", "role", "reader", "--verb=list", "--resource=secrets")
	env.Kubectl(t, "-n", namespace, "create", "rolebinding", "reader", "--role=reader", "--serviceaccount="+namespace+":worker")
	eventually(t, "the Role takes effect", func(ctx context.Context) bool {
		_, err := worker.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{})
		return err == nil
	})
	if who := env.Kubectl(t, "--kubeconfig="+kubeconfig, "auth", "whoami"); !strings.Contains(who, "system:serviceaccount:"+namespace+":worker") {
		t.Errorf("the kubeconfig file signs in as somebody else:\n%s", who)
	}
}

func TestControllersWork(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	c := env.Client(t, nil)
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "job", Namespace: namespace},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "main", Image: "none"}},
		}}},
	}
	if err := c.Create(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	pods := func(ctx context.Context) int {
		var list corev1.PodList
		if err := c.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			t.Errorf("listing Pods: %v", err)
		}
		return len(list.Items)
	}
	eventually(t, "the Job has a Pod", func(ctx context.Context) bool { return pods(ctx) == 1 })
	if err := c.Delete(t.Context(), job, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Pod is collected with its Job", func(ctx context.Context) bool { return pods(ctx) == 0 })
	env.Kubectl(t, "delete", "namespace", namespace, "--wait", "--timeout=60s")
}

func TestAdmissionPoliciesWork(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	maps := env.Clientset(t).CoreV1().ConfigMaps(namespace)
	marked := map[string]string{"reelkeeper.io/testenv": "policy"}
	eventually(t, "the ValidatingAdmissionPolicy refuses", func(ctx context.Context) bool {
		wrong := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "refused", Labels: marked}, Data: map[string]string{"refuse": "me"}}
		_, err := maps.Create(ctx, wrong, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil && strings.Contains(err.Error(), "refused by the test's policy")
	})
	eventually(t, "the MutatingAdmissionPolicy changes", func(ctx context.Context) bool {
		plain := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "changed", Labels: marked}}
		changed, err := maps.Create(ctx, plain, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err == nil && changed.Data["added"] == "by the test's policy"
	})
}

func TestManifestsAreApplied(t *testing.T) {
	t.Parallel()
	if got := env.Kubectl(t, "get", "configmap", "kustomized", "-n", "default", "-o", "jsonpath={.data.from}"); got != "kustomize" {
		t.Errorf("the kustomization's ConfigMap says %q, want %q", got, "kustomize")
	}
	if got := env.Kubectl(t, "get", "reels.testenv.reelkeeper.io", "-A"); got != "" {
		t.Errorf("the CRD's kind lists %q, want nothing", got)
	}
}

// Not in parallel: the test above wants none of the kind.
func TestLoadedObjectsAreServedAndWatched(t *testing.T) {
	namespace, c := env.Namespace(t), env.Client(t, runtime.NewScheme())
	kind := schema.GroupVersionKind{Group: "testenv.reelkeeper.io", Version: "v1", Kind: "Reel"}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind)
	const n = 250
	err := env.Load(t.Context(), runtime.NewScheme(), n, func(i int) client.Object {
		reel := &unstructured.Unstructured{}
		reel.SetGroupVersionKind(kind)
		reel.SetNamespace(namespace)
		reel.SetName(fmt.Sprintf("reel-%03d", i))
		reel.SetUID(uuid.NewUUID())
		return reel
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the API server's cache has all that was loaded", func(ctx context.Context) bool {
		err := c.List(ctx, list, client.InNamespace(namespace), &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}})
		return err == nil && len(list.Items) == n
	})
	if got, want := list.Items[n-1].GetName(), "reel-249"; got != want {
		t.Errorf("the last is %s, want %s", got, want)
	}
	if _, err := strconv.ParseUint(list.Items[0].GetResourceVersion(), 10, 64); err != nil {
		t.Errorf("a loaded object has no version: %v", err)
	}
	if err := c.DeleteAllOf(t.Context(), &list.Items[0], client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
}

func TestAuditLogCountsWrites(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	env.Kubectl(t, "-n", namespace, "create", "configmap", "counted")
	env.Kubectl(t, "-n", namespace, "get", "configmap", "counted")
	env.Kubectl(t, "-n", namespace, "label", "configmap", "counted", "a=b")
	events, err := controlplane.ReadAudit(env.AuditLog)
	if err != nil {
		t.Fatal(err)
	}
	var verbs []string
	for _, event := range events {
		if event.ObjectRef != nil && event.ObjectRef.Namespace == namespace && event.ObjectRef.Name == "counted" {
			verbs = append(verbs, event.Verb)
		}
	}
	if want := []string{"create", "patch"}; !slices.Equal(verbs, want) {
		t.Errorf("audited verbs %q, want %q", verbs, want)
	}
}

func eventually(t *testing.T, what string, holds func(context.Context) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		return holds(ctx), nil
	})
	if err != nil {
		t.Fatalf("waited in vain until %s: %v", what, err)
	}
}
