// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

// TestManagerRuns runs the command as a Pod would: with its ServiceAccount's token, electing itself, probed, scraped and stopped.
func TestManagerRuns(t *testing.T) {
	env := testenv.Start(t, kubetest.Options())
	config, kubeconfig := env.KubeconfigFor(t, kubetest.OperatorNamespace, "reelkeeper-manager")
	health, metrics := testenv.FreeAddress(t), testenv.FreeAddress(t)

	root := newRootCommand()
	root.SetArgs([]string{"manager",
		"--kubeconfig", kubeconfig, "--operator-namespace", kubetest.OperatorNamespace,
		"--gateway-url", "https://recordings.example.com", "--worker-image", "reelkeeper:test",
		"--health-probe-bind-address", health, "--metrics-bind-address", metrics, "--log-level", "error",
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()

	expectStatus(t, http.DefaultClient, "http://"+health+"/readyz", "", http.StatusOK)
	expectStatus(t, http.DefaultClient, "http://"+health+"/healthz", "", http.StatusOK)
	expectProtectedMetrics(t, env, metrics, config.BearerToken)

	lease := &coordinationv1.Lease{}
	admin, key := env.Client(t, kube.Scheme()), client.ObjectKey{Namespace: kubetest.OperatorNamespace, Name: "manager.reelkeeper.io"}
	poll(t, "the lease to be taken", func() error {
		err := admin.Get(t.Context(), key, lease)
		if err == nil && (lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "") {
			return errors.New("nobody holds it")
		}
		return err
	})
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the manager ended with %v", err)
	}
	if err := admin.Get(t.Context(), key, lease); err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity != "" {
		t.Errorf("the lease was not given back: %v, %v", lease.Spec.HolderIdentity, err)
	}
}

// expectProtectedMetrics expects metrics over TLS, to those alone who may get them: not to the component itself.
func expectProtectedMetrics(t *testing.T, env *testenv.Env, address, ownToken string) {
	t.Helper()
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // their certificate is made up at the start
	expectStatus(t, web, "https://"+address+"/metrics", "", http.StatusUnauthorized)
	expectStatus(t, web, "https://"+address+"/metrics", ownToken, http.StatusForbidden)
	env.Kubectl(t, "create", "clusterrole", "scrape", "--verb", "get", "--non-resource-url", "/metrics")
	env.Kubectl(t, "create", "clusterrolebinding", "scrape", "--clusterrole", "scrape", "--serviceaccount", "default:prometheus")
	scraper, _ := env.KubeconfigFor(t, "default", "prometheus")
	expectStatus(t, web, "https://"+address+"/metrics", scraper.BearerToken, http.StatusOK)
}

func expectStatus(t *testing.T, web *http.Client, url, token string, want int) {
	t.Helper()
	poll(t, fmt.Sprintf("%s to answer %d", url, want), func() error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := web.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != want {
			return fmt.Errorf("it answered %s", response.Status)
		}
		return nil
	})
}

func poll(t *testing.T, what string, try func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = try()
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("waiting for %s: %v", what, last)
	}
}
