// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// explain puts into d why the permission is refused, and what the person may know. Where several things are in the way,
// it names the one that they can do most about.
func (c *inquiry) explain(d *Decision) {
	d.MayKnow = c.mayKnow()
	grant, o := c.nearestGrant()
	if grant != nil {
		d.GrantName = grant.Name
	}
	outside := c.outside(c.invited())
	limited, a := c.ceiling&c.labelled, &c.rules.Access
	switch {
	case d.asker == askerUnverified:
		d.deny(obstacle{reason: Unverified})
	case grant != nil && o.reason != "" && limited.Has(c.Permission):
		d.deny(o)
	case d.asker == askerAnonymous:
		d.deny(obstacle{reason: NotSignedIn})
	case outside != nil && grant == nil:
		d.deny(outsideOf(outside))
	case !c.ceiling.Has(c.Permission):
		d.deny(firstOf(c.unmet(c.roles, &a.Ceilings, &a.CeilingConditions),
			obstacle{reason: OrganisationForbids, rule: c.roles.lacking(&a.Ceilings, c.Permission)}))
	case !c.labelled.Has(c.Permission):
		d.deny(firstOf(c.unmetByLabels(), obstacle{reason: LabelForbids, rule: c.limit.From}))
	default:
		d.deny(firstOf(c.unmet(c.roles, &a.Roles, &a.RoleConditions), c.unmetByLabels(),
			obstacle{reason: NotPermitted, rule: c.roles.lacking(&a.Roles, c.Permission)}))
	}
}

// firstOf returns the first of the obstacles that is one.
func firstOf(obstacles ...obstacle) obstacle {
	for _, o := range obstacles {
		if o.reason != "" {
			return o
		}
	}
	return obstacle{}
}

// invited says that a grant which counts names the subject, whatever it permits. To somebody who was let in for one thing, that
// they were not let in would be the wrong answer to asking for another.
func (c *inquiry) invited() bool {
	return slices.ContainsFunc(c.Grants, func(g Grant) bool {
		return g.names(&c.Subject) && c.inTheWayOf(&g).reason == ""
	})
}

// outsideOf is the obstacle that somebody outside the audience meets.
func outsideOf(a *policy.Audience) obstacle {
	switch a.Kind {
	case v1alpha1.AudienceInternal:
		return obstacle{reason: NotInternal, rule: a.From}
	case v1alpha1.AudienceDepartments:
		return obstacle{reason: OtherDepartment, rule: a.From}
	default:
		return obstacle{reason: NotInvited, rule: a.From}
	}
}

// nearestGrant returns the grant that names the subject, would give the permission and has the least in its way, and
// what that is: nothing if only labels or overrides are.
func (c *inquiry) nearestGrant() (nearest *Grant, least obstacle) {
	for i := range c.Grants {
		g := &c.Grants[i]
		if !g.Permissions.Has(c.Permission) || !g.names(&c.Subject) {
			continue
		}
		o := c.inTheWayOf(g)
		nearer := slices.Index(nearness, o.reason) - slices.Index(nearness, least.reason)
		if nearest == nil || nearer < 0 || nearer == 0 && g.Name < nearest.Name {
			nearest, least = g, o
		}
	}
	return nearest, least
}

// inTheWayOf says why a grant that names the subject does not count.
func (c *inquiry) inTheWayOf(g *Grant) obstacle {
	if o := g.obstacle(c.rules, &c.Subject, c.Now); o.reason != "" {
		return o
	}
	if outside := c.outside(true); outside != nil {
		return outsideOf(outside)
	}
	return obstacle{}
}

// nearness orders what can be in the way of a grant by how easily the person gets past it.
var nearness = []Reason{
	"", PasswordNeeded, GrantNotYet, GrantExpired, GrantUsedUp, GrantNotReady,
	PasswordRequired, ExpiryRequired, ExpiryTooLate, AnyoneForbidden, PublicForbidden, ExternalForbidden, LinksForbidden,
	OtherDepartment, NotInvited, NotInternal,
}

// mayKnow says whether somebody who is refused may learn that the recording exists: whoever may do anything with it,
// answering requests included; members of the organisation who are inside the audience or were in the meeting; and whoever is named by a grant that
// the policy allows, also before it begins and after it has ended.
func (c *inquiry) mayKnow() bool {
	if (c.byRole|c.byLabel)&c.ceiling&c.labelled != 0 {
		return true
	}
	if c.appointed() {
		return true
	}
	if c.Subject.member() && (c.roles&inMeeting != 0 || c.outside(false) == nil) {
		return true
	}
	for i := range c.Grants {
		if g := &c.Grants[i]; g.names(&c.Subject) && slices.Contains(knownTo, c.inTheWayOf(g).reason) {
			return true
		}
	}
	return false
}

// knownTo are the obstacles of a grant that do not keep from whom it names that there is a recording.
var knownTo = []Reason{"", PasswordNeeded, GrantNotYet, GrantExpired, GrantUsedUp}
