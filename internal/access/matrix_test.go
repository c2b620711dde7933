// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// meeting is the meeting that the tests speak of; eve attended from outside.
var meeting = access.Recording{
	Creator:      "alice@example.com",
	Hosts:        []string{"bob@example.com"},
	Participants: []string{"carol@example.com", "eve@partner.example"},
}

// askers are everybody who may ask about the meeting.
var askers = map[string]access.Subject{
	"creator":               member("alice@example.com"),
	"host":                  member("bob@example.com"),
	"participant":           member("carol@example.com"),
	"colleague":             member("dave@example.com"),
	"outsider":              {Name: "mallory@partner.example", Verified: true},
	"outsider who attended": {Name: "eve@partner.example", Verified: true},
	"unverified creator":    {Name: "alice@example.com", Internal: true},
	"nobody":                {Anonymous: true},
}

func member(name string) access.Subject {
	return access.Subject{Name: name, Verified: true, Internal: true, Departments: []string{"finance"}}
}

// TestProfiles is the table of who may do what without any policy but a profile, written out.
func TestProfiles(t *testing.T) {
	t.Parallel()
	const (
		creator = "View Download Share Trash Restore Purge Start Stop Approve" // R9
		host    = "View Download Share Trash Restore Start Stop Approve"       // R10, R3
	)
	want := map[v1alpha1.Profile]map[string]string{
		v1alpha1.ProfileOpen: { // R18
			"creator": creator, "host": host, "participant": "View Download", "colleague": "View Download",
			"outsider": "View", "outsider who attended": "View", "unverified creator": "nothing", "nobody": "nothing",
		},
		v1alpha1.ProfileStandard: {
			"creator": creator, "host": host, "participant": "View", "colleague": "nothing", // R8, R11
			"outsider": "nothing", "outsider who attended": "nothing", "unverified creator": "nothing", "nobody": "nothing", // R12, R13
		},
		v1alpha1.ProfileRestricted: { // R18
			"creator": creator, "host": host, "participant": "View", "colleague": "nothing",
			"outsider": "nothing", "outsider who attended": "nothing", "unverified creator": "nothing", "nobody": "nothing",
		},
	}
	got := map[v1alpha1.Profile]map[string]string{}
	for profile := range want {
		got[profile] = map[string]string{}
		rules := policy.Resolve(policy.Input{Policies: []v1alpha1.RecordingPolicy{chooses(profile)}})
		for name, subject := range askers {
			got[profile][name] = mayDo(rules, subject).String()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the profiles give (-want +got):\n%s", diff)
	}
}

func chooses(profile v1alpha1.Profile) v1alpha1.RecordingPolicy {
	p := v1alpha1.RecordingPolicy{}
	p.Spec.Profile = profile
	return p
}

func mayDo(rules *policy.Rules, subject access.Subject, grants ...access.Grant) policy.PermissionSet {
	var set policy.PermissionSet
	for _, permission := range governancetest.Permissions {
		if access.Decide(rules, &access.Request{
			Subject: subject, Permission: permission, Recording: meeting, Grants: grants, Now: governancetest.Now,
		}).Allowed() {
			set |= policy.Permissions(permission)
		}
	}
	return set
}

// TestTheWholeMatrixAgreesWithTheOracle enumerates profiles × overrides × labels or public channels × grants × enforcement × askers × their
// labels × permissions × states.
func TestTheWholeMatrixAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	cells := 0
	for _, in := range matrixInputs() {
		rules, enforced, all := policy.Resolve(in), newOracle(in, false), newOracle(in, true)
		for name, asker := range askers {
			for _, labels := range [][]string{nil, {"manager"}, {"intern"}, {"intern", "manager"}} {
				for _, req := range matrixRequests(asker, labels) {
					cells++
					allowed, wouldDeny := askBoth(enforced, all, req)
					if d := access.Decide(rules, &req); d.Allowed() != allowed || d.WouldDeny() != wouldDeny {
						t.Errorf("%s with labels %v, %s, grants %+v: decided %s with %s (would deny: %v), the oracle says %v (%v)\npolicies: %+v",
							name, labels, req.Permission, req.Grants, d.Effect, d.Reason, d.WouldDeny(), allowed, wouldDeny, in)
					}
				}
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d questions", cells)
}

// matrixInputs are all combinations of what policies say.
func matrixInputs() []policy.Input {
	var inputs []policy.Input
	for _, profile := range []v1alpha1.Profile{v1alpha1.ProfileOpen, v1alpha1.ProfileStandard, v1alpha1.ProfileRestricted} {
		for _, enforcement := range []v1alpha1.Enforcement{v1alpha1.EnforcementEnforce, v1alpha1.EnforcementDryRun} {
			for _, own := range audiences() {
				for _, bound := range audiences() {
					for _, more := range moreRules() {
						p := chooses(profile)
						p.Spec.Enforcement, p.Spec.Access = enforcement, own
						p.Spec.Access.Labels, p.Spec.Sharing.PublicChannels = more.labels, more.public
						var c v1alpha1.ClusterRecordingPolicy
						c.Spec.Overrides.Access, c.Spec.Overrides.Sharing.PublicChannels = bound, more.publicBound
						inputs = append(inputs, policy.Input{
							ClusterPolicies: []v1alpha1.ClusterRecordingPolicy{c}, Policies: []v1alpha1.RecordingPolicy{p},
						})
					}
				}
			}
		}
	}
	return inputs
}

// moreRule is what policies say besides.
type moreRule struct {
	labels              []v1alpha1.LabelPermissions
	public, publicBound v1alpha1.Choice
}

func moreRules() []moreRule {
	return []moreRule{
		{},
		{labels: []v1alpha1.LabelPermissions{
			{Label: "manager", Permissions: []v1alpha1.Permission{"View", "Download"}}, {Label: "intern", Permissions: []v1alpha1.Permission{"View"}},
		}},
		{labels: []v1alpha1.LabelPermissions{
			{Label: "manager", Permissions: []v1alpha1.Permission{"View", "Download"}, When: `recording.held || recording.trashed || "board" in subject.groups`},
			{Label: "intern", Permissions: []v1alpha1.Permission{"View", "Share"}, When: `permission != "Download" || "manager" in subject.labels`},
		}},
		{public: v1alpha1.Allowed},
		{public: v1alpha1.Allowed, publicBound: v1alpha1.Forbidden},
	}
}

// audiences are the audiences that can be said; all askers of the organisation are of finance.
func audiences() []v1alpha1.AccessRules {
	return []v1alpha1.AccessRules{
		{},
		{Audience: v1alpha1.AudienceAnyone},
		{Audience: v1alpha1.AudienceInternal},
		{Audience: v1alpha1.AudienceInvited},
		{Audience: v1alpha1.AudienceDepartments, Departments: []string{"finance"}},
		{Audience: v1alpha1.AudienceDepartments, Departments: []string{"legal"}},
	}
}

// matrixRequests are all questions that one person can ask.
func matrixRequests(asker access.Subject, labels []string) []access.Request {
	asker.Labels = labels
	asker.Links, asker.Groups = []string{"held"}, []string{"auditors"}
	var requests []access.Request
	for _, grants := range matrixGrants(asker.Name) {
		for _, permission := range governancetest.Permissions {
			for _, trashed := range []bool{false, true} {
				recording := meeting
				recording.Trashed = trashed
				requests = append(requests, access.Request{
					Subject: asker, Permission: permission, Recording: recording, Grants: grants, Now: governancetest.Now,
				})
			}
		}
	}
	return requests
}

func matrixGrants(asker string) [][]access.Grant {
	tomorrow := governancetest.Now.Add(24 * time.Hour)
	grant := func(name string, kind v1alpha1.SubjectKind, subject string, password bool) access.Grant {
		return access.Grant{
			Name: name, Ready: true, Subjects: []v1alpha1.GrantSubject{{Kind: kind, Name: subject}}, Permissions: policy.Permissions("View", "Download"),
			CreatedAt: governancetest.Now, ExpiresAt: tomorrow, Password: password,
		}
	}
	sets := [][]access.Grant{nil}
	for _, password := range []bool{false, true} {
		sets = append(sets,
			[]access.Grant{grant("held", v1alpha1.SubjectUser, asker, password)},
			[]access.Grant{grant("unheld", v1alpha1.SubjectUser, asker, password)},
			[]access.Grant{grant("held", v1alpha1.SubjectAnyone, "*", password)},
			[]access.Grant{grant("held", v1alpha1.SubjectDepartment, "finance", password)},
			[]access.Grant{grant("held", v1alpha1.SubjectGroup, "auditors", password)},
		)
	}
	expired := grant("held", v1alpha1.SubjectUser, asker, true)
	expired.ExpiresAt = governancetest.Now
	return append(sets, []access.Grant{expired}, []access.Grant{expired, grant("later", v1alpha1.SubjectLabel, "manager", false)})
}

func TestASubjectOfNoKindIsNobody(t *testing.T) {
	t.Parallel()
	for _, profile := range policy.Profiles {
		rules := policy.Resolve(policy.Input{Policies: []v1alpha1.RecordingPolicy{chooses(profile.Name)}})
		if got := mayDo(rules, access.Subject{}); got != 0 {
			t.Errorf("under %s the zero subject may do %s", profile.Name, got)
		}
	}
}
