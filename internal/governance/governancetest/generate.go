// SPDX-License-Identifier: Apache-2.0

package governancetest

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// The worlds that generators draw from are small on purpose, so that things meet often.
var (
	people      = []string{"alice@example.com", "bob@example.com", "carol@example.com", "dave@example.com", "eve@partner.example"}
	departments = []string{"finance", "legal", "sales"}
	roleLabels  = []string{"manager", "intern"}
	groups      = []string{"board", "audit"}

	// Conditions are what entries say in when. Some look for what is not always there.
	Conditions = []v1alpha1.Condition{
		`recording.department in subject.departments`,
		`permission != "Download" || "manager" in subject.labels`,
		`now < recording.endedAt + duration("24h")`,
		`recording.labels["sensitivity"] == "low"`,
		`subject.internal && recording.participantCount <= 2`,
		`recording.held || recording.trashed || "board" in subject.groups`,
		`"audit" in subject.groups || recording.startedAt < now`,
		`subject.name != "carol@example.com" && recording.namespace == "finance"`,
	}

	// Permissions are all permissions.
	Permissions = policy.AllPermissions.List()
	// Now is the time of every question.
	Now = Epoch.AddDate(0, 6, 0)
)

// optional draws from the generator or, more often than not, the zero value: absent.
func optional[T any](t *rapid.T, label string, g *rapid.Generator[T]) T {
	if rapid.IntRange(0, 9).Draw(t, label+" is there") < 4 {
		return g.Draw(t, label)
	}
	var absent T
	return absent
}

func subset[T comparable](t *rapid.T, label string, all []T) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, len(all), rapid.ID).Draw(t, label)
}

func some[T comparable](t *rapid.T, label string, all []T) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, len(all), rapid.ID).Draw(t, label)
}

// Rules draws the rules of a policy, such as the schema would accept.
func Rules(t *rapid.T) v1alpha1.PolicyRules {
	length := rapid.SampledFrom([]v1alpha1.DurationOrNever{"1d", "72h", "30d", "180d", v1alpha1.Never})
	choice := rapid.SampledFrom([]v1alpha1.Choice{v1alpha1.Allowed, v1alpha1.Forbidden})
	rules := v1alpha1.PolicyRules{
		Profile:     optional(t, "profile", Profile()),
		Access:      accessRules(t),
		Watermark:   optional(t, "watermark", rapid.SampledFrom([]v1alpha1.Watermark{v1alpha1.WatermarkNone, v1alpha1.WatermarkViewer})),
		Enforcement: optional(t, "enforcement", rapid.SampledFrom([]v1alpha1.Enforcement{v1alpha1.EnforcementEnforce, v1alpha1.EnforcementDryRun})),
	}
	rules.Recording.Mode = optional(t, "mode", rapid.SampledFrom([]v1alpha1.RecordingMode{v1alpha1.ModeAutomatic, v1alpha1.ModeManual, v1alpha1.ModeDisabled}))
	rules.Sharing.Links = optional(t, "links", rapid.SampledFrom([]v1alpha1.LinkRule{
		v1alpha1.LinksPasswordOptional, v1alpha1.LinksPasswordRequired, v1alpha1.LinksForbidden,
	}))
	rules.Sharing.MaxTTL = optional(t, "maxTTL", length)
	rules.Sharing.External = optional(t, "external", choice)
	rules.Sharing.Requests = optional(t, "requests", choice)
	rules.Sharing.Approval.Approvers = optional(t, "approvers", rapid.SampledFrom([][]v1alpha1.GrantSubject{
		{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}, {Kind: v1alpha1.SubjectGroup, Name: "board"}},
		{{Kind: v1alpha1.SubjectDepartment, Name: "legal"}}, {{Kind: v1alpha1.SubjectLabel, Name: "manager"}},
	}))
	rules.Succession.Successors = optional(t, "successor", rapid.SampledFrom([][]v1alpha1.Successor{
		{{Kind: v1alpha1.SuccessorHosts}, {Kind: v1alpha1.SuccessorUser, Name: "dave@example.com"}},
		{{Kind: v1alpha1.SuccessorUser, Name: "bob@example.com"}, {Kind: v1alpha1.SuccessorApprovers}},
		{{Kind: v1alpha1.SuccessorGroup, Name: "board"}},
	}))
	rules.Retention.ExpireAfter = optional(t, "expireAfter", length)
	rules.Retention.TrashFor = optional(t, "trashFor", rapid.SampledFrom([]v1alpha1.Duration{"1d", "30d"}))
	rules.Retention.Lock = optional(t, "lock", rapid.SampledFrom([]v1alpha1.RetentionLock{
		{Mode: v1alpha1.LockGovernance, For: "10d"}, {Mode: v1alpha1.LockCompliance, For: "100d"},
	}))
	return rules
}

