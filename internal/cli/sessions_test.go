// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
)

// operatorsLedger is what the gateway reads.
func operatorsLedger(t *testing.T) *ended.Ledger {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	direct, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &ended.Ledger{Namespace: "reelkeeper-system", Reader: direct, Writer: direct}
}

// TestAnAdministratorEndsSessions runs the command as somebody with the role for it, by a clock that is wrong by weeks.
func TestAnAdministratorEndsSessions(t *testing.T) {
	t.Parallel()
	_, kubeconfig := env.KubeconfigFor(t, "reelkeeper-system", "helpdesk")
	if _, errs, code := run(t, "", "sessions", "end", "--user", "alice@example.com", "--kubeconfig", kubeconfig); code != cli.ExitError || !strings.Contains(errs, "forbidden") {
		t.Fatalf("without any right: exit code %d, %s", code, errs)
	}
	env.Kubectl(t, "create", "rolebinding", "helpdesk", "-n", "reelkeeper-system", "--clusterrole=reelkeeper-sessions", "--serviceaccount=reelkeeper-system:helpdesk")
	began := time.Now()
	out, errs, code := run(t, "", "sessions", "end", "--user", "Alice@Example.com", "--kubeconfig", kubeconfig)
	if code != cli.ExitYes {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	golden(t, "sessions-end.txt", out)
	out, errs, code = run(t, "", "sessions", "end", "--user", "bob@example.com", "--issuer", "https://id.example.com", "--kubeconfig", kubeconfig)
	if code != cli.ExitYes {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	golden(t, "sessions-end-issuer.txt", out)

	ledger := operatorsLedger(t)
	for name, tc := range map[string]struct {
		began time.Time
		name  ended.Name
		want  bool
	}{
		"of before":                           {began, ended.Address("alice@example.com", ""), true},
		"of after":                            {time.Now().Add(2 * time.Second), ended.Address("alice@example.com", ""), false},
		"of somebody else":                    {began, ended.Address("carol@example.com", ""), false},
		"through the provider that was named": {began, ended.Address("bob@example.com", "https://id.example.com"), true},
		"through another than the one that was named": {began, ended.Address("bob@example.com", ""), false},
	} {
		if over, err := ledger.Over(t.Context(), tc.began, tc.name); err != nil || over != tc.want {
			t.Errorf("a session %s is over: %v, %v; want %v", name, over, err, tc.want)
		}
	}
}
