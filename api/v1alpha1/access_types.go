// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Permission is one thing that a person may do with a recording. Being able to view is not being able to download.
//
// +kubebuilder:validation:Enum=View;Download;Share;Trash;Restore;Purge;Hold;Start;Stop;Approve
type Permission string

const (
	// PermissionView allows watching in the player, never the file.
	PermissionView Permission = "View"
	// PermissionDownload allows taking the file away.
	PermissionDownload Permission = "Download"
	// PermissionShare allows granting others what the policy lets be granted.
	PermissionShare Permission = "Share"
	// PermissionTrash allows moving the recording to the trash.
	PermissionTrash Permission = "Trash"
	// PermissionRestore allows taking the recording out of the trash.
	PermissionRestore Permission = "Restore"
	// PermissionPurge allows deleting the recording for good.
	PermissionPurge Permission = "Purge"
	// PermissionHold allows laying and lifting legal holds.
	PermissionHold Permission = "Hold"
	// PermissionStart allows starting to record the meeting.
	PermissionStart Permission = "Start"
	// PermissionStop allows stopping to record the meeting.
	PermissionStop Permission = "Stop"
	// PermissionApprove allows approving what others ask for.
	PermissionApprove Permission = "Approve"
)

// Role is what somebody is to a recording, following from the meeting's facts and from who they are.
//
// +kubebuilder:validation:Enum=Creator;Host;Participant;Internal;External
type Role string

const (
	// RoleCreator is who made the meeting: spec.meeting.creator.
	RoleCreator Role = "Creator"
	// RoleHost is who ran the meeting: spec.meeting.hosts.
	RoleHost Role = "Host"
	// RoleParticipant is who attended: spec.meeting.participants. Attending gives no right by itself.
	RoleParticipant Role = "Participant"
	// RoleInternal is a member of the organisation who had no part in the meeting.
	RoleInternal Role = "Internal"
	// RoleExternal is anybody who is not a member of the organisation, also when they attended.
	RoleExternal Role = "External"
)

// Audience is the outer bound of who can have access at all. Nothing inside a policy and no grant reaches beyond it.
//
// +kubebuilder:validation:Enum=Anyone;Internal;Departments;Invited
type Audience string

const (
	// AudienceAnyone sets no bound; grants may name Anyone, which makes an anonymous link.
	AudienceAnyone Audience = "Anyone"
	// AudienceInternal bounds access to members of the organisation, and to outsiders whom a grant names where
	// sharing.external allows it.
	AudienceInternal Audience = "Internal"
	// AudienceDepartments bounds access to members of the departments that the policy names.
	AudienceDepartments Audience = "Departments"
	// AudienceInvited bounds access to the meeting's own people and to those whom a grant names.
	AudienceInvited Audience = "Invited"
)

// SubjectKind says what the name of a subject means.
//
// +kubebuilder:validation:Enum=User;Group;Department;Label;Anyone
type SubjectKind string

const (
	// SubjectUser is one person, by the e-mail address that the identity provider verified.
	SubjectUser SubjectKind = "User"
	// SubjectGroup is everybody in a group of the identity provider.
	SubjectGroup SubjectKind = "Group"
	// SubjectDepartment is everybody in a department.
	SubjectDepartment SubjectKind = "Department"
	// SubjectLabel is everybody who carries a role label, such as manager or intern.
	SubjectLabel SubjectKind = "Label"
	// SubjectAnyone is whoever holds the link. Only policies whose audience is Anyone allow it.
	SubjectAnyone SubjectKind = "Anyone"
)

// Choice says whether something may be done at all.
//
// +kubebuilder:validation:Enum=Allowed;Forbidden
type Choice string

const (
	// Allowed lets it be done.
	Allowed Choice = "Allowed"
	// Forbidden refuses it.
	Forbidden Choice = "Forbidden"
)
