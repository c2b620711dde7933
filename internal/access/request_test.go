// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"cmp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

const day = 24 * time.Hour

// TestR22WhatNobodyMayApproveIsRefusedAtOnce asks under policies whether a request could be granted at all.
func TestR22WhatNobodyMayApproveIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	onlyAName := access.Subject{Name: "dave@example.com", Verified: true}
	intern := askers["colleague"]
	intern.Labels = []string{"intern"}
	cases := map[string]struct {
		policies string
		asker    access.Subject
		unknown  bool
		asked    []v1alpha1.Permission
		trashed  bool
		want     access.Reason
	}{
		"a colleague may ask":                                   {asker: askers["colleague"]},
		"a participant may ask to download":                     {asker: askers["participant"], asked: []v1alpha1.Permission{"Download"}},
		"an outsider may ask where outsiders may be granted":    {asker: askers["outsider"]},
		"what they may do already":                              {asker: askers["participant"], want: access.AlreadyPermitted},
		"but not all of it":                                     {asker: askers["participant"], asked: []v1alpha1.Permission{"View", "Download"}},
		"nobody can be granted what has no name":                {asker: askers["nobody"], want: access.NotSignedIn},
		"an address that nobody vouches for":                    {asker: askers["unverified creator"], want: access.Unverified},
		"what is in the trash":                                  {asker: askers["colleague"], trashed: true, want: access.Trashed},
		"of somebody only the name is known, the rest is later": {asker: onlyAName, unknown: true},
		"requests forbidden": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {requests: Forbidden}}}`, asker: askers["colleague"], want: access.RequestsForbidden,
		},
		"requests forbidden by the organisation": {
			policies: "{kind: ClusterRecordingPolicy, spec: {overrides: {sharing: {requests: Forbidden}}}}\n---\n{kind: RecordingPolicy, spec: {sharing: {requests: Allowed}}}",
			asker:    askers["colleague"], want: access.RequestsForbidden,
		},
		"an outsider of a sensitive meeting":                            {policies: restricted, asker: askers["outsider"], want: access.ExternalForbidden},
		"a colleague of a sensitive meeting, whose link has a password": {policies: restricted, asker: askers["colleague"]},
		"another department": {
			policies: `{kind: RecordingPolicy, spec: {access: {audience: Departments, departments: [legal]}}}`, asker: askers["colleague"], want: access.OtherDepartment,
		},
		"a label": {
			policies: `{kind: RecordingPolicy, spec: {access: {labels: [{label: intern, permissions: [View]}]}}}`, asker: intern,
			asked: []v1alpha1.Permission{"Download"}, want: access.LabelForbids,
		},
		"the organisation keeps it from them": {
			policies: `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Internal, permissions: [View]}]}}}}`,
			asker:    askers["colleague"], asked: []v1alpha1.Permission{"Download"}, want: access.OrganisationForbids,
		},
		"nothing is shared at all": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {links: Forbidden}}}`, asker: askers["colleague"], want: access.LinksForbidden,
		},
		"nothing is shared at all, and only the name is known": {
			policies: `{kind: RecordingPolicy, spec: {sharing: {links: Forbidden}}}`, asker: onlyAName, unknown: true, want: access.LinksForbidden,
		},
		"R36 who has left": {
			policies: "{kind: ClusterRecordingPolicy, spec: {overrides: {sharing: {external: Forbidden}}, departed: [DAVE@example.com]}}",
			asker:    askers["colleague"], want: access.ExternalForbidden,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recording := meeting
			recording.Trashed = tc.trashed
			if tc.asked == nil {
				tc.asked = []v1alpha1.Permission{"View"}
			}
			v := access.CheckRequest(policy.Resolve(governancetest.Policies(t, tc.policies)), access.Ask{
				Requester: tc.asker, Known: !tc.unknown, Permissions: tc.asked, Duration: 3 * day, Recording: recording, Now: governancetest.Now,
			})
			if v.Reason != tc.want {
				t.Errorf("reason %q (%s), want %q", v.Reason, v.Rule, tc.want)
			}
			if (v.Refusal() == "") != v.Allowed() {
				t.Errorf("a refusal says why, and nothing else does: %q", v.Refusal())
			}
		})
	}
}

