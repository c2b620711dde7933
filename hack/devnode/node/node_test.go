// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/hack/devnode/node"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
	"github.com/reelkeeper/reelkeeper/internal/testenv/process"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	if os.Getenv(kubeconfigVariable) != "" {
		playNode()
	}
	testenv.Main(m, testenv.Options{
		Options: controlplane.Options{ControllerManager: true},
		Started: func(ctx context.Context, env *testenv.Env) error {
			go func() {
				if err := node.Run(ctx, env.Config, node.Options{
					Commands:       map[string]string{"/in-image/shell": "/bin/sh"},
					RestartBackoff: 100 * time.Millisecond,
				}); err != nil {
					panic(err)
				}
			}()
			return nil
		},
	}, &env)
}

func TestJobSucceeds(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	createJob(t, namespace, shell("echo hello; echo done >/dev/termination-log"))
	env.Kubectl(t, "-n", namespace, "wait", "--for=condition=Complete", "job/job", "--timeout=60s")
	pod := onlyPod(t, namespace)
	end := pod.Status.ContainerStatuses[0].State.Terminated
	if pod.Status.Phase != corev1.PodSucceeded || end.ExitCode != 0 || end.Reason != "Completed" || end.Message != "done\n" {
		t.Errorf("phase %s, end %+v", pod.Status.Phase, end)
	}
	if end.StartedAt.IsZero() || end.FinishedAt.Before(&end.StartedAt) {
		t.Errorf("started at %s, finished at %s", end.StartedAt, end.FinishedAt)
	}
	if got := env.Kubectl(t, "-n", namespace, "logs", "job/job"); got != "hello\n" {
		t.Errorf("kubectl logs: %q, want hello", got)
	}
}

func TestJobFailsWithTheEndOfItsLog(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	createJob(t, namespace, shell(`i=0; while [ $i -lt 200 ]; do echo "line $i"; i=$((i+1)); done; echo '{"reason":"NotAVideo"}' >&2; exit 3`))
	env.Kubectl(t, "-n", namespace, "wait", "--for=condition=Failed", "job/job", "--timeout=60s")
	pod := onlyPod(t, namespace)
	end := pod.Status.ContainerStatuses[0].State.Terminated
	if pod.Status.Phase != corev1.PodFailed || end.ExitCode != 3 || end.Reason != "Error" {
		t.Errorf("phase %s, end %+v", pod.Status.Phase, end)
	}
	if !strings.HasSuffix(end.Message, "{\"reason\":\"NotAVideo\"}\n") || !strings.HasPrefix(end.Message, "line 121\n") {
		t.Errorf("message is not the last 80 lines of the log: %q", end.Message)
	}
}

func TestPodWaitsForASecretThatComesLate(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	c := shell("cat /secret/key; ls -l /secret | grep -c -- '-r--------'; echo $FROM_SECRET")
	c.VolumeMounts = []corev1.VolumeMount{{Name: "secret", MountPath: "/secret", ReadOnly: true}}
	c.Env = []corev1.EnvVar{{Name: "FROM_SECRET", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "late"}, Key: "other",
	}}}}
	createJob(t, namespace, c, corev1.Volume{Name: "secret", VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: "late", DefaultMode: new(int32(0o400))},
	}})
	eventually(t, "the Pod says what it waits for", func() bool {
		pods := podsOf(t, namespace)
		if len(pods) == 0 || len(pods[0].Status.ContainerStatuses) == 0 {
			return false
		}
		waiting := pods[0].Status.ContainerStatuses[0].State.Waiting
		return pods[0].Status.Phase == corev1.PodPending && waiting != nil && waiting.Reason == "ContainerCreating" &&
			strings.Contains(waiting.Message, "waiting for Secret late")
	})
	env.Kubectl(t, "-n", namespace, "create", "secret", "generic", "late", "--from-literal=key=opened", "--from-literal=other=sesame")
	env.Kubectl(t, "-n", namespace, "wait", "--for=condition=Complete", "job/job", "--timeout=60s")
	if got := env.Kubectl(t, "-n", namespace, "logs", "job/job"); got != "opened2\nsesame\n" {
		t.Errorf("the container saw %q", got)
	}
}

func TestDeletionEndsTheProcess(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		script string
		delete []string
	}{
		"politely":         {"trap 'exit 0' TERM; sleep 600 & wait", nil},
		"after its grace":  {"trap '' TERM; while :; do sleep 600; done", []string{"--grace-period=1"}},
		"at once by force": {"trap '' TERM; while :; do sleep 600; done", []string{"--force", "--grace-period=0"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := env.Namespace(t)
			createPod(t, namespace, corev1.RestartPolicyNever, shell(tc.script))
			pid := runningPID(t, namespace)
			env.Kubectl(t, append([]string{"-n", namespace, "delete", "pod", "pod", "--timeout=20s"}, tc.delete...)...)
			eventually(t, "the process has ended", func() bool { return !process.Alive(t.Context(), pid) })
		})
	}
}

func TestKilledProcessFailsItsPod(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	createPod(t, namespace, corev1.RestartPolicyNever, shell("sleep 600"))
	if err := syscall.Kill(runningPID(t, namespace), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.phase}=Failed", "pod/pod", "--timeout=60s")
	if end := onlyPod(t, namespace).Status.ContainerStatuses[0].State.Terminated; end.ExitCode != 137 || end.Signal != 9 {
		t.Errorf("end %+v, want exit code 137 by signal 9", end)
	}
}

func TestRestartPolicies(t *testing.T) {
	t.Parallel()
	// Each start adds a line to a file that outlives the container, and fails twice.
	const thirdTime = `echo x >>/data/starts; [ $(wc -l </data/starts) -ge 3 ]`
	cases := map[string]struct {
		policy       corev1.RestartPolicy
		wantPhase    corev1.PodPhase
		wantRestarts int32
	}{
		"Never gives up at once":               {corev1.RestartPolicyNever, corev1.PodFailed, 0},
		"OnFailure tries until it is done":     {corev1.RestartPolicyOnFailure, corev1.PodSucceeded, 2},
		"Always goes on after a success, also": {corev1.RestartPolicyAlways, corev1.PodRunning, 4},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := env.Namespace(t)
			c := shell(thirdTime)
			c.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
			createPod(t, namespace, tc.policy, c, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			eventually(t, fmt.Sprintf("the Pod is %s after %d restarts", tc.wantPhase, tc.wantRestarts), func() bool {
				pod := onlyPod(t, namespace)
				if pod.Status.Phase != tc.wantPhase {
					return false
				}
				return pod.Status.ContainerStatuses[0].RestartCount >= tc.wantRestarts
			})
		})
	}
}

func TestActiveDeadline(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	pod := newPod(namespace, corev1.RestartPolicyNever, shell("sleep 600"))
	pod.Spec.ActiveDeadlineSeconds = new(int64(1))
	if _, err := env.Clientset(t).CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := env.RunKubectl(t.Context(), "-n", namespace, "wait", "--for=jsonpath={.status.reason}=DeadlineExceeded", "pod/pod", "--timeout=60s"); err != nil {
		t.Fatalf("%v; the Pod is\n%s", err, env.Kubectl(t, "-n", namespace, "get", "pod/pod", "-o=yaml"))
	}
}
