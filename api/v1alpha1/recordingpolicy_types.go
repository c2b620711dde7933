// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RecordingPolicy holds a department's rules for the recordings of its own namespace.
//
// Where several match one recording, the one with more selector requirements decides, field by field; among equals the
// older one, then the one whose name comes first. It can never exceed the overrides of a ClusterRecordingPolicy. A change
// takes effect at the next decision, for recordings that exist as well as for new ones.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rpol,categories=reelkeeper
// +kubebuilder:printcolumn:name="Profile",type=string,JSONPath=`.spec.profile`
// +kubebuilder:printcolumn:name="Audience",type=string,JSONPath=`.spec.access.audience`
// +kubebuilder:printcolumn:name="Expire",type=string,JSONPath=`.spec.retention.expireAfter`
// +kubebuilder:printcolumn:name="Recordings",type=integer,JSONPath=`.status.recordings`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Enforcement",type=string,JSONPath=`.spec.enforcement`,priority=1
// +kubebuilder:printcolumn:name="Conflicted",type=string,JSONPath=`.status.conditions[?(@.type=="Conflicted")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:selectablefield:JSONPath=`.spec.profile`
type RecordingPolicy struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec says which recordings the policy governs and how.
	// +required
	Spec RecordingPolicySpec `json:"spec,omitzero"`

	// status says what became of the policy.
	// +optional
	Status PolicyStatus `json:"status,omitempty,omitzero"`
}

// RecordingPolicyList is a list of RecordingPolicy.
//
// +kubebuilder:object:root=true
type RecordingPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RecordingPolicy `json:"items"`
}

// RecordingPolicySpec selects recordings and sets their rules.
//
// +kubebuilder:validation:MinProperties=1
type RecordingPolicySpec struct {
	// selector picks the recordings of this namespace by their labels. Absent or empty picks all of them.
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	PolicyRules `json:",inline"`
}

// PolicyRules are the rules that a policy can set. What a policy leaves out comes from the next source in order:
// the profile that it chooses, a less specific policy, the organisation's defaults, the profile Standard.
//
// +kubebuilder:validation:MinProperties=1
type PolicyRules struct {
	// profile is a preset that says what this policy leaves open: Open, Standard or Restricted. Choosing one is the same as
	// writing all its fields. Absent says nothing; what no policy says is as in Standard.
	// +optional
	Profile Profile `json:"profile,omitempty"`

	// recording says whether meetings are recorded and how that is announced.
	// +optional
	Recording RecordingRules `json:"recording,omitempty,omitzero"`

	// access says who may do what.
	// +optional
	Access AccessRules `json:"access,omitempty,omitzero"`

	// sharing says what may be granted to whom, and for how long.
	// +optional
	Sharing SharingRules `json:"sharing,omitempty,omitzero"`

	// succession says whose a recording is when its creator has left the organisation.
	// +optional
	Succession SuccessionRules `json:"succession,omitempty,omitzero"`

	// retention says how long recordings are kept and how they leave.
	// +optional
	Retention RetentionRules `json:"retention,omitempty,omitzero"`

	// processing says what is made of the raw upload.
	// +optional
	Processing ProcessingRules `json:"processing,omitempty,omitzero"`

	// playback bounds how fast, and how often at the same time, one person is given what they watch.
	// +optional
	Playback PlaybackRules `json:"playback,omitempty,omitzero"`

	// watermark says whether what a viewer sees carries their identity.
	// +optional
	Watermark Watermark `json:"watermark,omitempty"`

	// audit says what is written about accesses.
	// +optional
	Audit AuditRules `json:"audit,omitempty,omitzero"`

	// enforcement says whether this policy holds, or is only tried out. Absent is as the organisation's defaults say,
	// without those Enforce. In overrides, Enforce ends every trial; DryRun means nothing there.
	// +optional
	Enforcement Enforcement `json:"enforcement,omitempty"`
}

// Profile is a preset of rules.
//
// +kubebuilder:validation:Enum=Open;Standard;Restricted
type Profile string

const (
	// ProfileOpen is for organisations that want no control: whoever has the link may watch and download.
	ProfileOpen Profile = "Open"
	// ProfileStandard suits most meetings: members of the organisation, downloads for creator and hosts.
	ProfileStandard Profile = "Standard"
	// ProfileRestricted is for sensitive meetings: the meeting's own people only, passwords and expiry required.
	ProfileRestricted Profile = "Restricted"
)

