// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/moment"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Turn is when some of those who may answer a request are asked.
type Turn struct {
	// Line says who they are to the recording.
	Line v1alpha1.RequestLine
	// Subjects are all who have been asked by then, those of earlier turns first: nobody loses the right to answer.
	Subjects []v1alpha1.GrantSubject
	// Since and Until are when their turn begins and ends.
	Since, Until time.Time
}

// maxAsked is how many subjects a request's status has room for.
const maxAsked = 64

// Turns returns when who is asked to answer a request of that age: the creator, or who succeeds them; then the hosts; then the
// approvers. Who may not approve is left out, and so is the requester. Where nobody is left there is one turn, of nobody. The
// last turn ends when the request does.
func Turns(rules *policy.Rules, recording Recording, requester string, created time.Time) []Turn {
	within, end := rules.Sharing.AnswerWithin.Value, RequestEnd(rules, created)
	var turns []Turn
	var asked []v1alpha1.GrantSubject
	for _, group := range line(rules, &recording) {
		before := len(asked)
		for _, s := range group.Subjects {
			if !slices.ContainsFunc(asked, func(other v1alpha1.GrantSubject) bool { return sameSubject(s, other) }) &&
				len(asked) < maxAsked && canAnswer(rules, recording, requester, s, created) {
				asked = append(asked, s)
			}
		}
		if len(asked) > before {
			group.Subjects = slices.Clone(asked)
			turns = append(turns, group)
		}
	}
	if len(turns) == 0 {
		turns = []Turn{{Line: v1alpha1.LineNobody}}
	}
	since := created
	for i := range turns {
		turns[i].Since = since
		since = moment.Earlier(until(since, within), end)
		turns[i].Until = since
	}
	turns[len(turns)-1].Until = end
	return turns
}

// TurnAt returns whose turn it is. After the last one has ended it is still that one.
func TurnAt(turns []Turn, now time.Time) Turn {
	for _, turn := range turns {
		if now.Before(turn.Until) {
			return turn
		}
	}
	return turns[len(turns)-1]
}

// line is who is asked, in that order, as the rules and the meeting's facts name them.
func line(rules *policy.Rules, r *Recording) []Turn {
	owner := OwnerOf(rules, *r)
	first := Turn{Line: v1alpha1.LineCreator, Subjects: owner.Owners}
	if owner.Left {
		first.Line = v1alpha1.LineSuccessors
	}
	hosts := Turn{Line: v1alpha1.LineHosts}
	for _, host := range r.Hosts {
		hosts.Subjects = append(hosts.Subjects, user(host))
	}
	return []Turn{first, hosts, {Line: v1alpha1.LineApprovers, Subjects: rules.Sharing.Approvers.Value}}
}

// canAnswer says whether somebody whom the subject means may answer, as a member of the organisation with nothing else known
// of them.
func canAnswer(rules *policy.Rules, recording Recording, requester string, s v1alpha1.GrantSubject, now time.Time) bool {
	someone := Subject{Name: "\x00somebody", Verified: true, Internal: true}
	switch s.Kind {
	case v1alpha1.SubjectUser:
		someone.Name = s.Name
	case v1alpha1.SubjectGroup:
		someone.Groups = []string{s.Name}
	case v1alpha1.SubjectDepartment:
		someone.Departments = []string{s.Name}
	case v1alpha1.SubjectLabel:
		someone.Labels = []string{s.Name}
	case v1alpha1.SubjectAnyone:
		return false
	}
	if len(someone.Departments) == 0 {
		// Whoever is named is taken to be inside: what they belong to is known when they come.
		someone.Departments = departmentsOf(rules)
	}
	return CheckApprover(rules, recording, requester, someone, now).Allowed()
}

// departmentsOf are all departments that the audiences name.
func departmentsOf(rules *policy.Rules) []string {
	var all []string
	for i := range rules.Access.Audiences {
		all = append(all, rules.Access.Audiences[i].Departments...)
	}
	return all
}

func sameSubject(a, b v1alpha1.GrantSubject) bool {
	return a.Kind == b.Kind && (a.Name == b.Name || a.Kind == v1alpha1.SubjectUser && policy.SamePerson(a.Name, b.Name))
}

// until adds to a time; Forever leads to a date that is never reached.
func until(t time.Time, d time.Duration) time.Time { return t.Add(min(d, farthest)) }

// RequestEnd returns when a request of that age ends unanswered.
func RequestEnd(rules *policy.Rules, created time.Time) time.Time {
	return until(created, rules.Sharing.ExpireAfter.Value)
}
