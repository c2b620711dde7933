// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Grant is what a decision needs to know of an AccessGrant that is about the recording.
type Grant struct {
	// Name is the grant's name.
	Name string
	// Ready says that the controller has accepted the grant as it stands. One that is not ready gives nothing.
	Ready bool
	// Subjects are whom it names.
	Subjects []v1alpha1.GrantSubject
	// Permissions are what it gives.
	Permissions policy.PermissionSet
	// CreatedAt is when the grant was made.
	CreatedAt time.Time
	// NotBefore and ExpiresAt are when it begins and ends; zero for at once and never.
	NotBefore, ExpiresAt time.Time
	// Password says that its link has a password. It then counts only for those who hold the link.
	Password bool
	// MaxUses and Uses are how often it may be and has been used; MaxUses is 0 for without limit.
	MaxUses, Uses int32
}

// FactsOfGrant returns what a decision needs to know of g. ready says whether its controller has accepted it.
func FactsOfGrant(g *v1alpha1.AccessGrant, ready bool) Grant {
	grant := Grant{
		Name:        g.Name,
		Ready:       ready,
		Subjects:    g.Spec.Subjects,
		Permissions: policy.Permissions(g.Spec.Permissions...),
		CreatedAt:   g.CreationTimestamp.Time,
		NotBefore:   g.Spec.NotBefore.Time,
		ExpiresAt:   g.Spec.ExpiresAt.Time,
		Password:    g.Status.PasswordHash != "",
		MaxUses:     g.Spec.MaxUses,
	}
	if g.Status.Uses != nil {
		grant.Uses = *g.Status.Uses
	}
	return grant
}

// names says whether the grant is for the subject.
func (g *Grant) names(s *Subject) bool {
	for i := range g.Subjects {
		if s.is(&g.Subjects[i], g.Name) {
			return true
		}
	}
	return false
}

// grantsByName are grants, those for a person found by the name in lower case.
type grantsByName struct {
	users  map[string][]Grant
	others []Grant
}

// sortedOut returns the grants in a table. One that names several subjects is in it several times, which means nothing.
func sortedOut(grants []Grant) *grantsByName {
	table := &grantsByName{users: make(map[string][]Grant, len(grants))}
	for _, g := range grants {
		isOther := func(s v1alpha1.GrantSubject) bool { return s.Kind != v1alpha1.SubjectUser }
		if slices.ContainsFunc(g.Subjects, isOther) {
			table.others = append(table.others, g)
		}
		for _, s := range g.Subjects {
			if !isOther(s) {
				table.users[lowerCase(s.Name)] = append(table.users[lowerCase(s.Name)], g)
			}
		}
	}
	return table
}

// forAnyone says whether the grant is for whoever holds its link.
func (g *Grant) forAnyone() bool {
	return slices.ContainsFunc(g.Subjects, func(s v1alpha1.GrantSubject) bool { return s.Kind == v1alpha1.SubjectAnyone })
}

// isPublic says whether the grant is for more people than whoever made it can know: for whoever holds its link, or for a group of the
// identity provider, which can be a channel that anybody joins. Departments and labels have members of the organisation alone.
func (g *Grant) isPublic() bool {
	return slices.ContainsFunc(g.Subjects, func(s v1alpha1.GrantSubject) bool {
		return s.Kind == v1alpha1.SubjectGroup || s.Kind == v1alpha1.SubjectAnyone
	})
}

// obstacle is why something is not allowed; its zero value says that it is. It stays within four words, which are handed over
// in registers: of a longer one every question would wait for several copies.
type obstacle struct {
	reason Reason
	rule   *policy.Provenance
	// when is in seconds of Unix time, 0 for none.
	when int64
}

// date is what the reason speaks of, zero where it speaks of none.
func (o obstacle) date() time.Time {
	if o.when == 0 {
		return time.Time{}
	}
	return time.Unix(o.when, 0).UTC()
}

// obstacle says why the grant does not count for the subject, whom it names.
func (g *Grant) obstacle(rules *policy.Rules, s *Subject, now time.Time) obstacle {
	if !g.Ready {
		return obstacle{reason: GrantNotReady}
	}
	if o := g.forbidden(rules); o.reason != "" {
		return o
	}
	switch {
	case !s.member() && rules.Sharing.External.Value != v1alpha1.Allowed:
		return obstacle{reason: ExternalForbidden, rule: rules.Sharing.External.From}
	case !g.ExpiresAt.IsZero() && !now.Before(g.ExpiresAt):
		return obstacle{reason: GrantExpired, when: g.ExpiresAt.Unix()}
	case now.Before(g.NotBefore):
		return obstacle{reason: GrantNotYet, when: g.NotBefore.Unix()}
	case g.MaxUses > 0 && g.Uses >= g.MaxUses:
		return obstacle{reason: GrantUsedUp}
	case g.Password && !s.holds(g.Name):
		return obstacle{reason: PasswordNeeded}
	}
	return obstacle{}
}

// forbidden says which rule of sharing the grant breaks, whoever it is for and whatever it gives.
func (g *Grant) forbidden(rules *policy.Rules) obstacle {
	links, ttl := &rules.Sharing.Links, &rules.Sharing.MaxTTL
	switch links.Value {
	case v1alpha1.LinksPasswordOptional:
	case v1alpha1.LinksPasswordRequired:
		if !g.Password {
			return obstacle{reason: PasswordRequired, rule: links.From}
		}
	default:
		return obstacle{reason: LinksForbidden, rule: links.From}
	}
	if ttl.Value != v1alpha1.Forever {
		if g.ExpiresAt.IsZero() {
			return obstacle{reason: ExpiryRequired, rule: ttl.From}
		}
		if latest := g.CreatedAt.Add(ttl.Value); g.ExpiresAt.After(latest) {
			return obstacle{reason: ExpiryTooLate, rule: ttl.From, when: latest.Unix()}
		}
	}
	if g.forAnyone() {
		for i := range rules.Access.Audiences {
			if a := &rules.Access.Audiences[i]; a.Kind != v1alpha1.AudienceAnyone {
				return obstacle{reason: AnyoneForbidden, rule: a.From}
			}
		}
		if external := &rules.Sharing.External; external.Value != v1alpha1.Allowed {
			return obstacle{reason: ExternalForbidden, rule: external.From}
		}
	}
	if public := &rules.Sharing.PublicChannels; public.Value != v1alpha1.Allowed && g.isPublic() {
		return obstacle{reason: PublicForbidden, rule: public.From}
	}
	return obstacle{}
}
