// SPDX-License-Identifier: Apache-2.0

package access

import (
	"math/bits"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Recording is what a decision needs to know of a recording. Its lists are read, never changed.
type Recording struct {
	// Creator made the meeting, Hosts ran it, Participants attended: e-mail addresses.
	Creator             string
	Hosts, Participants []string
	// Namespace and Labels are those of the object, Department, StartedAt and EndedAt the meeting's. Nothing but conditions
	// looks at them.
	Namespace, Department string
	Labels                map[string]string
	StartedAt, EndedAt    time.Time
	// Trashed says that it lies in the trash.
	Trashed bool
	// Held says that a legal hold lies on it.
	Held bool
	// LockedUntil is when its retention lock ends; zero for none.
	LockedUntil time.Time

	// roles are those of Creator, Hosts and Participants, nil unless prepared.
	roles rolesByName
}

// rolesByName are the roles that the meeting's facts give, by name in lower case.
type rolesByName map[string]roleSet

func (r *Recording) rolesByName() rolesByName {
	table := make(rolesByName, 1+len(r.Hosts)+len(r.Participants))
	add := func(role roleSet, names ...string) {
		for _, name := range names {
			table[lowerCase(name)] |= role
		}
	}
	add(roleCreator, r.Creator)
	add(roleHost, r.Hosts...)
	add(roleParticipant, r.Participants...)
	return table
}

// FactsOf returns what a decision needs to know of r.
func FactsOf(r *v1alpha1.MeetingRecording) Recording {
	return Recording{
		Creator:      r.Spec.Meeting.Creator,
		Hosts:        r.Spec.Meeting.Hosts,
		Participants: r.Spec.Meeting.Participants,
		Namespace:    r.Namespace,
		Department:   r.Spec.Meeting.Department,
		Labels:       r.Labels,
		StartedAt:    r.Spec.Meeting.StartedAt.Time,
		EndedAt:      r.Spec.Meeting.EndedAt.Time,
		Trashed:      r.EffectiveState() == v1alpha1.StateTrashed,
		Held:         len(r.Spec.Holds) > 0,
		LockedUntil:  r.Status.LockedUntil.Time,
	}
}

// roleSet is a set of roles, one bit for each of policy.Roles.
type roleSet uint8

const (
	roleCreator roleSet = 1 << iota
	roleHost
	roleParticipant
	roleInternal
	roleExternal

	// inMeeting are the roles that the meeting's facts give.
	inMeeting = roleCreator | roleHost | roleParticipant
)

// rolesOf returns the roles of a subject. Outsiders are External and nothing else, also when they attended: attending
// gives no right by itself. Somebody without a verified name has no role. Who succeeds a creator who has left is creator.
func (r *Recording) rolesOf(rules *policy.Rules, s *Subject) roleSet {
	switch {
	case !s.known():
		return 0
	case !s.Internal || hasLeft(rules, s.Name):
		return roleExternal
	}
	roles := r.meetingRoles(s.Name)
	if succeeds(rules, r, s) {
		roles |= roleCreator
	}
	if roles == 0 {
		return roleInternal
	}
	return roles
}

// meetingRoles returns the roles that the meeting's facts give the person of that name.
func (r *Recording) meetingRoles(name string) roleSet {
	if r.roles != nil {
		return ofPerson(r.roles, name)
	}
	var roles roleSet
	if policy.SamePerson(r.Creator, name) {
		roles |= roleCreator
	}
	if among(r.Hosts, name) {
		roles |= roleHost
	}
	if among(r.Participants, name) {
		roles |= roleParticipant
	}
	return roles
}

// each yields the places of the set's roles in policy.Roles, in that order.
func (s roleSet) each(yield func(int) bool) {
	for ; s != 0; s &= s - 1 {
		if !yield(bits.TrailingZeros8(uint8(s))) {
			return
		}
	}
}

// union returns what any of the roles may do.
func (s roleSet) union(table *policy.RoleTable) policy.PermissionSet {
	var set policy.PermissionSet
	for i := range s.each {
		set |= table[i].Value
	}
	return set
}

// lacking returns where the first of the roles that may not do p has that from.
func (s roleSet) lacking(table *policy.RoleTable, p v1alpha1.Permission) *policy.Provenance {
	for i := range s.each {
		if !table[i].Value.Has(p) {
			return table[i].From
		}
	}
	return nil
}
