// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

var managed = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}

func TestTheCacheKeepsOnlyWhatReconcilersRead(t *testing.T) {
	cases := map[string]struct {
		transform func(any) (any, error)
		in, want  client.Object
	}{
		"any kind loses managed fields and kubectl's copy of it": {
			transform: trimmed,
			in: &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Name: "q3", ManagedFields: managed,
				Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "note": "kept"}}},
			want: &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Name: "q3", Annotations: map[string]string{"note": "kept"}}},
		},
		"Secrets of stores keep what opens the store": {
			transform: onlyStoreSecrets,
			in: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s3", ManagedFields: managed},
				Data: map[string][]byte{"accessKeyID": []byte("a"), "secretAccessKey": []byte("b"), "sessionToken": []byte("c"), "keyset.json": []byte("d"), "note": []byte("e")}},
			want: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "s3"},
				Data: map[string][]byte{"accessKeyID": []byte("a"), "secretAccessKey": []byte("b"), "sessionToken": []byte("c"), "keyset.json": []byte("d")}},
		},
		"Secrets of Jobs keep nothing": {
			transform: onlyStoreSecrets,
			in:        &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "process-1"}, Data: map[string][]byte{"spec.json": []byte("a data key")}},
			want:      &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "process-1"}, Data: map[string][]byte{}},
		},
		"Jobs keep what became of them": {
			transform: withoutPodTemplate,
			in: &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "process-1", ManagedFields: managed},
				Spec:   batchv1.JobSpec{BackoffLimit: new(int32(0)), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{NodeName: "n"}}},
				Status: batchv1.JobStatus{Failed: 1}},
			want: &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "process-1"}, Spec: batchv1.JobSpec{BackoffLimit: new(int32(0))}, Status: batchv1.JobStatus{Failed: 1}},
		},
		"Pods keep what became of them": {
			transform: withoutPodSpec,
			in:        &corev1.Pod{Spec: corev1.PodSpec{NodeName: "n"}, Status: corev1.PodStatus{Phase: corev1.PodFailed}},
			want:      &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed}},
		},
		"AuditEvents keep which they are and how old": {
			transform: onlyIdentity,
			in: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "e", UID: "u", ResourceVersion: "1",
				Labels: map[string]string{"reelkeeper.io/action": "Granted"}, Annotations: map[string]string{"a": "b"}, ManagedFields: managed}},
			want: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "e", UID: "u", ResourceVersion: "1"}},
		},
		"AuditEvents of downloads that broke off keep of which": {
			transform: onlyIdentity,
			in: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "e", ManagedFields: managed,
				Labels: map[string]string{"reelkeeper.io/action": "Delivered", "reelkeeper.io/reason": "BrokenOff"}, Annotations: map[string]string{"a": "b"}}},
			want: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "e",
				Labels: map[string]string{"reelkeeper.io/action": "Delivered", "reelkeeper.io/reason": "BrokenOff"}, Annotations: map[string]string{"a": "b"}}},
		},
		"AuditEvents of downloads that ended well keep no more than others": {
			transform: onlyIdentity,
			in: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "e",
				Labels: map[string]string{"reelkeeper.io/action": "Delivered", "reelkeeper.io/reason": "Finished"}, Annotations: map[string]string{"a": "b"}}},
			want: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "e"}},
		},
		"AuditEvents of watching keep which recording it was": {
			transform: onlyIdentity,
			in: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "e",
				Labels: map[string]string{"reelkeeper.io/action": "Viewed"}, Annotations: map[string]string{"a": "b"}, ManagedFields: managed}},
			want: &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "e",
				Labels: map[string]string{"reelkeeper.io/action": "Viewed"}, Annotations: map[string]string{"a": "b"}}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := tc.transform(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(any(tc.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
