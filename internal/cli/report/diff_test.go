// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

// lines writes a diff in short lines: what the tests compare.
func lines(d report.Diff) []string {
	var list []string
	for _, c := range d.Access {
		list = append(list, fmt.Sprintf("%d: %s %s %s", c.Recordings, c.Who, c.Change, c.Permission))
	}
	for _, c := range d.Dates {
		list = append(list, fmt.Sprintf("%d: %s %s", c.Recordings, c.What, c.How))
	}
	return list
}

func change(policies ...any) report.Change {
	var c report.Change
	for _, p := range policies {
		switch p := p.(type) {
		case v1alpha1.ClusterRecordingPolicy:
			c.ClusterPolicies = append(c.ClusterPolicies, p)
		case v1alpha1.RecordingPolicy:
			c.Policies = append(c.Policies, p)
		}
	}
	return c
}

func TestDiffSaysWhatWouldChange(t *testing.T) {
	t.Parallel()
	rules := func(roles ...v1alpha1.RolePermissions) v1alpha1.PolicyRules {
		return v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Roles: roles}}
	}
	download := []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload}
	keep := func(d v1alpha1.DurationOrNever) v1alpha1.PolicyRules {
		return v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{ExpireAfter: d}}
	}
	remove := change(department("own", v1alpha1.PolicyRules{}))
	remove.Delete = true
	external := v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden}}

	cases := map[string]struct {
		objects []any
		change  report.Change
		want    []string
	}{
		"participants gain the download": {
			[]any{recording("a"), recording("b")},
			change(department("own", rules(v1alpha1.RolePermissions{Role: v1alpha1.RoleParticipant, Permissions: download}))),
			[]string{"2: Participant gains Download"},
		},
		"only where the selector reaches": {
			[]any{recording("a"), recording("b", sensitive)},
			change(department("own", rules(v1alpha1.RolePermissions{Role: v1alpha1.RoleParticipant}), "reelkeeper.io/sensitivity", "high")),
			[]string{"1: Participant loses View"},
		},
		"R14 an override over all": {
			[]any{recording("a")},
			change(house(v1alpha1.PolicyRules{}, rules(v1alpha1.RolePermissions{Role: v1alpha1.RoleHost, Permissions: download}))),
			[]string{"1: Host loses Share", "1: Host loses Trash", "1: Host loses Restore", "1: Host loses Start", "1: Host loses Stop", "1: Host loses Approve"},
		},
		"a department alone, by its class": {
			[]any{recording("a")},
			change(department("own", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{
				Audience: v1alpha1.AudienceDepartments, Departments: []string{"legal"},
				Roles: []v1alpha1.RolePermissions{{Role: v1alpha1.RoleCreator}, {Role: v1alpha1.RoleHost}, {Role: v1alpha1.RoleInternal, Permissions: download[:1]}},
			}})),
			[]string{
				"1: Creator loses View", "1: Host loses View", "1: Participant loses View",
				"1: Creator loses Download", "1: Host loses Download",
				"1: Creator loses Share", "1: Host loses Share", "1: Creator loses Trash", "1: Host loses Trash",
				"1: Creator loses Restore", "1: Host loses Restore", "1: Creator loses Purge",
				"1: Creator loses Start", "1: Host loses Start", "1: Creator loses Stop", "1: Host loses Stop", "1: Creator loses Approve", "1: Host loses Approve",
				"1: members of the department legal gains View",
			},
		},
		"a grant that stops to count": {
			[]any{recording("a"), grant("g", "a", "")}, change(department("own", external)),
			[]string{"1: Internal loses View"},
		},
		"a grant that begins to count": {
			[]any{recording("a"), department("own", external), grant("g", "a", v1alpha1.ReasonForbiddenByPolicy)}, remove,
			[]string{"1: Internal gains View"},
		},
		"a grant whose recording is missing stays so": {
			[]any{recording("a"), department("own", external), grant("g", "a", v1alpha1.ReasonRecordingNotFound)}, remove, nil,
		},
		"R24 R28 earlier, and at once": {
			[]any{recording("a"), recording("b", sensitive)},
			change(department("own", keep("10d")), department("more", keep("1d"), "reelkeeper.io/sensitivity", "high")),
			[]string{"1: goes to the trash at once", "1: goes to the trash earlier"},
		},
		"later":       {[]any{recording("a"), department("own", keep("10d"))}, change(department("own", keep("20d"))), []string{"1: goes to the trash later"}},
		"no longer":   {[]any{recording("a")}, change(department("own", keep(v1alpha1.Never))), []string{"1: goes to the trash no longer"}},
		"from now on": {[]any{recording("a"), department("own", keep(v1alpha1.Never))}, remove, []string{"1: goes to the trash from now on"}},
		"R25 the trash too": {
			[]any{recording("a", trashed)}, change(department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{TrashFor: "60d"}})),
			[]string{"1: is deleted for good later"},
		},
		"R27 what is held stays": {
			[]any{recording("a", held)}, change(department("own", keep("1d"))), nil,
		},
		"R27 a lock": {
			[]any{recording("a")},
			change(department("own", v1alpha1.PolicyRules{Retention: v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "30d"}}})),
			[]string{
				"1: Creator loses Trash", "1: Host loses Trash", "1: Creator loses Purge", "1: may be deleted from now on",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := report.Compare(world(tc.objects...), tc.change, member, now)
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDiffOfWhatIsThereIsNothing(t *testing.T) {
	t.Parallel()
	own, org := department("own", v1alpha1.PolicyRules{Profile: v1alpha1.ProfileOpen}), exemplary()
	d := report.Compare(world(recording("a"), own, org), change(own, org), member, now)
	want := []report.PolicyChange{
		{Policy: "ClusterRecordingPolicy house", Action: "unchanged", Recordings: 1},
		{Policy: "RecordingPolicy finance/own", Action: "unchanged", Recordings: 1},
	}
	for i := range d.Policies { // only what people read
		d.Policies[i] = report.PolicyChange{Policy: d.Policies[i].Policy, Action: d.Policies[i].Action, Recordings: d.Policies[i].Recordings}
	}
	if diff := cmp.Diff(want, d.Policies, cmp.AllowUnexported(report.PolicyChange{})); diff != "" || d.Changed {
		t.Errorf("changed %v (-want +got):\n%s", d.Changed, diff)
	}
}

// TestDiffKeepsTheAgeOfAPolicy: among equals the older policy decides, so that an edit must not make a policy younger.
func TestDiffKeepsTheAgeOfAPolicy(t *testing.T) {
	t.Parallel()
	elder := department("z-elder", v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkViewer})
	elder.CreationTimestamp.Time = available.AddDate(-1, 0, 0)
	younger := department("a-younger", v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkNone})
	edited := elder
	edited.CreationTimestamp.Reset()
	edited.Spec.Audit.Addresses = v1alpha1.AddressesNone
	d := report.Compare(world(recording("a"), elder, younger), change(edited), member, now)
	want := []report.FieldChange{{Name: "audit.addresses", Before: "Full", After: "None", Recordings: 1}}
	if diff := cmp.Diff(want, d.Fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDiffShowsWhatADryRunWouldRefuse(t *testing.T) {
	t.Parallel()
	trial := department("own", v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkViewer, Enforcement: v1alpha1.EnforcementDryRun})
	d := report.Compare(world(recording("a")), change(trial), member, now)
	want := []report.FieldChange{
		{Name: "(DryRun) watermark", Before: "–", After: "Viewer", Recordings: 1},
		{Name: "enforcement", Before: "Enforce", After: "DryRun", Recordings: 1},
	}
	if diff := cmp.Diff(want, d.Fields); diff != "" || len(lines(d)) > 0 {
		t.Errorf("%v (-want +got):\n%s", lines(d), diff)
	}
}

func TestDiffSaysWhatCannotBeUnderstood(t *testing.T) {
	t.Parallel()
	d := report.Compare(world(recording("a")), change(department("own", v1alpha1.PolicyRules{Watermark: "Everywhere"})), member, now)
	if len(d.Problems) != 1 {
		t.Errorf("problems: %q", d.Problems)
	}
}
