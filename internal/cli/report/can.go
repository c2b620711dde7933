// SPDX-License-Identifier: Apache-2.0

package report

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Decision is the answer to one question, for an administrator.
type Decision struct {
	// Allowed is the answer; User, Permission and Recording are the question.
	Allowed    bool                `json:"allowed"`
	User       string              `json:"user"`
	Permission v1alpha1.Permission `json:"permission"`
	Recording  string              `json:"recording"`
	// Reason is the stable code, Rule the rule that decided, Grant the grant that allows or would.
	Reason access.Reason `json:"reason"`
	Rule   *Source       `json:"rule,omitempty"`
	Grant  string        `json:"grant,omitempty"`
	// Says is what is so. Remedy is what the person can do, Admin what an administrator can.
	Says   string `json:"says"`
	Remedy string `json:"remedy,omitempty"`
	Admin  string `json:"admin,omitempty"`
	// Told is what the person is told: less, if they may not know of the recording.
	Told string `json:"told"`
	// Trial is the code of why policies in DryRun would have refused what is allowed, TrialRule the rule.
	Trial     access.Reason `json:"trial,omitempty"`
	TrialRule *Source       `json:"trialRule,omitempty"`
	// Trace is what the decision went by.
	Trace Trace `json:"trace"`
}

// Trace is what a decision went by.
type Trace struct {
	// Subject is who asks, as the flags and the organisation's domains describe them.
	Subject Subject `json:"subject"`
	// Roles are what they are to the recording, Audiences the outer bounds.
	Roles     []v1alpha1.Role `json:"roles"`
	Audiences []Audience      `json:"audiences"`
	// ByRole and ByLabel are what roles and labels permit inside the audience; Ceiling and Labelled bound all of it.
	ByRole   []v1alpha1.Permission `json:"byRole"`
	ByLabel  []v1alpha1.Permission `json:"byLabel"`
	Ceiling  []v1alpha1.Permission `json:"ceiling"`
	Labelled []v1alpha1.Permission `json:"leftByLabels"`
	// Grants are all grants about the recording.
	Grants []Grant `json:"grants"`
	// State is Active or Trashed, Holds the legal holds, LockedUntil the end of the lock.
	State       v1alpha1.RecordingState `json:"state"`
	Holds       []string                `json:"holds,omitempty"`
	LockedUntil *time.Time              `json:"lockedUntil,omitempty"`
}

