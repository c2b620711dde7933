// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Member says whether an e-mail address belongs to the organisation.
type Member func(email string) bool

// about returns what all questions about a recording have in common, prepared for many of them.
func about(recording access.Recording, grants []access.Grant, now time.Time) access.Request {
	return access.Request{Recording: recording, Grants: grants, Now: now}.Prepared()
}

// may returns all that the subject may do with what the request is about.
func may(rules *policy.Rules, request access.Request, subject access.Subject) policy.PermissionSet {
	var set policy.PermissionSet
	request.Subject = subject
	for _, permission := range everyPermission {
		request.Permission = permission
		if access.Decide(rules, &request).Allowed() {
			set |= policy.Permissions(permission)
		}
	}
	return set
}

var everyPermission = policy.AllPermissions.List()

// Persona is one person, or somebody who stands for everybody of a class.
type Persona struct {
	// Kind is Person, or the class: Internal, External, Label, Department, Group, Anyone,
	// LabelledParticipant, DepartmentParticipant.
	Kind string `json:"kind"`
	// Name is the address, or the name of the label, department or group; for Anyone that of the grant whose link they hold.
	Name string `json:"name,omitempty"`
	// Roles are what they are to the recording.
	Roles []v1alpha1.Role `json:"roles,omitempty"`

	subject access.Subject
}

// Kinds of personas.
const (
	kindPerson     = "Person"
	kindInternal   = "Internal"
	kindExternal   = "External"
	kindLabel      = "Label"
	kindDepartment = "Department"
	kindGroup      = "Group"
	// kindLabelled is somebody who attended and has the label: most labels say what attending is worth.
	kindLabelled = "LabelledParticipant"
	// kindColleague is somebody who attended and belongs to the department.
	kindColleague = "DepartmentParticipant"
	kindAnyone    = "Anyone"
)

// stranger is the name of those who stand for a class. It has a blank, which no address in a meeting's facts has.
const stranger = "somebody else"

// String returns who it is, in words.
func (p Persona) String() string {
	switch p.Kind {
	case kindPerson:
		return p.Name
	case kindInternal:
		return "any other member of the organisation"
	case kindExternal:
		return "anybody outside the organisation"
	case kindAnyone:
		return "whoever holds the link of " + p.Name
	case kindGroup:
		return "members of the group " + p.Name
	case kindDepartment:
		return "members of the department " + p.Name
	case kindLabelled:
		return "participants with the label " + p.Name
	case kindColleague:
		return "participants of the department " + p.Name
	default:
		return "members with the label " + p.Name
	}
}

// Is returns the roles in words.
func (p Persona) Is() string { return joinRoles(p.Roles) }

func joinRoles(roles []v1alpha1.Role) string {
	words := make([]string, len(roles))
	for i, role := range roles {
		words[i] = string(role)
	}
	return strings.Join(words, ", ")
}

// inDepartment says that what the rules let people do depends on their departments, which only the identity provider knows.
func inDepartment(rules *policy.Rules) []string {
	var departments []string
	for _, audience := range rules.Access.Audiences {
		departments = append(departments, audience.Departments...)
	}
	slices.Sort(departments)
	return slices.Compact(departments)
}

// personas lists everybody who has to be asked about to know who may do what with the recording: those in the meeting's facts,
// those whom grants name, and one of each class that policies and grants tell apart.
func personas(rules []*policy.Rules, recording *v1alpha1.MeetingRecording, grants []access.Grant, member Member) []Persona {
	c := cast{member: member, seen: map[[2]string]int{}}
	facts := recording.Spec.Meeting
	for _, email := range slices.Concat([]string{facts.Creator}, facts.Hosts, facts.Participants) {
		if email != "" {
			c.person(email)
		}
	}
	c.add(kindInternal, "", access.Subject{Name: stranger, Verified: true, Internal: true})
	c.add(kindExternal, "", access.Subject{Name: stranger, Verified: true})
	for _, r := range rules {
		for _, label := range r.Access.Labels {
			c.class(kindLabel, label.Name)
			c.attending(kindLabelled, label.Name, facts.Participants)
		}
		for _, audience := range r.Access.Audiences {
			for _, department := range audience.Departments {
				c.class(kindDepartment, department)
				c.attending(kindColleague, department, facts.Participants)
			}
		}
	}
	for i := range grants {
		for _, subject := range grants[i].Subjects {
			c.granted(subject, grants[i].Name)
		}
	}
	known := access.FactsOf(recording)
	for _, r := range rules {
		for _, s := range slices.Concat(access.OwnerOf(r, known).Owners, r.Sharing.Approvers.Value) {
			c.appointed(s)
		}
	}
	for i := range c.list {
		c.list[i].Roles = access.RolesOf(rules[len(rules)-1], known, c.list[i].subject)
	}
	return c.list
}

// cast collects personas, each once.
type cast struct {
	member Member
	list   []Persona
	seen   map[[2]string]int
}

func (c *cast) add(kind, name string, subject access.Subject) *Persona {
	key := [2]string{kind, name}
	if kind == kindPerson {
		key[1] = foldCase(name)
	}
	at, known := c.seen[key]
	if !known {
		at = len(c.list)
		c.seen[key] = at
		c.list = append(c.list, Persona{Kind: kind, Name: name, subject: subject})
	}
	return &c.list[at]
}

func (c *cast) person(email string) *Persona {
	return c.add(kindPerson, email, access.Subject{Name: email, Verified: true, Internal: c.member(email)})
}

// class adds a member of the organisation who is nothing else than one of that class.
func (c *cast) class(kind, name string) *Persona {
	subject := access.Subject{Name: stranger, Verified: true, Internal: true}
	switch kind {
	case kindLabel:
		subject.Labels = []string{name}
	case kindDepartment:
		subject.Departments = []string{name}
	case kindGroup:
		subject.Groups = []string{name}
	}
	return c.add(kind, name, subject)
}

// attending adds somebody who attended and is of the class, if a member of the organisation attended.
func (c *cast) attending(kind, name string, participants []string) {
	at := slices.IndexFunc(participants, c.member)
	if at < 0 {
		return
	}
	subject := access.Subject{Name: participants[at], Verified: true, Internal: true}
	if kind == kindLabelled {
		subject.Labels = []string{name}
	} else {
		subject.Departments = []string{name}
	}
	c.add(kind, name, subject)
}

// granted adds whom a grant names, holding its link.
func (c *cast) granted(subject v1alpha1.GrantSubject, grant string) {
	var p *Persona
	if subject.Kind == v1alpha1.SubjectAnyone {
		p = c.add(kindAnyone, grant, access.Subject{Anonymous: true})
	} else {
		p = c.appointed(subject)
	}
	p.subject.Links = append(p.subject.Links, grant)
}

// appointed adds somebody whom a policy names, or everybody of a kind.
func (c *cast) appointed(subject v1alpha1.GrantSubject) *Persona {
	if subject.Kind == v1alpha1.SubjectUser {
		return c.person(subject.Name)
	}
	return c.class(string(subject.Kind), subject.Name)
}
