// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/internal/cli"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

// TestCommands runs every command against a real API server, and compares all that it prints.
func TestCommands(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args     []string
		stdin    string
		wantFile string
		wantCode int
	}{
		"explain says where every field comes from": {
			args: []string{"explain", "finance/q3-review"}, wantFile: "explain.txt",
		},
		"R27 explain says that a hold decides": {
			args: []string{"explain", "case", "-n", "finance"}, wantFile: "explain-held.txt",
		},
		"R8 can refuses a download to who may view": {
			args: []string{"can", "carol@example.com", "download", "finance/q3-review"}, wantFile: "can-denied.txt", wantCode: cli.ExitNo,
		},
		"can allows by a grant whose link was opened": {
			args: []string{"can", "dave@example.com", "View", "finance/q3-review", "--link", "dave-watches"}, wantFile: "can-granted.txt",
		},
		"R12 can says what an outsider is told": {
			args: []string{"can", "eve@partner.example", "View", "finance/q3-review"}, wantFile: "can-outsider.txt", wantCode: cli.ExitNo,
		},
		"R17 can takes labels from flags": {
			args: []string{"can", "carol@example.com", "Download", "finance/q3-review", "--label", "manager", "-o", "json"}, wantFile: "can-manager.json",
		},
		"can --list has every recording": {
			args: []string{"can", "--list", "carol@example.com", "-A", "-o", "wide"}, wantFile: "can-list.txt",
		},
		"who-can lists who may": {
			args: []string{"who-can", "View", "finance/q3-review"}, wantFile: "who-can.txt",
		},
		"who-can -o wide lists who may not": {
			args: []string{"who-can", "Download", "finance/all-hands", "-o", "wide", "--domain", "partner.example"}, wantFile: "who-can-wide.txt",
		},
		"R4 preflight answers before the meeting": {
			args: []string{"preflight", "--meeting", "testdata/meeting.yaml", "-o", "wide"}, wantFile: "preflight.txt",
		},
		"R4 preflight reads standard input": {
			args:  []string{"preflight", "--meeting", "-", "-n", "finance"},
			stdin: "spec: {meeting: {creator: alice@example.com}}", wantFile: "preflight-stdin.txt",
		},
		"R34 posture names the object and field to change": {
			args: []string{"posture"}, wantFile: "posture.txt",
		},
		"R34 posture asks about the meetings to come of a namespace without any": {
			args: []string{"posture", "-n", "kube-public"}, wantFile: "posture-empty.txt",
		},
		"R34 posture fails a pipeline": {
			args: []string{"posture", "-o", "yaml", "--fail-on", "Low", "-n", "finance"}, wantFile: "posture.yaml", wantCode: cli.ExitNo,
		},
		"diff shows who loses what": {
			args: []string{"diff", "-f", "testdata/tighter.yaml"}, wantFile: "diff.txt", wantCode: cli.ExitNo,
		},
		"diff -o wide names people and recordings": {
			args: []string{"diff", "-f", "testdata/tighter.yaml", "-o", "wide"}, wantFile: "diff-wide.txt", wantCode: cli.ExitNo,
		},
		"diff finds nothing where nothing changes": {
			args: []string{"diff", "-f", "testdata/fixture.yaml"}, wantFile: "diff-nothing.txt",
		},
		"diff --delete shows what a policy was good for": {
			args:  []string{"diff", "-f", "-", "--delete"},
			stdin: "{apiVersion: reelkeeper.io/v1alpha1, kind: RecordingPolicy, metadata: {name: sensitive, namespace: finance}}", wantFile: "diff-delete.txt", wantCode: cli.ExitNo,
		},
		"R14 check names the policy and field that refuses a grant": {
			args: []string{"check", "-f", "testdata/grants.yaml"}, wantFile: "check.txt", wantCode: cli.ExitNo,
		},
		"check says yes to a grant that would count": {
			args: []string{"check", "-f", "-", "-n", "finance"},
			stdin: "{apiVersion: reelkeeper.io/v1alpha1, kind: AccessGrant, metadata: {name: a}, spec: {recordingRef: {name: q3-review}, " +
				"subjects: [{kind: User, name: carol@example.com}], permissions: [View], expiresAt: \"2026-10-12T00:00:00Z\"}}",
			wantFile: "check-yes.txt",
		},
		"the help of check": {
			args: []string{"check", "--help"}, wantFile: "check-help.txt",
		},
		"the help of sessions end": {
			args: []string{"sessions", "end", "--help"}, wantFile: "sessions-end-help.txt",
		},
		"completion for kubectl": {
			args: []string{"completion", "kubectl"}, wantFile: "completion-kubectl.txt",
		},
		"completion of a permission": {
			args: []string{"__complete", "can", "dave@example.com", ""}, wantFile: "complete-permission.txt",
		},
		"completion of a recording": {
			args: []string{"__complete", "explain", "fin"}, wantFile: "complete-recording.txt",
		},
		"completion of a recording in a namespace that is typed": {
			args: []string{"__complete", "explain", "-n", "default", "finance/"}, wantFile: "complete-recording.txt",
		},
		"completion of a recording in the namespace of the flags": {
			args: []string{"__complete", "explain", "-n", "finance", ""}, wantFile: "complete-recording-short.txt",
		},
		"completion of a namespace": {
			args: []string{"__complete", "explain", "-n", "fin"}, wantFile: "complete-namespace.txt",
		},
		"completion of a severity": {
			args: []string{"__complete", "posture", "--fail-on", ""}, wantFile: "complete-severity.txt",
		},
		"R4 preflight answers for a meeting that nobody is known of": {
			args:  []string{"preflight", "--meeting", "-", "-n", "finance"},
			stdin: "metadata: {labels: {reelkeeper.io/sensitivity: high}}", wantFile: "preflight-nobody.txt",
		},
		"diff of a policy that comes with its namespace says what cannot be understood": {
			args:     []string{"diff", "-f", "-"},
			stdin:    "{apiVersion: reelkeeper.io/v1alpha1, kind: RecordingPolicy, metadata: {name: a, namespace: to-come}, spec: {retention: {expireAfter: soon}}}",
			wantFile: "diff-to-come.txt",
		},
		"diff reads what kubectl get prints": {
			args: []string{"diff", "-f", "-"},
			stdin: "{apiVersion: v1, kind: List, items: [{apiVersion: reelkeeper.io/v1alpha1, kind: RecordingPolicy, metadata: {name: none, namespace: finance}, " +
				"spec: {selector: {matchLabels: {topic: none}}, watermark: Viewer}}]}",
			wantFile: "diff-list.txt",
		},
		"can takes nothing for granted of who has not signed in": {
			args: []string{"can", "", "View", "finance/q3-review", "--anonymous", "--label", "manager"}, wantFile: "can-anonymous.txt", wantCode: cli.ExitNo,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := run(t, tc.stdin, tc.args...)
			if code != tc.wantCode {
				t.Errorf("exit code %d, want %d: %s", code, tc.wantCode, errs)
			}
			golden(t, tc.wantFile, out)
		})
	}
}

