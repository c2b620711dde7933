// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Ask is somebody asking formally for what they may not do.
type Ask struct {
	// Requester is who asks. Anonymous and unverified people cannot.
	Requester Subject
	// Known says that Requester is all that the identity provider says of them. Without it, there is a name and no more: what
	// depends on more is decided when they come.
	Known bool
	// Permissions are what they ask for, Duration for how long.
	Permissions []v1alpha1.Permission
	Duration    time.Duration
	// Recording is the recording, Grants are the grants that are about it.
	Recording Recording
	Grants    []Grant
	// Approved says that somebody has approved it already: what is approved is granted, needed or not.
	Approved bool
	// Now is the time of the question.
	Now time.Time
}

// CheckRequest says whether a request could be granted under the rules if it were approved now, and if not which rule is in its
// way. What nobody may approve does not have to wait for anybody.
func CheckRequest(rules *policy.Rules, ask Ask) Verdict {
	requests := &rules.Sharing.Requests
	if requests.Value != v1alpha1.Allowed {
		return Verdict{Reason: RequestsForbidden, Rule: requests.Source()}
	}
	approved := approvedGrant(rules, &ask)
	if !ask.Known {
		return CheckGrant(rules, Proposal{Grant: approved, Recording: ask.Recording})
	}
	if d := ask.all(rules, ask.Grants, ask.Requester.Links); d.Allowed() && !ask.Approved {
		return Verdict{Reason: AlreadyPermitted, Rule: d.Rule}
	}
	// Who is granted something has its link and password.
	with := append(slices.Clone(ask.Grants), approved)
	if d := ask.all(rules, with, append(slices.Clone(ask.Requester.Links), approved.Name)); !d.Allowed() {
		return Verdict{Reason: d.Reason, Rule: d.Rule, Permission: d.Permission, When: d.When}
	}
	return Verdict{}
}

// nameOfApproved is the name of a grant that is not made yet: no other grant has it.
const nameOfApproved = "\x00approved"

// approvedGrant is the grant that an approval would make now.
func approvedGrant(rules *policy.Rules, ask *Ask) Grant {
	return Grant{
		Name: nameOfApproved, Ready: true,
		Subjects:    []v1alpha1.GrantSubject{user(ask.Requester.Name)},
		Permissions: policy.Permissions(ask.Permissions...),
		CreatedAt:   ask.Now,
		ExpiresAt:   GrantEnd(rules, ask.Duration, ask.Now),
		Password:    rules.Sharing.Links.Value == v1alpha1.LinksPasswordRequired,
	}
}

// all decides about every permission that is asked for, and returns the first refusal, else the last answer.
func (a *Ask) all(rules *policy.Rules, grants []Grant, links []string) Decision {
	var d Decision
	someone := a.Requester
	someone.Links = links
	for _, permission := range a.Permissions {
		d = Decide(rules, &Request{Subject: someone, Permission: permission, Recording: a.Recording, Grants: grants, Now: a.Now})
		if !d.Allowed() {
			return d
		}
	}
	return d
}

// slack is how much earlier than the latest end that the policy allows a grant ends: that counts from the grant's creation by
// another clock, which can be a little behind.
const slack = time.Minute

// GrantEnd returns when a grant ends that is made now: after the time that was asked for, or as late as the policy allows.
func GrantEnd(rules *policy.Rules, wanted time.Duration, now time.Time) time.Time {
	most := rules.Sharing.MaxTTL.Value
	if most != v1alpha1.Forever {
		wanted = min(wanted, most-min(slack, most/2))
	}
	return now.Add(min(wanted, farthest)).Truncate(time.Second)
}

// farthest is the longest that a grant lasts which comes from a request: what is asked for has an end, and one that people can
// write down.
const farthest = 100 * 365 * 24 * time.Hour

// CheckApprover says whether somebody may answer a request about the recording.
func CheckApprover(rules *policy.Rules, recording Recording, requester string, approver Subject, now time.Time) Decision {
	d := Decide(rules, &Request{Subject: approver, Permission: v1alpha1.PermissionApprove, Recording: answerable(recording), Now: now})
	if policy.SamePerson(requester, approver.Name) {
		d.deny(obstacle{reason: OwnRequest})
		d.Trial = Trial{}
	}
	return d
}

// answerable is the recording as far as answering requests about it goes: one in the trash can come back out of it.
func answerable(recording Recording) Recording {
	recording.Trashed = false
	return recording
}

// Refusal says why a request is refused and what the person can do, to whoever asked. It is empty for one that may wait.
func (v Verdict) Refusal() string {
	if v.Allowed() {
		return ""
	}
	e := Explanations[v.Reason]
	return strings.TrimSpace(fillIn(e.Message+" "+e.Remedy, v.Permission, v.When))
}
