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
// +kubebuilder:printcolumn:name="Kept-By",type=string,JSONPath=`.status.conditions[?(@.type=="Retained")].reason`,priority=1
// +kubebuilder:printcolumn:name="Link",type=string,JSONPath=`.status.link`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.state`
// +kubebuilder:selectablefield:JSONPath=`.spec.storeRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.meeting.id`
// +kubebuilder:selectablefield:JSONPath=`.spec.meeting.department`
// +kubebuilder:selectablefield:JSONPath=`.spec.meeting.creator`
// +kubebuilder:selectablefield:JSONPath=`.spec.source.adopt.uid`
// +kubebuilder:selectablefield:JSONPath=`.status.trashCause`
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
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.erasure) || has(self.erasure)",message="an erasure that was asked for cannot be withdrawn: the key may be destroyed already"
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

	// state is what people want: Active, or Trashed for a recording that is to go unless somebody takes it back. Absent is as its
	// rules say: available until it expires, in the trash after that. Setting Active takes it back from there, whatever brought it
	// there, and its time to live starts anew. It goes on expiring where it says Active: the controller then sets Trashed.
	// +optional
	State RecordingState `json:"state,omitempty"`

	// holds are legal holds. While there is one, the recording is neither expired, trashed, deleted nor erased. Laying and
	// lifting them takes the RBAC verb hold.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:XValidation:rule="has(self.by) == has(oldSelf.by) && (!has(self.by) || self.by == oldSelf.by)",message="who laid a hold cannot be changed: lay another one and lift it then"
	Holds []LegalHold `json:"holds,omitempty"`

	// retention is what is wanted of this one recording's time to live. Changing it needs the RBAC verb retain. Absent is as the
	// policies say.
	// +optional
	Retention RecordingRetention `json:"retention,omitempty,omitzero"`

	// erasure asks for the recording's key to be destroyed, so that nobody can ever watch it again, although its media may be
	// locked: for a person's right to be forgotten. It takes the RBAC verb erase, and a policy whose retention.erasure is
	// DestroyKey. It can be neither changed nor withdrawn. Absent is no such wish.
	// +optional
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an erasure that was asked for cannot be changed"
	Erasure ErasureRequest `json:"erasure,omitempty,omitzero"`
}

// ErasureRequest asks for the recording's key to be destroyed.
type ErasureRequest struct {
	// reason is why, such as the number of the request that a person made. It stands in the audit log.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Reason string `json:"reason,omitempty"`

	// by is who asks for it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	By string `json:"by,omitempty"`
}