// TestDiffReadsAMountedConfigMapOnce lays the file out as Kubernetes mounts it: in a hidden directory, with a link beside it.
func TestDiffReadsAMountedConfigMapOnce(t *testing.T) {
	t.Parallel()
	mounted := t.TempDir()
	content, err := os.ReadFile("testdata/tighter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { return os.Mkdir(filepath.Join(mounted, "..2026_11_22"), 0o755) },
		func() error {
			return os.WriteFile(filepath.Join(mounted, "..2026_11_22", "tighter.yaml"), content, 0o600)
		},
		func() error { return os.Symlink("..2026_11_22", filepath.Join(mounted, "..data")) },
		func() error { return os.Symlink("..data/tighter.yaml", filepath.Join(mounted, "tighter.yaml")) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, code := run(t, "", "diff", "-f", mounted)
	if code != cli.ExitNo {
		t.Errorf("exit code %d: %s", code, errs)
	}
	golden(t, "diff.txt", out)
}

// TestErrors: without an answer the code is 2, nothing is on standard output, and the error says what to do.
func TestErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args  []string
		stdin string
		want  string
	}{
		"no such recording":     {[]string{"explain", "finance/none"}, "", "kubectl get meetingrecordings -n finance"},
		"no such namespace":     {[]string{"explain", "nowhere/none"}, "", "reading the labels of namespace nowhere"},
		"no such permission":    {[]string{"can", "a@example.com", "Watch", "finance/q3-review"}, "", "use one of View, Download"},
		"no recording":          {[]string{"explain", "a/b/c"}, "", "write NAMESPACE/NAME"},
		"no such format":        {[]string{"posture", "-o", "csv"}, "", "use one of table, wide, json, yaml"},
		"no such severity":      {[]string{"posture", "--fail-on", "Bad"}, "", "use one of [High Medium Low]"},
		"nobody asks":           {[]string{"can", "", "View", "finance/q3-review"}, "", "USER is empty"},
		"a preflight nowhere":   {[]string{"preflight", "--meeting", "-", "-n", "nowhere"}, "spec: {}", "there is no such namespace"},
		"contradicting flags":   {[]string{"can", "a@x", "View", "finance/q3-review", "--internal", "--external"}, "", "contradict"},
		"too few arguments":     {[]string{"can", "a@x"}, "", "can --list USER"},
		"nobody says who is in": {[]string{"who-can", "View", "finance/q3-review", "--gateway-config", "finance/none"}, "", "--domain example.com"},
		"sessions of nobody":    {[]string{"sessions", "end"}, "", "write one, such as alice@example.com"},
		"sessions of elsewhere": {[]string{"sessions", "end", "--user", "a@example.com", "--issuer", "https://id.example.org"}, "", "use one of https://id.example.com"},
		"no meeting":            {[]string{"preflight"}, "", "--meeting is missing"},
		"not a meeting":         {[]string{"preflight", "--meeting", "testdata/tighter.yaml"}, "", "write one MeetingRecording"},
		"another kind":          {[]string{"preflight", "--meeting", "-"}, "kind: Pod", "write a MeetingRecording"},
		"a field misspelt":      {[]string{"preflight", "--meeting", "-"}, "spec: {meting: {}}", "it is no MeetingRecording"},
		"no policies":           {[]string{"diff"}, "", "-f is missing"},
		"none in the file":      {[]string{"diff", "-f", "testdata/meeting.yaml"}, "", "name the files with policies"},
		"no such file":          {[]string{"diff", "-f", "testdata/none.yaml"}, "", "testdata/none.yaml"},
		"a rule misspelt": {
			[]string{"diff", "-f", "-"}, "{apiVersion: reelkeeper.io/v1alpha1, kind: RecordingPolicy, metadata: {name: a}, spec: {retension: {}}}", "retension",
		},
		"a policy without a name": {[]string{"diff", "-f", "-"}, "{apiVersion: reelkeeper.io/v1alpha1, kind: RecordingPolicy, spec: {}}", "metadata.name"},
		"no grants":               {[]string{"check"}, "", "-f is missing"},
		"no grant in the file":    {[]string{"check", "-f", "testdata/meeting.yaml"}, "", "name the files with grants"},
		"a grant for nothing": {
			[]string{"check", "-f", "-", "-n", "finance"},
			"{apiVersion: reelkeeper.io/v1alpha1, kind: AccessGrant, metadata: {name: a}, spec: {recordingRef: {name: none}}}", "there is no MeetingRecording finance/none",
		},
		"a grant misspelt": {
			[]string{"check", "-f", "-"}, "{apiVersion: reelkeeper.io/v1alpha1, kind: AccessGrant, metadata: {name: a}, spec: {subject: []}}", "subject",
		},
		"a later version": {[]string{"diff", "-f", "-"}, "{apiVersion: reelkeeper.io/v9, kind: RecordingPolicy, metadata: {name: a}}", "understands reelkeeper.io/v1alpha1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := run(t, tc.stdin, tc.args...)
			if code != cli.ExitError || out != "" || !strings.Contains(errs, tc.want) {
				t.Errorf("exit code %d, printed %q, error %q; want %d, nothing, %q", code, out, errs, cli.ExitError, tc.want)
			}
		})
	}
}

