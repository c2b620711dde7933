// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/gatewaytest"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

// gatewayConfig writes a configuration whose identity provider nobody asks.
func gatewayConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"keys": session.NewKey(),
		"gateway.yaml": "signIn: {issuer: https://id.example.com, clientID: reelkeeper}\norganisation: {domains: [example.com]}\n" +
			"session: {keyFile: " + filepath.Join(dir, "keys") + "}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "gateway.yaml")
}

// TestGatewayRuns runs the command as a Pod would: with its ServiceAccount's token, probed, scraped and stopped.
func TestGatewayRuns(t *testing.T) {
	env := testenv.Start(t, gatewaytest.EnvOptions())
	own, kubeconfig := env.KubeconfigFor(t, gatewaytest.OperatorNamespace, "reelkeeper-gateway")
	address, metrics, toPeers := testenv.FreeAddress(t), testenv.FreeAddress(t), testenv.FreeAddress(t)
	root := newRootCommand()
	root.SetArgs([]string{"gateway",
		"--kubeconfig", kubeconfig, "--operator-namespace", gatewaytest.OperatorNamespace, "--listen-address", address,
		"--public-url", "http://localhost:8080", "--config", gatewayConfig(t), "--log-level", "error",
		"--metrics-bind-address", metrics, "--peer-bind-address", toPeers, "--pod-ip", "127.0.0.1",
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(ctx) }()

	expectStatus(t, http.DefaultClient, "http://"+address+"/healthz", "", http.StatusOK)
	expectStatus(t, http.DefaultClient, "http://"+address+"/readyz", "", http.StatusOK)
	expectStatus(t, http.DefaultClient, "http://"+address+"/", "", http.StatusOK)
	expectProtectedMetrics(t, env, metrics, own.BearerToken)
	if stranger, err := tls.Dial("tcp", toPeers, &tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Errorf("nobody answers at the port for other replicas: %v", err)
	} else if _, err := stranger.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("the port for other replicas turns a stranger away with %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
}

func TestGatewayFlagsSayWhatIsMissing(t *testing.T) {
	cases := map[string]struct {
		args []string
		want string
	}{
		"no configuration":             {[]string{"--public-url", "https://a.example", "--operator-namespace", "x"}, "--config is missing"},
		"no address":                   {[]string{"--config", "x", "--operator-namespace", "x"}, "--public-url is missing"},
		"no namespace":                 {[]string{"--config", "x", "--public-url", "https://a.example"}, "--operator-namespace is missing"},
		"a certificate without a key":  {[]string{"--tls-cert", "x"}, "--tls-cert and --tls-key belong together"},
		"no address for replicas":      {[]string{"--peer-bind-address", ":8444"}, "set POD_IP from status.podIP"},
		"a file that does not exist":   {[]string{"--config", "/absent", "--public-url", "https://a.example", "--operator-namespace", "x"}, "read the gateway's configuration"},
		"a subcommand that is unknown": {[]string{"serve"}, "unknown command"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("POD_NAMESPACE", "")
			t.Setenv("POD_IP", "")
			root := newRootCommand()
			root.SetArgs(append([]string{"gateway"}, tc.args...))
			err := root.ExecuteContext(t.Context())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
