// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AuditEvent is a fact: who did, or was refused, what with which recording, when, from where, and under which rule.
// It never changes. Events are the recent window of the access log; old ones are removed.
//
// A fact has no status: it is complete when it is written.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=aev,categories=reelkeeper
// +kubebuilder:printcolumn:name="Time",type=string,JSONPath=`.spec.time`
// +kubebuilder:printcolumn:name="Action",type=string,JSONPath=`.spec.action`
// +kubebuilder:printcolumn:name="Outcome",type=string,JSONPath=`.spec.outcome`
// +kubebuilder:printcolumn:name="Actor",type=string,JSONPath=`.spec.actor.name`
// +kubebuilder:printcolumn:name="Recording",type=string,JSONPath=`.spec.recording.name`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.spec.reason`
// +kubebuilder:printcolumn:name="Address",type=string,JSONPath=`.spec.client.address`,priority=1
// +kubebuilder:printcolumn:name="Rule",type=string,JSONPath=`.spec.rule`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.action`
// +kubebuilder:selectablefield:JSONPath=`.spec.outcome`
// +kubebuilder:selectablefield:JSONPath=`.spec.actor.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.recording.name`
type AuditEvent struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is the fact. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an audit event is a fact and cannot change"
	Spec AuditEventSpec `json:"spec,omitzero"`
}

// AuditEventList is a list of AuditEvent.
//
// +kubebuilder:object:root=true
type AuditEventList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AuditEvent `json:"items"`
}

// AuditEventSpec is one fact.
type AuditEventSpec struct {
	// time is when it happened.
	// +required
	Time metav1.MicroTime `json:"time,omitzero"`

	// action is what was done or tried.
	// +required
	Action AuditAction `json:"action,omitempty"`

	// outcome is Allowed or Refused.
	// +required
	Outcome AuditOutcome `json:"outcome,omitempty"`

	// actor is who did it.
	// +required
	Actor AuditActor `json:"actor,omitzero"`

	// recording is the recording that it concerns. Absent where a refused attempt named none that exists, and for Rotated, which
	// concerns a store.
	// +optional
	Recording AuditRecording `json:"recording,omitempty,omitzero"`

	// grant is the name of the AccessGrant that was made, revoked or used.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Grant string `json:"grant,omitempty"`

	// reason is the stable code of why: the decision's reason, or what caused the step.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	Reason string `json:"reason,omitempty"`

	// rule is the rule that decided, with the object and the field that it comes from.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Rule string `json:"rule,omitempty"`

	// client is the device and address that the actor used.
	// +optional
	Client AuditClient `json:"client,omitempty,omitzero"`

	// evidence holds what proves the step, such as the object versions that a purge removed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=1024
	Evidence []string `json:"evidence,omitempty"`
}

// AuditAction is what was done or tried.
//
// +kubebuilder:validation:Enum=Uploaded;Processed;Viewed;Downloaded;Delivered;Granted;Revoked;Expired;Trashed;Restored;Deleted;Purged;Held;Released;Unlocked;Erased;Requested;Escalated;Approved;Denied;Rotated
type AuditAction string

const (
	// AuditUploaded is the arrival of the raw media.
	AuditUploaded AuditAction = "Uploaded"
	// AuditProcessed is the recording becoming available.
	AuditProcessed AuditAction = "Processed"
	// AuditViewed is the start of watching, or the try.
	AuditViewed AuditAction = "Viewed"
	// AuditDownloaded is the start of a download, or the try.
	AuditDownloaded AuditAction = "Downloaded"
	// AuditDelivered is the end of a download that was allowed: the reason says whether it was finished, the evidence how many bytes were sent.
	AuditDelivered AuditAction = "Delivered"
	// AuditGranted is a grant beginning to count, or being refused by the policy.
	AuditGranted AuditAction = "Granted"
	// AuditRevoked is a grant ceasing to count.
	AuditRevoked AuditAction = "Revoked"
	// AuditExpired is the end of a recording's time to live.
	AuditExpired AuditAction = "Expired"
	// AuditTrashed is a recording going to the trash.
	AuditTrashed AuditAction = "Trashed"
	// AuditRestored is a recording coming back out of the trash.
	AuditRestored AuditAction = "Restored"
	// AuditDeleted is the deletion of a MeetingRecording object; the media stays in the trash of the bucket.
	AuditDeleted AuditAction = "Deleted"
	// AuditPurged is the deletion of the media and its key for good.
	AuditPurged AuditAction = "Purged"
	// AuditHeld is a legal hold being laid or, with the reason HoldChanged, what it is laid for being changed.
	AuditHeld AuditAction = "Held"
	// AuditReleased is a legal hold being lifted, or the end of what kept a deleted recording: a policy that could not be understood.
	AuditReleased AuditAction = "Released"
	// AuditUnlocked is a Governance lock being lifted before its time.
	AuditUnlocked AuditAction = "Unlocked"
	// AuditErased is the destruction of a recording's key alone, while its media is locked.
	AuditErased AuditAction = "Erased"
	// AuditRequested is somebody formally asking for a permission.
	AuditRequested AuditAction = "Requested"
	// AuditEscalated is a request going to the next in line, because nobody had answered.
	AuditEscalated AuditAction = "Escalated"
	// AuditApproved is a request being approved.
	AuditApproved AuditAction = "Approved"
	// AuditDenied is a request being denied, or ending without an answer.
	AuditDenied AuditAction = "Denied"
	// AuditRotated is the keys of all recordings of a store being wrapped with a newer key, or an older key leaving the keyset. It
	// concerns no single recording, and is recorded in Reelkeeper's own namespace.
	AuditRotated AuditAction = "Rotated"
)

// AuditOutcome says whether it happened.
//
// +kubebuilder:validation:Enum=Allowed;Refused
type AuditOutcome string

const (
	// OutcomeAllowed says that it happened.
	OutcomeAllowed AuditOutcome = "Allowed"
	// OutcomeRefused says that it was tried and refused.
	OutcomeRefused AuditOutcome = "Refused"
)

// AuditActor is who did it.
type AuditActor struct {
	// kind is User, Anonymous or Controller.
	// +required
	Kind ActorKind `json:"kind,omitempty"`

	// name is the person's e-mail address, or the controller's name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	Name string `json:"name,omitempty"`

	// issuer is the identity provider that vouches for the name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Issuer string `json:"issuer,omitempty"`
}

// ActorKind says what an actor is.
//
// +kubebuilder:validation:Enum=User;Anonymous;Controller
type ActorKind string

const (
	// ActorUser is a person who signed in.
	ActorUser ActorKind = "User"
	// ActorAnonymous is somebody who did not.
	ActorAnonymous ActorKind = "Anonymous"
	// ActorController is a controller of Reelkeeper.
	ActorController ActorKind = "Controller"
)

// AuditRecording names a recording, also after it is gone.
type AuditRecording struct {
	// name is the name of the MeetingRecording.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// uid tells recordings of the same name apart.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	UID string `json:"uid,omitempty"`
}

// AuditClient is a device and address.
//
// +kubebuilder:validation:MinProperties=1
type AuditClient struct {
	// address is the network address, as much of it as the policy keeps.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Address string `json:"address,omitempty"`

	// userAgent is what the device says that it is.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	UserAgent string `json:"userAgent,omitempty"`
}