// RecordingRules say whether meetings are recorded.
//
// +kubebuilder:validation:MinProperties=1
type RecordingRules struct {
	// mode is Automatic, Manual or Disabled.
	// +optional
	Mode RecordingMode `json:"mode,omitempty"`

	// notice is Announce, so that everybody in the meeting is told, or Silent.
	// +optional
	Notice Notice `json:"notice,omitempty"`
}

// RecordingMode says what starts a recording.
//
// +kubebuilder:validation:Enum=Automatic;Manual;Disabled
type RecordingMode string

const (
	// ModeAutomatic records from the moment the meeting starts.
	ModeAutomatic RecordingMode = "Automatic"
	// ModeManual records when a host or the creator starts it.
	ModeManual RecordingMode = "Manual"
	// ModeDisabled never records.
	ModeDisabled RecordingMode = "Disabled"
)

// Notice says whether people in a meeting are told that it is recorded.
//
// +kubebuilder:validation:Enum=Announce;Silent
type Notice string

const (
	// NoticeAnnounce tells everybody in the meeting.
	NoticeAnnounce Notice = "Announce"
	// NoticeSilent tells nobody. Whether that is lawful is for the organisation to know.
	NoticeSilent Notice = "Silent"
)

// AccessRules say who may do what.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="!has(self.departments) || !has(self.audience) || self.audience == 'Departments'",message="departments has an effect only with audience Departments: set audience to Departments or remove departments"
// +kubebuilder:validation:XValidation:rule="!has(self.audience) || self.audience != 'Departments' || has(self.departments)",message="audience Departments needs at least one entry in departments"
type AccessRules struct {
	// audience is the outer bound of who can have access at all.
	// +optional
	Audience Audience `json:"audience,omitempty"`

	// departments are those whose members have access where audience is Departments.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	Departments []string `json:"departments,omitempty"`

	// roles say what each role may do. A role that is left out keeps what the profile gives it; a role with an empty
	// list may do nothing.
	// +optional
	// +listType=map
	// +listMapKey=role
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	Roles []RolePermissions `json:"roles,omitempty"`

	// labels say what members of the organisation with a role label of the identity provider may do, where they may view
	// at all. Somebody who carries labels that are named here may view and download only what all of these list, whatever
	// role or grant they have. In overrides, labels only bound.
	// +optional
	// +listType=map
	// +listMapKey=label
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Labels []LabelPermissions `json:"labels,omitempty"`
}

// RolePermissions are the permissions of one role.
type RolePermissions struct {
	// role is whose permissions these are.
	// +required
	Role Role `json:"role,omitempty"`

	// permissions are all that the role may do; an empty list is nothing at all.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=10
	Permissions []Permission `json:"permissions"`

	// when is a condition in CEL, of at most 1024 characters. While it is not true, the entry counts as if its list were
	// empty: the role may do nothing, whatever other sources say. That is also so while it cannot be compiled or
	// evaluated. Absent is always. See docs/policies.md for what it can look at.
	// +optional
	When Condition `json:"when,omitempty"`
}

// Condition is an expression in CEL that is true or false.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=1024
type Condition string

// LabelPermissions are the permissions of people who carry a role label.
type LabelPermissions struct {
	// label is the role label, as the identity provider sends it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Label string `json:"label,omitempty"`

	// permissions are what people with the label may do besides what their roles permit. Without View or Download in the
	// list, they may not do that whatever else permits it.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=0
	// +kubebuilder:validation:MaxItems=10
	Permissions []Permission `json:"permissions"`

	// when is a condition in CEL, of at most 1024 characters. While it is not true, the entry counts as if its list were
	// empty: people with the label may neither view nor download, and gain nothing. That is also so while it cannot be
	// compiled or evaluated. Absent is always. See docs/policies.md for what it can look at.
	// +optional
	When Condition `json:"when,omitempty"`
}

