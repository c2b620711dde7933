// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

var (
	available = time.Date(2026, time.October, 5, 10, 0, 0, 0, time.UTC)
	now       = available.AddDate(0, 0, 5)
)

// member says who belongs to the organisation of the tests.
func member(email string) bool { return strings.HasSuffix(strings.ToLower(email), "@example.com") }

// inside is a member of the organisation, outside somebody else.
func inside(name string) access.Subject {
	return access.Subject{Name: name, Verified: true, Internal: true}
}
func outside(name string) access.Subject { return access.Subject{Name: name, Verified: true} }

// world has one department, finance, with the given objects.
func world(objects ...any) *report.World {
	w := &report.World{Namespaces: map[string]map[string]string{"finance": {"team": "finance"}, "legal": {"team": "legal"}}}
	for _, object := range objects {
		switch o := object.(type) {
		case v1alpha1.ClusterRecordingPolicy:
			w.ClusterPolicies = append(w.ClusterPolicies, o)
		case v1alpha1.RecordingPolicy:
			w.Policies = append(w.Policies, o)
		case v1alpha1.MeetingRecording:
			w.Recordings = append(w.Recordings, o)
		case v1alpha1.AccessGrant:
			w.Grants = append(w.Grants, o)
		}
	}
	return w
}

// recording is an available one, of a meeting of alice with bob as host, carol and an outsider.
func recording(name string, change ...func(*v1alpha1.MeetingRecording)) v1alpha1.MeetingRecording {
	r := v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: name}}
	r.Spec.Meeting = v1alpha1.MeetingFacts{
		Creator: "alice@example.com", Hosts: []string{"bob@example.com"}, Participants: []string{"carol@example.com", "eve@partner.example"},
	}
	r.Status.AvailableAt = metav1.NewTime(available)
	for _, f := range change {
		f(&r)
	}
	return r
}

func sensitive(r *v1alpha1.MeetingRecording) {
	r.Labels = map[string]string{"reelkeeper.io/sensitivity": "high"}
}

func held(r *v1alpha1.MeetingRecording) { r.Spec.Holds = []v1alpha1.LegalHold{{Name: "case-1"}} }

func trashed(r *v1alpha1.MeetingRecording) {
	r.Spec.State, r.Status.TrashedAt = v1alpha1.StateTrashed, metav1.NewTime(available)
}

// department is a policy of finance, house one of the organisation with defaults and overrides.
func department(name string, rules v1alpha1.PolicyRules, labels ...string) v1alpha1.RecordingPolicy {
	p := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: name, Generation: 3, CreationTimestamp: metav1.NewTime(available)}}
	p.Spec.PolicyRules = rules
	if len(labels) == 2 {
		p.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{labels[0]: labels[1]}}
	}
	return p
}

func house(defaults, overrides v1alpha1.PolicyRules) v1alpha1.ClusterRecordingPolicy {
	p := v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "house", Generation: 2, CreationTimestamp: metav1.NewTime(available)}}
	p.Spec.Defaults, p.Spec.Overrides = defaults, overrides
	return p
}

// grant lets dave watch a recording until next week, as its controller has accepted it unless a reason is given.
func grant(name, recording, refused string) v1alpha1.AccessGrant {
	g := v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: name, Generation: 1, CreationTimestamp: metav1.NewTime(available)}}
	g.Spec.RecordingRef.Name = recording
	g.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}}
	g.Spec.Permissions = []v1alpha1.Permission{v1alpha1.PermissionView}
	g.Spec.ExpiresAt = metav1.NewTime(available.AddDate(0, 0, 10))
	ready := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGranted, ObservedGeneration: 1}
	if refused != "" {
		ready.Status, ready.Reason = metav1.ConditionFalse, refused
	}
	g.Status.Conditions = []metav1.Condition{ready}
	return g
}
