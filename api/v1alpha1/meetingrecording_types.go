// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MeetingRecording is one recording of one meeting: the meeting's facts, where the media comes from, and what became of it.
//
// The reason of the Ready condition is the state that people see, printed as STATE. Nothing about who may have access
// stands here: that follows from the policies and grants at the moment of access. See RecordingPolicy and AccessGrant.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=mrec,categories=reelkeeper
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.progress`
// +kubebuilder:printcolumn:name="Duration",type=string,JSONPath=`.status.media.duration`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.expiresAt`
// +kubebuilder:printcolumn:name="Purge",type=string,JSONPath=`.status.purgeAt`,priority=1
// +kubebuilder:printcolumn:name="Link",type=string,JSONPath=`.status.link`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.storeRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.meeting.id`
// +kubebuilder:selectablefield:JSONPath=`.spec.meeting.department`
// +kubebuilder:selectablefield:JSONPath=`.spec.meeting.creator`
// +kubebuilder:selectablefield:JSONPath=`.spec.source.adopt.uid`
type MeetingRecording struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec holds the meeting's facts and what is wanted of the recording.
	// +required
	Spec MeetingRecordingSpec `json:"spec,omitzero"`

	// status says what became of the recording.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the controller", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status MeetingRecordingStatus `json:"status,omitempty,omitzero"`
}

// MeetingRecordingList is a list of MeetingRecording.
//
// +kubebuilder:object:root=true
type MeetingRecordingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []MeetingRecording `json:"items"`
}

// MeetingRecordingSpec holds the meeting's facts and what is wanted of the recording.
//
// +kubebuilder:validation:XValidation:rule="has(self.storeRef) == has(oldSelf.storeRef)",message="storeRef cannot be added or removed later: the media would stay behind in the old store"
type MeetingRecordingSpec struct {
	// meeting holds the facts that roles follow from.
	// +required
	Meeting MeetingFacts `json:"meeting,omitzero"`

	// source says where the media comes from. It cannot change.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="source cannot change: make a new MeetingRecording for other media"
	Source MediaSource `json:"source,omitzero"`

	// storeRef names the RecordingStore that keeps the media. Absent is the store called default. It cannot change.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="storeRef cannot change: the media would stay behind in the old store"
	StoreRef StoreReference `json:"storeRef,omitempty,omitzero"`

	// state is Active, or Trashed for a recording that is to go unless somebody takes it back. Absent is Active. When a
	// recording expires, the controller sets Trashed; setting Active again restores it, and its time to live starts anew.
	// +optional
	State RecordingState `json:"state,omitempty"`

	// holds are legal holds. While there is one, the recording is neither expired, trashed nor deleted.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Holds []LegalHold `json:"holds,omitempty"`
}

// RecordingState is what is wanted of a recording.
//
// +kubebuilder:validation:Enum=Active;Trashed
type RecordingState string

const (
	// StateActive keeps the recording for those who may have it, until it expires.
	StateActive RecordingState = "Active"
	// StateTrashed hides the recording, and deletes it for good when the policy's trashFor has passed.
	StateTrashed RecordingState = "Trashed"
)

// MeetingFacts are the facts of a meeting that roles follow from. People are named by the e-mail addresses that the
// identity provider verifies; upper and lower case are the same.
//
// +kubebuilder:validation:XValidation:rule="!has(self.startedAt) || !has(self.endedAt) || self.startedAt <= self.endedAt",message="endedAt must not be before startedAt"
type MeetingFacts struct {
	// id is what the meeting system calls the meeting.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	ID string `json:"id,omitempty"`

	// title is what people call the meeting. It is confidential: only those who may view the recording see it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Title string `json:"title,omitempty"`

	// department is the department that the meeting belongs to.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Department string `json:"department,omitempty"`

	// startedAt is when the meeting started.
	// +optional
	StartedAt metav1.Time `json:"startedAt,omitempty,omitzero"`

	// endedAt is when the meeting ended.
	// +optional
	EndedAt metav1.Time `json:"endedAt,omitempty,omitzero"`

	// creator is who made the meeting.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^\S+$`
	Creator string `json:"creator,omitempty"`

	// hosts are those who ran the meeting.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Hosts []string `json:"hosts,omitempty"`

	// participants are those who attended.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2000
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=254
	// +kubebuilder:validation:items:Pattern=`^\S+$`
	Participants []string `json:"participants,omitempty"`
}

// MediaSource says where the media comes from. Exactly one field is set.
//
// +kubebuilder:validation:ExactlyOneOf=upload;object;adopt
type MediaSource struct {
	// upload waits for somebody to send the media to the URLs in the Secret that status.upload names. The simplest
	// form, upload: {}, is one PUT request of up to 5Gi.
	// +optional
	Upload *UploadSource `json:"upload,omitempty"`

	// object takes an object of a bucket that the store allows recordings to be imported from. The object stays where it is.
	// +optional
	Object *ObjectSource `json:"object,omitempty"`

	// adopt takes what an earlier MeetingRecording of this namespace left in the store: one that was deleted and whose time
	// in the trash is not over, or one of a cluster that was lost. The rest of the spec must say what the store says of it.
	// kubectl reelkeeper trash restore and recover write such recordings.
	// +optional
	Adopt AdoptSource `json:"adopt,omitempty,omitzero"`
}

// AdoptSource names an earlier MeetingRecording.
type AdoptSource struct {
	// uid is the UID under which the earlier recording's objects lie in the bucket: its own, or the one that it had adopted.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`
	UID string `json:"uid,omitempty"`
}