// SharingRules say what may be granted.
//
// +kubebuilder:validation:MinProperties=1
type SharingRules struct {
	// links says whether grants make links, and whether those need a password.
	// +optional
	Links LinkRule `json:"links,omitempty"`

	// maxTTL is the longest time from a grant's creation to its end. Where it is set, other than Never, a grant needs an end.
	// +optional
	MaxTTL DurationOrNever `json:"maxTTL,omitempty"`

	// external says whether people outside the organisation may be granted anything.
	// +optional
	External Choice `json:"external,omitempty"`

	// publicChannels says whether grants may be for groups of the identity provider, and for Anyone: where Forbidden, they name
	// people, departments or labels. For Anyone the audience has to be Anyone as well.
	// +optional
	PublicChannels Choice `json:"publicChannels,omitempty"`

	// requests says whether people without a permission may formally ask for it.
	// +optional
	Requests Choice `json:"requests,omitempty"`

	// approval says who answers requests, and in what time.
	// +optional
	Approval ApprovalRules `json:"approval,omitempty,omitzero"`
}

// ApprovalRules say who answers requests, and in what time. A request goes to the creator first, then to the hosts, then to
// the approvers.
//
// +kubebuilder:validation:MinProperties=1
type ApprovalRules struct {
	// answerWithin is how long one of them has before the request goes to the next in line.
	// +optional
	AnswerWithin Duration `json:"answerWithin,omitempty"`

	// expireAfter is how long a request waits for an answer altogether.
	// +optional
	ExpireAfter Duration `json:"expireAfter,omitempty"`

	// approvers are members of the organisation who may answer requests besides the creator and the hosts, such as those of the
	// department who are responsible for its recordings. They may not watch the recordings by that. Overrides cannot name any;
	// they bound by what they let the role Internal do.
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(a, a.kind != 'Anyone')",message="an approver is a User, a Group, a Department or a Label"
	Approvers []GrantSubject `json:"approvers,omitempty"`
}

// SuccessionRules say whose a recording is when its creator has left the organisation.
//
// +kubebuilder:validation:MinProperties=1
type SuccessionRules struct {
	// successors are who has the creator's place once the creator has left (spec.departed of a ClusterRecordingPolicy): the first
	// of the list whom there is. There is always a Group, a Department and a Label; a User unless they have left too; Hosts and
	// Approvers if any of them are left. Overrides cannot say this.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Successors []Successor `json:"successors,omitempty"`
}

// Successor is somebody who can have the place of a creator who has left.
//
// +kubebuilder:validation:XValidation:rule="(self.kind in ['Hosts', 'Approvers']) != has(self.name)",message="a User, Group, Department or Label needs a name; Hosts and Approvers have none"
type Successor struct {
	// kind is Hosts for the meeting's hosts, Approvers for those of sharing.approval, or what name means.
	// +required
	Kind SuccessorKind `json:"kind,omitempty"`

	// name is an e-mail address, or the name of a group, department or label.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=254
	Name string `json:"name,omitempty"`
}

// SuccessorKind says who a successor is.
//
// +kubebuilder:validation:Enum=Hosts;Approvers;User;Group;Department;Label
type SuccessorKind string

const (
	// SuccessorHosts are the meeting's hosts who have not left.
	SuccessorHosts SuccessorKind = "Hosts"
	// SuccessorApprovers are those of sharing.approval.approvers.
	SuccessorApprovers SuccessorKind = "Approvers"
	// SuccessorUser is one person.
	SuccessorUser SuccessorKind = "User"
	// SuccessorGroup is everybody in a group of the identity provider.
	SuccessorGroup SuccessorKind = "Group"
	// SuccessorDepartment is everybody in a department.
	SuccessorDepartment SuccessorKind = "Department"
	// SuccessorLabel is everybody who carries a role label.
	SuccessorLabel SuccessorKind = "Label"
)

// LinkRule says what a link needs.
//
// +kubebuilder:validation:Enum=PasswordOptional;PasswordRequired;Forbidden
type LinkRule string

const (
	// LinksPasswordOptional lets who shares decide whether the link has a password.
	LinksPasswordOptional LinkRule = "PasswordOptional"
	// LinksPasswordRequired refuses grants without a password.
	LinksPasswordRequired LinkRule = "PasswordRequired"
	// LinksForbidden refuses grants altogether.
	LinksForbidden LinkRule = "Forbidden"
)

