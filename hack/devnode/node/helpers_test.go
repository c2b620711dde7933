// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// shell is a container whose command exists in no image and on no machine, but in the node's table.
func shell(script string) corev1.Container {
	return corev1.Container{
		Name: "main", Image: "ignored", Command: []string{"/in-image/shell", "-c", script},
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
}

func newPod(namespace string, policy corev1.RestartPolicy, c corev1.Container, volumes ...corev1.Volume) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: namespace},
		Spec:       corev1.PodSpec{RestartPolicy: policy, Containers: []corev1.Container{c}, Volumes: volumes},
	}
}

func createPod(t *testing.T, namespace string, policy corev1.RestartPolicy, c corev1.Container, volumes ...corev1.Volume) {
	t.Helper()
	create(t, newPod(namespace, policy, c, volumes...))
}

func create(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	if _, err := env.Clientset(t).CoreV1().Pods(pod.Namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func createJob(t *testing.T, namespace string, c corev1.Container, volumes ...corev1.Volume) {
	t.Helper()
	pod := newPod(namespace, corev1.RestartPolicyNever, c, volumes...)
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "job", Namespace: namespace},
		Spec:       batchv1.JobSpec{BackoffLimit: new(int32(0)), Template: corev1.PodTemplateSpec{Spec: pod.Spec}},
	}
	if _, err := env.Clientset(t).BatchV1().Jobs(namespace).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func podsOf(t *testing.T, namespace string) []corev1.Pod {
	t.Helper()
	list, err := env.Clientset(t).CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func onlyPod(t *testing.T, namespace string) corev1.Pod {
	t.Helper()
	pods := podsOf(t, namespace)
	if len(pods) != 1 {
		t.Fatalf("namespace %s has %d Pods, want 1", namespace, len(pods))
	}
	return pods[0]
}

// runningPID waits until the Pod's container runs, and returns its process's id.
func runningPID(t *testing.T, namespace string) (pid int) {
	t.Helper()
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.phase}=Running", "pod", "--all", "--timeout=60s")
	id := onlyPod(t, namespace).Status.ContainerStatuses[0].ContainerID
	if _, err := fmt.Sscanf(id, "process://%d", &pid); err != nil {
		t.Fatalf("container id %q: %v", id, err)
	}
	return pid
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		return holds(), nil
	})
	if err != nil {
		t.Fatalf("waited in vain until %s: %v", what, err)
	}
}