const restricted = `{kind: RecordingPolicy, spec: {profile: Restricted}}`

func TestR22AnApprovalEndsInsideThePolicy(t *testing.T) {
	t.Parallel()
	now := governancetest.Now
	cases := map[string]struct {
		policies string
		wanted   time.Duration
		want     time.Time
	}{
		"as long as it was asked for":               {"", 3 * day, now.Add(3 * day)},
		"no longer than the policy lets it":         {restricted, 30 * day, now.Add(3*day - time.Minute)},
		"also where that is less than the slack":    {`{kind: RecordingPolicy, spec: {sharing: {maxTTL: 30s}}}`, day, now.Add(15 * time.Second)},
		"there is an end even where none is needed": {`{kind: RecordingPolicy, spec: {sharing: {maxTTL: Never}}}`, v1alpha1.Forever, now.Add(36500 * day)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := access.GrantEnd(policy.Resolve(governancetest.Policies(t, tc.policies)), tc.wanted, now); !got.Equal(tc.want) {
				t.Errorf("ends %s, want %s", got, tc.want)
			}
		})
	}
}

func TestR22WhoMayAnswer(t *testing.T) {
	t.Parallel()
	const appointed = `{kind: RecordingPolicy, spec: {sharing: {approval: {approvers: [{kind: Department, name: finance}, {kind: User, name: mallory@partner.example}]}}}}`
	cases := map[string]struct {
		policies, asker string
		requester       string
		want            access.Reason
	}{
		"the creator":                           {asker: "creator", want: access.PermittedByRole},
		"a host":                                {asker: "host", want: access.PermittedByRole},
		"no participant":                        {asker: "participant", want: access.NotPermitted},
		"no colleague":                          {asker: "colleague", want: access.NotPermitted},
		"whom the policy appoints":              {policies: appointed, asker: "colleague", want: access.PermittedByAppointment},
		"but no outsider":                       {policies: appointed, asker: "outsider", want: access.NotInternal},
		"nobody who has not signed in":          {asker: "nobody", want: access.NotSignedIn},
		"nobody their own request":              {asker: "host", requester: "BOB@example.com", want: access.OwnRequest},
		"R14 inside what the organisation lets": {policies: appointed + "\n---\n" + `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Internal, permissions: [View]}]}}}}`, asker: "colleague", want: access.OrganisationForbids},
		"R36 no creator who has left":           {policies: departed, asker: "creator", want: access.NotInternal},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := access.CheckApprover(policy.Resolve(governancetest.Policies(t, tc.policies)), meeting, cmp.Or(tc.requester, "zoe@example.com"), askers[tc.asker], governancetest.Now)
			if d.Reason != tc.want {
				t.Errorf("reason %s (%s), want %s", d.Reason, d.Rule, tc.want)
			}
		})
	}
}

const departed = `{kind: ClusterRecordingPolicy, spec: {departed: [Alice@example.com]}}`