func accessRules(t *rapid.T) v1alpha1.AccessRules {
	var rules v1alpha1.AccessRules
	rules.Audience = optional(t, "audience", rapid.SampledFrom([]v1alpha1.Audience{
		v1alpha1.AudienceAnyone, v1alpha1.AudienceInternal, v1alpha1.AudienceDepartments, v1alpha1.AudienceInvited,
	}))
	if rules.Audience == v1alpha1.AudienceDepartments {
		rules.Departments = some(t, "departments", departments)
	} else if rules.Audience == "" && rapid.IntRange(0, 9).Draw(t, "departments alone") == 0 {
		rules.Departments = some(t, "departments", departments)
	}
	for _, role := range optional(t, "roles", rapid.SliceOfNDistinct(rapid.SampledFrom(policy.Roles[:]), 1, 5, rapid.ID)) {
		rules.Roles = append(rules.Roles, v1alpha1.RolePermissions{Role: role, Permissions: subset(t, string(role), Permissions), When: when(t)})
	}
	for _, label := range optional(t, "labels", rapid.SliceOfNDistinct(rapid.SampledFrom(roleLabels), 1, 2, rapid.ID)) {
		rules.Labels = append(rules.Labels, v1alpha1.LabelPermissions{Label: label, Permissions: subset(t, label, Permissions), When: when(t)})
	}
	return rules
}

// when draws a condition, or none for most entries.
func when(t *rapid.T) v1alpha1.Condition {
	if rapid.IntRange(0, 9).Draw(t, "has a condition") < 8 {
		return ""
	}
	return rapid.SampledFrom(Conditions).Draw(t, "when")
}

// Profile draws a profile.
func Profile() *rapid.Generator[v1alpha1.Profile] {
	return rapid.SampledFrom([]v1alpha1.Profile{v1alpha1.ProfileOpen, v1alpha1.ProfileStandard, v1alpha1.ProfileRestricted})
}

// selectors pick recordings of low or high sensitivity, all, or some by an expression.
var selectors = []*metav1.LabelSelector{
	nil,
	{},
	{MatchLabels: map[string]string{"sensitivity": "high"}},
	{MatchLabels: map[string]string{"sensitivity": "high", "region": "eu"}},
	{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "sensitivity", Operator: metav1.LabelSelectorOpExists}}},
}

func meta(t *rapid.T, number int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:              fmt.Sprintf("policy-%d", number),
		Generation:        rapid.Int64Range(1, 3).Draw(t, "generation"),
		CreationTimestamp: metav1.NewTime(Epoch.AddDate(0, 0, rapid.IntRange(0, 2).Draw(t, "age"))),
	}
}

// ClusterPolicy draws one of the organisation's policies.
func ClusterPolicy(t *rapid.T, number int) v1alpha1.ClusterRecordingPolicy {
	p := v1alpha1.ClusterRecordingPolicy{ObjectMeta: meta(t, number)}
	p.Spec.NamespaceSelector = optional(t, "namespace selector", rapid.SampledFrom(selectors))
	p.Spec.Selector = optional(t, "selector", rapid.SampledFrom(selectors))
	p.Spec.Overrides = optional(t, "overrides", rapid.Custom(Rules))
	// Overrides appoint nobody.
	p.Spec.Overrides.Sharing.Approval.Approvers, p.Spec.Overrides.Succession.Successors = nil, nil
	p.Spec.Defaults = optional(t, "defaults", rapid.Custom(Rules))
	return p
}

// Policy draws a department's policy.
func Policy(t *rapid.T, number int) v1alpha1.RecordingPolicy {
	p := v1alpha1.RecordingPolicy{ObjectMeta: meta(t, number)}
	p.Namespace = Namespace
	p.Spec.Selector = optional(t, "selector", rapid.SampledFrom(selectors))
	p.Spec.PolicyRules = Rules(t)
	return p
}

// Input draws everything that rules follow from.
func Input(t *rapid.T) policy.Input {
	labels := rapid.SampledFrom([]map[string]string{nil, {"sensitivity": "high"}, {"sensitivity": "low"}, {"sensitivity": "high", "region": "eu"}})
	in := policy.Input{NamespaceLabels: labels.Draw(t, "namespace labels"), RecordingLabels: labels.Draw(t, "recording labels")}
	for i := range rapid.IntRange(0, 3).Draw(t, "cluster policies") {
		in.ClusterPolicies = append(in.ClusterPolicies, ClusterPolicy(t, i))
	}
	if len(in.ClusterPolicies) > 0 {
		in.ClusterPolicies[0].Spec.Departed = optional(t, "departed", rapid.Custom(func(t *rapid.T) []string {
			return some(t, "who has left", append([]string{"ALICE@example.com"}, people[1:]...))
		}))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "policies") {
		in.Policies = append(in.Policies, Policy(t, i))
	}
	return in
}

