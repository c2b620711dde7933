// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/reelkeeper/reelkeeper/api/v1alpha1"

// Preset is a profile: what it is for, and its rules in the same words that policies use.
type Preset struct {
	// Name is what policies call it.
	Name v1alpha1.Profile
	// For says in a few words whom it suits.
	For string
	// Rules are all that it sets: what it has in common with the others is not among them.
	Rules v1alpha1.PolicyRules
}

// sets of permissions that the profiles give.
var (
	nothing     = []v1alpha1.Permission{}
	view        = []v1alpha1.Permission{v1alpha1.PermissionView}
	viewAndTake = []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload}
	host        = []v1alpha1.Permission{
		v1alpha1.PermissionView, v1alpha1.PermissionDownload, v1alpha1.PermissionShare, v1alpha1.PermissionTrash, v1alpha1.PermissionRestore,
		v1alpha1.PermissionStart, v1alpha1.PermissionStop, v1alpha1.PermissionApprove,
	}
	creator = append(append([]v1alpha1.Permission{}, host...), v1alpha1.PermissionPurge)
)

// common are the rules in which the profiles do not differ. They are in none of them: who chooses a profile says nothing about
// them, and keeps what the organisation says.
var common = v1alpha1.PolicyRules{
	Recording:  v1alpha1.RecordingRules{Mode: v1alpha1.ModeManual, Notice: v1alpha1.NoticeAnnounce},
	Sharing:    v1alpha1.SharingRules{Requests: v1alpha1.Allowed, Approval: v1alpha1.ApprovalRules{AnswerWithin: "2d", ExpireAfter: "14d"}},
	Succession: v1alpha1.SuccessionRules{Successors: []v1alpha1.Successor{{Kind: v1alpha1.SuccessorHosts}, {Kind: v1alpha1.SuccessorApprovers}}},
	Retention:  v1alpha1.RetentionRules{UnwatchedAfter: v1alpha1.Never, TrashFor: "30d", WarnBefore: "0s", ExtendTo: "0s", Erasure: v1alpha1.ErasureForbidden},
	Processing: v1alpha1.ProcessingRules{Thumbnails: v1alpha1.ThumbnailsPoster},
	Playback:   v1alpha1.PlaybackRules{MaxViews: 5, MaxRequests: 600},
	Audit:      v1alpha1.AuditRules{OnFailure: v1alpha1.AuditFailureDeny, Addresses: v1alpha1.AddressesFull, DownloadNotice: v1alpha1.NotifyNone},
}

// Profiles are the presets, from the most open to the strictest. docs/policies.md shows them as a table.
//
// None of them lets anybody lay or lift holds: a hold has to be stronger than a creator who wants to delete, so who may
// is for a policy to name.
var Profiles = [...]Preset{
	{
		Name: v1alpha1.ProfileOpen,
		For:  "no control wanted",
		Rules: v1alpha1.PolicyRules{
			Access: v1alpha1.AccessRules{
				Audience: v1alpha1.AudienceAnyone,
				Roles:    roles(creator, host, viewAndTake, viewAndTake, view),
			},
			Sharing: v1alpha1.SharingRules{
				Links: v1alpha1.LinksPasswordOptional, MaxTTL: v1alpha1.Never,
				External: v1alpha1.Allowed, PublicChannels: v1alpha1.Allowed,
			},
			Retention: v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never},
			Playback:  v1alpha1.PlaybackRules{MaxAhead: v1alpha1.Never, MaxSpeed: v1alpha1.SpeedDouble},
			Watermark: v1alpha1.WatermarkNone,
		},
	},
	{
		Name: v1alpha1.ProfileStandard,
		For:  "most meetings",
		Rules: v1alpha1.PolicyRules{
			Access: v1alpha1.AccessRules{
				Audience: v1alpha1.AudienceInternal,
				Roles:    roles(creator, host, view, nothing, nothing),
			},
			Sharing: v1alpha1.SharingRules{
				Links: v1alpha1.LinksPasswordOptional, MaxTTL: "30d",
				External: v1alpha1.Allowed, PublicChannels: v1alpha1.Forbidden,
			},
			Retention: v1alpha1.RetentionRules{ExpireAfter: "180d"},
			Playback:  v1alpha1.PlaybackRules{MaxAhead: "3m", MaxSpeed: v1alpha1.SpeedFast},
			Watermark: v1alpha1.WatermarkNone,
		},
	},
	{
		Name: v1alpha1.ProfileRestricted,
		For:  "sensitive meetings",
		Rules: v1alpha1.PolicyRules{
			Access: v1alpha1.AccessRules{
				Audience: v1alpha1.AudienceInvited,
				Roles:    roles(creator, host, view, nothing, nothing),
			},
			Sharing: v1alpha1.SharingRules{
				Links: v1alpha1.LinksPasswordRequired, MaxTTL: "72h",
				External: v1alpha1.Forbidden, PublicChannels: v1alpha1.Forbidden,
			},
			Retention: v1alpha1.RetentionRules{ExpireAfter: "90d"},
			Playback:  v1alpha1.PlaybackRules{MaxAhead: "2m", MaxSpeed: v1alpha1.SpeedFast},
			Watermark: v1alpha1.WatermarkViewer,
		},
	},
}

// roles lists what each role may do, in the order of Roles.
func roles(creator, host, participant, internal, external []v1alpha1.Permission) []v1alpha1.RolePermissions {
	return []v1alpha1.RolePermissions{
		{Role: v1alpha1.RoleCreator, Permissions: creator},
		{Role: v1alpha1.RoleHost, Permissions: host},
		{Role: v1alpha1.RoleParticipant, Permissions: participant},
		{Role: v1alpha1.RoleInternal, Permissions: internal},
		{Role: v1alpha1.RoleExternal, Permissions: external},
	}
}

// presetOf returns the profile of that name, the strictest for a name that is not known.
func presetOf(name v1alpha1.Profile) *Preset {
	for i := range Profiles {
		if Profiles[i].Name == name {
			return &Profiles[i]
		}
	}
	return &Profiles[len(Profiles)-1]
}
