// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

func TestR4PreflightSaysWhetherAMeetingIsRecorded(t *testing.T) {
	t.Parallel()
	mode := func(mode v1alpha1.RecordingMode, notice v1alpha1.Notice) v1alpha1.RecordingPolicy {
		return department("own", v1alpha1.PolicyRules{Recording: v1alpha1.RecordingRules{Mode: mode, Notice: notice}})
	}
	nobody := mode(v1alpha1.ModeManual, v1alpha1.NoticeAnnounce)
	nobody.Spec.Access.Roles = []v1alpha1.RolePermissions{{Role: v1alpha1.RoleCreator}, {Role: v1alpha1.RoleHost}}
	cases := map[string]struct {
		policy v1alpha1.RecordingPolicy
		want   []string
	}{
		"R2 automatic": {
			mode(v1alpha1.ModeAutomatic, v1alpha1.NoticeAnnounce),
			[]string{"It is recorded from when it starts; nobody has to press anything.", "Everybody in the meeting is told that it is recorded."},
		},
		"R3 manual: creator and host start it": {
			mode(v1alpha1.ModeManual, v1alpha1.NoticeSilent),
			[]string{"It is recorded if one of these starts it: alice@example.com, bob@example.com.", "Nobody in the meeting is told that it is recorded."},
		},
		"R3 manual, and nobody may": {
			nobody,
			[]string{"It is recorded only if somebody starts it, and nobody in the meeting may.", "Everybody in the meeting is told that it is recorded."},
		},
		"R1 disabled": {mode(v1alpha1.ModeDisabled, v1alpha1.NoticeAnnounce), []string{"It is not recorded.", "There is nothing to announce."}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meeting := recording("planning")
			p := report.NewBook(world(tc.policy)).Preflight(&meeting, member, now)
			if diff := cmp.Diff(tc.want, p.Says[:2]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestR4PreflightSaysHowItIsSharedAndKept(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rules v1alpha1.PolicyRules
		want  []string
	}{
		"without any policy": {v1alpha1.PolicyRules{Watermark: v1alpha1.WatermarkNone}, []string{
			"It may be shared with or without a password, for at most 30d, also outside the organisation.",
			"It goes to the trash 180d after it became available, stays in the trash for 30d.",
		}},
		"R19 restricted": {v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted}, []string{
			"It may be shared only with a password, for at most 3d, not outside the organisation.",
			"It goes to the trash 90d after it became available, stays in the trash for 30d.",
		}},
		"kept for ever, locked, not shared": {
			v1alpha1.PolicyRules{
				Profile: v1alpha1.ProfileOpen, Sharing: v1alpha1.SharingRules{Links: v1alpha1.LinksForbidden},
				Retention: v1alpha1.RetentionRules{Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "30d"}},
			},
			[]string{"It may not be shared.", "It is kept until somebody deletes it, stays in the trash for 30d, cannot be deleted for 30d."},
		},
		"unwatched": {
			v1alpha1.PolicyRules{Profile: v1alpha1.ProfileOpen, Retention: v1alpha1.RetentionRules{UnwatchedAfter: "7d"}},
			[]string{
				"It may be shared with or without a password, without an end, also outside the organisation.",
				"It goes to the trash when nobody has watched it for 7d, stays in the trash for 30d.",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meeting := recording("planning")
			p := report.NewBook(world(department("own", tc.rules))).Preflight(&meeting, member, now)
			if diff := cmp.Diff(tc.want, p.Says[2:]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestR4PreflightIsWhatTheSystemApplies compares the answer before the meeting with the decisions about its recording.
func TestR4PreflightIsWhatTheSystemApplies(t *testing.T) {
	t.Parallel()
	meeting := recording("planning", sensitive)
	book := report.NewBook(world(meeting, grant("g", "planning", ""),
		department("own", v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted, Sharing: v1alpha1.SharingRules{MaxTTL: "30d", Links: v1alpha1.LinksPasswordOptional}},
			"reelkeeper.io/sensitivity", "high")))
	p := book.Preflight(&meeting, member, now)
	if len(p.People) != 5 {
		t.Errorf("%d people, want the four of the meeting and dave of the grant: %v", len(p.People), p.People)
	}
	for _, right := range p.People {
		subject := outside(right.Who)
		subject.Internal = member(right.Who)
		view := book.Can(&meeting, subject, v1alpha1.PermissionView, now).Allowed
		download := book.Can(&meeting, subject, v1alpha1.PermissionDownload, now).Allowed
		if right.View != view || right.Download != download {
			t.Errorf("%s: the preflight says view %v and download %v, the system %v and %v", right.Who, right.View, right.Download, view, download)
		}
	}
}

func TestR15PreflightTellsDepartmentsApart(t *testing.T) {
	t.Parallel()
	meeting := recording("planning")
	p := report.NewBook(world(department("own", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{
		Audience: v1alpha1.AudienceDepartments, Departments: []string{"finance"},
	}}))).Preflight(&meeting, member, now)
	var may []string
	for _, class := range p.Classes {
		if class.View {
			may = append(may, class.Who)
		}
	}
	if got, want := strings.Join(may, "; "), "who made the meeting (finance); hosts (finance); participants (finance)"; got != want {
		t.Errorf("who may view: %s; want %s", got, want)
	}
}

func TestR4PreflightAsksConditionsAboutTheMeetingItself(t *testing.T) {
	t.Parallel()
	policy := department("own", v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Roles: []v1alpha1.RolePermissions{{
		Role: v1alpha1.RoleParticipant, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView},
		When: `recording.namespace == "finance" && recording.department == "audit" && recording.participantCount == 3`,
	}}}})
	for name, department := range map[string]string{"audit": "audit", "sales": "sales"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meeting := recording("planning")
			meeting.Spec.Meeting.Department = department
			meeting.Spec.Meeting.Participants = append(meeting.Spec.Meeting.Participants, "dave@example.com")
			p := report.NewBook(world(policy)).Preflight(&meeting, member, now)
			for _, right := range append(p.Classes, p.People...) {
				if (right.Who == "participants" || right.Who == "dave@example.com") && right.View != (department == "audit") {
					t.Errorf("%s may view: %v", right.Who, right.View)
				}
			}
			if len(p.Conditions) != 1 || p.Conditions[0].Name != "access.roles[Participant].when" {
				t.Errorf("conditions: %+v", p.Conditions)
			}
		})
	}
}
