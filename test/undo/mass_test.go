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

// mass is many recordings in many namespaces, which are lost and found.
type mass struct {
	*world
	namespaces []string
	all        []client.ObjectKey
}

// newMass makes n recordings with media, spread over namespaces that have the name of the store and a number.
func newMass(w *world, n, namespaces int) *mass {
	w.Helper()
	m := &mass{world: w}
	for i := range namespaces {
		m.namespaces = append(m.namespaces, fmt.Sprintf("%s-%02d", w.store, i))
		w.namespace(m.namespaces[i])
	}
	m.all = keysIn(n, m.namespaces...)
	w.make(m.all...)
	return m
}

// settle waits until the manager has brought all to rest.
func (m *mass) settle() {
	m.Helper()
	in := map[string]int{}
	for _, key := range m.all {
		in[key.Namespace]++
	}
	for namespace, n := range in {
		m.settled(namespace, n)
	}
}

// lose deletes the namespaces by mistake. It returns how many recordings a second were let go, and how long it took until the
// namespaces were gone, which their controller looks after only now and then.
func (m *mass) lose() (rate float64, away time.Duration) {
	m.Helper()
	begun := clock.RealClock{}.Now()
	m.startDeleting(m.namespaces...)
	for _, namespace := range m.namespaces {
		m.eventually("the recordings of "+namespace+" are gone", func() bool { return !m.hasAny(namespace) })
	}
	rate = m.rateSince(begun)
	m.awaitGone(m.namespaces...)
	return rate, clock.RealClock{}.Since(begun).Round(time.Second)
}

// restore brings everything back from the trash, and compares every byte. It returns how many a second came back.
func (m *mass) restore(args ...string) float64 {
	m.Helper()
	return m.bringBack(append([]string{"trash", "restore", "-A", "--deleted-since", "10h", "--as-before", "--create-namespace"}, args...)...)
}

// recover makes everything again in a cluster that knows of nothing, and compares every byte.
func (m *mass) recover() float64 {
	m.Helper()
	return m.bringBack("recover", "--create-namespace", "--take-over")
}

func (m *mass) bringBack(args ...string) float64 {
	m.Helper()
	begun := clock.RealClock{}.Now()
	out, errs, code := m.run("", args...)
	rate := m.rateSince(begun)
	if code != cli.ExitYes {
		m.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	has(m, out, fmt.Sprintf("%d restored.", len(m.all)))
	has(m, errs, fmt.Sprintf("%d of %d done, 0 failed", len(m.all), len(m.all)))
	m.expectBack(m.all...)
	if left := m.keys("trash/"); len(left) > 0 {
		m.Errorf("%d tombstones are left", len(left))
	}
	return rate
}

func (m *mass) rateSince(begun time.Time) float64 {
	return float64(len(m.all)) / clock.RealClock{}.Since(begun).Seconds()
}

// TestR25RecordingsDeletedWithTheirNamespacesComeBack is BenchmarkMassRestore for every day. What is there already is left alone. It
// counts what the manager and the plugin ask for, too, because that is what limits how many a second come back.
func TestR25RecordingsDeletedWithTheirNamespacesComeBack(t *testing.T) {
	in := newVault(t)
	requests := in.count(t)
	w := newWorld(t, env, in, "mass")
	m := newMass(w, 50, 3)
	startManager(t, env, requests)
	m.settle()
	requests.reset()
	m.lose()
	requests.atMost(t, "a deletion", len(m.all), 7, 5)
	requests.reset()
	m.restore("--namespace-label", "recordings="+w.store)
	requests.atMost(t, "a restore", len(m.all), 8, 13)
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

	w.namespace("gone-a") // by whomever
	_, errs, code := w.run("", "trash", "restore", one.String())
	if code != cli.ExitYes {
		t.Errorf("exit code %d: %s", code, errs)
	}
	has(t, errs, "Warning: namespace gone-a was made at ", "who has rights there now has them on these too")
	w.expectBack(one)
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