// RetentionRules say how long recordings are kept.
//
// +kubebuilder:validation:MinProperties=1
type RetentionRules struct {
	// expireAfter is how long after the recording became available, or was restored, it goes to the trash by itself.
	// +optional
	ExpireAfter DurationOrNever `json:"expireAfter,omitempty"`

	// unwatchedAfter is how long nobody has watched a recording when it goes to the trash by itself.
	// +optional
	UnwatchedAfter DurationOrNever `json:"unwatchedAfter,omitempty"`

	// trashFor is how long a recording can be taken back out of the trash before it is deleted for good.
	// +optional
	TrashFor Duration `json:"trashFor,omitempty"`

	// warnBefore is how long before a recording goes to the trash by itself that is announced, by its condition Expiring and
	// an Event. 0s announces nothing. In overrides it is the least lead: nobody is warned later.
	// +optional
	WarnBefore Duration `json:"warnBefore,omitempty"`

	// extendTo is the longest time to live that a single recording may choose in its spec.retention.expireAfter. One that is no
	// longer than expireAfter, such as 0s, lets none extend its time; shortening is always possible. Overrides that set
	// expireAfter and not extendTo allow no extension beyond that expireAfter.
	// +optional
	ExtendTo DurationOrNever `json:"extendTo,omitempty"`

	// lock is the least time a recording is kept, whoever wants it gone. Where several rules speak, the longest time and the
	// stricter mode win, each for itself.
	// +optional
	Lock RetentionLock `json:"lock,omitempty,omitzero"`

	// erasure says whether a recording's key can be destroyed on request while its media is locked. Where it can, the manifest,
	// which holds the key, is not locked in the bucket.
	// +optional
	Erasure ErasureRule `json:"erasure,omitempty"`
}

// ErasureRule says whether a recording's key can be destroyed while its media is locked.
//
// +kubebuilder:validation:Enum=Forbidden;DestroyKey
type ErasureRule string

const (
	// ErasureForbidden keeps the key as long as the media.
	ErasureForbidden ErasureRule = "Forbidden"
	// ErasureDestroyKey lets those with the RBAC verb erase have the key destroyed.
	ErasureDestroyKey ErasureRule = "DestroyKey"
)

// RetentionLock keeps a recording from being deleted too early.
type RetentionLock struct {
	// mode is Governance, which those with the RBAC verb bypass can lift, or Compliance, which nobody can.
	// +required
	Mode LockMode `json:"mode,omitempty"`

	// for is how long after the recording became available for the first time the lock lies on it.
	// +required
	For Duration `json:"for,omitempty"`
}

// LockMode says who can lift a lock.
//
// +kubebuilder:validation:Enum=Governance;Compliance
type LockMode string

const (
	// LockGovernance can be lifted by those with the RBAC verb bypass on recordings.
	LockGovernance LockMode = "Governance"
	// LockCompliance cannot be lifted.
	LockCompliance LockMode = "Compliance"
)

// ProcessingRules say what is made of a raw upload.
//
// +kubebuilder:validation:MinProperties=1
type ProcessingRules struct {
	// maxHeight is the greatest height of the stored picture in pixels; taller video is scaled down.
	// +optional
	// +kubebuilder:validation:Minimum=144
	// +kubebuilder:validation:Maximum=4320
	MaxHeight int32 `json:"maxHeight,omitempty"`

	// thumbnails says whether preview pictures are made, and shown to those who may view. Under watermark Viewer none are shown,
	// because no name is on them.
	// +optional
	Thumbnails ThumbnailRule `json:"thumbnails,omitempty"`
}

// ThumbnailRule says whether preview pictures are made.
//
// +kubebuilder:validation:Enum=None;Poster
type ThumbnailRule string

const (
	// ThumbnailsNone makes no preview pictures.
	ThumbnailsNone ThumbnailRule = "None"
	// ThumbnailsPoster makes one preview picture for lists of recordings, and small ones for the seek bar of the player.
	ThumbnailsPoster ThumbnailRule = "Poster"
)

