// SPDX-License-Identifier: Apache-2.0

package governancetest

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
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

// Generators are made once: properties draw millions of values from them.
var (
	tenth      = rapid.IntRange(0, 9)
	few        = rapid.IntRange(0, 3)
	yesOrNo    = rapid.Bool()
	length     = sampled[v1alpha1.DurationOrNever]("1d", "72h", "30d", "180d", v1alpha1.Never)
	choice     = sampled(v1alpha1.Allowed, v1alpha1.Forbidden)
	profile    = sampled(v1alpha1.ProfileOpen, v1alpha1.ProfileStandard, v1alpha1.ProfileRestricted)
	mode       = sampled(v1alpha1.ModeAutomatic, v1alpha1.ModeManual, v1alpha1.ModeDisabled)
	audience   = sampled(v1alpha1.AudienceAnyone, v1alpha1.AudienceInternal, v1alpha1.AudienceDepartments, v1alpha1.AudienceInvited)
	links      = sampled(v1alpha1.LinksPasswordOptional, v1alpha1.LinksPasswordRequired, v1alpha1.LinksForbidden)
	warnBefore = sampled[v1alpha1.Duration]("0s", "1d", "7d")
	trashFor   = sampled[v1alpha1.Duration]("1d", "30d")
	lock       = sampled(
		v1alpha1.RetentionLock{Mode: v1alpha1.LockGovernance, For: "10d"}, v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "100d"},
	)
	maxAhead    = sampled[v1alpha1.DurationOrNever]("0s", "1m", "2m", v1alpha1.Never)
	maxSpeed    = sampled(v1alpha1.SpeedNormal, v1alpha1.SpeedFast, v1alpha1.SpeedDouble)
	maxNumber   = sampled[int32](60, 100, 1000)
	watermark   = sampled(v1alpha1.WatermarkNone, v1alpha1.WatermarkViewer)
	enforcement = sampled(v1alpha1.EnforcementEnforce, v1alpha1.EnforcementDryRun)
	condition   = sampled(Conditions...)
	selector    = sampled(selectors...)
	rules       = rapid.Custom(Rules)
	someLabels  = sampled[map[string]string](
		nil, map[string]string{"sensitivity": "high"}, map[string]string{"sensitivity": "low"}, map[string]string{"sensitivity": "high", "region": "eu"},
	)
)

func sampled[T any](of ...T) *rapid.Generator[T] { return rapid.SampledFrom(of) }

// optional draws from the generator or, more often than not, the zero value: absent.
func optional[T any](t *rapid.T, label string, g *rapid.Generator[T]) T {
	if tenth.Draw(t, label) < 4 {
		return g.Draw(t, label)
	}
	var absent T
	return absent
}

// subset draws any of all, in their order.
func subset[T any](t *rapid.T, label string, all []T) []T {
	var drawn []T
	for _, one := range all {
		if yesOrNo.Draw(t, label) {
			drawn = append(drawn, one)
		}
	}
	return drawn
}

// some draws at least one of all.
func some[T any](t *rapid.T, label string, all []T) []T {
	if drawn := subset(t, label, all); len(drawn) > 0 {
		return drawn
	}
	return all[:1:1]
}

// Rules draws the rules of a policy, such as the schema would accept.
func Rules(t *rapid.T) v1alpha1.PolicyRules {
	rules := v1alpha1.PolicyRules{
		Profile:     optional(t, "profile", profile),
		Access:      accessRules(t),
		Watermark:   optional(t, "watermark", watermark),
		Enforcement: optional(t, "enforcement", enforcement),
	}
	rules.Recording.Mode = optional(t, "mode", mode)
	rules.Sharing.Links = optional(t, "links", links)
	rules.Sharing.MaxTTL = optional(t, "maxTTL", length)
	rules.Sharing.External = optional(t, "external", choice)
	rules.Sharing.PublicChannels = optional(t, "publicChannels", choice)
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
	rules.Retention.ExtendTo = optional(t, "extendTo", length)
	rules.Retention.UnwatchedAfter = optional(t, "unwatchedAfter", length)
	rules.Retention.WarnBefore = optional(t, "warnBefore", warnBefore)
	rules.Retention.TrashFor = optional(t, "trashFor", trashFor)
	rules.Retention.Lock = optional(t, "lock", lock)
	rules.Playback.MaxAhead = optional(t, "maxAhead", maxAhead)
	rules.Playback.MaxSpeed = optional(t, "maxSpeed", maxSpeed)
	rules.Playback.MaxViews = optional(t, "maxViews", maxNumber)
	rules.Playback.MaxRequests = optional(t, "maxRequests", maxNumber)
	return rules
}

