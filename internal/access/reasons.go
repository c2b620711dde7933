// SPDX-License-Identifier: Apache-2.0

package access

// Reason is the stable code of why something is allowed or refused. Codes never change their meaning; docs/policies.md
// lists them with what to do about each.
type Reason string

// Reasons of what is allowed.
const (
	// PermittedByRole: their role in the meeting, or in the organisation, permits it.
	PermittedByRole Reason = "PermittedByRole"
	// PermittedByLabel: they may view, and their role label permits this as well.
	PermittedByLabel Reason = "PermittedByLabel"
	// PermittedByGrant: a grant permits it.
	PermittedByGrant Reason = "PermittedByGrant"
	// PermittedByAppointment: the policy names them among those who answer requests.
	PermittedByAppointment Reason = "PermittedByAppointment"
)

// Reasons of what is refused because of who asks.
const (
	// NotSignedIn: nobody can be told apart from anybody else without signing in.
	NotSignedIn Reason = "NotSignedIn"
	// Unverified: the identity provider does not vouch for the e-mail address.
	Unverified Reason = "Unverified"
	// NotInternal: they are not a member of the organisation.
	NotInternal Reason = "NotInternal"
	// OtherDepartment: they belong to none of the departments that have access.
	OtherDepartment Reason = "OtherDepartment"
	// NotInvited: they had no part in the meeting and no grant names them.
	NotInvited Reason = "NotInvited"
	// NotPermitted: their roles do not permit it. A grant could.
	NotPermitted Reason = "NotPermitted"
	// LabelForbids: a role label of theirs does not allow it, whatever else would.
	LabelForbids Reason = "LabelForbids"
	// OrganisationForbids: the organisation's overrides keep it from their roles, whatever else would permit it.
	OrganisationForbids Reason = "OrganisationForbids"
	// ConditionNotMet: what would permit it has a condition that is not true.
	ConditionNotMet Reason = "ConditionNotMet"
	// ConditionBroken: what would permit it has a condition that cannot be compiled or evaluated.
	ConditionBroken Reason = "ConditionBroken"
)

// Reasons why a grant does not count, or must not be made.
const (
	// GrantNotReady: its controller has not accepted it, or not yet.
	GrantNotReady Reason = "GrantNotReady"
	// GrantNotYet: it has not begun.
	GrantNotYet Reason = "GrantNotYet"
	// GrantExpired: it has ended.
	GrantExpired Reason = "GrantExpired"
	// GrantUsedUp: it has been used as often as it may be.
	GrantUsedUp Reason = "GrantUsedUp"
	// PasswordNeeded: it counts only for those who give its link's password.
	PasswordNeeded Reason = "PasswordNeeded"
	// LinksForbidden: the policy forbids grants.
	LinksForbidden Reason = "LinksForbidden"
	// PasswordRequired: the policy forbids grants without a password.
	PasswordRequired Reason = "PasswordRequired"
	// ExpiryRequired: the policy forbids grants without an end.
	ExpiryRequired Reason = "ExpiryRequired"
	// ExpiryTooLate: the policy forbids grants that last so long.
	ExpiryTooLate Reason = "ExpiryTooLate"
	// ExternalForbidden: the policy forbids granting to outsiders.
	ExternalForbidden Reason = "ExternalForbidden"
	// AnyoneForbidden: the policy forbids links that need no name.
	AnyoneForbidden Reason = "AnyoneForbidden"
	// PublicForbidden: the policy forbids grants to whole groups, and to whoever holds a link.
	PublicForbidden Reason = "PublicForbidden"
	// PermissionForbidden: the organisation's overrides keep a permission from everybody whom the grant names.
	PermissionForbidden Reason = "PermissionForbidden"
)

// Reasons why a request is refused, or its answer does not count.
const (
	// RequestsForbidden: the policy forbids to ask.
	RequestsForbidden Reason = "RequestsForbidden"
	// AlreadyPermitted: they may do already what they ask for.
	AlreadyPermitted Reason = "AlreadyPermitted"
	// OwnRequest: nobody answers what they asked themselves.
	OwnRequest Reason = "OwnRequest"
)

// Reasons of what is refused because of the recording's state, whoever asks.
const (
	// Trashed: the recording lies in the trash.
	Trashed Reason = "Trashed"
	// Held: a legal hold lies on the recording.
	Held Reason = "Held"
	// Locked: the retention lock has not ended.
	Locked Reason = "Locked"
	// RecordingDisabled: the policy says that meetings are not recorded.
	RecordingDisabled Reason = "RecordingDisabled"
	// NotFound: there is no such recording, or none that they may know of. Only Answer and Unknown use it.
	NotFound Reason = "NotFound"
)

// Explanation is what to make of a reason. {do} stands for what was asked for, {when} for the date.
type Explanation struct {
	// Message says what is so, to the person.
	Message string
	// Remedy says what the person can do; empty where there is nothing to be done.
	Remedy string
	// Admin says what whoever runs the policies can change.
	Admin string
}

