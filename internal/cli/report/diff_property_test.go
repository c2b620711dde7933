// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

// anyRules draws rules that say little, so that policies differ and still meet.
func anyRules(t *rapid.T, what string) v1alpha1.PolicyRules {
	var r v1alpha1.PolicyRules
	r.Profile = rapid.SampledFrom([]v1alpha1.Profile{"", "", v1alpha1.ProfileOpen, v1alpha1.ProfileRestricted}).Draw(t, what+" profile")
	r.Access.Audience = rapid.SampledFrom([]v1alpha1.Audience{"", "", v1alpha1.AudienceAnyone, v1alpha1.AudienceInvited}).Draw(t, what+" audience")
	r.Retention.ExpireAfter = rapid.SampledFrom([]v1alpha1.DurationOrNever{"", "", "1d", "10d", v1alpha1.Never}).Draw(t, what+" expireAfter")
	if role := rapid.SampledFrom([]v1alpha1.Role{"", "", v1alpha1.RoleHost, v1alpha1.RoleParticipant, v1alpha1.RoleExternal}).Draw(t, what+" role"); role != "" {
		given := rapid.SliceOfDistinct(rapid.SampledFrom(policy.AllPermissions.List()), rapid.ID).Draw(t, what+" permissions")
		when := rapid.SampledFrom([]v1alpha1.Condition{"", "", "recording.participantCount > 2", `recording.labels.topic == "a"`, "subject."}).Draw(t, what+" when")
		r.Access.Roles = []v1alpha1.RolePermissions{{Role: role, Permissions: given, When: when}}
	}
	return r
}

func anyPolicy(t *rapid.T, what string) v1alpha1.RecordingPolicy {
	p := department("own", anyRules(t, what))
	if rapid.Bool().Draw(t, what+" selects") {
		p.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"topic": rapid.SampledFrom([]string{"a", "b"}).Draw(t, what+" topic")}}
	}
	return p
}

func anyRecordings(t *rapid.T) []v1alpha1.MeetingRecording {
	var list []v1alpha1.MeetingRecording
	for i := range rapid.IntRange(0, 5).Draw(t, "recordings") {
		r := recording(fmt.Sprint("r", i))
		r.Labels = map[string]string{"topic": rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "topic")}
		if rapid.Bool().Draw(t, "held") {
			held(&r)
		}
		if rapid.Bool().Draw(t, "one more") {
			r.Spec.Meeting.Participants = append(r.Spec.Meeting.Participants, "dave@example.com")
		}
		list = append(list, r)
	}
	return list
}

// TestDiffAgreesWithDecidingEverythingTwice compares a diff with the naive way: resolve and decide for everybody in every meeting,
// before and after, and count.
func TestDiffAgreesWithDecidingEverythingTwice(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		before, after := anyPolicy(t, "before"), anyPolicy(t, "after")
		org := house(v1alpha1.PolicyRules{}, anyRules(t, "overrides"))
		recordings := anyRecordings(t)
		w := world(before, org)
		w.Recordings = recordings
		got := report.Compare(w, change(after), member, now)

		want, expiring := map[string]int{}, 0
		for i := range recordings {
			old := resolve(w, before, &recordings[i])
			next := resolve(w, after, &recordings[i])
			life := policy.Life{AvailableAt: available, Held: len(recordings[i].Spec.Holds) > 0}
			if old.Retention.Schedule(life).ExpiresAt != next.Retention.Schedule(life).ExpiresAt {
				expiring++
			}
			meeting := recordings[i].Spec.Meeting
			for _, email := range slices.Concat([]string{meeting.Creator}, meeting.Hosts, meeting.Participants) {
				for _, permission := range policy.AllPermissions.List() {
					request := access.Request{
						Subject:    access.Subject{Name: email, Verified: true, Internal: member(email)},
						Permission: permission, Recording: access.FactsOf(&recordings[i]), Now: now,
					}
					did, does := access.Decide(old, &request).Allowed(), access.Decide(next, &request).Allowed()
					if did != does {
						want[fmt.Sprintf("%s %s %v", email, permission, does)]++
					}
				}
			}
		}
		if diff := cmp.Diff(want, people(got)); diff != "" {
			t.Errorf("who gains and loses (-want +got):\n%s", diff)
		}
		if moved := dates(got); moved != expiring {
			t.Errorf("%d dates move, want %d", moved, expiring)
		}
		if !got.Changed && (len(want) > 0 || expiring > 0) {
			t.Error("it says that nothing would change")
		}
	})
}

func resolve(w *report.World, p v1alpha1.RecordingPolicy, r *v1alpha1.MeetingRecording) *policy.Rules {
	return policy.Resolve(policy.Input{
		ClusterPolicies: w.ClusterPolicies, Policies: []v1alpha1.RecordingPolicy{p},
		NamespaceLabels: w.Namespaces[r.Namespace], RecordingLabels: r.Labels,
	})
}

// people counts the changes of named people: on how many recordings who gains (true) or loses what.
func people(d report.Diff) map[string]int {
	counted := map[string]int{}
	for _, c := range d.Access {
		for _, someone := range c.Subjects {
			counted[fmt.Sprintf("%s %s %v", someone.Name, c.Permission, c.Change == "gains")] += someone.Recordings
		}
	}
	return counted
}

func dates(d report.Diff) int {
	n := 0
	for _, c := range d.Dates {
		n += c.Recordings
	}
	return n
}

// BenchmarkDiff compares over a hundred thousand recordings with four people each, in ten kinds.
func BenchmarkDiff(b *testing.B) {
	w := world(house(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileStandard}, v1alpha1.PolicyRules{}))
	for i := range 100_000 {
		r := recording(fmt.Sprint("r", i))
		r.Labels = map[string]string{"topic": strconv.Itoa(i % 10)}
		w.Recordings = append(w.Recordings, r)
	}
	tighter := change(house(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileRestricted}, v1alpha1.PolicyRules{}))
	b.ReportAllocs()
	for b.Loop() {
		if d := report.Compare(w, tighter, member, now); d.Affected != 100_000 {
			b.Fatalf("%d affected", d.Affected)
		}
	}
}
