// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// GrantCheck is what would become of a grant.
type GrantCheck struct {
	// Grant is its namespace and name, Counts whether it would count for any recording that it is about.
	Grant  string `json:"grant"`
	Counts bool   `json:"counts"`
	// Recordings are those that it is about, by name.
	Recordings []GrantVerdict `json:"recordings"`
}

// GrantVerdict is what would become of a grant for one recording.
type GrantVerdict struct {
	// Recording is its namespace and name; empty where a selector picks none yet, for those to come.
	Recording string `json:"recording,omitempty"`
	Counts    bool   `json:"counts"`
	// Reason is the code of why not, Rule the policy and field that refuses, Says what to change.
	Reason access.Reason `json:"reason,omitempty"`
	Rule   *Source       `json:"rule,omitempty"`
	Says   string        `json:"says,omitempty"`
}

// CheckGrant says whether the policies would let a grant count that is made now, as its controller will. It fails where there is
// nothing that the grant could be about.
func (b *Book) CheckGrant(g *v1alpha1.AccessGrant, now time.Time) (GrantCheck, error) {
	check := GrantCheck{Grant: g.Namespace + "/" + g.Name}
	recordings, err := b.aboutWhich(g)
	if err != nil {
		return check, err
	}
	g = g.DeepCopy()
	g.CreationTimestamp = b.madeAt(g, now)
	for _, recording := range recordings {
		verdict := verdictOf(b.RulesOf(recording), g, recording)
		one := GrantVerdict{Counts: verdict.Allowed(), Reason: verdict.Reason, Rule: sourceOf(verdict.Rule), Says: verdict.Message()}
		if recording.Name != "" {
			one.Recording = nameOf(recording)
		}
		check.Recordings, check.Counts = append(check.Recordings, one), check.Counts || one.Counts
	}
	return check, nil
}

// aboutWhich returns the recordings that a grant is about, by name. Where a selector picks none yet, one stands for those to come.
func (b *Book) aboutWhich(g *v1alpha1.AccessGrant) ([]*v1alpha1.MeetingRecording, error) {
	if g.Spec.RecordingSelector != nil {
		if _, err := metav1.LabelSelectorAsSelector(g.Spec.RecordingSelector); err != nil {
			return nil, fmt.Errorf("AccessGrant %s: spec.recordingSelector is not a label selector: %w", g.Name, err)
		}
	}
	var found []*v1alpha1.MeetingRecording
	for i := range b.world.Recordings {
		if recording := &b.world.Recordings[i]; governance.Concerns(g, recording) {
			found = append(found, recording)
		}
	}
	slices.SortFunc(found, func(a, b *v1alpha1.MeetingRecording) int { return cmp.Compare(a.Name, b.Name) })
	switch {
	case len(found) > 0:
		return found, nil
	case g.Spec.RecordingSelector == nil:
		return nil, fmt.Errorf("AccessGrant %s: there is no MeetingRecording %s/%s: name another one, or create it first",
			g.Name, g.Namespace, g.Spec.RecordingRef.Name)
	}
	toCome := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: g.Namespace, Labels: labels.Set(g.Spec.RecordingSelector.MatchLabels)}}
	return []*v1alpha1.MeetingRecording{toCome}, nil
}

// madeAt is when the grant was made where there is one of its name, whose lifetime counts from then; else now.
func (b *Book) madeAt(g *v1alpha1.AccessGrant, now time.Time) metav1.Time {
	for i := range b.world.Grants {
		if known := &b.world.Grants[i]; known.Namespace == g.Namespace && known.Name == g.Name {
			return known.CreationTimestamp
		}
	}
	return metav1.NewTime(now)
}

// verdictOf says whether the rules let the grant count for the recording, as its controller asks. A grant that leaves its password
// open gets one where the policies ask for it.
func verdictOf(rules *policy.Rules, g *v1alpha1.AccessGrant, recording *v1alpha1.MeetingRecording) access.Verdict {
	p := access.Proposal{Grant: access.FactsOfGrant(g, false), Recording: access.FactsOf(recording)}
	p.Grant.Password = g.Spec.PasswordSecretRef.Name != "" || g.Spec.Link.PasswordHash != "" || g.Spec.Password == v1alpha1.PasswordGenerate ||
		g.Spec.Password == "" && rules.Sharing.Links.Value == v1alpha1.LinksPasswordRequired
	return access.CheckGrant(rules, p)
}
