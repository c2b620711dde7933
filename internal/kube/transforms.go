// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"maps"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// trimmed drops what no reconciler reads of any kind: who owns which field, and kubectl's copy of the whole object.
func trimmed(in any) (any, error) {
	if object, err := meta.Accessor(in); err == nil {
		object.SetManagedFields(nil)
		if annotations := object.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
			annotations = maps.Clone(annotations)
			delete(annotations, corev1.LastAppliedConfigAnnotation)
			object.SetAnnotations(annotations)
		}
	}
	return in, nil
}

// compact keeps of recordings one copy of what many of them say.
func compact(in any) (any, error) {
	if recording, ok := in.(*v1alpha1.MeetingRecording); ok {
		catalog.Compact(recording)
	}
	return trimmed(in)
}

// card keeps of recordings their cards.
func card(in any) (any, error) {
	in, err := trimmed(in)
	if err != nil {
		return nil, err
	}
	return catalog.Transform(in)
}

// onlyStoreSecrets keeps of Secrets what opens a store, and not the keys and URLs of recordings that are being processed.
func onlyStoreSecrets(in any) (any, error) {
	if secret, ok := in.(*corev1.Secret); ok {
		maps.DeleteFunc(secret.Data, func(key string, _ []byte) bool {
			switch key {
			case stores.AccessKeyID, stores.SecretAccessKey, stores.SessionToken, stores.BucketInfoKey, stores.KeysetKey:
				return false
			}
			return true
		})
	}
	return trimmed(in)
}

// withoutPodTemplate keeps of Jobs what they are for and what became of them.
func withoutPodTemplate(in any) (any, error) {
	if job, ok := in.(*batchv1.Job); ok {
		job.Spec.Template = corev1.PodTemplateSpec{}
	}
	return trimmed(in)
}

// withoutPodSpec keeps of Pods what became of them.
func withoutPodSpec(in any) (any, error) {
	if pod, ok := in.(*corev1.Pod); ok {
		pod.Spec = corev1.PodSpec{}
	}
	return trimmed(in)
}

// onlyIdentity keeps of an AuditEvent which one it is and how old, all that bounding a window takes, and of those that tell
// that a recording was watched, or that a download broke off, also which one.
func onlyIdentity(in any) (any, error) {
	if object, ok := in.(*metav1.PartialObjectMetadata); ok {
		kept := metav1.ObjectMeta{
			Namespace:         object.Namespace,
			Name:              object.Name,
			UID:               object.UID,
			ResourceVersion:   object.ResourceVersion,
			CreationTimestamp: object.CreationTimestamp,
			DeletionTimestamp: object.DeletionTimestamp,
		}
		switch object.Labels[v1alpha1.LabelAuditAction] {
		case string(v1alpha1.AuditViewed), string(v1alpha1.AuditDownloaded):
			kept.Labels, kept.Annotations = object.Labels, object.Annotations
		case string(v1alpha1.AuditDelivered):
			if object.Labels[v1alpha1.LabelAuditReason] == v1alpha1.ReasonBrokenOff {
				kept.Labels, kept.Annotations = object.Labels, object.Annotations
			}
		}
		object.ObjectMeta = kept
	}
	return in, nil
}