func accessRules(t *rapid.T) v1alpha1.AccessRules {
	var rules v1alpha1.AccessRules
	rules.Audience = optional(t, "audience", audience)
	if rules.Audience == v1alpha1.AudienceDepartments {
		rules.Departments = some(t, "departments", departments)
	} else if rules.Audience == "" && tenth.Draw(t, "departments alone") == 0 {
		rules.Departments = some(t, "departments", departments)
	}
	if tenth.Draw(t, "roles") < 4 {
		for _, role := range some(t, "roles", policy.Roles[:]) {
			rules.Roles = append(rules.Roles, v1alpha1.RolePermissions{Role: role, Permissions: subset(t, string(role), Permissions), When: when(t)})
		}
	}
	if tenth.Draw(t, "labels") < 4 {
		for _, label := range some(t, "labels", roleLabels) {
			rules.Labels = append(rules.Labels, v1alpha1.LabelPermissions{Label: label, Permissions: subset(t, label, Permissions), When: when(t)})
		}
	}
	return rules
}

// when draws a condition, or none for most entries.
func when(t *rapid.T) v1alpha1.Condition {
	if tenth.Draw(t, "has a condition") < 8 {
		return ""
	}
	return condition.Draw(t, "when")
}

// Profile draws a profile.
func Profile() *rapid.Generator[v1alpha1.Profile] { return profile }

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
		Generation:        1 + int64(few.Draw(t, "generation")),
		CreationTimestamp: metav1.NewTime(Epoch.AddDate(0, 0, few.Draw(t, "age")%3)),
	}
}

// ClusterPolicy draws one of the organisation's policies.
func ClusterPolicy(t *rapid.T, number int) v1alpha1.ClusterRecordingPolicy {
	p := v1alpha1.ClusterRecordingPolicy{ObjectMeta: meta(t, number)}
	p.Spec.NamespaceSelector = optional(t, "namespace selector", selector)
	p.Spec.Selector = optional(t, "selector", selector)
	p.Spec.Overrides = optional(t, "overrides", rules)
	// Overrides appoint nobody.
	p.Spec.Overrides.Sharing.Approval.Approvers, p.Spec.Overrides.Succession.Successors = nil, nil
	p.Spec.Defaults = optional(t, "defaults", rules)
	return p
}

// Policy draws a department's policy.
func Policy(t *rapid.T, number int) v1alpha1.RecordingPolicy {
	p := v1alpha1.RecordingPolicy{ObjectMeta: meta(t, number)}
	p.Namespace = Namespace
	p.Spec.Selector = optional(t, "selector", selector)
	p.Spec.PolicyRules = Rules(t)
	return p
}

// Input draws everything that rules follow from.
func Input(t *rapid.T) policy.Input {
	in := policy.Input{NamespaceLabels: someLabels.Draw(t, "namespace labels"), RecordingLabels: someLabels.Draw(t, "recording labels")}
	for i := range few.Draw(t, "cluster policies") {
		in.ClusterPolicies = append(in.ClusterPolicies, ClusterPolicy(t, i))
	}
	if len(in.ClusterPolicies) > 0 {
		in.ClusterPolicies[0].Spec.Departed = optional(t, "departed", rapid.Custom(func(t *rapid.T) []string {
			return some(t, "who has left", append([]string{"ALICE@example.com"}, people[1:]...))
		}))
	}
	for i := range few.Draw(t, "policies") {
		in.Policies = append(in.Policies, Policy(t, i))
	}
	return in
}
