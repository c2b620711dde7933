// SPDX-License-Identifier: Apache-2.0

package access

import (
	"slices"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Decide says whether the request is allowed under the rules, and why. It keeps nothing and changes nothing.
func Decide(rules *policy.Rules, req *Request) (d Decision) {
	d.decide(rules, req)
	if rules.Trial != nil && d.Allowed() {
		var trial Decision
		if trial.decide(rules.Trial, req); !trial.Allowed() {
			d.Trial = Trial{trial.Reason, trial.Rule}
		}
	}
	return d
}

// decide puts the answer into d, which is zero. Neither question nor answer is copied: that would take as long as deciding.
func (d *Decision) decide(rules *policy.Rules, req *Request) {
	d.Effect, d.Permission, d.asker = Deny, req.Permission, askerOf(&req.Subject)
	// Field by field: a literal would be made elsewhere and copied here.
	var c inquiry
	c.rules, c.Request, c.lazy = rules, asTheyAre(rules, req), &lazyFacts{}
	c.gather()
	if !c.allowed(d) {
		c.explain(d)
		return
	}
	if o := c.state(); o.reason != "" {
		d.deny(o)
	}
}

// allowed says whether something permits it, and puts into d what.
func (c *inquiry) allowed(d *Decision) bool {
	if c.permits(c.byRole) {
		d.allow(PermittedByRole, c.permitting())
		return true
	}
	if c.permits(c.byLabel) {
		d.allow(PermittedByLabel, c.limit.From)
		return true
	}
	if c.Permission == v1alpha1.PermissionApprove && c.appointed() {
		d.allow(PermittedByAppointment, c.rules.Sharing.Approvers.From)
		return true
	}
	if grant := c.bestGrant(); grant != nil {
		d.allow(PermittedByGrant, nil)
		d.GrantName = grant.Name
		return true
	}
	return false
}

// allow lets it happen.
func (d *Decision) allow(reason Reason, rule *policy.Provenance) {
	d.Effect, d.Reason, d.Rule, d.MayKnow = Allow, reason, provenance(rule), true
}

// deny refuses it for the given reason.
func (d *Decision) deny(o obstacle) {
	d.Effect, d.Reason, d.Rule, d.When = Deny, o.reason, provenance(o.rule), o.date()
}

func provenance(p *policy.Provenance) policy.Provenance {
	if p == nil {
		return policy.Provenance{}
	}
	return *p
}

// inquiry is one request under one set of rules, and what follows from both before asking for the permission.
type inquiry struct {
	rules *policy.Rules
	*Request
	// wanted is the permission that is asked for; empty for one that is not known, which nothing gives.
	wanted policy.PermissionSet

	// roles are what the subject is to the recording.
	roles roleSet
	// lazy holds what conditions look at. It stands apart because that goes to the heap, and whatever stood beside it would
	// have to go there too: every request.
	lazy *lazyFacts
	// byRole is what their roles permit, byLabel what their labels add; both only inside the audience.
	byRole, byLabel policy.PermissionSet
	// ceiling is the most that the organisation's overrides let their roles be given.
	ceiling policy.PermissionSet
	// labelled is all that their role labels leave them; limit is the label that leaves the least, nil if they have none that
	// a policy names.
	labelled policy.PermissionSet
	limit    *policy.Label
}

// gather works out what follows from the rules and the request.
func (c *inquiry) gather() {
	rules := c.rules
	c.wanted, c.labelled = policy.Permissions(c.Permission), policy.AllPermissions
	c.roles = c.Recording.rolesOf(rules, &c.Subject)
	bounded := c.roles
	if bounded == 0 {
		// Whoever has no name can be anybody, an outsider as well.
		bounded = roleExternal
	}
	c.ceiling = c.union(bounded, &rules.Access.Ceilings, &rules.Access.CeilingConditions)
	given := c.readLabels()
	if c.outside(false) != nil {
		return
	}
	c.byRole = c.union(c.roles, &rules.Access.Roles, &rules.Access.RoleConditions)
	if given != 0 && c.Subject.member() && c.byRole.Has(v1alpha1.PermissionView) {
		c.byLabel = given
	}
}

// limitedByLabels is what a role label limits: watching and taking away. What somebody may do as creator or host of a meeting,
// such as to trash its recording, is not less because of their position.
var limitedByLabels = policy.Permissions(v1alpha1.PermissionView, v1alpha1.PermissionDownload)

// readLabels works out what the subject's role labels leave them, and returns what those give that a policy means to give.
func (c *inquiry) readLabels() policy.PermissionSet {
	listed, gives := policy.AllPermissions, false
	for i := range c.rules.Access.Labels {
		label := &c.rules.Access.Labels[i]
		if !slices.Contains(c.Subject.Labels, label.Name) {
			continue
		}
		permits := c.holding(label.Permissions, label.Conditions)
		left := permits | policy.AllPermissions&^limitedByLabels
		if c.limit == nil || !left.Has(c.Permission) && c.labelled.Has(c.Permission) {
			c.limit = label
		}
		c.labelled &= left
		listed &= permits
		gives = gives || label.Gives
	}
	if !gives {
		return 0
	}
	return listed
}

// permits says whether what is given holds the permission within what can be given at all.
func (c *inquiry) permits(given policy.PermissionSet) bool {
	return given&c.ceiling&c.labelled&c.wanted != 0
}

// outside returns the first audience that does not admit the subject, nil if all of them do. named says that a grant
// names them.
func (c *inquiry) outside(named bool) *policy.Audience {
	for i := range c.rules.Access.Audiences {
		if a := &c.rules.Access.Audiences[i]; !c.admits(a, named) {
			return a
		}
	}
	return nil
}

// admits says whether the subject is inside the audience. Invited is the stricter form of Internal: outsiders who were in
// the meeting are not among those who are invited to the recording, unless a grant names them.
func (c *inquiry) admits(a *policy.Audience, named bool) bool {
	switch a.Kind {
	case v1alpha1.AudienceAnyone:
		return true
	case v1alpha1.AudienceInternal:
		return named || c.Subject.member()
	case v1alpha1.AudienceInvited:
		return named || c.roles&inMeeting != 0
	case v1alpha1.AudienceDepartments:
		return c.Subject.member() && slices.ContainsFunc(c.Subject.Departments, func(d string) bool {
			return slices.Contains(a.Departments, d)
		})
	}
	return false
}

// bestGrant returns the grant that permits, nil if none does. Where several do it is the first by name, so that the
// order in which they come means nothing.
func (c *inquiry) bestGrant() *Grant {
	if c.grants == nil {
		return c.betterGrant(nil, c.Grants, false)
	}
	best := c.betterGrant(nil, c.grants.others, false)
	if c.Subject.known() {
		best = c.betterGrant(best, ofPerson(c.grants.users, c.Subject.Name), true)
	}
	return best
}

// betterGrant returns the first by name of best and those of the grants that permit. named says that all of them name the subject.
func (c *inquiry) betterGrant(best *Grant, grants []Grant, named bool) *Grant {
	grantable := c.ceiling & c.labelled & c.wanted
	for i := range grants {
		g := &grants[i]
		if g.Permissions&grantable == 0 || !named && !g.names(&c.Subject) || best != nil && best.Name <= g.Name {
			continue
		}
		if g.obstacle(c.rules, &c.Subject, c.Now).reason == "" && c.outside(true) == nil {
			best = g
		}
	}
	return best
}

// state says why the recording as it is does not let it happen, whoever asks.
func (c *inquiry) state() obstacle {
	r, mode := &c.Recording, &c.rules.Recording.Mode
	removes := c.Permission == v1alpha1.PermissionTrash || c.Permission == v1alpha1.PermissionPurge
	switch {
	case removes && r.Held:
		return obstacle{reason: Held}
	case removes && c.Now.Before(r.LockedUntil):
		return obstacle{reason: Locked, when: r.LockedUntil.Unix()}
	case r.Trashed && !whileTrashed.Has(c.Permission):
		return obstacle{reason: Trashed}
	case c.Permission == v1alpha1.PermissionStart && mode.Value == v1alpha1.ModeDisabled:
		return obstacle{reason: RecordingDisabled, rule: mode.From}
	}
	return obstacle{}
}

// whileTrashed is what can be done with a recording in the trash. A hold can still be laid: it stops the purge.
var whileTrashed = policy.Permissions(v1alpha1.PermissionRestore, v1alpha1.PermissionPurge, v1alpha1.PermissionHold)
