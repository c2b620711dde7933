// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// TestEveryPermissionInEveryState asks, for somebody who may do everything, what each state of the recording refuses.
func TestEveryPermissionInEveryState(t *testing.T) {
	t.Parallel()
	const everything = `{kind: RecordingPolicy, spec: {access: {roles: [
  {role: Creator, permissions: [View, Download, Share, Trash, Restore, Purge, Hold, Start, Stop, Approve]}]}}}`
	held := func(r *access.Recording) { r.Held = true }
	locked := func(r *access.Recording) { r.LockedUntil = governancetest.Now.Add(time.Second) }
	type refusals map[v1alpha1.Permission]access.Reason
	inTheTrash := func(more refusals) refusals {
		all := refusals{"View": access.Trashed, "Download": access.Trashed, "Share": access.Trashed, "Trash": access.Trashed, "Start": access.Trashed, "Stop": access.Trashed, "Approve": access.Trashed}
		maps.Copy(all, more)
		return all
	}
	cases := map[string]struct {
		states   []func(*access.Recording)
		policies string
		want     refusals
	}{
		"active":                                  {want: refusals{}},
		"R25 in the trash":                        {states: []func(*access.Recording){trashed}, want: inTheTrash(nil)},
		"R27 held":                                {states: []func(*access.Recording){held}, want: refusals{"Trash": access.Held, "Purge": access.Held}},
		"R27 locked":                              {states: []func(*access.Recording){locked}, want: refusals{"Trash": access.Locked, "Purge": access.Locked}},
		"R27 held and locked":                     {states: []func(*access.Recording){held, locked}, want: refusals{"Trash": access.Held, "Purge": access.Held}},
		"R27 held in the trash":                   {states: []func(*access.Recording){trashed, held}, want: inTheTrash(refusals{"Trash": access.Held, "Purge": access.Held})},
		"R27 locked in the trash":                 {states: []func(*access.Recording){trashed, locked}, want: inTheTrash(refusals{"Trash": access.Locked, "Purge": access.Locked})},
		"a lock that has ended":                   {states: []func(*access.Recording){func(r *access.Recording) { r.LockedUntil = governancetest.Now }}, want: refusals{}},
		"R1 where nothing is recorded":            {policies: "\n---\n{kind: ClusterRecordingPolicy, spec: {overrides: {recording: {mode: Disabled}}}}", want: refusals{"Start": access.RecordingDisabled}},
		"R1 in the trash, nothing being recorded": {states: []func(*access.Recording){trashed}, policies: "\n---\n{kind: ClusterRecordingPolicy, spec: {defaults: {recording: {mode: Disabled}}}}", want: inTheTrash(nil)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, recording := policy.Resolve(governancetest.Policies(t, everything+tc.policies)), meeting
			for _, state := range tc.states {
				state(&recording)
			}
			got := refusals{}
			for _, permission := range governancetest.Permissions {
				d := access.Decide(rules, &access.Request{Subject: askers["creator"], Permission: permission, Recording: recording, Now: governancetest.Now})
				if !d.Allowed() {
					got[permission] = d.Reason
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryReasonIsGiven draws questions until every reason was the answer to one: a reason that is documented and never
// given, or given only in words, would be a promise that nobody keeps.
func TestEveryReasonIsGiven(t *testing.T) {
	t.Parallel()
	missing := map[access.Reason]bool{}
	for _, reason := range reasonsInSource(t) {
		missing[reason] = true
	}
	delete(missing, access.Unknown(access.Subject{}, v1alpha1.PermissionView).Reason)
	type question struct {
		in  policy.Input
		req access.Request
	}
	questions := rapid.Custom(func(t *rapid.T) question { return question{governancetest.Input(t), governancetest.Request(t)} })
	for seed := 0; len(missing) > 0 && seed < 50_000; seed++ {
		q := questions.Example(seed)
		rules := policy.Resolve(q.in)
		delete(missing, access.Decide(rules, &q.req).Reason)
		ask := access.Ask{Requester: q.req.Subject, Known: true, Permissions: []v1alpha1.Permission{q.req.Permission}, Recording: q.req.Recording, Grants: q.req.Grants, Now: q.req.Now}
		delete(missing, access.CheckRequest(rules, ask).Reason)
		delete(missing, access.CheckApprover(rules, q.req.Recording, "carol@example.com", q.req.Subject, q.req.Now).Reason)
		for _, grant := range q.req.Grants {
			delete(missing, access.CheckGrant(rules, access.Proposal{Grant: grant, Recording: q.req.Recording}).Reason)
		}
	}
	if len(missing) > 0 {
		var names []string
		for reason := range missing {
			names = append(names, string(reason))
		}
		slices.Sort(names)
		t.Errorf("no question has the answer %v", names)
	}
}