// TestJSONAndYAMLAreTheSame: pipelines may take either.
func TestJSONAndYAMLAreTheSame(t *testing.T) {
	t.Parallel()
	cases := map[string][]string{
		"explain":    {"explain", "finance/q3-review"},
		"can":        {"can", "carol@example.com", "View", "finance/q3-review"},
		"can --list": {"can", "--list", "carol@example.com", "-A"},
		"who-can":    {"who-can", "View", "finance/q3-review"},
		"preflight":  {"preflight", "--meeting", "testdata/meeting.yaml"},
		"posture":    {"posture"},
		"diff":       {"diff", "-f", "testdata/tighter.yaml"},
		"check":      {"check", "-f", "testdata/grants.yaml"},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var fromJSON, fromYAML any
			out, _, _ := run(t, "", append(args, "-o", "json")...)
			if err := json.Unmarshal([]byte(out), &fromJSON); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			out, _, _ = run(t, "", append(args, "-o", "yaml")...)
			if err := yaml.Unmarshal([]byte(out), &fromYAML); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
				t.Errorf("(-json +yaml):\n%s", diff)
			}
		})
	}
}

// TestTheReaderNeedsNoMoreThanReading runs the plugin as somebody who may get and list, and nothing else.
func TestTheReaderNeedsNoMoreThanReading(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	_, kubeconfig := env.KubeconfigFor(t, namespace, "auditor")
	out, errs, code := run(t, "", "posture", "--kubeconfig", kubeconfig)
	if code != cli.ExitError || !strings.Contains(errs, "forbidden") {
		t.Fatalf("without any right: exit code %d, %s%s", code, out, errs)
	}
	env.Kubectl(t, "create", "clusterrole", namespace, "--verb=get,list",
		"--resource=clusterrecordingpolicies.reelkeeper.io,recordingpolicies.reelkeeper.io,meetingrecordings.reelkeeper.io,accessgrants.reelkeeper.io,namespaces")
	env.Kubectl(t, "create", "clusterrolebinding", namespace, "--clusterrole="+namespace, "--serviceaccount="+namespace+":auditor")
	out, errs, code = run(t, "", "diff", "-f", "testdata/tighter.yaml", "--domain", "example.com", "-o", "json", "--kubeconfig", kubeconfig)
	var diff report.Diff
	if err := json.Unmarshal([]byte(out), &diff); err != nil || code != cli.ExitNo || !diff.Changed {
		t.Errorf("with reading alone: exit code %d, %v, %s", code, err, errs)
	}
}
