// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"

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
	q := comparison{
		rules: [2]*policy.Rules{old, next},
		about: [2]access.Request{
			{Recording: factsUnder(old, recording), Grants: d.before.GrantsOf(recording), Now: d.now},
			{Recording: factsUnder(next, recording), Grants: d.foreseen(recording), Now: d.now},
		},
	}
	kind := q.kind()
	different := false
	for _, p := range personas(q.rules[:], recording, q.about[0].Grants, d.member) {
		sets, known := d.tally.outcome(&q, kind, p)
		if !known {
			sets = q.sets(p.subject)
			d.tally.learn(&q, kind, p, sets)
		}
		if sets[0] == sets[1] {
			continue
		}
		different = true
		d.tally.access(loses, sets[0]&^sets[1], p, nameOf(recording))
		d.tally.access(gains, sets[1]&^sets[0], p, nameOf(recording))
	}
	return different
}

// comparison is one recording before and after the change.
type comparison struct {
	rules [2]*policy.Rules
	// about are the questions but for who asks and for what.
	about [2]access.Request
}

// sets returns what the subject may do before and after.
func (q *comparison) sets(subject access.Subject) (sets [2]policy.PermissionSet) {
	for i := range sets {
		sets[i] = may(q.rules[i], q.about[i], subject)
	}
	return sets
}

// kind is all that decisions are told of the recording besides its rules and its people; conditions are told how many attended.
func (q *comparison) kind() string {
	facts := [2]access.Recording{q.about[0].Recording, q.about[1].Recording}
	attended := len(facts[0].Participants)
	for i := range facts {
		facts[i].Creator, facts[i].Hosts, facts[i].Participants = "", nil, nil
	}
	return fmt.Sprintf("%d %+v", attended, facts)
}

// outcomeKey is all that an outcome depends on where no grant is about the recording: decisions cannot tell two recordings apart
// that agree in this, so that one answer is theirs together.
type outcomeKey struct {
	rules         [2]*policy.Rules
	recording     string
	persona, name string
	roles         string
}

func keyOf(q *comparison, kind string, p Persona) outcomeKey {
	return outcomeKey{q.rules, kind, p.Kind, p.Name, p.Is()}
}

// outcome returns what is known already, of a recording that is no different.
func (t *tally) outcome(q *comparison, kind string, p Persona) ([2]policy.PermissionSet, bool) {
	if len(q.about[0].Grants) > 0 {
		return [2]policy.PermissionSet{}, false
	}
	sets, known := t.outcomes[keyOf(q, kind, p)]
	return sets, known
}

// learn keeps an outcome for the recordings that are no different.
func (t *tally) learn(q *comparison, kind string, p Persona, sets [2]policy.PermissionSet) {
	if len(q.about[0].Grants) == 0 {
		t.outcomes[keyOf(q, kind, p)] = sets
	}
}

// factsUnder is what a decision needs to know of the recording once its controller has stamped the lock that the rules demand.
func factsUnder(rules *policy.Rules, recording *v1alpha1.MeetingRecording) access.Recording {
	facts := access.FactsOf(recording)
	facts.LockedUntil = rules.Retention.Schedule(policy.LifeOf(recording)).LockedUntil
	return facts
}

// groupOf is what somebody is counted under in a diff: named people under their first role, which for those whom only a grant names is
// Internal or External; everybody else as the class that they stand for.
func groupOf(p Persona) string {
	if p.Kind != kindPerson || len(p.Roles) == 0 {
		return p.String()
	}
	return string(p.Roles[0])
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
		if governance.Concerns(g, recording) && verdictOf(book.RulesOf(recording), g, recording).Allowed() {
			allowed = true
			break
		}
	}
	d.tally.verdicts[key] = allowed
	return allowed
}
