// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/clitest"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var (
	env    *testenv.Env
	update = flag.Bool("update", false, "write what the commands print into testdata")

	available = metav1.NewTime(time.Date(2026, time.October, 5, 10, 0, 0, 0, time.UTC))
	now       = available.AddDate(0, 0, 5)
)

// TestMain starts an API server with the fixture, which no test changes. Statuses are what the controllers would have written.
func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Options{
		CRDs:      []string{"config/crd"},
		Manifests: []string{"config/namespace", "config/gateway/configmap.yaml", "config/rbac/users.yaml", "internal/cli/testdata/fixture.yaml"},
		Started:   writeStatuses,
	}, &env)
}

func writeStatuses(ctx context.Context, env *testenv.Env) error {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return err
	}
	c, err := client.New(env.Config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	for _, name := range []string{"q3-review", "all-hands", "case"} {
		var r v1alpha1.MeetingRecording
		if err := c.Get(ctx, types.NamespacedName{Namespace: "finance", Name: name}, &r); err != nil {
			return err
		}
		r.Status.AvailableAt = available
		if r.Spec.State == v1alpha1.StateTrashed {
			r.Status.TrashedAt = available
		}
		if err := c.Status().Update(ctx, &r); err != nil {
			return err
		}
	}
	for name, reason := range map[string]string{"dave-watches": v1alpha1.ReasonGranted, "auditors": v1alpha1.ReasonForbiddenByPolicy} {
		var g v1alpha1.AccessGrant
		if err := c.Get(ctx, types.NamespacedName{Namespace: "finance", Name: name}, &g); err != nil {
			return err
		}
		ready := metav1.Condition{
			Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, ObservedGeneration: g.Generation, LastTransitionTime: available,
		}
		if reason == v1alpha1.ReasonGranted {
			ready.Status = metav1.ConditionTrue
			g.Status.PasswordHash = "$argon2id$"
		}
		g.Status.Conditions = []metav1.Condition{ready}
		if err := c.Status().Update(ctx, &g); err != nil {
			return err
		}
	}
	return nil
}

// run runs the plugin against the API server, and returns what it prints and its exit code.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return clitest.Run(t, env.Kubeconfig, now, stdin, args...)
}

// golden compares with a file of testdata; with -update it writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run `go test ./internal/cli -update` and read what it has written", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is another (-want +got):\n%s", path, diff)
	}
}
