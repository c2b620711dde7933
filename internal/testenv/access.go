// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

const (
	// tokenSeconds is how long tokens from KubeconfigFor last: longer than any test.
	tokenSeconds = 2 * 60 * 60

	// cleanupTimeout bounds the request that deletes a test's namespace.
	cleanupTimeout = 10 * time.Second

	// serviceAccountInterval is how often a new namespace's ServiceAccount is looked for. It takes a few of these.
	serviceAccountInterval = 20 * time.Millisecond
)

// Client is a cluster administrator's client, without a cache. A nil scheme means Kubernetes' own kinds.
func (e *Env) Client(tb testing.TB, scheme *runtime.Scheme) client.Client {
	tb.Helper()
	return newClient(tb, e.Config, scheme)
}

// As is the client of somebody else, by their name and groups.
func (e *Env) As(tb testing.TB, scheme *runtime.Scheme, user string, groups ...string) client.Client {
	tb.Helper()
	config := rest.CopyConfig(e.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: groups}
	return newClient(tb, config, scheme)
}

func newClient(tb testing.TB, config *rest.Config, scheme *runtime.Scheme) client.Client {
	tb.Helper()
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		tb.Fatalf("making a client: %v", err)
	}
	return c
}

// Clientset is the same access with client-go's interface.
func (e *Env) Clientset(tb testing.TB) *kubernetes.Clientset {
	tb.Helper()
	clientset, err := kubernetes.NewForConfig(e.Config)
	if err != nil {
		tb.Fatalf("making the administrator's clientset: %v", err)
	}
	return clientset
}

// Namespace makes a namespace of the test's own, with the labels given as "key=value", and has it deleted after the test,
// without waiting for that. Where controllers run, its ServiceAccount "default" exists, so that Pods can be made in it.
func (e *Env) Namespace(tb testing.TB, labels ...string) string {
	tb.Helper()
	clientset := e.Clientset(tb)
	wanted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: namespacePrefix(tb.Name()), Labels: parseLabels(tb, labels)}}
	namespace, err := clientset.CoreV1().Namespaces().Create(tb.Context(), wanted, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("creating a namespace: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), cleanupTimeout)
		defer cancel()
		err := clientset.CoreV1().Namespaces().Delete(ctx, namespace.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			tb.Errorf("deleting namespace %s: %v", namespace.Name, err)
		}
	})
	if e.controllers {
		waitForServiceAccount(tb, clientset, namespace.Name)
	}
	return namespace.Name
}

func waitForServiceAccount(tb testing.TB, clientset *kubernetes.Clientset, namespace string) {
	tb.Helper()
	err := wait.PollUntilContextTimeout(tb.Context(), serviceAccountInterval, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := clientset.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, client.IgnoreNotFound(err)
	})
	if err != nil {
		tb.Fatalf("waiting for the ServiceAccount of namespace %s (kube-controller-manager makes it): %v", namespace, err)
	}
}

// KubeconfigFor gives the access that a ServiceAccount has, by a token that the API server issued for it, as
// configuration and as a kubeconfig file. The ServiceAccount is made if it does not exist; it has the rights that the
// test's RBAC objects give it, and no others.
func (e *Env) KubeconfigFor(tb testing.TB, namespace, serviceAccount string) (*rest.Config, string) {
	tb.Helper()
	accounts := e.Clientset(tb).CoreV1().ServiceAccounts(namespace)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: serviceAccount}}
	if _, err := accounts.Create(tb.Context(), account, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		tb.Fatalf("creating ServiceAccount %s/%s: %v", namespace, serviceAccount, err)
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenSeconds))}}
	granted, err := accounts.CreateToken(tb.Context(), serviceAccount, request, metav1.CreateOptions{})
	if err != nil {
		tb.Fatalf("requesting a token for ServiceAccount %s/%s: %v", namespace, serviceAccount, err)
	}
	config := rest.AnonymousClientConfig(e.Config)
	config.BearerToken = granted.Status.Token
	path := filepath.Join(tb.TempDir(), serviceAccount+".kubeconfig")
	if err := controlplane.WriteKubeconfig(path, config, namespace); err != nil {
		tb.Fatal(err)
	}
	return config, path
}

// Kubectl runs kubectl as a cluster administrator and returns its standard output. The test ends if it fails.
func (e *Env) Kubectl(tb testing.TB, args ...string) string {
	tb.Helper()
	out, err := e.RunKubectl(tb.Context(), args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// RunKubectl is Kubectl for where a failure is expected: its error carries what kubectl wrote to standard error.
func (e *Env) RunKubectl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, e.Binaries.Kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+e.Kubeconfig)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// namespacePrefix turns a test's name into the beginning of a namespace's, so that a log can be read.
func namespacePrefix(test string) string {
	const room = 50 // of 63, the rest being the random end
	words := strings.FieldsFunc(strings.ToLower(test), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	prefix := "t-" + strings.Join(words, "-")
	return strings.TrimRight(prefix[:min(len(prefix), room)], "-") + "-"
}

func parseLabels(tb testing.TB, pairs []string) map[string]string {
	tb.Helper()
	labels := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			tb.Fatalf("label %q: write key=value", pair)
		}
		labels[key] = value
	}
	return labels
}