// Subject is who asks.
type Subject struct {
	Name        string   `json:"name"`
	Verified    bool     `json:"verified"`
	Internal    bool     `json:"internal"`
	Departments []string `json:"departments,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	Labels      []string `json:"labels,omitempty"`
}

// Audience is an outer bound and whether the subject is inside.
type Audience struct {
	Kind        v1alpha1.Audience `json:"audience"`
	Departments []string          `json:"departments,omitempty"`
	Admits      bool              `json:"admits"`
	From        *Source           `json:"from,omitempty"`
}

// Grant is a grant about the recording, and what it is to the subject.
type Grant struct {
	Name        string                `json:"name"`
	Permissions []v1alpha1.Permission `json:"permissions"`
	// Names says that the grant names the subject, Obstacle why it then does not count.
	Names    bool          `json:"names"`
	Obstacle access.Reason `json:"obstacle,omitempty"`
	Rule     *Source       `json:"rule,omitempty"`
}

// Can says whether the subject may do it with the recording now, and why.
func (b *Book) Can(recording *v1alpha1.MeetingRecording, subject access.Subject, permission v1alpha1.Permission, now time.Time) Decision {
	rules := b.RulesOf(recording)
	request := access.Request{
		Subject: subject, Permission: permission, Recording: access.FactsOf(recording), Grants: b.GrantsOf(recording), Now: now,
	}
	d := access.Decide(rules, &request)
	answer := Decision{
		Allowed: d.Allowed(), User: subject.Name, Permission: permission, Recording: nameOf(recording),
		Reason: d.Reason, Rule: sourceOf(d.Rule), Grant: d.GrantName,
		Says: d.Message(), Remedy: d.Remedy(), Told: d.Answer().Message,
		Trial: d.Trial.Reason, TrialRule: sourceOf(d.Trial.Rule),
		Trace: traceOf(access.TraceOf(rules, &request), request, b.concerning(recording)),
	}
	if !answer.Allowed {
		answer.Admin = access.Explanations[d.Reason].Admin
	}
	answer.Trace.State = recording.EffectiveState()
	for _, hold := range recording.Spec.Holds {
		answer.Trace.Holds = append(answer.Trace.Holds, hold.Name)
	}
	return answer
}

func traceOf(t access.Trace, request access.Request, grants []*v1alpha1.AccessGrant) Trace {
	s := request.Subject
	trace := Trace{
		Subject: Subject{s.Name, s.Verified, s.Internal, s.Departments, s.Groups, s.Labels},
		Roles:   append([]v1alpha1.Role{}, t.Roles...),
		ByRole:  t.ByRole.List(), ByLabel: t.ByLabel.List(), Ceiling: t.Ceiling.List(), Labelled: t.Labelled.List(),
		Grants: []Grant{}, LockedUntil: timeOf(request.Recording.LockedUntil),
	}
	for _, a := range t.Audiences {
		trace.Audiences = append(trace.Audiences, Audience{a.Kind, a.Departments, a.Admits, sourceAt(a.From)})
	}
	considered := map[string]access.Consideration{}
	for _, c := range t.Grants {
		considered[c.Name] = c
	}
	for _, g := range grants {
		c, names := considered[g.Name]
		trace.Grants = append(trace.Grants, Grant{g.Name, policy.Permissions(g.Spec.Permissions...).List(), names, c.Reason, sourceOf(c.Rule)})
	}
	return trace
}

// Holding is what somebody may do with one recording.
type Holding struct {
	Recording string                `json:"recording"`
	Roles     []v1alpha1.Role       `json:"roles"`
	May       []v1alpha1.Permission `json:"may"`
	// View is why they may or may not watch, the question that people ask first.
	View access.Reason `json:"view"`
	// Download is why they may or may not take it away.
	Download access.Reason `json:"download"`
}

// Holdings lists what the subject may do with every recording of the world, those that they may do nothing with as well.
func (b *Book) Holdings(subject access.Subject, now time.Time) []Holding {
	list := make([]Holding, 0, len(b.world.Recordings))
	for i := range b.world.Recordings {
		recording := &b.world.Recordings[i]
		rules, request := b.RulesOf(recording), about(access.FactsOf(recording), b.GrantsOf(recording), now)
		request.Subject = subject
		why := func(p v1alpha1.Permission) access.Reason {
			request.Permission = p
			return access.Decide(rules, &request).Reason
		}
		list = append(list, Holding{
			Recording: nameOf(recording), Roles: access.RolesOf(rules, request.Recording, subject),
			May:  may(rules, request, subject).List(),
			View: why(v1alpha1.PermissionView), Download: why(v1alpha1.PermissionDownload),
		})
	}
	return list
}

// Candidate is somebody and whether they may do what was asked about.
type Candidate struct {
	Persona
	// Allowed is whether they may, Reason the code of why, Rule the rule, Grant the grant that allows.
	Allowed bool          `json:"allowed"`
	Reason  access.Reason `json:"reason"`
	Rule    *Source       `json:"rule,omitempty"`
	Grant   string        `json:"grant,omitempty"`
}

// WhoCan lists who may do it with the recording and who may not: the people of the meeting's facts, those whom grants name (as
// holders of the grants' links), and one of each class that policies and grants tell apart.
func (b *Book) WhoCan(recording *v1alpha1.MeetingRecording, permission v1alpha1.Permission, member Member, now time.Time) []Candidate {
	rules, grants := b.RulesOf(recording), b.GrantsOf(recording)
	request := about(access.FactsOf(recording), grants, now)
	request.Permission = permission
	var list []Candidate
	for _, p := range personas([]*policy.Rules{rules}, recording, grants, member) {
		request.Subject = p.subject
		d := access.Decide(rules, &request)
		list = append(list, Candidate{p, d.Allowed(), d.Reason, sourceOf(d.Rule), d.GrantName})
	}
	return list
}
