// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/reelkeeper/reelkeeper/hack/devnode/node"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

const (
	// kubeconfigVariable makes this test binary be a development node in that cluster.
	kubeconfigVariable = "REELKEEPER_TEST_KUBECONFIG"

	secondNode = "second"
)

// TestNodeThatIsKilledLeavesNothingRunning kills a node with kill -9, then starts it anew.
func TestNodeThatIsKilledLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	second := startSecondNode(t)
	pod := newPod(namespace, corev1.RestartPolicyAlways, shell("sleep 600 & wait"))
	pod.Spec.NodeName, pod.Spec.SchedulerName = secondNode, secondNode
	create(t, pod)
	pid := runningPID(t, namespace)

	if err := second.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = second.Wait() // "signal: killed", as intended
	eventually(t, "the container's process has ended", func() bool { return !process.Alive(t.Context(), pid) })

	third := startSecondNode(t)
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.reason}=NodeLost", "pod/pod", "--timeout=60s")
	lost := onlyPod(t, namespace)
	if end := lost.Status.ContainerStatuses[0].State.Terminated; lost.Status.Phase != corev1.PodFailed || end == nil || end.ExitCode != 137 {
		t.Errorf("phase %s, container %+v", lost.Status.Phase, lost.Status.ContainerStatuses[0].State)
	}
	env.Kubectl(t, "-n", namespace, "delete", "pod", "pod", "--timeout=20s")

	create(t, pod)
	pid = runningPID(t, namespace)
	if err := third.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := third.Wait(); err != nil {
		t.Errorf("a node that is asked to end: %v", err)
	}
	if process.Alive(t.Context(), pid) {
		t.Error("the container outlived a node that ended in peace")
	}
	if reason := onlyPod(t, namespace).Status.Reason; reason != "NodeShutdown" {
		t.Errorf("the Pod's reason is %q, want NodeShutdown", reason)
	}
}

func startSecondNode(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), kubeconfigVariable+"="+env.Kubeconfig)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func playNode() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv(kubeconfigVariable))
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = node.Run(ctx, config, node.Options{
			// Only the Pods that are meant for it: other tests' Pods must not go down with it.
			Name: secondNode, Scheduler: secondNode, Commands: map[string]string{"/in-image/shell": "/bin/sh"},
		})
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