// PlaybackRules bound how one person is given what they watch. They say nothing about downloads, and of stores with delivery
// Direct only maxViews and maxRequests count. All replicas of the gateway count together.
//
// +kubebuilder:validation:MinProperties=1
type PlaybackRules struct {
	// maxAhead is how much of a recording is given out ahead of the speed of watching, counted in time that it plays: at the start,
	// and again for seeking when as much time has passed. Less than 30s counts as 30s; Never gives out as much as is asked for.
	// +optional
	MaxAhead DurationOrNever `json:"maxAhead,omitempty"`

	// maxSpeed is the fastest speed of watching, which the player offers and at which a recording is given out: 1x, 1.25x, 1.5x or 2x.
	// +optional
	MaxSpeed PlaybackSpeed `json:"maxSpeed,omitempty"`

	// maxViews is how many players one person may use at the same time; a further one stops the one that began first. The strictest
	// of the recordings that are watched counts.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxViews int32 `json:"maxViews,omitempty"`

	// maxRequests is how many playlists, keys and segments one person is given in a minute.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=100000
	MaxRequests int32 `json:"maxRequests,omitempty"`
}

// PlaybackSpeed is how fast a recording is watched.
//
// +kubebuilder:validation:Enum="1x";"1.25x";"1.5x";"2x"
type PlaybackSpeed string

const (
	// SpeedNormal is as it was recorded.
	SpeedNormal PlaybackSpeed = "1x"
	// SpeedFaster is a quarter faster.
	SpeedFaster PlaybackSpeed = "1.25x"
	// SpeedFast is half as fast again.
	SpeedFast PlaybackSpeed = "1.5x"
	// SpeedDouble takes half of the time.
	SpeedDouble PlaybackSpeed = "2x"
)

// Watermark says whose identity is drawn over the picture.
//
// +kubebuilder:validation:Enum=None;Viewer
type Watermark string

const (
	// WatermarkNone draws nothing.
	WatermarkNone Watermark = "None"
	// WatermarkViewer draws the name of who watches, and when.
	WatermarkViewer Watermark = "Viewer"
)

// AuditRules say what is written about accesses.
//
// +kubebuilder:validation:MinProperties=1
type AuditRules struct {
	// onFailure is Deny: when the audit record cannot be written, the access does not happen.
	// +optional
	OnFailure AuditFailure `json:"onFailure,omitempty"`

	// addresses says how much of the network address is kept.
	// +optional
	Addresses AddressDetail `json:"addresses,omitempty"`

	// downloadNotice says whether a recording's owners are told who downloads it. They are told through the organisation's webhook.
	// +optional
	DownloadNotice DownloadNotice `json:"downloadNotice,omitempty"`
}

// DownloadNotice says whether a recording's owners are told who downloads it.
//
// +kubebuilder:validation:Enum=None;Digest;Immediate
type DownloadNotice string

const (
	// NotifyNone tells them nothing; the access log has it all the same.
	NotifyNone DownloadNotice = "None"
	// NotifyDigest tells them once a day.
	NotifyDigest DownloadNotice = "Digest"
	// NotifyImmediate tells them of every download when it starts.
	NotifyImmediate DownloadNotice = "Immediate"
)

// AuditFailure says what happens when an audit record cannot be written.
//
// +kubebuilder:validation:Enum=Deny
type AuditFailure string

// AuditFailureDeny refuses the access.
const AuditFailureDeny AuditFailure = "Deny"

// AddressDetail says how much of a network address an audit record keeps.
//
// +kubebuilder:validation:Enum=Full;Truncated;None
type AddressDetail string

const (
	// AddressesFull keeps the whole address.
	AddressesFull AddressDetail = "Full"
	// AddressesTruncated keeps the first 24 bits of an IPv4 address, the first 48 of an IPv6 address.
	AddressesTruncated AddressDetail = "Truncated"
	// AddressesNone keeps no address.
	AddressesNone AddressDetail = "None"
)

// Enforcement says whether refusals are carried out.
//
// +kubebuilder:validation:Enum=Enforce;DryRun
type Enforcement string

const (
	// EnforcementEnforce refuses what the policy refuses.
	EnforcementEnforce Enforcement = "Enforce"
	// EnforcementDryRun tries this policy out: everything is as if it were not there, and what it would have refused is
	// recorded. It never lifts the organisation's overrides.
	EnforcementDryRun Enforcement = "DryRun"
)

// PolicyStatus says what became of a policy.
//
// +kubebuilder:validation:MinProperties=1
type PolicyStatus struct {
	// conditions are Ready, Accepted and Conflicted. Conflicted is shown on the policy that yields, not on the one that holds.
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

	// recordings is how many recordings the policy is about, the trash included. It is counted at most every ten seconds, and
	// absent before the first count.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Recordings *int32 `json:"recordings,omitempty"`
}