// UploadSource waits for an upload.
//
// +kubebuilder:validation:XValidation:rule="!has(self.method) || self.method != 'Multipart' || has(self.size)",message="method Multipart needs size: it decides how many parts there are"
type UploadSource struct {
	// method is Put, one request of up to 5Gi, or Multipart, for larger files and for sending parts side by side. Absent is Put.
	// +optional
	Method UploadMethod `json:"method,omitempty"`

	// size is how large the upload is going to be. Only Multipart needs it.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`
}

// UploadMethod says how the media is sent.
//
// +kubebuilder:validation:Enum=Put;Multipart
type UploadMethod string

const (
	// UploadPut is one PUT request.
	UploadPut UploadMethod = "Put"
	// UploadMultipart is an S3 multipart upload by presigned requests.
	UploadMultipart UploadMethod = "Multipart"
)

// ObjectSource names an object in a bucket of the store's endpoint.
type ObjectSource struct {
	// bucket is one of the store's spec.intake.imports.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket,omitempty"`

	// key is the object's key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Key string `json:"key,omitempty"`
}

// StoreReference names a RecordingStore.
type StoreReference struct {
	// name is the store's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// LegalHold keeps a recording, whatever else says that it should go.
type LegalHold struct {
	// name tells holds apart; a case number is a good one.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$')",message="a hold's name has letters, digits, dots, dashes and underscores, and begins and ends with a letter or digit"
	Name string `json:"name,omitempty"`

	// reason is why the recording is held.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// by is who laid the hold.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	By string `json:"by,omitempty"`
}

// MeetingRecordingStatus says what became of a recording.
//
// +kubebuilder:validation:MinProperties=1
type MeetingRecordingStatus struct {
	// conditions are Ready, Stored, Processed, Recoverable and, where nothing more happens by itself, Stalled.
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

	// upload says where to send the media.
	// +optional
	Upload UploadStatus `json:"upload,omitempty,omitzero"`

	// progress is how far processing is, such as 40%. Short jobs show none.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16
	Progress string `json:"progress,omitempty"`

	// media are the facts of the stored media.
	// +optional
	Media MediaFacts `json:"media,omitempty,omitzero"`

	// storage says where the media is.
	// +optional
	Storage StorageLocation `json:"storage,omitempty,omitzero"`

	// link is the page of the recording. It gives nobody a right: who follows it is asked who they are.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Link string `json:"link,omitempty"`

	// availableAt is when the recording became available, or was last restored: when its time to live began.
	// +optional
	AvailableAt metav1.Time `json:"availableAt,omitempty,omitzero"`

	// expiresAt is when the recording goes to the trash by itself. Absent is never.
	// +optional
	ExpiresAt metav1.Time `json:"expiresAt,omitempty,omitzero"`

	// trashedAt is when the recording went to the trash.
	// +optional
	TrashedAt metav1.Time `json:"trashedAt,omitempty,omitzero"`

	// purgeAt is when the recording in the trash is deleted for good.
	// +optional
	PurgeAt metav1.Time `json:"purgeAt,omitempty,omitzero"`

	// lockedUntil is when the retention lock ends. Until then nobody can delete the recording.
	// +optional
	LockedUntil metav1.Time `json:"lockedUntil,omitempty,omitzero"`
}

// UploadStatus says where to send the media.
type UploadStatus struct {
	// secretRef names the Secret of this namespace that holds the presigned URLs.
	// +required
	SecretRef LocalSecretReference `json:"secretRef,omitzero"`
}

// LocalSecretReference names a Secret of the same namespace.
type LocalSecretReference struct {
	// name is the Secret's name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// MediaFacts are the facts of the stored media.
type MediaFacts struct {
	// duration is how long the media plays, in whole seconds.
	// +required
	Duration Duration `json:"duration,omitempty"`

	// bytes is the size of the stored object.
	// +required
	// +kubebuilder:validation:Minimum=1
	Bytes int64 `json:"bytes,omitempty"`

	// codec names the codecs of video and audio, such as avc1/mp4a.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Codec string `json:"codec,omitempty"`

	// height is the height of the picture in pixels. Absent for audio alone.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Height int32 `json:"height,omitempty"`

	// segments is how many segments the media has.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Segments int32 `json:"segments,omitempty"`

	// sha256 is the digest of the stored object, in hexadecimal.
	// +required
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256,omitempty"`
}

// StorageLocation says where the media is.
type StorageLocation struct {
	// bucket is the bucket that holds the recording.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=63
	Bucket string `json:"bucket,omitempty"`

	// key is the key of the encrypted media object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Key string `json:"key,omitempty"`

	// manifestKey is the key of the manifest, from which the recording can be made again.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	ManifestKey string `json:"manifestKey,omitempty"`

	// stateHash tells which state of the recording was last written beside the manifest.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	StateHash string `json:"stateHash,omitempty"`
}

// EffectiveState returns spec.state, Active where it is absent.
func (r *MeetingRecording) EffectiveState() RecordingState {
	if r.Spec.State == "" {
		return StateActive
	}
	return r.Spec.State
}

// StorageUID returns the UID under which the recording's objects lie in the bucket and to which its data keys are bound: its
// own, or that of the recording which it has adopted. Adopting moves no object and rewraps no key.
func (r *MeetingRecording) StorageUID() string {
	if uid := r.Spec.Source.Adopt.UID; uid != "" {
		return uid
	}
	return string(r.UID)
}

// FieldAdopts selects recordings by the UID of the recording that they adopt.
const FieldAdopts = "spec.source.adopt.uid"

// DefaultStore is the name of the RecordingStore that a recording uses when it names none.
const DefaultStore = "default"

// StoreName returns the name of the RecordingStore that keeps the recording.
func (r *MeetingRecording) StoreName() string {
	if r.Spec.StoreRef.Name == "" {
		return DefaultStore
	}
	return r.Spec.StoreRef.Name
}