func TestR22ARequestGoesDownTheLine(t *testing.T) {
	t.Parallel()
	created := governancetest.Now
	approvers := []v1alpha1.GrantSubject{{Kind: "Department", Name: "legal"}}
	const rules = `{kind: RecordingPolicy, spec: {sharing: {approval: {answerWithin: 1d, expireAfter: 5d, approvers: [{kind: Department, name: legal}]}}}}`
	alice, bob := v1alpha1.GrantSubject{Kind: "User", Name: "alice@example.com"}, v1alpha1.GrantSubject{Kind: "User", Name: "bob@example.com"}
	type turns []access.Turn
	at := func(days int) time.Time { return created.Add(time.Duration(days) * day) }
	list := func(s ...v1alpha1.GrantSubject) []v1alpha1.GrantSubject { return s }
	cases := map[string]struct {
		policies, requester string
		want                turns
	}{
		"creator, hosts, approvers": {rules, "dave@example.com", turns{
			{"Creator", list(alice), at(0), at(1)}, {"Hosts", list(alice, bob), at(1), at(2)}, {"Approvers", append(list(alice, bob), approvers...), at(2), at(5)},
		}},
		"nobody answers their own request": {rules, "bob@example.com", turns{
			{"Creator", list(alice), at(0), at(1)}, {"Approvers", append(list(alice), approvers...), at(1), at(5)},
		}},
		"R36 the successors are asked in the creator's place": {rules + "\n---\n" + departed, "dave@example.com", turns{
			{"Successors", list(bob), at(0), at(1)}, {"Approvers", append(list(bob), approvers...), at(1), at(5)},
		}},
		"who may not approve is not asked": {rules + "\n---\n" + `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Host, permissions: [View]}, {role: Internal, permissions: [View]}]}}}}`, "dave@example.com", turns{
			{"Creator", list(alice), at(0), at(5)},
		}},
		"nobody is left": {`{kind: RecordingPolicy, spec: {access: {roles: [{role: Creator, permissions: [View]}, {role: Host, permissions: [View]}]}}}`, "dave@example.com", turns{
			{Line: "Nobody", Since: at(0), Until: at(14)},
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := access.Turns(policy.Resolve(governancetest.Policies(t, tc.policies)), meeting, tc.requester, created)
			if diff := gocmp.Diff(tc.want, turns(got)); diff != "" {
				t.Errorf("turns (-want +got):\n%s", diff)
			}
		})
	}
}

func TestR36WhoeverLeavesLeavesNoRecordingWithoutAnOwner(t *testing.T) {
	t.Parallel()
	const everything = "View Download Share Trash Restore Purge Start Stop Approve"
	successor := func(list string) string {
		return `{kind: RecordingPolicy, spec: {succession: {successors: [` + list + `]}}}` + "\n---\n" + departed
	}
	board := member("dave@example.com")
	board.Groups = []string{"board"}
	cases := map[string]struct {
		policies string
		asker    access.Subject
		want     string
	}{
		"hosts have the creator's place":             {departed, askers["host"], everything},
		"the creator counts as an outsider":          {departed, askers["creator"], "nothing"},
		"others gain nothing":                        {departed, askers["participant"], "View"},
		"a person whom the policy names":             {successor(`{kind: User, name: dave@example.com}`), askers["colleague"], everything},
		"then hosts are hosts":                       {successor(`{kind: User, name: dave@example.com}`), askers["host"], "View Download Share Trash Restore Start Stop Approve"},
		"the first whom there is":                    {successor(`{kind: User, name: alice@example.com}, {kind: Group, name: board}, {kind: Hosts}`), board, everything},
		"no outsider":                                {successor(`{kind: User, name: mallory@partner.example}`), askers["outsider"], "nothing"},
		"nobody succeeds who is there":               {`{kind: RecordingPolicy, spec: {succession: {successors: [{kind: User, name: dave@example.com}]}}}`, askers["colleague"], "nothing"},
		"R14 inside what is left to creators":        {departed + "\n---\n" + `{kind: ClusterRecordingPolicy, spec: {overrides: {access: {roles: [{role: Creator, permissions: [View]}, {role: Host, permissions: [View]}]}}}}`, askers["host"], "View"},
		"a list that may be about others gives none": {`{kind: ClusterRecordingPolicy, spec: {selector: {matchLabels: {"?": "?"}}, departed: [alice@example.com]}}`, askers["host"], "View Download Share Trash Restore Start Stop Approve"},
		"and bounds":                                 {`{kind: ClusterRecordingPolicy, spec: {selector: {matchLabels: {"?": "?"}}, departed: [alice@example.com]}}`, askers["creator"], "nothing"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := mayDo(policy.Resolve(governancetest.Policies(t, tc.policies)), tc.asker).String(); got != tc.want {
				t.Errorf("may %s, want %s", got, tc.want)
			}
		})
	}
}
