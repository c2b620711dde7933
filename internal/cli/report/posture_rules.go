// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// check is one thing that good practice asks for. Its name says what it finds wrong, so that the list reads as a specification.
type check struct {
	name     string
	severity Severity
	asks     string
	find     func(*survey) []Finding
}

// checks are all checks, those about the rules that hold before those about objects.
var checks = []check{
	{"RecordingModeNotChosen", Medium, "Has somebody chosen whether meetings are recorded?", modeNotChosen},
	{"OutsidersMayDownload", High, "Can outsiders take recordings away by default?", downloadBy("outsiders", High)},
	{"ParticipantsMayDownload", Medium, "Can everybody who attended take recordings away by default?", downloadBy("participants", Medium)},
	{"MembersMayDownload", High, "Can every member of the organisation take every recording away by default?", downloadBy("members", High)},
	{"NothingExpires", Medium, "Are outdated recordings cleaned up without anybody remembering to?", nothingExpires},
	{"RoleLabelsNotUsed", Low, "Do role labels say what positions such as manager and intern may do?", labelsNotUsed},
	{"SensitiveWithoutPassword", High, "Do links to sensitive meetings need a password?", sensitiveWithoutPassword},
	{"SensitiveWithoutEnd", High, "Do links to sensitive meetings end?", sensitiveWithoutEnd},
	{"SensitiveNeverExpires", High, "Do recordings of sensitive meetings disappear by themselves?", sensitiveNeverExpires},
	{"SensitiveForOutsiders", High, "Are sensitive meetings kept inside the organisation?", sensitiveForOutsiders},
	{"PublicChannelsAllowed", High, "Is sharing to public channels off?", publicChannels},
	{"AnonymousLinksAllowed", High, "Does every link need somebody to sign in?", anonymousLinks},
	{"OutsidersMayBeGranted", Low, "Can recordings be shared outside the organisation?", outsidersMayBeGranted},
	{"RequestsForbidden", Low, "Can somebody without permission formally ask for it?", requestsForbidden},
	{"RecordingsWithoutOwner", High, "Does everything whose creator has left the organisation have a successor?", withoutOwner},
	{"FullAddressesKept", Low, "Does the access log keep no more of network addresses than needed?", fullAddresses},
	{"RecordedSilently", Medium, "Are people told that they are recorded?", recordedSilently},
	{"PolicyNotUnderstood", High, "Can every policy be understood?", notUnderstood},
	{"DryRunLingers", Medium, "Are policies enforced?", dryRunLingers},
	{"PolicySelectsNothing", Low, "Is every policy about some recording?", selectsNothing},
	{"RecordingsStalled", High, "Do all recordings get on by themselves?", stalled},
	{"GrantsWithoutEnd", Medium, "Does every grant have an end?", grantsWithoutEnd},
}

// notAsked are questions of good practice that no check can answer, and why.
var notAsked = []string{
	"Were all meetings recorded that should have been? (R35) No meeting system is connected: only meetings with a MeetingRecording are known.",
}

// wrong is the finding that a field of the rules should have another value.
func wrong[T any](field string, f policy.Field[T], want, says string) (Finding, *policy.Provenance) {
	return Finding{Field: field, Want: want, Says: says}, f.From
}

// fine is that there is nothing to find.
func fine() (Finding, *policy.Provenance) { return Finding{}, nil }

func modeNotChosen(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		mode := a.rules.Recording.Mode
		if mode.From != nil && mode.From.Profile == "" {
			return fine()
		}
		return wrong("recording.mode", mode, "Automatic, Manual or Disabled", fmt.Sprintf("No policy says whether meetings are recorded; %s is the profile's.", mode.Value))
	})
}

// downloadBy finds who may download without a grant, by asking for somebody who stands for them.
func downloadBy(who string, severity Severity) func(*survey) []Finding {
	asker := map[string]access.Subject{
		"outsiders":    {Name: "a-participant", Verified: true},
		"participants": {Name: "a-participant", Verified: true, Internal: true},
		"members":      {Name: stranger, Verified: true, Internal: true},
	}[who]
	return func(s *survey) []Finding {
		return s.in(func(a *area) (Finding, *policy.Provenance) {
			subject := asker
			if subject.Internal {
				subject.Departments = inDepartment(a.rules)
			}
			request := &access.Request{Subject: subject, Permission: v1alpha1.PermissionDownload, Recording: standIn, Now: s.now}
			// Whether a condition holds differs from recording to recording. Good practice is about what can be.
			d := access.Decide(unconditional(a.rules), request)
			if !d.Allowed() {
				return fine()
			}
			f := Finding{Severity: severity, Field: "access.roles", Want: "[View], or nothing", Says: fmt.Sprintf("By default %s may download.", who)}
			if !access.Decide(a.rules, request).Allowed() {
				f.Severity, f.Says = lesser(severity), fmt.Sprintf("By default %s may download under a condition.", who)
			}
			return f, &d.Rule
		})
	}
}