// RecordingRetention is what is wanted of one recording's time to live.
//
// +kubebuilder:validation:MinProperties=1
type RecordingRetention struct {
	// expireAfter takes the place of the policy's retention.expireAfter. Shorter is always possible; longer only up to the
	// policy's retention.extendTo. What asks for more is no error: the condition RetentionAccepted says what holds instead.
	// +optional
	ExpireAfter DurationOrNever `json:"expireAfter,omitempty"`
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

// TrashCause is why a recording lies in the trash.
//
// +kubebuilder:validation:Enum=Expiry;Request
type TrashCause string

const (
	// TrashCauseExpiry is a time to live that was over while spec.state was absent. As long as it is, the recording stays in the trash.
	TrashCauseExpiry TrashCause = "Expiry"
	// TrashCauseRequest is spec.state, where somebody set Trashed, or the controller did because it said Active when the time was
	// over. Whoever removes it takes the recording back.
	TrashCauseRequest TrashCause = "Request"
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
// +kubebuilder:validation:ExactlyOneOf=upload;object;url;adopt
type MediaSource struct {
	// upload waits for somebody to send the media to the URLs in the Secret that status.upload names. The simplest
	// form, upload: {}, is one PUT request of up to 5Gi.
	// +optional
	Upload *UploadSource `json:"upload,omitempty"`

	// object takes an object of a bucket that the store allows recordings to be imported from. The object stays where it is.
	// +optional
	Object *ObjectSource `json:"object,omitempty"`

	// url fetches the media from an https address, where the store allows that.
	// +optional
	URL *URLSource `json:"url,omitempty"`

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

// URLSource names an https address to fetch from.
type URLSource struct {
	// url is the address. It is as public as the recording's spec: whatever is secret belongs into the Secret of
	// credentialsSecretRef.
	// +required
	// +kubebuilder:validation:MinLength=12
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && self.matches(r'^https://[^/?#@\\s]+([/?][^\\s]*)?$')",message="write an https address without a user name or a fragment, such as https://media.example.com/review.mp4; credentials belong into credentialsSecretRef"
	URL string `json:"url,omitempty"`

	// credentialsSecretRef names a Secret of this namespace, of the type reelkeeper.io/url-credentials, with the key host, the only
	// host that its credentials are sent to, and either the key token, for Authorization: Bearer, or the keys username and password.
	// Absent fetches without credentials.
	// +optional
	CredentialsSecretRef LocalSecretReference `json:"credentialsSecretRef,omitempty,omitzero"`

	// sha256 is the digest that the media must have, in hexadecimal. Absent takes what comes.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f]+$')",message="a SHA-256 digest is 64 hexadecimal digits"
	SHA256 string `json:"sha256,omitempty"`

	// maxSize is how large the media is at most, which is how much of the namespace's quota is set aside for it. Absent is the
	// store's spec.intake.maxSize.
	// +optional
	MaxSize *resource.Quantity `json:"maxSize,omitempty"`
}

// SecretTypeURLCredentials is the type of Secrets with the credentials of a source.url. No others are read: whoever may make
// recordings could else have any Secret of the namespace sent to an address of their own.
const SecretTypeURLCredentials = "reelkeeper.io/url-credentials" //nolint:gosec // the name of a type, no credentials

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

	// by is who laid the hold. It cannot be changed. Where it is left out, Kubernetes 1.36 and newer fill in the name of who
	// sent the request.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	By string `json:"by,omitempty"`
}

// MeetingRecordingStatus says what became of a recording.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.trashCause) || has(self.trashedAt)",message="trashCause says why the recording lies in the trash, and needs trashedAt"
type MeetingRecordingStatus struct {
	// conditions are Ready, Stored, Processed, Recoverable, Retained and, only while they have something to say, Stalled, Expiring,
	// RetentionAccepted, Locked (a hold or a lock lies on the recording), LockApplied (the bucket refuses to enforce what it should) and Erased
	// (somebody asked for erasure).
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

	// firstAvailableAt is when the recording became available for the first time, from which a retention lock counts: restoring
	// begins no new one. Absent where it was never restored, and availableAt says so.
	// +optional
	FirstAvailableAt metav1.Time `json:"firstAvailableAt,omitempty,omitzero"`

	// expiresAt is when the recording goes to the trash by itself. Absent is never.
	// +optional
	ExpiresAt metav1.Time `json:"expiresAt,omitempty,omitzero"`

	// lastWatchedAt is a time after which nobody is known to have watched or downloaded the recording. It is there only while the
	// policy's retention.unwatchedAfter counts, and rounded up, by at most a day and at most a tenth of unwatchedAfter, so that
	// being watched often costs few writes. A rule that is new to a recording counts from when it came.
	// +optional
	LastWatchedAt metav1.Time `json:"lastWatchedAt,omitempty,omitzero"`

	// trashedAt is when the recording went to the trash.
	// +optional
	TrashedAt metav1.Time `json:"trashedAt,omitempty,omitzero"`

	// trashCause is why the recording went to the trash: Expiry, because its time to live was over, or Request, because spec.state
	// said Trashed. It stays until the recording leaves the trash. Absent where the recording is not there.
	// +optional
	TrashCause TrashCause `json:"trashCause,omitempty"`

	// purgeAt is when the recording in the trash is deleted for good.
	// +optional
	PurgeAt metav1.Time `json:"purgeAt,omitempty,omitzero"`

	// lockedUntil is when the retention lock ends. Until then the recording can be neither deleted nor trashed. It never
	// becomes earlier, unless a Governance lock is lifted. Absent where there never was a lock.
	// +optional
	LockedUntil metav1.Time `json:"lockedUntil,omitempty,omitzero"`

	// lockMode says who can lift the lock before lockedUntil: with Governance those with the RBAC verb bypass, with Compliance
	// nobody. Compliance never becomes Governance. Absent where there never was a lock.
	// +optional
	LockMode LockMode `json:"lockMode,omitempty"`

	// lockedBy is the rule that promised the lock: the policy and its field, also once the policy is gone.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	LockedBy string `json:"lockedBy,omitempty"`

	// holds are the legal holds of the spec whose laying is in the audit log.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Holds []LegalHold `json:"holds,omitempty"`
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

	// previews is how many small pictures there are for the seek bar of a player, besides the one for lists. Absent where there
	// are none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Previews int32 `json:"previews,omitempty"`

	// captions are the languages that there are captions in, as BCP 47 writes them; und is one that the source did not name. Absent
	// where there are no captions.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=2
	// +kubebuilder:validation:items:MaxLength=35
	Captions []string `json:"captions,omitempty"`

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

	// lock is what the bucket itself enforces, by S3 Object Lock, on the versions of the media and, unless the policy allows
	// erasure, of the manifest. Absent where the bucket enforces nothing.
	// +optional
	Lock BucketLock `json:"lock,omitempty,omitzero"`
}

// BucketLock is what S3 Object Lock enforces on the versions of a recording's objects.
//
// +kubebuilder:validation:MinProperties=1
type BucketLock struct {
	// mode is that of the retention: Governance or Compliance. Absent without a retention.
	// +optional
	Mode LockMode `json:"mode,omitempty"`

	// until is the date of the retention. While a legal hold lies on the recording, it is renewed ahead of time.
	// +optional
	Until metav1.Time `json:"until,omitempty,omitzero"`

	// legalHold is On while the objects carry the flag of a legal hold. Absent is Off.
	// +optional
	LegalHold LegalHoldFlag `json:"legalHold,omitempty"`
}

// LegalHoldFlag says whether objects carry the flag of a legal hold.
//
// +kubebuilder:validation:Enum=On;Off
type LegalHoldFlag string

const (
	// LegalHoldOn is a flag that is set.
	LegalHoldOn LegalHoldFlag = "On"
	// LegalHoldOff is a flag that is not set.
	LegalHoldOff LegalHoldFlag = "Off"
)

// EffectiveState returns spec.state. Where that is absent, it is Trashed for a recording that has expired, else Active. The admission
// policies holds, locks and attribution say the same in CEL.
func (r *MeetingRecording) EffectiveState() RecordingState {
	switch {
	case r.Spec.State != "":
		return r.Spec.State
	case r.Status.TrashCause == TrashCauseExpiry:
		return StateTrashed
	}
	return StateActive
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
