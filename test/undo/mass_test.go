// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/cli"
)

// rates are how many recordings a second each part of a mass restore got through.
type rates struct{ create, remove, restore float64 }

// massRestore makes recordings in namespaces, deletes the namespaces by mistake, restores everything, and compares every byte.
func massRestore(w *world, n int, namespaces ...string) rates {
	w.Helper()
	for _, namespace := range namespaces {
		w.namespace(namespace)
	}
	all := keysIn(n, namespaces...)
	took := rates{create: float64(n) / w.make(all...).Seconds()}
	startManager(w, w.env)
	for i, namespace := range namespaces {
		w.settled(namespace, (n-i+len(namespaces)-1)/len(namespaces))
	}
	begun := clock.RealClock{}.Now()
	w.deleteNamespaces(namespaces...)
	took.remove = float64(n) / clock.RealClock{}.Since(begun).Seconds()

	begun = clock.RealClock{}.Now()
	out, errs, code := w.run("", "trash", "restore", "-A", "--deleted-since", "10h", "--as-before", "--create-namespace", "--namespace-label", "recordings="+w.store)
	took.restore = float64(n) / clock.RealClock{}.Since(begun).Seconds()
	if code != cli.ExitYes {
		w.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	has(w, out, fmt.Sprintf("%d restored.", n))
	has(w, errs, fmt.Sprintf("%d of %d done, 0 failed", n, n))
	w.expectBack(all...)
	if left := w.keys("trash/"); len(left) > 0 {
		w.Errorf("%d tombstones are left", len(left))
	}
	return took
}

// TestR25RecordingsDeletedWithTheirNamespacesComeBack is BenchmarkMassRestore for every day. What is there already is left alone.
func TestR25RecordingsDeletedWithTheirNamespacesComeBack(t *testing.T) {
	w := newWorld(t, env, newVault(t), "mass")
	massRestore(w, 50, "mass-a", "mass-b", "mass-c")
	out, errs, code := w.run("", "trash", "restore", "-A", "--deleted-since", "10h", "--as-before")
	if code != cli.ExitYes || !strings.Contains(out, "Nothing to do.") {
		t.Errorf("again: exit code %d: %s%s", code, out, errs)
	}
}

// TestR25NamespacesThatAreGoneAreNotMadeUnasked says what to do instead.
func TestR25NamespacesThatAreGoneAreNotMadeUnasked(t *testing.T) {
	w := newWorld(t, env, newVault(t), "gone")
	w.namespace("gone-a")
	one := client.ObjectKey{Namespace: "gone-a", Name: "q3"}
	w.make(one)
	startManager(t, env)
	w.settled("gone-a", 1)
	w.deleteNamespaces("gone-a")
	for want, args := range map[string][]string{
		"namespace gone-a is gone: make it as it was, or have it made with --create-namespace":                                 nil,
		"RecordingStore gone does not allow namespace gone-a: label it as spec.allowedNamespaces says, with --namespace-label": {"--create-namespace"},
	} {
		out, errs, code := w.run("", append([]string{"trash", "restore", one.String()}, args...)...)
		if code != cli.ExitNo {
			t.Errorf("exit code %d: %s%s", code, out, errs)
		}
		has(t, out, want)
	}
	out, _, _ := w.run("", "trash", "list", "-A", "-o", "wide")
	has(t, out, "gone-a/q3", "the namespace is gone")
}

// TestR25WhatAGitOpsToolPrunesComesBack prunes as kubectl apply does, and as tools do that delete by label.
func TestR25WhatAGitOpsToolPrunesComesBack(t *testing.T) {
	w := newWorld(t, env, newVault(t), "gitops")
	w.namespace("gitops")
	file := filepath.Join(t.TempDir(), "recordings.yaml")
	write := func(names ...string) {
		var text strings.Builder
		for _, name := range names {
			fmt.Fprintf(&text, `---
apiVersion: reelkeeper.io/v1alpha1
kind: MeetingRecording
metadata: {name: %s, namespace: gitops, labels: {app.kubernetes.io/instance: recordings}}
spec:
  meeting: {id: %s, creator: alice@example.com}
  source: {upload: {}}
  storeRef: {name: gitops}
`, name, name)
		}
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		env.Kubectl(t, "apply", "-f", file, "--prune", "-l", "app.kubernetes.io/instance=recordings", "--prune-allowlist=reelkeeper.io/v1alpha1/MeetingRecording", "-n", "gitops")
	}
	write("keep", "prune", "select")
	for _, name := range []string{"keep", "prune", "select"} {
		if err := w.furnish(w.get(client.ObjectKey{Namespace: "gitops", Name: name})); err != nil {
			t.Fatal(err)
		}
	}
	startManager(t, env)
	w.settled("gitops", 3)
	write("keep", "select")
	env.Kubectl(t, "delete", "meetingrecordings", "-n", "gitops", "-l", "app.kubernetes.io/instance=recordings", "--timeout", "2m")
	if left := w.list("gitops"); len(left) > 0 {
		t.Fatalf("%d recordings are left", len(left))
	}
	if out, errs, code := w.run("", "trash", "restore", "-n", "gitops", "--all"); code != cli.ExitYes {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	w.expectBack(client.ObjectKey{Namespace: "gitops", Name: "keep"}, client.ObjectKey{Namespace: "gitops", Name: "prune"}, client.ObjectKey{Namespace: "gitops", Name: "select"})
}

// BenchmarkMassRestore restores 10,000 recordings that were deleted with their namespaces, and prints the rates beside that of the raw
// creation of MeetingRecordings. RECORDINGS says another number.
//
//	go test -run '^$' -bench MassRestore -benchtime 1x -timeout 2h ./test/undo
func BenchmarkMassRestore(b *testing.B) {
	n := 10_000
	if text := os.Getenv("RECORDINGS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		w := newWorld(b, env, newVault(b), fmt.Sprintf("bench-%d", time.Now().UnixNano()))
		w.patience = time.Hour
		var namespaces []string
		for i := range 20 {
			namespaces = append(namespaces, fmt.Sprintf("%s-%02d", w.store, i))
		}
		took := massRestore(w, n, namespaces...)
		b.ReportMetric(took.create, "raw-creates/s")
		b.ReportMetric(took.remove, "deletes/s")
		b.ReportMetric(took.restore, "restores/s")
		fmt.Fprintf(os.Stderr, "%d recordings: %.0f raw creates a second, deleted with their namespaces at %.0f, restored at %.0f a second (%.2f of the raw rate), all byte-identical\n",
			n, took.create, took.remove, took.restore, took.restore/took.create)
	}
}
