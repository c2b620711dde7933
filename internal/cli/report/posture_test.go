// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

// exemplary is an organisation's policy that no check finds anything wrong with.
func exemplary() v1alpha1.ClusterRecordingPolicy {
	return house(v1alpha1.PolicyRules{
		Profile:   v1alpha1.ProfileStandard,
		Recording: v1alpha1.RecordingRules{Mode: v1alpha1.ModeAutomatic},
		Access: v1alpha1.AccessRules{Labels: []v1alpha1.LabelPermissions{
			{Label: "intern", Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}},
		}},
		Sharing: v1alpha1.SharingRules{External: v1alpha1.Forbidden, Links: v1alpha1.LinksPasswordRequired, MaxTTL: "7d"},
		Audit:   v1alpha1.AuditRules{Addresses: v1alpha1.AddressesTruncated},
	}, v1alpha1.PolicyRules{})
}

func TestR34AnExemplaryOrganisationHasNothingToImprove(t *testing.T) {
	t.Parallel()
	p := report.NewBook(world(exemplary(), recording("a"), recording("b", sensitive), grant("g", "a", ""))).Posture(now)
	if diff := cmp.Diff([]report.Finding{}, p.Findings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p.Recordings != 2 || p.AtLeast(report.Low) {
		t.Errorf("%d recordings, something of severity Low: %v", p.Recordings, p.AtLeast(report.Low))
	}
}

// TestR34EveryCheckNamesTheObjectAndFieldToChange has a case for every check there is.
func TestR34EveryCheckNamesTheObjectAndFieldToChange(t *testing.T) {
	t.Parallel()
	type want struct {
		severity      report.Severity
		object, field string
		recordings    int
	}
	const (
		own  = "RecordingPolicy finance/own"
		org  = "ClusterRecordingPolicy house"
		none = "ClusterRecordingPolicy (a new one)"
	)
	// with is the exemplary organisation with one policy of finance that spoils it.
	with := func(rules v1alpha1.PolicyRules, labels ...string) []any {
		return []any{exemplary(), department("own", rules, labels...), recording("a"), recording("b", sensitive)}
	}
	role := func(role v1alpha1.Role) v1alpha1.PolicyRules {
		return v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Audience: v1alpha1.AudienceAnyone, Roles: []v1alpha1.RolePermissions{
			{Role: role, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload}},
		}}}
	}
	conditional := func(rules v1alpha1.PolicyRules) v1alpha1.PolicyRules {
		rules.Access.Roles[0].When = `now < recording.endedAt + duration("168h")`
		return rules
	}
	stalled := recording("a")
	stalled.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonNotAVideo}}
	endless := grant("g", "a", "")
	endless.Spec.ExpiresAt = metav1.Time{}
	old := department("own", v1alpha1.PolicyRules{Enforcement: v1alpha1.EnforcementDryRun})
	old.CreationTimestamp = metav1.NewTime(available.AddDate(0, -3, 0))
	unlabelled := exemplary()
	unlabelled.Spec.Defaults.Access = v1alpha1.AccessRules{}
	left, orphan := exemplary(), recording("a")
	left.Spec.Departed = append([]string{orphan.Spec.Meeting.Creator}, orphan.Spec.Meeting.Hosts...)

	cases := map[string]struct {
		check   string
		objects []any
		want    want
	}{
		"without any policy, the mode":  {"RecordingModeNotChosen", []any{recording("a")}, want{report.Medium, none, "spec.defaults.recording.mode", 1}},
		"outsiders download":            {"OutsidersMayDownload", with(role(v1alpha1.RoleExternal)), want{report.High, own, "spec.access.roles[External]", 2}},
		"participants download":         {"ParticipantsMayDownload", with(role(v1alpha1.RoleParticipant)), want{report.Medium, own, "spec.access.roles[Participant]", 2}},
		"participants, on a condition":  {"ParticipantsMayDownload", with(conditional(role(v1alpha1.RoleParticipant))), want{report.Low, own, "spec.access.roles[Participant]", 2}},
		"everybody downloads":           {"MembersMayDownload", with(role(v1alpha1.RoleInternal)), want{report.High, own, "spec.access.roles[Internal]", 2}},
		"the profile Open keeps":        {"NothingExpires", []any{house(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileOpen}, v1alpha1.PolicyRules{}), recording("a")}, want{report.Medium, org, "spec.defaults.retention.expireAfter", 1}},
		"no labels":                     {"RoleLabelsNotUsed", []any{unlabelled, recording("a")}, want{report.Low, none, "spec.defaults.access.labels", 1}},
		"R19 no password":               {"SensitiveWithoutPassword", with(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksPasswordOptional}}), want{report.High, own, "spec.sharing.links", 1}},
		"R19 no end":                    {"SensitiveWithoutEnd", with(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{MaxTTL: v1alpha1.Never}}), want{report.High, own, "spec.sharing.maxTTL", 1}},
		"R24 sensitive, kept for ever":  {"SensitiveNeverExpires", with(v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{ExpireAfter: v1alpha1.Never}}), want{report.High, own, "spec.retention.expireAfter", 1}},
		"sensitive, for outsiders":      {"SensitiveForOutsiders", with(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{External: v1alpha1.Allowed}}), want{report.High, own, "spec.sharing.external", 1}},
		"R21 public channels":           {"PublicChannelsAllowed", with(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{PublicChannels: v1alpha1.Allowed}}), want{report.High, own, "spec.sharing.publicChannels", 2}},
		"R20 anonymous links":           {"AnonymousLinksAllowed", with(v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Audience: v1alpha1.AudienceAnyone}}), want{report.High, own, "spec.access.audience", 2}},
		"R12 granting to outsiders":     {"OutsidersMayBeGranted", with(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{External: v1alpha1.Allowed}}), want{report.Low, own, "spec.sharing.external", 1}},
		"R22 no requests":               {"RequestsForbidden", with(v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Requests: v1alpha1.Forbidden}}), want{report.Low, own, "spec.sharing.requests", 2}},
		"R36 nobody succeeds":           {"RecordingsWithoutOwner", []any{left, orphan}, want{report.High, none, "spec.defaults.succession.successors", 1}},
		"whole addresses":               {"FullAddressesKept", with(v1alpha1.PolicyRules{Audit: v1alpha1.AuditRules{Addresses: v1alpha1.AddressesFull}}), want{report.Low, own, "spec.audit.addresses", 2}},
		"silence":                       {"RecordedSilently", with(v1alpha1.PolicyRules{Recording: v1alpha1.RecordingRules{Notice: v1alpha1.NoticeSilent}}), want{report.Medium, own, "spec.recording.notice", 2}},
		"nonsense":                      {"PolicyNotUnderstood", with(v1alpha1.PolicyRules{Watermark: "Everywhere"}), want{report.High, own, "spec.watermark", 2}},
		"a trial":                       {"DryRunLingers", with(v1alpha1.PolicyRules{Enforcement: v1alpha1.EnforcementDryRun}), want{report.Low, own, "spec.enforcement", 2}},
		"an old trial":                  {"DryRunLingers", []any{exemplary(), old, recording("a")}, want{report.Medium, own, "spec.enforcement", 1}},
		"a selector that picks nothing": {"PolicySelectsNothing", with(v1alpha1.PolicyRules{}, "topic", "none"), want{report.Low, own, "spec.selector", 0}},
		"R6 a recording that is stuck":  {"RecordingsStalled", []any{exemplary(), stalled}, want{report.High, "MeetingRecording finance/a", "status.conditions[Stalled]", 1}},
		"a grant without an end":        {"GrantsWithoutEnd", []any{exemplary(), recording("a"), endless}, want{report.Medium, "AccessGrant finance/g", "spec.expiresAt", 1}},
	}
	tested := map[string]bool{}
	for _, tc := range cases {
		tested[tc.check] = true
	}
	for _, check := range report.NewBook(world()).Posture(now).Checks {
		if !tested[check.Name] {
			t.Errorf("no case for %s", check.Name)
		}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := report.NewBook(world(tc.objects...)).Posture(now)
			at := slices.IndexFunc(p.Findings, func(f report.Finding) bool { return f.Check == tc.check })
			if at < 0 {
				t.Fatalf("%s found nothing, but there is %v", tc.check, p.Findings)
			}
			f := p.Findings[at]
			if diff := cmp.Diff(tc.want, want{f.Severity, f.Object, f.Field, f.Recordings}, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if f.Says == "" || f.Want == "" {
				t.Errorf("it does not say what is so and what to set: %+v", f)
			}
		})
	}
}

