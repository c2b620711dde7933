// SPDX-License-Identifier: Apache-2.0

package report

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// AccessChange is a permission that a group of people gains or loses.
type AccessChange struct {
	// Change is gains or loses.
	Change     string              `json:"change"`
	Permission v1alpha1.Permission `json:"permission"`
	// Who is the group: a role of named people, or a class such as any other member of the organisation.
	Who string `json:"who"`
	// People is how many named people it is, 0 for a class. Recordings is on how many recordings.
	People     int `json:"people,omitempty"`
	Recordings int `json:"recordings"`
	// Subjects are the people, those with the most recordings first.
	Subjects []SubjectChange `json:"subjects,omitempty"`
	// Examples are the first of the recordings.
	Examples []string `json:"examples"`
}

// Changes of access.
const (
	gains = "gains"
	loses = "loses"
)

// SubjectChange is on how many recordings one person gains or loses a permission.
type SubjectChange struct {
	Name       string   `json:"name"`
	Recordings int      `json:"recordings"`
	Examples   []string `json:"examples"`
}

// access notes who gains and who loses what on the recording.
func (d *differ) access(recording *v1alpha1.MeetingRecording, old, next *policy.Rules) bool {
	facts := access.FactsOf(recording)
	grantsBefore := d.before.GrantsOf(recording)
	grantsAfter := d.foreseen(recording)
	different := false
	for _, p := range personas([]*policy.Rules{old, next}, recording, grantsBefore, d.member) {
		before := may(old, facts, p.subject, grantsBefore, d.now)
		after := may(next, facts, p.subject, grantsAfter, d.now)
		if before == after {
			continue
		}
		different = true
		d.tally.access(loses, before&^after, p, nameOf(recording))
		d.tally.access(gains, after&^before, p, nameOf(recording))
	}
	return different
}

// groupOf is what people in a diff are counted under: their first role in the meeting, or what else they are.
func groupOf(p Persona) string {
	if p.Kind != kindPerson {
		return p.String()
	}
	switch {
	case len(p.Roles) == 0 || p.Roles[0] == v1alpha1.RoleExternal:
		return "outsiders in meetings or grants"
	case p.Roles[0] == v1alpha1.RoleInternal:
		return "members whom a grant names"
	default:
		return string(p.Roles[0])
	}
}

// foreseen returns the grants about the recording as their controller is going to see them after the change: a grant that the
// new policies forbid stops being accepted, and one that only the old ones forbade begins to be.
func (d *differ) foreseen(recording *v1alpha1.MeetingRecording) []access.Grant {
	var grants []access.Grant
	for _, g := range d.before.concerning(recording) {
		accepted := governance.Accepted(g)
		switch {
		case accepted && d.allowedSomewhere(d.before, g) && !d.allowedSomewhere(d.after, g):
			accepted = false
		case !accepted && forbiddenByPolicy(g):
			accepted = d.allowedSomewhere(d.after, g)
		}
		grants = append(grants, access.FactsOfGrant(g, accepted))
	}
	return grants
}

// forbiddenByPolicy says that nothing but policies keeps the grant from counting.
func forbiddenByPolicy(g *v1alpha1.AccessGrant) bool {
	ready := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonForbiddenByPolicy && ready.ObservedGeneration == g.Generation
}

// verdictKey is a grant before or after the change.
type verdictKey struct {
	book  *Book
	grant *v1alpha1.AccessGrant
}

// allowedSomewhere says whether the policies let the grant count for any recording that it is about, as its controller asks.
func (d *differ) allowedSomewhere(book *Book, g *v1alpha1.AccessGrant) bool {
	key := verdictKey{book, g}
	if allowed, known := d.tally.verdicts[key]; known {
		return allowed
	}
	allowed := false
	for i := range book.world.Recordings {
		recording := &book.world.Recordings[i]
		if governance.Concerns(g, recording) && allowedFor(book.RulesOf(recording), g, recording) {
			allowed = true
			break
		}
	}
	d.tally.verdicts[key] = allowed
	return allowed
}

// allowedFor says whether the rules let the grant count for the recording. A grant that leaves its password open gets one where
// the policies ask for it.
func allowedFor(rules *policy.Rules, g *v1alpha1.AccessGrant, recording *v1alpha1.MeetingRecording) bool {
	p := access.Proposal{Grant: access.FactsOfGrant(g, false), Recording: access.FactsOf(recording)}
	p.Grant.Password = g.Spec.PasswordSecretRef.Name != "" || g.Spec.Password == v1alpha1.PasswordGenerate ||
		g.Spec.Password == "" && rules.Sharing.Links.Value == v1alpha1.LinksPasswordRequired
	return access.CheckGrant(rules, p).Allowed()
}
