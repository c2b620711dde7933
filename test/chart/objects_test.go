// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// recording is a MeetingRecording that the schema accepts.
func recording(namespace, name string, holds ...string) *v1alpha1.MeetingRecording {
	r := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{ID: "872-114", Creator: "alice@example.com"},
			Source:  v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
		},
	}
	for _, hold := range holds {
		r.Spec.Holds = append(r.Spec.Holds, v1alpha1.LegalHold{Name: hold})
	}
	return r
}

// grant is an AccessGrant that the schema accepts.
func grant(namespace, name string) *v1alpha1.AccessGrant {
	return &v1alpha1.AccessGrant{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.AccessGrantSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: "q3-review"},
			Subjects:     []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}},
			Permissions:  []v1alpha1.Permission{v1alpha1.PermissionView},
		},
	}
}

// auditEvent is an AuditEvent that the schema accepts.
func auditEvent(namespace string) *v1alpha1.AuditEvent {
	return &v1alpha1.AuditEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "viewed-"},
		Spec: v1alpha1.AuditEventSpec{
			Time:    metav1.NewMicroTime(time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)),
			Action:  v1alpha1.AuditViewed,
			Outcome: v1alpha1.OutcomeAllowed,
			Actor:   v1alpha1.AuditActor{Kind: v1alpha1.ActorUser, Name: "carol@example.com"},
			Reason:  "Participant",
		},
	}
}

// policy is a RecordingPolicy that the schema accepts.
func policy(namespace string) *v1alpha1.RecordingPolicy {
	return &v1alpha1.RecordingPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "sensitive"},
		Spec:       v1alpha1.RecordingPolicySpec{PolicyRules: v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted}},
	}
}
