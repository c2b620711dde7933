// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

// TestKubectlRunsThePlugin builds the program, and lets kubectl find, run and complete it.
func TestKubectlRunsThePlugin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root, err := controlplane.Root()
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-ldflags", "-X main.version=v1.2.3", "-o", dir, "./cmd/kubectl-reelkeeper")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	script, _, _ := run(t, "", "completion", "kubectl")
	if err := os.WriteFile(filepath.Join(dir, "kubectl_complete-reelkeeper"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	kubectl := func(args ...string) (string, int) {
		cmd := exec.Command(env.Binaries.Kubectl, args...)
		// Not our own PATH: there may be another build of the plugin on it, of which kubectl would warn.
		cmd.Env = append(os.Environ(), "KUBECONFIG="+env.Kubeconfig, "PATH="+dir+":/usr/bin:/bin")
		out, err := cmd.CombinedOutput()
		if _, exited := err.(*exec.ExitError); err != nil && !exited { //nolint:errorlint // cmd.CombinedOutput wraps nothing
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	cases := []struct {
		args     []string
		want     string
		wantCode int
	}{
		{[]string{"plugin", "list"}, "kubectl-reelkeeper", 0},
		{[]string{"reelkeeper", "version"}, "v1.2.3", 0},
		{[]string{"reelkeeper", "--help"}, "kubectl reelkeeper explain finance/q3-review", 0},
		{[]string{"reelkeeper", "explain", "finance/q3-review"}, "Decided by ExpireAfter", 0},
		{[]string{"reelkeeper", "can", "carol@example.com", "Download", "finance/q3-review"}, "DENIED", 1},
		{[]string{"reelkeeper", "explain", "finance/none"}, "Error: there is no MeetingRecording", 2},
		{[]string{"__complete", "reelkeeper", "explain", ""}, "finance/q3-review", 0},
	}
	for _, tc := range cases {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			out, code := kubectl(tc.args...)
			if !strings.Contains(out, tc.want) || code != tc.wantCode {
				t.Errorf("exit code %d, want %d; %q is not in: %s", code, tc.wantCode, tc.want, out)
			}
		})
	}
}