func TestOneNamespaceDoesNotTellWhatAnOrganisationsPolicyIsFor(t *testing.T) {
	t.Parallel()
	legal := house(v1alpha1.PolicyRules{Audit: v1alpha1.AuditRules{Addresses: v1alpha1.AddressesNone}}, v1alpha1.PolicyRules{})
	legal.Name, legal.Spec.NamespaceSelector = "legal", &metav1.LabelSelector{MatchLabels: map[string]string{"team": "legal"}}
	w := world(exemplary(), legal, recording("a"))
	if got := report.NewBook(w).Posture(now).Findings; len(got) != 1 || got[0].Object != "ClusterRecordingPolicy legal" {
		t.Errorf("in all namespaces: %v", got)
	}
	w.Namespace = "finance"
	if got := report.NewBook(w).Posture(now).Findings; len(got) != 0 {
		t.Errorf("in finance: %v", got)
	}
}

func TestR34FindingsBeginWithTheWorst(t *testing.T) {
	t.Parallel()
	p := report.NewBook(world(recording("a"), house(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileOpen}, v1alpha1.PolicyRules{}))).Posture(now)
	rank := func(f report.Finding) int { return slices.Index(report.Severities, f.Severity) }
	if !slices.IsSortedFunc(p.Findings, func(a, b report.Finding) int { return rank(a) - rank(b) }) || !p.AtLeast(report.High) {
		t.Errorf("findings: %v", p.Findings)
	}
}

// TestR34R35PostureSaysWhatItCannotTell holds until meetings are known that nobody recorded.
func TestR34R35PostureSaysWhatItCannotTell(t *testing.T) {
	t.Parallel()
	p := report.NewBook(world(exemplary())).Posture(now)
	if !slices.ContainsFunc(p.NotAsked, func(question string) bool { return strings.Contains(question, "(R35)") }) {
		t.Errorf("nothing says that unrecorded meetings are not known: %v", p.NotAsked)
	}
}
