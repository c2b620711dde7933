// SPDX-License-Identifier: Apache-2.0

//go:build unix

package node_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestContainerSeesItsEnvironment has one container look at everything that a Pod can give it.
func TestContainerSeesItsEnvironment(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	env.Kubectl(t, "-n", namespace, "create", "configmap", "settings", "--from-literal=colour=blue", "--from-literal=size=large")
	c := shell(`echo "$GREETING|$PATH_TO_DATA|$P_colour|$NAME|$SIZE|$ABSENT|$0|$1"
cat /in/colour; echo; cat /in/place; echo; ls /in; kubectl auth whoami -o jsonpath={.status.userInfo.username}; echo; env | grep -c REELKEEPER_TEST`)
	c.Args = []string{"$(GREETING)", "--to=/data/x"}
	c.EnvFrom = []corev1.EnvFromSource{{Prefix: "P_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: reference("settings")}}}
	c.Env = []corev1.EnvVar{
		{Name: "GREETING", Value: "hello $(P_size) $$(P_size)"},
		{Name: "PATH_TO_DATA", Value: "/data/in"},
		{Name: "NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		{Name: "SIZE", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference("settings"), Key: "size"}}},
		{Name: "ABSENT", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: reference("no"), Key: "no", Optional: new(true)}}},
	}
	c.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "in", MountPath: "/in"}}
	createPod(t, namespace, corev1.RestartPolicyNever, c,
		corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		corev1.Volume{Name: "in", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: reference("settings"), Items: []corev1.KeyToPath{{Key: "colour", Path: "colour"}}}},
			{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "place", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}}}}},
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
		}}}},
	)
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.containerStatuses[0].state.terminated}", "pod/pod", "--timeout=60s")
	lines := strings.Split(env.Kubectl(t, "-n", namespace, "logs", "pod"), "\n")
	variables := strings.Split(lines[0], "|")
	data := strings.TrimSuffix(variables[1], "/in")
	if !strings.HasSuffix(data, "/volumes/data") {
		t.Errorf("PATH_TO_DATA is %q, want a place in the volume", variables[1])
	}
	variables[1] = ""
	if got, want := strings.Join(variables, "|"), "hello large $(P_size)||blue|pod|large||hello large $(P_size)|--to="+data+"/x"; got != want {
		t.Errorf("variables and arguments\n got %s\nwant %s", got, want)
	}
	want := []string{
		"blue", namespace, "colour", "place", "token",
		"system:serviceaccount:" + namespace + ":default",
		"0", // nothing of the node's own environment
	}
	if got := lines[1:]; strings.Join(got, "\n") != strings.Join(want, "\n")+"\n" {
		t.Errorf("files and access\n got %q\nwant %q", got, want)
	}
}

func TestInitContainersGoFirstAndShareVolumes(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	shared := []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	first, main := shell("echo prepared >/data/file"), shell("cat /data/file")
	first.Name, first.VolumeMounts, main.VolumeMounts = "first", shared, shared
	pod := newPod(namespace, corev1.RestartPolicyNever, main, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	pod.Spec.InitContainers = []corev1.Container{first}
	create(t, pod)
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/pod", "--timeout=60s")
	if got := env.Kubectl(t, "-n", namespace, "logs", "pod", "-c", "main"); got != "prepared\n" {
		t.Errorf("the main container saw %q", got)
	}
}

func TestFailingInitContainerFailsThePod(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	first := shell("exit 4")
	first.Name = "first"
	pod := newPod(namespace, corev1.RestartPolicyNever, shell("exit 0"))
	pod.Spec.InitContainers = []corev1.Container{first}
	create(t, pod)
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.phase}=Failed", "pod/pod", "--timeout=60s")
	if status := onlyPod(t, namespace).Status.ContainerStatuses[0]; status.State.Waiting == nil {
		t.Errorf("the main container started: %+v", status.State)
	}
}

func TestWhatIsNotSupportedFailsClearly(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	c := shell("exit 0")
	c.Command = nil
	createPod(t, namespace, corev1.RestartPolicyNever, c)
	env.Kubectl(t, "-n", namespace, "wait", "--for=jsonpath={.status.reason}=NotSupported", "pod/pod", "--timeout=60s")
	if message := onlyPod(t, namespace).Status.Message; !strings.Contains(message, "Container main has no command") {
		t.Errorf("message %q", message)
	}
}

func TestLogsCanBeFollowedAndCut(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	createPod(t, namespace, corev1.RestartPolicyNever, shell("echo one; echo two; sleep 1; echo three"))
	runningPID(t, namespace)
	if got := env.Kubectl(t, "-n", namespace, "logs", "-f", "pod"); got != "one\ntwo\nthree\n" {
		t.Errorf("followed log %q", got)
	}
	if got := env.Kubectl(t, "-n", namespace, "logs", "--tail=2", "pod"); got != "two\nthree\n" {
		t.Errorf("the log's last two lines %q", got)
	}
}

func reference(name string) corev1.LocalObjectReference {
	return corev1.LocalObjectReference{Name: name}
}