// Subject draws somebody who asks.
func Subject(t *rapid.T) access.Subject {
	s := access.Subject{
		Name:        rapid.SampledFrom(append([]string{"", "ALICE@Example.com", "mallory@example.com"}, people...)).Draw(t, "name"),
		Verified:    rapid.IntRange(0, 9).Draw(t, "verified") > 0,
		Internal:    rapid.IntRange(0, 9).Draw(t, "internal") > 2,
		Departments: subset(t, "departments", departments),
		Groups:      subset(t, "groups", groups),
		Labels:      subset(t, "labels", roleLabels),
		Anonymous:   rapid.IntRange(0, 9).Draw(t, "anonymous") == 0,
	}
	s.Links = subset(t, "links", grantNames)
	return s
}

// Recording draws the facts of a recording.
func Recording(t *rapid.T) access.Recording {
	r := access.Recording{
		Creator:      rapid.SampledFrom(people).Draw(t, "creator"),
		Hosts:        subset(t, "hosts", people),
		Participants: subset(t, "participants", people),
		Trashed:      rapid.IntRange(0, 9).Draw(t, "trashed") == 0,
		Held:         rapid.IntRange(0, 9).Draw(t, "held") == 0,
	}
	r.Namespace, r.Department = Namespace, optional(t, "department", rapid.SampledFrom(departments))
	r.Labels = rapid.SampledFrom([]map[string]string{nil, {"sensitivity": "high"}, {"sensitivity": "low"}}).Draw(t, "labels")
	r.StartedAt = optional(t, "started at", rapid.SampledFrom([]time.Time{Now.Add(-48 * time.Hour), Now.Add(time.Hour)}))
	r.EndedAt = optional(t, "ended at", rapid.SampledFrom([]time.Time{Now.Add(-24 * time.Hour), Now.Add(-time.Hour)}))
	r.LockedUntil = optional(t, "locked until", rapid.SampledFrom([]time.Time{Now.Add(-time.Hour), Now, Now.Add(time.Hour)}))
	return r
}

var grantNames = []string{"grant-0", "grant-1", "grant-2"}

// Grant draws a grant.
func Grant(t *rapid.T, number int) access.Grant {
	around := rapid.SampledFrom([]time.Time{Now.Add(-time.Hour), Now, Now.Add(time.Hour), Now.AddDate(0, 0, 20)})
	g := access.Grant{
		Name:        grantNames[number],
		Ready:       rapid.IntRange(0, 9).Draw(t, "ready") > 0,
		Permissions: policy.Permissions(some(t, "permissions", []v1alpha1.Permission{v1alpha1.PermissionView, v1alpha1.PermissionDownload, v1alpha1.PermissionShare})...),
		CreatedAt:   Now.AddDate(0, 0, -2),
		NotBefore:   optional(t, "not before", around),
		Password:    rapid.Bool().Draw(t, "password"),
	}
	if rapid.IntRange(0, 9).Draw(t, "ends") > 1 {
		g.ExpiresAt = around.Draw(t, "expires at")
	}
	g.MaxUses = optional(t, "max uses", rapid.Int32Range(1, 2))
	g.Uses = rapid.Int32Range(0, 2).Draw(t, "uses")
	for range rapid.IntRange(1, 3).Draw(t, "subjects") {
		g.Subjects = append(g.Subjects, GrantSubject().Draw(t, "subject"))
	}
	return g
}

// GrantSubject draws somebody whom a grant names.
func GrantSubject() *rapid.Generator[v1alpha1.GrantSubject] {
	return rapid.Custom(func(t *rapid.T) v1alpha1.GrantSubject {
		names := map[v1alpha1.SubjectKind][]string{
			v1alpha1.SubjectUser:       append([]string{"Dave@EXAMPLE.com"}, people...),
			v1alpha1.SubjectGroup:      groups,
			v1alpha1.SubjectDepartment: departments,
			v1alpha1.SubjectLabel:      roleLabels,
			v1alpha1.SubjectAnyone:     {"*"},
		}
		kind := rapid.SampledFrom([]v1alpha1.SubjectKind{
			v1alpha1.SubjectUser, v1alpha1.SubjectUser, v1alpha1.SubjectGroup, v1alpha1.SubjectDepartment, v1alpha1.SubjectLabel, v1alpha1.SubjectAnyone,
		}).Draw(t, "kind")
		return v1alpha1.GrantSubject{Kind: kind, Name: rapid.SampledFrom(names[kind]).Draw(t, "name")}
	})
}

// Request draws a question.
func Request(t *rapid.T) access.Request {
	req := access.Request{
		Subject:    Subject(t),
		Permission: rapid.SampledFrom(Permissions).Draw(t, "permission"),
		Recording:  Recording(t),
		Now:        Now,
	}
	for i := range rapid.IntRange(0, len(grantNames)).Draw(t, "grants") {
		req.Grants = append(req.Grants, Grant(t, i))
	}
	return req
}