// Explanations holds the explanation of every reason.
var Explanations = map[Reason]Explanation{
	PermittedByRole:        {"You may {do} this recording.", "", "Change the role's permissions in access.roles."},
	PermittedByLabel:       {"You may {do} this recording.", "", "Change the label's permissions in access.labels."},
	PermittedByGrant:       {"You may {do} this recording.", "", "Delete the AccessGrant to revoke it."},
	PermittedByAppointment: {"You may {do} this recording.", "", "Change sharing.approval.approvers."},

	NotSignedIn: {
		"You have not signed in.", "Sign in with your company account.",
		"Anonymous access needs the audience Anyone and an AccessGrant for Anyone, opened by its link.",
	},
	Unverified: {
		"Your e-mail address is not verified.", "Verify your e-mail address with your identity provider, then sign in again.",
		"The identity provider has to send the claim email_verified as true.",
	},
	NotInternal: {
		"This account does not belong to the organisation.", "Sign in with your company account instead of a personal one, or ask a host to share it with you.",
		"Set access.audience to Anyone, or name the person in an AccessGrant where sharing.external is Allowed.",
	},
	OtherDepartment: {
		"Only certain departments have access to this recording, and yours is not one of them.", "Ask a host of the meeting; your administrator decides which departments have access.",
		"Add the department to access.departments, or check the departments that the identity provider sends.",
	},
	NotInvited: {
		"Only those who were invited have access to this recording.", "Ask a host of the meeting to share it with you.",
		"Add the person to the meeting's facts or name them in an AccessGrant, or set access.audience to Internal.",
	},
	NotPermitted: {
		"You may not {do} this recording.", "Ask a host of the meeting to allow you to {do} it.",
		"Add the permission to the role in access.roles, or name the person in an AccessGrant.",
	},
	LabelForbids: {
		"Your position in the organisation does not let you {do} this recording.", "Ask your administrator.",
		"Add the permission to the label in access.labels, or check the labels that the identity provider sends.",
	},
	OrganisationForbids: {
		"The organisation does not let you {do} this recording.", "Ask your administrator: a host cannot allow it.",
		"Add the permission to the role in overrides.access.roles of the ClusterRecordingPolicy.",
	},
	ConditionNotMet: {
		"You may {do} this recording only under a condition that is not met.", "Ask your administrator which condition it is.",
		"Look at the condition, when, of the entry that the rule names.",
	},
	ConditionBroken: {
		"The rule that says whether you may {do} this recording does not work.", "Ask your administrator to put it right.",
		"Put right the condition, when, that the rule names. The policy's own conditions say what cannot be compiled; what cannot be evaluated " +
			"looks for something that is not there, such as a label of the recording.",
	},

	GrantNotReady: {
		"What was shared with you does not count.", "Ask whoever shared it with you: the grant says why it does not count.",
		"Look at the conditions of the AccessGrant.",
	},
	GrantNotYet: {
		"What was shared with you begins on {when}.", "Come back then.",
		"Change notBefore of the AccessGrant.",
	},
	GrantExpired: {
		"The link expired on {when}.", "Ask whoever shared it with you for a new one.",
		"Make a new AccessGrant.",
	},
	GrantUsedUp: {
		"The link has been used as often as it may be.", "Ask whoever shared it with you for a new one.",
		"Raise maxUses of the AccessGrant, or make a new one.",
	},
	PasswordNeeded: {
		"What was shared with you needs a password.", "Open the link that you were sent and type its password.",
		"The password is in the AccessGrant's Secret.",
	},
	LinksForbidden: {
		"Recordings like this one are not shared.", "Ask your administrator.",
		"Set sharing.links to PasswordRequired or PasswordOptional.",
	},
	PasswordRequired: {
		"Recordings like this one are shared only with a password.", "Ask whoever shared it with you to set a password.",
		"Set password: Generate in the AccessGrant, or sharing.links to PasswordOptional.",
	},
	ExpiryRequired: {
		"Recordings like this one are shared only until a date.", "Ask whoever shared it with you to set an end.",
		"Set expiresAt in the AccessGrant, or sharing.maxTTL to Never.",
	},
	ExpiryTooLate: {
		"Recordings like this one are shared for a shorter time: until {when} at the latest.", "Ask whoever shared it with you to share it again with an earlier end.",
		"Make a new AccessGrant with an earlier expiresAt, or raise sharing.maxTTL.",
	},
	ExternalForbidden: {
		"Recordings like this one are not shared outside the organisation.", "Sign in with your company account if you have one.",
		"Set sharing.external to Allowed.",
	},
	AnyoneForbidden: {
		"Recordings like this one are not shared by links that anybody can use.", "Ask whoever shared it with you to name you.",
		"Name people, groups or departments in the AccessGrant, or set access.audience to Anyone.",
	},
	PublicForbidden: {
		"Recordings like this one are not shared with whole groups, nor by links that anybody can use.", "Ask whoever shared it with you to name you.",
		"Name people, departments or labels in the AccessGrant, or set sharing.publicChannels to Allowed.",
	},
	PermissionForbidden: {
		"The organisation does not let this be granted.", "Ask your administrator.",
		"Leave the permission out of the AccessGrant, or add it to the role or label that the rule names.",
	},

	RequestsForbidden: {
		"Recordings like this one cannot be asked for.", "Ask a host of the meeting to share it with you.",
		"Set sharing.requests to Allowed.",
	},
	AlreadyPermitted: {
		"You may do already what you ask for.", "Open the recording.",
		"Nothing has to be changed.",
	},
	OwnRequest: {
		"Nobody answers their own request.", "Wait for somebody else who is responsible for the recording.",
		"Name others in sharing.approval.approvers.",
	},

	Trashed: {
		"The recording is in the trash.", "Ask the creator or a host of the meeting to restore it.",
		"Set spec.state to Active before status.purgeAt.",
	},
	Held: {
		"A legal hold lies on the recording.", "Ask whoever laid the hold.",
		"Remove every entry of spec.holds.",
	},
	Locked: {
		"The recording has to be kept until {when}.", "Wait until then.",
		"The lock comes from retention.lock; shortening it does not shorten what is promised already.",
	},
	RecordingDisabled: {
		"Meetings like this one are not recorded.", "Ask your administrator.",
		"Set recording.mode to Manual or Automatic.",
	},
	NotFound: {
		"There is no such recording, or it is not shared with you.", "Check the link, and ask a host of the meeting to share the recording with you.",
		"The access log says whether it exists and why it was refused.",
	},
}
