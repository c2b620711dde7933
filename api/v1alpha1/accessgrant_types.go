// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessGrant gives people permissions on recordings until a date, inside what the policy allows.
//
// A grant that the policy forbids is not Ready and gives nothing; the condition names the rule. A grant that is Ready
// has a Secret with its link and, where asked for, a password. Deleting the grant revokes it at once.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=agrant,categories=reelkeeper
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Recording",type=string,JSONPath=`.spec.recordingRef.name`
// +kubebuilder:printcolumn:name="Permissions",type=string,JSONPath=`.spec.permissions`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.spec.expiresAt`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.secretRef.name`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.recordingRef.name`
type AccessGrant struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says who gets what on which recordings until when.
	// +required
	Spec AccessGrantSpec `json:"spec,omitzero"`

	// status says whether the grant counts, and where its link is.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status AccessGrantStatus `json:"status,omitempty,omitzero"`
}

// AccessGrantList is a list of AccessGrant.
//
// +kubebuilder:object:root=true
type AccessGrantList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AccessGrant `json:"items"`
}

// AccessGrantSpec says who gets what on which recordings until when.
//
// +kubebuilder:validation:ExactlyOneOf=recordingRef;recordingSelector
// +kubebuilder:validation:AtMostOneOf=password;passwordSecretRef;link
// +kubebuilder:validation:XValidation:rule="!has(self.notBefore) || !has(self.expiresAt) || self.notBefore < self.expiresAt",message="expiresAt must be after notBefore"
type AccessGrantSpec struct {
	// recordingRef names one recording of this namespace.
	// +optional
	RecordingRef RecordingReference `json:"recordingRef,omitempty,omitzero"`

	// recordingSelector picks recordings of this namespace by their labels; {} picks all of them, also those to come.
	// +optional
	RecordingSelector *metav1.LabelSelector `json:"recordingSelector,omitempty"`

	// subjects are who gets the permissions.
	// +required
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Subjects []GrantSubject `json:"subjects,omitempty"`

	// permissions are what they may do. Only View, Download and Share can be granted.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:XValidation:rule="self.all(p, p in ['View', 'Download', 'Share'])",message="only View, Download and Share can be granted: other permissions follow from roles in a policy"
	Permissions []Permission `json:"permissions,omitempty"`

	// notBefore is when the grant begins to count. Absent is at once.
	// +optional
	NotBefore metav1.Time `json:"notBefore,omitempty,omitzero"`

	// expiresAt is when the grant ends. Absent is never, where the policy allows that.
	// +optional
	ExpiresAt metav1.Time `json:"expiresAt,omitempty,omitzero"`

	// maxUses is how often the grant's link can be used to start watching or downloading. Absent is without limit.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	MaxUses int32 `json:"maxUses,omitempty"`

	// reason is why the grant is made.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// password is Generate, for a password made by the controller, or None. Absent is Generate where the policy requires
	// a password, else None.
	// +optional
	Password PasswordRule `json:"password,omitempty"`

	// passwordSecretRef names a Secret of this namespace that holds a password of your own under the key password.
	// +optional
	PasswordSecretRef LocalSecretReference `json:"passwordSecretRef,omitempty,omitzero"`

	// link is by what the link of a grant that was made in the gateway's pages is known: who made it was shown the link itself, and
	// nobody else can. Only the gateway sets it. Absent is a link made by the controller, in a Secret.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a link cannot be changed: make a new grant"
	Link GrantLink `json:"link,omitempty,omitzero"`
}

// GrantLink is by what a link, and its password, are known.
type GrantLink struct {
	// tokenHash is the SHA-256 of the link's token, in hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	TokenHash string `json:"tokenHash,omitempty"`

	// passwordHash is the argon2id hash of the password in the PHC string format. Absent is a link without a password.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	PasswordHash string `json:"passwordHash,omitempty"`
}

// RecordingReference names a MeetingRecording of the same namespace.
type RecordingReference struct {
	// name is the recording's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// GrantSubject is one person, or everybody of one kind.
//
// +kubebuilder:validation:XValidation:rule="self.kind != 'Anyone' || self.name == '*'",message="a subject of kind Anyone has the name *"
type GrantSubject struct {
	// kind says what name means.
	// +required
	Kind SubjectKind `json:"kind,omitempty"`

	// name is an e-mail address, or the name of a group, department or label; * for Anyone.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	Name string `json:"name,omitempty"`
}

// PasswordRule says where a link's password comes from.
//
// +kubebuilder:validation:Enum=None;Generate
type PasswordRule string

const (
	// PasswordNone makes a link without a password.
	PasswordNone PasswordRule = "None"
	// PasswordGenerate makes a random password, found in the grant's Secret.
	PasswordGenerate PasswordRule = "Generate"
)

// AccessGrantStatus says whether a grant counts.
//
// +kubebuilder:validation:MinProperties=1
type AccessGrantStatus struct {
	// conditions are Ready and Accepted.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that the status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// secretRef names the Secret of this namespace that holds the link, the token and the password.
	// +optional
	SecretRef LocalSecretReference `json:"secretRef,omitempty,omitzero"`

	// tokenHash is the SHA-256 of the link's token, in hexadecimal.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	TokenHash string `json:"tokenHash,omitempty"`

	// passwordHash is the argon2id hash of the password in the PHC string format. Absent for a link without a password.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	PasswordHash string `json:"passwordHash,omitempty"`

	// recordingUID is the one recording that a grant with spec.recordingRef is for, since it was first seen. When that recording
	// is gone, the grant has ended: it does not count for another one of the same name.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	RecordingUID string `json:"recordingUID,omitempty"`

	// uses is how often a grant with maxUses has been used.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Uses *int32 `json:"uses,omitempty"`

	// passwordTries are the wrong passwords that were given for the link within the last hour, by whom. The gateway counts them here, so
	// that all its replicas count together; a right password takes out those of whoever gave it. Absent where there were none.
	// +optional
	// +listType=map
	// +listMapKey=by
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	PasswordTries []PasswordTries `json:"passwordTries,omitempty"`
}

// PasswordTries are wrong passwords that came from the same address, or were given by the same person.
type PasswordTries struct {
	// by stands for an address or a person, hashed with the link's token: it tells nothing to whoever does not have the link. It is
	// "others" for all for whom there is no room.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	By string `json:"by,omitempty"`

	// wrong is how many there were without a right one among them.
	// +required
	// +kubebuilder:validation:Minimum=1
	Wrong int32 `json:"wrong,omitempty"`

	// last is when the last one was given. From it and wrong follows when the next one is looked at.
	// +required
	Last metav1.MicroTime `json:"last,omitempty,omitzero"`
}
