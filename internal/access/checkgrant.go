// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Proposal is a grant that somebody wants to count, for its controller to ask about.
type Proposal struct {
	// Grant is what is to be granted. Ready and Uses have no meaning here. Password says that the link is going to have one.
	Grant Grant
	// Recording is the recording that it is about. Without it (an empty Creator) anybody can have any role.
	Recording Recording
	// Outsider says whether an e-mail address belongs to nobody in the organisation. Nil where that cannot be known: an
	// outsider whom the policy does not let in is then refused when they come.
	Outsider func(email string) bool
}

// Verdict says whether a grant may count.
type Verdict struct {
	// Reason is empty for a grant that may count, else the code of why not.
	Reason Reason
	// Rule is the rule that forbids it.
	Rule policy.Provenance
	// Subject and Permission are what it must not be granted to and what must not be granted; empty where the reason does
	// not turn on them.
	Subject    v1alpha1.GrantSubject
	Permission v1alpha1.Permission
	// When is the latest end that would be allowed, for ExpiryTooLate.
	When time.Time
}

// Allowed says whether the grant may count.
func (v Verdict) Allowed() bool { return v.Reason == "" }

// Message says which rule forbids the grant and what to change, to whoever made it. It is empty for a grant that may count.
func (v Verdict) Message() string {
	if v.Allowed() {
		return ""
	}
	e := Explanations[v.Reason]
	message := fillIn(e.Message, v.Permission, v.When)
	switch {
	case v.Permission != "":
		message = fmt.Sprintf("%s (%s to %s %s)", message, v.Permission, v.Subject.Kind, v.Subject.Name)
	case v.Subject.Kind != "":
		message = fmt.Sprintf("%s (%s %s)", message, v.Subject.Kind, v.Subject.Name)
	}
	return fmt.Sprintf("%s %s Rule: %s.", message, e.Admin, v.Rule)
}

// CheckGrant says whether a grant may count under the rules, and if not which rule forbids it. Dates that have not come or
// have passed are no reason: they are a matter of time, not of policy.
func CheckGrant(rules *policy.Rules, p Proposal) Verdict {
	if o := p.Grant.forbidden(rules); o.reason != "" {
		return Verdict{Reason: o.reason, Rule: provenance(o.rule), When: o.date()}
	}
	for _, subject := range p.Grant.Subjects {
		if v := p.check(rules, subject); !v.Allowed() {
			return v
		}
	}
	return Verdict{}
}

// check says whether the rules let the subject be granted the permissions.
func (p *Proposal) check(rules *policy.Rules, subject v1alpha1.GrantSubject) Verdict {
	outsider := subject.Kind == v1alpha1.SubjectUser && (hasLeft(rules, subject.Name) || p.Outsider != nil && p.Outsider(subject.Name))
	external := &rules.Sharing.External
	if outsider && external.Value != v1alpha1.Allowed {
		return Verdict{Reason: ExternalForbidden, Rule: external.Source(), Subject: subject}
	}
	roles := p.possibleRoles(subject, outsider)
	if external.Value != v1alpha1.Allowed {
		roles &^= roleExternal
	}
	missing := (p.Grant.Permissions &^ roles.union(&rules.Access.Ceilings)).List()
	if len(missing) > 0 {
		rule := provenance(roles.lacking(&rules.Access.Ceilings, missing[0]))
		return Verdict{Reason: PermissionForbidden, Rule: rule, Subject: subject, Permission: missing[0]}
	}
	return p.checkLabel(rules, subject)
}

// checkLabel says whether people with a label may be granted the permissions, as far as that label says.
func (p *Proposal) checkLabel(rules *policy.Rules, subject v1alpha1.GrantSubject) Verdict {
	if subject.Kind != v1alpha1.SubjectLabel {
		return Verdict{}
	}
	for _, label := range rules.Access.Labels {
		missing := (p.Grant.Permissions & limitedByLabels &^ label.Permissions).List()
		if label.Name == subject.Name && len(missing) > 0 {
			return Verdict{Reason: PermissionForbidden, Rule: provenance(label.From), Subject: subject, Permission: missing[0]}
		}
	}
	return Verdict{}
}

// possibleRoles returns the roles that whoever the subject means can have. For one person they follow from the meeting's
// facts; a group may have anybody in it, a department or a label any member.
func (p *Proposal) possibleRoles(subject v1alpha1.GrantSubject, outsider bool) roleSet {
	switch subject.Kind {
	case v1alpha1.SubjectAnyone:
		return roleExternal
	case v1alpha1.SubjectUser:
		if outsider {
			return roleExternal
		}
		roles := p.Recording.meetingRoles(subject.Name)
		if p.Outsider == nil {
			roles |= roleExternal
		}
		if p.Recording.Creator == "" {
			return roles | inMeeting | roleInternal
		}
		if roles&inMeeting == 0 {
			roles |= roleInternal
		}
		return roles
	case v1alpha1.SubjectGroup:
		return inMeeting | roleInternal | roleExternal
	default:
		return inMeeting | roleInternal
	}
}
