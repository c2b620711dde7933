// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Rules are the rules that hold for one recording. They are read-only and can be shared between goroutines.
type Rules struct {
	// Profile is the preset that the first policy to name one has chosen, Standard where none has. Another policy's can have
	// set single fields: see their provenance.
	Profile Field[v1alpha1.Profile]
	// Recording says whether and how the meeting is recorded.
	Recording Recording
	// Access says who may do what.
	Access Access
	// Sharing says what may be granted.
	Sharing Sharing
	// Succession says whose the recording is when its creator has left.
	Succession Succession
	// Retention says how long the recording is kept.
	Retention Retention
	// Processing says what is made of the raw upload.
	Processing Processing
	// Playback bounds how one person is given what they watch.
	Playback Playback
	// Watermark says whose identity is drawn over the picture.
	Watermark Field[v1alpha1.Watermark]
	// Audit says what is written about accesses.
	Audit Audit
	// Enforcement is DryRun where some policy is only being tried out: see Trial.
	Enforcement Field[v1alpha1.Enforcement]

	// Trial holds the rules as they would be if the policies that say DryRun were enforced, nil if there are none. The
	// rules around it are those that hold: the same without these policies.
	Trial *Rules

	// Bounded are the fields of Retention for which a policy asked for something else than the organisation's overrides leave.
	Bounded []Bounded

	// Problems are the parts of policies that could not be understood.
	Problems []Problem
}

// Field is the value of one field of the rules, and where it comes from.
type Field[T any] struct {
	// Value is what holds.
	Value T
	// From is where Value comes from; nil where no source says anything, and Value is then the zero value.
	From *Provenance
}

// Source returns where the value comes from, the zero Provenance where nothing says anything.
func (f Field[T]) Source() Provenance {
	if f.From == nil {
		return Provenance{}
	}
	return *f.From
}

// Recording says whether and how the meeting is recorded.
type Recording struct {
	// Mode says what starts a recording.
	Mode Field[v1alpha1.RecordingMode]
	// Notice says whether people are told.
	Notice Field[v1alpha1.Notice]
}

// Access says who may do what.
type Access struct {
	// Audiences are the outer bounds: the policies' own first, then those of the organisation's overrides. Each of them
	// has to admit a person.
	Audiences []Audience
	// Roles are what each role may do, already inside the organisation's overrides and while its RoleConditions hold.
	Roles RoleTable
	// RoleConditions are, for each role, the conditions under which it may do what Roles says.
	RoleConditions ConditionTable
	// Ceilings are the most that anybody of a role can be given, be it by a label or a grant: the intersection of the
	// overrides, everything where none says anything.
	Ceilings RoleTable
	// CeilingConditions are, for each role, the conditions under which that much can be given.
	CeilingConditions ConditionTable
	// Labels are what people with a role label may do, already inside the organisation's overrides.
	Labels []Label

	// audience and departments are the policies' own, while rules are being put together.
	audience    Field[v1alpha1.Audience]
	departments Field[[]string]
}

// Audience is one outer bound.
type Audience struct {
	// Kind says who is inside.
	Kind v1alpha1.Audience
	// Departments are those whose members are inside, where Kind is Departments.
	Departments []string
	// From is where the bound comes from.
	From *Provenance
}

// Label is what people who carry a role label may do. They may do nothing else, whatever role or grant they have.
type Label struct {
	// Name is the role label as the identity provider sends it.
	Name string
	// Permissions are all that people with the label may do.
	Permissions PermissionSet
	// Conditions have to hold, all of them, for Permissions to count. While one does not, people with the label may do
	// nothing that labels limit.
	Conditions []Condition
	// Gives says that a policy named the label, so that it also raises what somebody may do who may view already. An
	// override's label only bounds.
	Gives bool
	// From is where the permissions come from: the last source that made them fewer.
	From *Provenance
}

// Roles are all roles, in the order of a RoleTable.
var Roles = [...]v1alpha1.Role{
	v1alpha1.RoleCreator,
	v1alpha1.RoleHost,
	v1alpha1.RoleParticipant,
	v1alpha1.RoleInternal,
	v1alpha1.RoleExternal,
}

// RoleTable holds a permission set for each of Roles, in that order.
type RoleTable [len(Roles)]Field[PermissionSet]

// Of returns the permissions of a role, none for a role that is not known.
func (t *RoleTable) Of(role v1alpha1.Role) Field[PermissionSet] {
	for i := range Roles {
		if Roles[i] == role {
			return t[i]
		}
	}
	return Field[PermissionSet]{}
}

// ConditionTable holds the conditions of each of Roles, in that order; none for a role without.
type ConditionTable [len(Roles)][]Condition

// Sharing says what may be granted.
type Sharing struct {
	// Links says whether grants may be made, and whether they need a password.
	Links Field[v1alpha1.LinkRule]
	// MaxTTL is the longest time from a grant's creation to its end; v1alpha1.Forever for no bound.
	MaxTTL Field[time.Duration]
	// External says whether outsiders may be granted anything.
	External Field[v1alpha1.Choice]
	// PublicChannels says whether whole groups, and whoever holds a link, may be granted anything.
	PublicChannels Field[v1alpha1.Choice]
	// Requests says whether people may formally ask for a permission.
	Requests Field[v1alpha1.Choice]
	// AnswerWithin is how long one of those who answer requests has before a request goes to the next in line.
	AnswerWithin Field[time.Duration]
	// ExpireAfter is how long a request waits for an answer altogether.
	ExpireAfter Field[time.Duration]
	// Approvers are who may answer requests besides creator and hosts, inside what the overrides leave to their roles.
	Approvers Field[[]v1alpha1.GrantSubject]
}

// Succession says whose the recording is when its creator has left.
type Succession struct {
	// Successors are who has the creator's place then: the first of the list whom there is.
	Successors Field[[]v1alpha1.Successor]
	// Departed are those who have left the organisation.
	Departed Departures
}

// Processing says what is made of the raw upload.
type Processing struct {
	// MaxHeight is the greatest height of the picture in pixels, 0 for no bound.
	MaxHeight Field[int32]
	// Thumbnails says whether preview pictures are made.
	Thumbnails Field[v1alpha1.ThumbnailRule]
}

// Playback bounds how one person is given what they watch.
type Playback struct {
	// MaxAhead is how much is given out ahead of the speed of watching, in playing time; v1alpha1.Forever for no bound.
	MaxAhead Field[time.Duration]
	// MaxSpeed is the fastest speed of watching.
	MaxSpeed Field[v1alpha1.PlaybackSpeed]
	// MaxViews is how many players one person may use at the same time.
	MaxViews Field[int32]
	// MaxRequests is how many playlists, keys and segments one person is given in a minute.
	MaxRequests Field[int32]
}

// Audit says what is written about accesses.
type Audit struct {
	// OnFailure says what happens when nothing can be written.
	OnFailure Field[v1alpha1.AuditFailure]
	// Addresses says how much of a network address is kept.
	Addresses Field[v1alpha1.AddressDetail]
	// DownloadNotice says whether owners are told who downloads.
	DownloadNotice Field[v1alpha1.DownloadNotice]
}
