// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"maps"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

const (
	// workerServiceAccount has no rights, and its token is not mounted.
	workerServiceAccount = "reelkeeper-worker"
	workerContainer      = "worker"

	specDir    = "/var/run/reelkeeper"
	specFile   = "spec.json"
	scratchDir = "/scratch"

	// workerID is the user of the image.
	workerID = 65532

	// graceSeconds is how long a worker that is to end gets to discard its upload.
	graceSeconds = 15

	// annotationBytes says on a Job how large the raw recording is, so that quotas count it after a restart too.
	annotationBytes = "reelkeeper.io/bytes"
)

// The worker holds three parts of at most 128 MiB and what ffmpeg needs for a picture or two; scratch holds the raw recording.
var (
	workerRequests = corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("500m"),
		corev1.ResourceMemory: resource.MustParse("256Mi"),
	}
	workerLimits = corev1.ResourceList{
		corev1.ResourceMemory: resource.MustParse("2Gi"),
	}
)

// newJob is the Job of one attempt on a raw recording of this many bytes.
func newJob(options *Options, recording *v1alpha1.MeetingRecording, attempt int, size int64) *batchv1.Job {
	meta := jobMeta(options.OperatorNamespace, recording, attempt)
	meta.Annotations[annotationBytes] = strconv.FormatInt(size, 10)
	return &batchv1.Job{
		ObjectMeta: meta,
		Spec: batchv1.JobSpec{
			// One Job is one attempt with one upload: what comes after a failure is decided here, not by the Job controller.
			BackoffLimit: new(int32(0)),
			// A replacement would start while the first Pod may still be writing.
			PodReplacementPolicy:  new(batchv1.Failed),
			ActiveDeadlineSeconds: new(int64(timeFor(size).Seconds())),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      withComponent(meta.Labels),
					Annotations: maps.Clone(meta.Annotations),
				},
				Spec: newPodSpec(options, meta.Name, size),
			},
		},
	}
}

// withComponent adds what the NetworkPolicy of workers selects.
func withComponent(labels map[string]string) map[string]string {
	labels = maps.Clone(labels)
	labels["app.kubernetes.io/name"] = "reelkeeper"
	labels["app.kubernetes.io/component"] = "worker"
	return labels
}

// newPodSpec satisfies the Pod Security Standard restricted.
func newPodSpec(options *Options, secret string, size int64) corev1.PodSpec {
	scratch := resource.NewQuantity(size+size/4+(256<<20), resource.BinarySI)
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		SchedulerName:                 options.WorkerScheduler,
		ServiceAccountName:            workerServiceAccount,
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		TerminationGracePeriodSeconds: new(int64(graceSeconds)),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:   new(true),
			RunAsUser:      new(int64(workerID)),
			RunAsGroup:     new(int64(workerID)),
			FSGroup:        new(int64(workerID)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name:    workerContainer,
			Image:   options.WorkerImage,
			Command: []string{"/reelkeeper", "worker", "process", "--spec", specDir + "/" + specFile, "--scratch", scratchDir},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false),
				ReadOnlyRootFilesystem:   new(true),
				Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
			Resources: corev1.ResourceRequirements{Requests: workerRequests, Limits: workerLimits},
			// The worker's last line is how the controller learns why it failed.
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			VolumeMounts: []corev1.VolumeMount{
				{Name: "spec", MountPath: specDir, ReadOnly: true},
				{Name: "scratch", MountPath: scratchDir},
			},
		}},
		Volumes: []corev1.Volume{
			{Name: "spec", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret, DefaultMode: new(int32(0o440))}}},
			{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: scratch}}},
		},
	}
}
