// SPDX-License-Identifier: Apache-2.0

package governancetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

var (
	person          = sampled(people...)
	asker           = sampled(append([]string{"", "ALICE@Example.com", "mallory@example.com"}, people...)...)
	department      = sampled(departments...)
	permission      = sampled(Permissions...)
	recordingLabels = sampled[map[string]string](nil, map[string]string{"sensitivity": "high"}, map[string]string{"sensitivity": "low"})
	startedAt       = sampled(Now.Add(-48*time.Hour), Now.Add(time.Hour))
	endedAt         = sampled(Now.Add(-24*time.Hour), Now.Add(-time.Hour))
	lockedUntil     = sampled(Now.Add(-time.Hour), Now, Now.Add(time.Hour))
	grantDate       = sampled(Now.Add(-time.Hour), Now, Now.Add(time.Hour), Now.AddDate(0, 0, 20))
	maxUses, uses   = rapid.Int32Range(1, 2), rapid.Int32Range(0, 2)

	grantNames = []string{"grant-0", "grant-1", "grant-2"}
	grantable  = []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload, v1alpha1.PermissionShare}
	// Grants name people more often than anybody else.
	grantees = sampled(
		v1alpha1.SubjectUser, v1alpha1.SubjectUser, v1alpha1.SubjectGroup, v1alpha1.SubjectDepartment, v1alpha1.SubjectLabel, v1alpha1.SubjectAnyone,
	)
	granteeNames = map[v1alpha1.SubjectKind]*rapid.Generator[string]{
		v1alpha1.SubjectUser:       sampled(append([]string{"Dave@EXAMPLE.com"}, people...)...),
		v1alpha1.SubjectGroup:      sampled(groups...),
		v1alpha1.SubjectDepartment: department,
		v1alpha1.SubjectLabel:      sampled(roleLabels...),
		v1alpha1.SubjectAnyone:     sampled("*"),
	}
)

// Subject draws somebody who asks.
func Subject(t *rapid.T) access.Subject {
	s := access.Subject{
		Name:        asker.Draw(t, "name"),
		Verified:    tenth.Draw(t, "verified") > 0,
		Internal:    tenth.Draw(t, "internal") > 2,
		Departments: subset(t, "departments", departments),
		Groups:      subset(t, "groups", groups),
		Labels:      subset(t, "labels", roleLabels),
		Anonymous:   tenth.Draw(t, "anonymous") == 0,
	}
	s.Links = subset(t, "links", grantNames)
	return s
}

// Recording draws the facts of a recording.
func Recording(t *rapid.T) access.Recording {
	r := access.Recording{
		Creator:      person.Draw(t, "creator"),
		Hosts:        subset(t, "hosts", people),
		Participants: subset(t, "participants", people),
		Trashed:      tenth.Draw(t, "trashed") == 0,
		Held:         tenth.Draw(t, "held") == 0,
	}
	r.Namespace, r.Department = Namespace, optional(t, "department", department)
	r.Labels = recordingLabels.Draw(t, "labels")
	r.StartedAt = optional(t, "started at", startedAt)
	r.EndedAt = optional(t, "ended at", endedAt)
	r.LockedUntil = optional(t, "locked until", lockedUntil)
	return r
}

// Grant draws a grant.
func Grant(t *rapid.T, number int) access.Grant {
	g := access.Grant{
		Name:        grantNames[number],
		Ready:       tenth.Draw(t, "ready") > 0,
		Permissions: policy.Permissions(some(t, "permissions", grantable)...),
		CreatedAt:   Now.AddDate(0, 0, -2),
		NotBefore:   optional(t, "not before", grantDate),
		Password:    yesOrNo.Draw(t, "password"),
	}
	if tenth.Draw(t, "ends") > 1 {
		g.ExpiresAt = grantDate.Draw(t, "expires at")
	}
	g.MaxUses = optional(t, "max uses", maxUses)
	g.Uses = uses.Draw(t, "uses")
	for range 1 + few.Draw(t, "subjects")%3 {
		g.Subjects = append(g.Subjects, grantSubject(t))
	}
	return g
}

// grantSubject draws somebody whom a grant names.
func grantSubject(t *rapid.T) v1alpha1.GrantSubject {
	kind := grantees.Draw(t, "kind")
	return v1alpha1.GrantSubject{Kind: kind, Name: granteeNames[kind].Draw(t, "name")}
}

// Request draws a question.
func Request(t *rapid.T) access.Request {
	req := access.Request{
		Subject:    Subject(t),
		Permission: permission.Draw(t, "permission"),
		Recording:  Recording(t),
		Now:        Now,
	}
	for i := range few.Draw(t, "grants") {
		req.Grants = append(req.Grants, Grant(t, i))
	}
	return req
}
