// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Ownership is whose a recording is.
type Ownership struct {
	// Creator is who made the meeting.
	Creator string
	// Left says that the creator has left the organisation; LeftBy is where that stands.
	Left   bool
	LeftBy policy.Provenance
	// Owners are the creator, or who has the creator's place. They are none where nobody succeeds, or nobody is known to have made
	// the meeting.
	Owners []v1alpha1.GrantSubject
	// From is the rule that names the successors; its zero value while there is the creator.
	From policy.Provenance
}

// OwnerOf says whose a recording is: its creator's, or after they have left their successors'.
func OwnerOf(rules *policy.Rules, recording Recording) Ownership {
	left := rules.Succession.Departed.Of(recording.Creator)
	switch {
	case recording.Creator == "":
		return Ownership{}
	case left == nil || left.Doubtful:
		return Ownership{Creator: recording.Creator, Owners: []v1alpha1.GrantSubject{user(recording.Creator)}}
	}
	o := Ownership{Creator: recording.Creator, Left: true, LeftBy: provenance(left.From), From: rules.Succession.Successors.Source()}
	if heir := successorOf(rules, &recording); heir != nil {
		o.Owners = peopleOf(rules, &recording, heir)
	}
	return o
}

func user(name string) v1alpha1.GrantSubject {
	return v1alpha1.GrantSubject{Kind: v1alpha1.SubjectUser, Name: name}
}

// hasLeft says whether somebody has left the organisation, or may have.
func hasLeft(rules *policy.Rules, name string) bool {
	return len(rules.Succession.Departed) > 0 && rules.Succession.Departed.Of(name) != nil
}

// asTheyAre returns the request, its subject being an outsider if they have left the organisation, whatever the identity
// provider says. It makes a copy only then.
func asTheyAre(rules *policy.Rules, req *Request) *Request {
	if len(rules.Succession.Departed) == 0 || !req.Subject.Internal || !hasLeft(rules, req.Subject.Name) {
		return req
	}
	present := *req
	present.Subject.Internal = false
	return &present
}

// succeeds says whether a member of the organisation has the place of a creator who has left.
func succeeds(rules *policy.Rules, r *Recording, s *Subject) bool {
	if len(rules.Succession.Departed) == 0 {
		return false
	}
	if left := rules.Succession.Departed.Of(r.Creator); left == nil || left.Doubtful {
		return false
	}
	heir := successorOf(rules, r)
	if heir == nil {
		return false
	}
	switch heir.Kind {
	case v1alpha1.SuccessorHosts:
		return among(r.Hosts, s.Name)
	case v1alpha1.SuccessorApprovers:
		return s.isAny(rules.Sharing.Approvers.Value)
	case v1alpha1.SuccessorUser, v1alpha1.SuccessorGroup, v1alpha1.SuccessorDepartment, v1alpha1.SuccessorLabel:
		return s.is(&v1alpha1.GrantSubject{Kind: v1alpha1.SubjectKind(heir.Kind), Name: heir.Name}, "")
	}
	return false
}

// successorOf returns the first successor whom there is, nil for none. Who is in a group only the identity provider knows:
// groups, departments and labels are always there.
func successorOf(rules *policy.Rules, r *Recording) *v1alpha1.Successor {
	list := rules.Succession.Successors.Value
	here := func(name string) bool { return !hasLeft(rules, name) }
	for i := range list {
		switch list[i].Kind {
		case v1alpha1.SuccessorHosts:
			if slices.ContainsFunc(r.Hosts, here) {
				return &list[i]
			}
		case v1alpha1.SuccessorApprovers:
			if slices.ContainsFunc(rules.Sharing.Approvers.Value, func(s v1alpha1.GrantSubject) bool { return stillHere(rules, s) }) {
				return &list[i]
			}
		case v1alpha1.SuccessorUser:
			if here(list[i].Name) {
				return &list[i]
			}
		case v1alpha1.SuccessorGroup, v1alpha1.SuccessorDepartment, v1alpha1.SuccessorLabel:
			return &list[i]
		}
	}
	return nil
}

// stillHere says whether somebody whom the subject means can be there.
func stillHere(rules *policy.Rules, s v1alpha1.GrantSubject) bool {
	return s.Kind != v1alpha1.SubjectUser || !hasLeft(rules, s.Name)
}

// peopleOf returns whom a successor means.
func peopleOf(rules *policy.Rules, r *Recording, heir *v1alpha1.Successor) []v1alpha1.GrantSubject {
	var people []v1alpha1.GrantSubject
	switch heir.Kind {
	case v1alpha1.SuccessorHosts:
		for _, host := range r.Hosts {
			people = append(people, user(host))
		}
	case v1alpha1.SuccessorApprovers:
		people = slices.Clone(rules.Sharing.Approvers.Value)
	case v1alpha1.SuccessorUser, v1alpha1.SuccessorGroup, v1alpha1.SuccessorDepartment, v1alpha1.SuccessorLabel:
		people = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectKind(heir.Kind), Name: heir.Name}}
	}
	return slices.DeleteFunc(people, func(s v1alpha1.GrantSubject) bool { return !stillHere(rules, s) })
}

// isAny says whether any of the subjects means them.
func (s *Subject) isAny(list []v1alpha1.GrantSubject) bool {
	for i := range list {
		if s.is(&list[i], "") {
			return true
		}
	}
	return false
}

// appointed says whether the policy names the subject among those who answer requests, the organisation's overrides leave
// that to their roles, and they are inside the audience as somebody named is.
func (c *inquiry) appointed() bool {
	return c.Subject.member() && c.Subject.isAny(c.rules.Sharing.Approvers.Value) && (c.ceiling & c.labelled).Has(v1alpha1.PermissionApprove) &&
		c.outside(true) == nil
}