// unconditional returns the rules as they are while every condition that can be compiled holds.
func unconditional(rules *policy.Rules) *policy.Rules {
	open := *rules
	open.Access.RoleConditions, open.Access.CeilingConditions = policy.ConditionTable{}, policy.ConditionTable{}
	open.Access.Labels = slices.Clone(rules.Access.Labels)
	for i := range open.Access.Labels {
		open.Access.Labels[i].Conditions = nil
	}
	return &open
}

// lesser returns the next severity below.
func lesser(severity Severity) Severity {
	return Severities[min(slices.Index(Severities, severity)+1, len(Severities)-1)]
}

func nothingExpires(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		r := &a.rules.Retention
		if r.ExpireAfter.Value != v1alpha1.Forever || r.UnwatchedAfter.Value != v1alpha1.Forever {
			return fine()
		}
		return wrong("retention.expireAfter", r.ExpireAfter, "180d or another time", "Recordings never go by themselves.")
	})
}

func labelsNotUsed(s *survey) []Finding {
	total := 0
	for i := range s.areas {
		if len(s.areas[i].rules.Access.Labels) > 0 {
			return nil
		}
		total += s.areas[i].recordings
	}
	object, field := toChange(nil, "access.labels")
	return []Finding{{
		Object: object, Field: field, Recordings: total, Want: "[{label: manager, permissions: [View, Download]}, {label: intern, permissions: [View]}]",
		Says: "No policy says what positions may do.",
	}}
}

func sensitiveWithoutPassword(s *survey) []Finding {
	return s.sensitive(func(r *policy.Rules) (Finding, *policy.Provenance) {
		if r.Sharing.Links.Value != v1alpha1.LinksPasswordOptional {
			return fine()
		}
		return wrong("sharing.links", r.Sharing.Links, "PasswordRequired", "Sensitive meetings may be shared without a password.")
	})
}

func sensitiveWithoutEnd(s *survey) []Finding {
	return s.sensitive(func(r *policy.Rules) (Finding, *policy.Provenance) {
		if r.Sharing.MaxTTL.Value != v1alpha1.Forever {
			return fine()
		}
		return wrong("sharing.maxTTL", r.Sharing.MaxTTL, "72h or another time", "Sensitive meetings may be shared without an end.")
	})
}

func sensitiveNeverExpires(s *survey) []Finding {
	return s.sensitive(func(r *policy.Rules) (Finding, *policy.Provenance) {
		if r.Retention.ExpireAfter.Value != v1alpha1.Forever {
			return fine()
		}
		return wrong("retention.expireAfter", r.Retention.ExpireAfter, "90d or another time", "Recordings of sensitive meetings never go by themselves.")
	})
}

func sensitiveForOutsiders(s *survey) []Finding {
	return s.sensitive(func(r *policy.Rules) (Finding, *policy.Provenance) {
		if r.Sharing.External.Value != v1alpha1.Allowed {
			return fine()
		}
		return wrong("sharing.external", r.Sharing.External, "Forbidden", "Sensitive meetings may be shared outside the organisation.")
	})
}

// sensitive asks of the areas of sensitive meetings only.
func (s *survey) sensitive(ask func(*policy.Rules) (Finding, *policy.Provenance)) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		if !a.sensitive {
			return fine()
		}
		return ask(a.rules)
	})
}

func publicChannels(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		if a.rules.Sharing.PublicChannels.Value != v1alpha1.Allowed {
			return fine()
		}
		return wrong("sharing.publicChannels", a.rules.Sharing.PublicChannels, "Forbidden", "Recordings may be granted to whole groups, and by links that anybody can use.")
	})
}

func anonymousLinks(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		audiences := a.rules.Access.Audiences
		bounded := slices.ContainsFunc(audiences, func(b policy.Audience) bool { return b.Kind != v1alpha1.AudienceAnyone })
		if bounded || len(audiences) == 0 {
			return fine()
		}
		return Finding{Field: "access.audience", Want: "Internal", Says: "Links may be made that anybody can use without signing in."}, audiences[0].From
	})
}

func outsidersMayBeGranted(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		if a.sensitive || a.rules.Sharing.External.Value != v1alpha1.Allowed {
			return fine()
		}
		return wrong("sharing.external", a.rules.Sharing.External, "Forbidden", "Recordings may be shared outside the organisation.")
	})
}

func requestsForbidden(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		if a.rules.Sharing.Requests.Value != v1alpha1.Forbidden {
			return fine()
		}
		return wrong("sharing.requests", a.rules.Sharing.Requests, "Allowed", "Nobody can formally ask for a permission, and asks a host for a copy instead.")
	})
}

func fullAddresses(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		if a.rules.Audit.Addresses.Value != v1alpha1.AddressesFull {
			return fine()
		}
		return wrong("audit.addresses", a.rules.Audit.Addresses, "Truncated", "The access log keeps whole network addresses.")
	})
}

func recordedSilently(s *survey) []Finding {
	return s.in(func(a *area) (Finding, *policy.Provenance) {
		if a.rules.Recording.Notice.Value != v1alpha1.NoticeSilent || a.rules.Recording.Mode.Value == v1alpha1.ModeDisabled {
			return fine()
		}
		return wrong("recording.notice", a.rules.Recording.Notice, "Announce", "People are not told that they are recorded.")
	})
}
