// SPDX-License-Identifier: Apache-2.0

package access

import (
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Request is the question.
type Request struct {
	// Subject is who asks.
	Subject Subject
	// Permission is what they want to do.
	Permission v1alpha1.Permission
	// Recording is what they want to do it with.
	Recording Recording
	// Grants are the grants that are about the recording, for whomever they are. Their order has no meaning.
	Grants []Grant
	// Now is the time of the question.
	Now time.Time

	// grants are Grants, nil unless prepared.
	grants *grantsByName
}

// Prepared returns the request with the recording's people and grants in tables. It is worth it for whoever asks about many people
// or permissions: answers stay the same, and do not take longer the more people attended or were granted something. Who asks
// and for what may differ between questions; with another recording or other grants the request has to be prepared anew.
func (r Request) Prepared() Request {
	r.Recording.roles, r.grants = r.Recording.rolesByName(), sortedOut(r.Grants)
	return r
}

// Effect is the answer.
type Effect string

const (
	// Allow lets it happen.
	Allow Effect = "Allow"
	// Deny refuses it.
	Deny Effect = "Deny"
)

// Decision is the answer, and why. The zero value refuses.
type Decision struct {
	// Effect is Allow or Deny.
	Effect Effect
	// Reason is the stable code of why.
	Reason Reason
	// Permission is what was asked for.
	Permission v1alpha1.Permission
	// Rule is the rule that decided; the zero value where no policy did, as for a hold.
	Rule policy.Provenance
	// GrantName is the grant that allows, or that would if it counted.
	GrantName string
	// When is the date that the reason speaks of, such as the end of a lock, in whole seconds; zero where it speaks of none.
	When time.Time
	// MayKnow says that the person may learn that the recording exists. If not, nothing but Answer may reach them.
	MayKnow bool
	// Trial is why policies in DryRun would have refused what is allowed; its zero value if they would not.
	Trial Trial

	// asker is what the person is, as far as answers differ by it.
	asker asker
}

// Trial is a refusal that was not carried out.
type Trial struct {
	// Reason is the code of why it would have been refused.
	Reason Reason
	// Rule is the rule that would have refused.
	Rule policy.Provenance
}

// Allowed says whether it may happen.
func (d Decision) Allowed() bool { return d.Effect == Allow }

// WouldDeny says that it is allowed only because the policy that refuses it is in DryRun.
func (d Decision) WouldDeny() bool { return d.Trial.Reason != "" }

// asker is what somebody is who asks.
type asker uint8

const (
	askerAnonymous asker = iota
	askerUnverified
	askerOutsider
	askerMember
)

func askerOf(s *Subject) asker {
	switch {
	case s.Anonymous || s.Name == "":
		return askerAnonymous
	case !s.Verified:
		return askerUnverified
	case !s.Internal:
		return askerOutsider
	}
	return askerMember
}
