// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"slices"
	"sort"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// oracle answers the same question as policy.Resolve and access.Decide together, from the policies as they are written.
// It was written from the documentation alone and is naive on purpose: strings, lists and loops, nothing prepared,
// nothing shared with what it checks.
type oracle struct {
	req access.Request
	// own are the rules of the policies that count, with their profiles spelled out, the first deciding; the last is Standard.
	own []v1alpha1.PolicyRules
	// bounds are the overrides, with their profiles spelled out.
	bounds []v1alpha1.PolicyRules
	// left are those who have left, in lower case.
	left []string
}

// ask says whether the request is allowed, and whether it would be refused if policies in DryRun were enforced.
func ask(in policy.Input, req access.Request) (allowed, wouldDeny bool) {
	return askBoth(newOracle(in, false), newOracle(in, true), req)
}

// askBoth asks the oracle that leaves out policies in DryRun, and the one that enforces them.
func askBoth(enforced, all oracle, req access.Request) (allowed, wouldDeny bool) {
	enforced.req, all.req = req, req
	allowed = enforced.allows()
	return allowed, allowed && !all.allows()
}

func newOracle(in policy.Input, withTrials bool) oracle {
	var o oracle
	clusters := slices.Clone(in.ClusterPolicies)
	sort.Slice(clusters, func(i, j int) bool {
		return before(clusters[i].ObjectMeta, clusters[j].ObjectMeta,
			size(clusters[i].Spec.NamespaceSelector)+size(clusters[i].Spec.Selector), size(clusters[j].Spec.NamespaceSelector)+size(clusters[j].Spec.Selector))
	})
	policies := slices.Clone(in.Policies)
	sort.Slice(policies, func(i, j int) bool {
		return before(policies[i].ObjectMeta, policies[j].ObjectMeta, size(policies[i].Spec.Selector), size(policies[j].Spec.Selector))
	})

	inherited, noTrials := v1alpha1.EnforcementEnforce, false
	var defaults []v1alpha1.PolicyRules
	for _, p := range clusters {
		if !picks(p.Spec.NamespaceSelector, in.NamespaceLabels) || !picks(p.Spec.Selector, in.RecordingLabels) {
			continue
		}
		o.bounds = append(o.bounds, spelledOut(p.Spec.Overrides))
		for _, name := range p.Spec.Departed {
			o.left = append(o.left, strings.ToLower(name))
		}
		noTrials = noTrials || p.Spec.Overrides.Enforcement == v1alpha1.EnforcementEnforce
		defaults = append(defaults, p.Spec.Defaults)
	}
	for _, d := range slices.Backward(defaults) {
		if d.Enforcement != "" {
			inherited = d.Enforcement
		}
	}
	var chain []v1alpha1.PolicyRules
	for _, p := range policies {
		if picks(p.Spec.Selector, in.RecordingLabels) {
			chain = append(chain, p.Spec.PolicyRules)
		}
	}
	chain = append(chain, defaults...)
	for _, rules := range chain {
		enforcement := rules.Enforcement
		if enforcement == "" {
			enforcement = inherited
		}
		if withTrials || noTrials || enforcement == v1alpha1.EnforcementEnforce {
			o.own = append(o.own, spelledOut(rules))
		}
	}
	standard := oracleProfiles["Standard"]
	standard.Succession.Successors = []v1alpha1.Successor{{Kind: "Hosts"}, {Kind: "Approvers"}}
	o.own = append(o.own, standard)
	return o
}

func before(a, b metav1.ObjectMeta, sizeA, sizeB int) bool {
	if sizeA != sizeB {
		return sizeA > sizeB
	}
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}

func size(s *metav1.LabelSelector) int {
	if s == nil {
		return 0
	}
	return len(s.MatchLabels) + len(s.MatchExpressions)
}

// picks knows of expressions only Exists, the one that the generator draws.
func picks(s *metav1.LabelSelector, labels map[string]string) bool {
	if s == nil {
		return true
	}
	for key, value := range s.MatchLabels {
		if labels[key] != value {
			return false
		}
	}
	for _, e := range s.MatchExpressions {
		if _, there := labels[e.Key]; !there {
			return false
		}
	}
	return true
}

// allows: entitled, and the recording's state does not stand in the way.
func (o oracle) allows() bool {
	p, r := o.req.Permission, o.req.Recording
	locked := r.LockedUntil.After(o.req.Now)
	if (p == "Trash" || p == "Purge") && (r.Held || locked) {
		return false
	}
	if r.Trashed && p != "Restore" && p != "Purge" && p != "Hold" {
		return false
	}
	if p == "Start" && o.disabled() {
		return false
	}
	return o.entitled()
}

func (o oracle) disabled() bool {
	mode := v1alpha1.RecordingMode("")
	for _, rules := range slices.Backward(o.own) {
		if rules.Recording.Mode != "" {
			mode = rules.Recording.Mode
		}
	}
	for _, rules := range o.bounds {
		if rules.Recording.Mode == v1alpha1.ModeDisabled {
			mode = v1alpha1.ModeDisabled
		}
	}
	return mode == v1alpha1.ModeDisabled
}

// entitled: a role, a label or a grant permits it, and neither overrides nor labels forbid it.
func (o oracle) entitled() bool {
	p := o.req.Permission
	aboutTheMedia := p == v1alpha1.PermissionView || p == v1alpha1.PermissionDownload
	if !o.someRoleMayBeGiven(p) || aboutTheMedia && !o.everyLabelLists(p) {
		return false
	}
	if o.inside(false) && o.someRoleHas(p) {
		return true
	}
	if o.inside(false) && o.isMember() && o.someRoleHas("View") && o.policyNamesALabel() && o.everyLabelLists(p) {
		return true
	}
	if p == "Approve" && o.isMember() && o.inside(true) && o.isOneOf(o.approvers()) {
		return true
	}
	for _, g := range o.req.Grants {
		if o.grantGives(g, p) {
			return true
		}
	}
	return false
}

func (o oracle) isKnown() bool {
	return !o.req.Subject.Anonymous && o.req.Subject.Verified && o.req.Subject.Name != ""
}

func (o oracle) isMember() bool {
	return o.isKnown() && o.req.Subject.Internal && !o.hasLeft(o.req.Subject.Name)
}

func (o oracle) hasLeft(name string) bool { return slices.Contains(o.left, strings.ToLower(name)) }

// approvers are those of the first source that names any.
func (o oracle) approvers() []v1alpha1.GrantSubject {
	for _, rules := range o.own {
		if len(rules.Sharing.Approval.Approvers) > 0 {
			return rules.Sharing.Approval.Approvers
		}
	}
	return nil
}

func (o oracle) isOneOf(list []v1alpha1.GrantSubject) bool {
	s := o.req.Subject
	return slices.ContainsFunc(list, func(g v1alpha1.GrantSubject) bool {
		return g.Kind == "User" && strings.EqualFold(g.Name, s.Name) || g.Kind == "Group" && slices.Contains(s.Groups, g.Name) ||
			g.Kind == "Department" && slices.Contains(s.Departments, g.Name) || g.Kind == "Label" && slices.Contains(s.Labels, g.Name)
	})
}

// inherits says whether a member of the organisation has the place of a creator who has left.
func (o oracle) inherits() bool {
	var list []v1alpha1.Successor
	for _, rules := range slices.Backward(o.own) {
		if len(rules.Succession.Successors) > 0 {
			list = rules.Succession.Successors
		}
	}
	if !o.hasLeft(o.req.Recording.Creator) {
		return false
	}
	for _, s := range list {
		var them []v1alpha1.GrantSubject
		switch s.Kind {
		case "Hosts":
			for _, host := range o.req.Recording.Hosts {
				them = append(them, v1alpha1.GrantSubject{Kind: "User", Name: host})
			}
		case "Approvers":
			them = o.approvers()
		default:
			them = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectKind(s.Kind), Name: s.Name}}
		}
		there := func(g v1alpha1.GrantSubject) bool { return g.Kind != "User" || !o.hasLeft(g.Name) }
		if slices.ContainsFunc(them, there) {
			return o.isOneOf(them)
		}
	}
	return false
}

func (o oracle) roles() []v1alpha1.Role {
	if !o.isKnown() {
		return nil
	}
	if !o.isMember() {
		return []v1alpha1.Role{"External"}
	}
	me := strings.ToLower(o.req.Subject.Name)
	var roles []v1alpha1.Role
	if o.inherits() || strings.ToLower(o.req.Recording.Creator) == me {
		roles = append(roles, "Creator")
	}
	for _, host := range o.req.Recording.Hosts {
		if strings.ToLower(host) == me {
			roles = append(roles, "Host")
		}
	}
	for _, participant := range o.req.Recording.Participants {
		if strings.ToLower(participant) == me {
			roles = append(roles, "Participant")
		}
	}
	if len(roles) == 0 {
		roles = append(roles, "Internal")
	}
	return roles
}

// listedForRole says whether the rules have an entry for the role, and whether it lists the permission now.
func (o oracle) listedForRole(rules v1alpha1.PolicyRules, role v1alpha1.Role, p v1alpha1.Permission) (listed, there bool) {
	for _, entry := range rules.Access.Roles {
		if entry.Role == role {
			return slices.Contains(entry.Permissions, p) && o.isTrue(entry.When, p), true
		}
	}
	return false, false
}

// overridesLeave says whether no override keeps the permission from the role.
func (o oracle) overridesLeave(p v1alpha1.Permission, role v1alpha1.Role) bool {
	for _, rules := range o.bounds {
		if listed, there := o.listedForRole(rules, role, p); there && !listed {
			return false
		}
	}
	return true
}

func (o oracle) someRoleHas(p v1alpha1.Permission) bool {
	for _, role := range o.roles() {
		for _, rules := range o.own {
			if listed, there := o.listedForRole(rules, role, p); there {
				if listed && o.overridesLeave(p, role) {
					return true
				}
				break
			}
		}
	}
	return false
}

func (o oracle) someRoleMayBeGiven(p v1alpha1.Permission) bool {
	roles := o.roles()
	if len(roles) == 0 {
		roles = []v1alpha1.Role{"External"}
	}
	return slices.ContainsFunc(roles, func(role v1alpha1.Role) bool { return o.overridesLeave(p, role) })
}

// listedForLabel says whether the rules have an entry for the label, and whether it lists the permission now.
func (o oracle) listedForLabel(rules v1alpha1.PolicyRules, label string, p v1alpha1.Permission) (listed, there bool) {
	for _, entry := range rules.Access.Labels {
		if entry.Label == label {
			return slices.Contains(entry.Permissions, p) && o.isTrue(entry.When, p), true
		}
	}
	return false, false
}

func (o oracle) everyLabelLists(p v1alpha1.Permission) bool {
	for _, label := range o.req.Subject.Labels {
		for _, rules := range o.own {
			if listed, there := o.listedForLabel(rules, label, p); there {
				if !listed {
					return false
				}
				break
			}
		}
		for _, rules := range o.bounds {
			if listed, there := o.listedForLabel(rules, label, p); there && !listed {
				return false
			}
		}
	}
	return true
}

func (o oracle) policyNamesALabel() bool {
	for _, label := range o.req.Subject.Labels {
		for _, rules := range o.own {
			if _, there := o.listedForLabel(rules, label, ""); there {
				return true
			}
		}
	}
	return false
}

// inside says whether every audience admits the person; named, because a grant names them.
func (o oracle) inside(named bool) bool {
	audience, departments := v1alpha1.Audience(""), []string(nil)
	for _, rules := range slices.Backward(o.own) {
		if rules.Access.Audience != "" {
			audience = rules.Access.Audience
		}
		if len(rules.Access.Departments) > 0 {
			departments = rules.Access.Departments
		}
	}
	if !o.admits(audience, departments, named) {
		return false
	}
	for _, rules := range o.bounds {
		bound := rules.Access.Audience
		if bound == "" && len(rules.Access.Departments) > 0 && audience == "Departments" {
			bound = "Departments"
		}
		if bound != "" && !o.admits(bound, rules.Access.Departments, named) {
			return false
		}
	}
	return true
}

func (o oracle) admits(audience v1alpha1.Audience, departments []string, named bool) bool {
	switch audience {
	case "Anyone":
		return true
	case "Internal":
		return o.isMember() || named
	case "Invited":
		roles := o.roles()
		return named || slices.Contains(roles, "Creator") || slices.Contains(roles, "Host") || slices.Contains(roles, "Participant")
	case "Departments":
		for _, mine := range o.req.Subject.Departments {
			if o.isMember() && slices.Contains(departments, mine) {
				return true
			}
		}
	}
	return false
}

func (o oracle) grantGives(g access.Grant, p v1alpha1.Permission) bool {
	holds := slices.Contains(o.req.Subject.Links, g.Name)
	named, anyone := false, false
	for _, s := range g.Subjects {
		switch s.Kind {
		case "User":
			named = named || o.isKnown() && strings.EqualFold(s.Name, o.req.Subject.Name)
		case "Group":
			named = named || o.isKnown() && slices.Contains(o.req.Subject.Groups, s.Name)
		case "Department":
			named = named || o.isMember() && slices.Contains(o.req.Subject.Departments, s.Name)
		case "Label":
			named = named || o.isMember() && slices.Contains(o.req.Subject.Labels, s.Name)
		case "Anyone":
			named = named || holds
			anyone = true
		}
	}
	counts := g.Ready && named && !o.req.Now.Before(g.NotBefore) &&
		(g.ExpiresAt.IsZero() || o.req.Now.Before(g.ExpiresAt)) &&
		(g.MaxUses == 0 || g.Uses < g.MaxUses) &&
		(!g.Password || holds)
	return counts && slices.Contains(g.Permissions.List(), p) && o.inside(true) && o.mayBeShared(g, anyone)
}

// mayBeShared looks at every source: the own one that decides, and each bound.
func (o oracle) mayBeShared(g access.Grant, anyone bool) bool {
	var decides v1alpha1.SharingRules
	var audience v1alpha1.Audience
	for _, rules := range slices.Backward(o.own) {
		if rules.Sharing.Links != "" {
			decides.Links = rules.Sharing.Links
		}
		if rules.Sharing.MaxTTL != "" {
			decides.MaxTTL = rules.Sharing.MaxTTL
		}
		if rules.Sharing.External != "" {
			decides.External = rules.Sharing.External
		}
		if rules.Sharing.PublicChannels != "" {
			decides.PublicChannels = rules.Sharing.PublicChannels
		}
		if rules.Access.Audience != "" {
			audience = rules.Access.Audience
		}
	}
	bounds := []v1alpha1.PolicyRules{{Sharing: decides, Access: v1alpha1.AccessRules{Audience: audience}}}
	for _, rules := range append(bounds, o.bounds...) {
		if rules.Sharing.Links == "Forbidden" || rules.Sharing.Links == "PasswordRequired" && !g.Password {
			return false
		}
		if rules.Sharing.External == "Forbidden" && (anyone || !o.isMember()) {
			return false
		}
		for _, s := range g.Subjects {
			if rules.Sharing.PublicChannels == "Forbidden" && (s.Kind == "Group" || s.Kind == "Anyone") {
				return false
			}
		}
		bound := rules.Access.Audience
		if bound == "" && len(rules.Access.Departments) > 0 && audience == "Departments" {
			bound = "Departments"
		}
		if anyone && bound != "" && bound != "Anyone" {
			return false
		}
		if ttl := rules.Sharing.MaxTTL; ttl != "" && ttl != "Never" {
			days := map[v1alpha1.DurationOrNever]int{"1d": 1, "72h": 3, "30d": 30, "180d": 180}[ttl]
			if g.ExpiresAt.IsZero() || g.ExpiresAt.Sub(g.CreatedAt) > time.Duration(days)*24*time.Hour {
				return false
			}
		}
	}
	return true
}

// oracleProfiles are the profiles as the design's table has them.
var oracleProfiles = map[v1alpha1.Profile]v1alpha1.PolicyRules{
	"Open": {
		Access:  oracleAccess("Anyone", "View Download", "View Download", "View"),
		Sharing: v1alpha1.SharingRules{Links: "PasswordOptional", MaxTTL: "Never", External: "Allowed", PublicChannels: "Allowed"},
	},
	"Standard": {
		Access:  oracleAccess("Internal", "View", "", ""),
		Sharing: v1alpha1.SharingRules{Links: "PasswordOptional", MaxTTL: "30d", External: "Allowed", PublicChannels: "Forbidden"},
	},
	"Restricted": {
		Access:  oracleAccess("Invited", "View", "", ""),
		Sharing: v1alpha1.SharingRules{Links: "PasswordRequired", MaxTTL: "72h", External: "Forbidden", PublicChannels: "Forbidden"},
	},
}

func oracleAccess(audience v1alpha1.Audience, participant, internal, external string) v1alpha1.AccessRules {
	words := func(s string) (list []v1alpha1.Permission) {
		for word := range strings.FieldsSeq(s) {
			list = append(list, v1alpha1.Permission(word))
		}
		return list
	}
	return v1alpha1.AccessRules{Audience: audience, Roles: []v1alpha1.RolePermissions{
		{Role: "Creator", Permissions: words("View Download Share Trash Restore Purge Start Stop Approve")},
		{Role: "Host", Permissions: words("View Download Share Trash Restore Start Stop Approve")},
		{Role: "Participant", Permissions: words(participant)},
		{Role: "Internal", Permissions: words(internal)},
		{Role: "External", Permissions: words(external)},
	}}
}

// spelledOut puts in what the rules leave open and their profile sets.
func spelledOut(rules v1alpha1.PolicyRules) v1alpha1.PolicyRules {
	profile, there := oracleProfiles[rules.Profile]
	if !there {
		return rules
	}
	if rules.Access.Audience == "" {
		rules.Access.Audience = profile.Access.Audience
	}
	for _, entry := range profile.Access.Roles {
		if _, there := (oracle{}).listedForRole(rules, entry.Role, ""); !there {
			rules.Access.Roles = append(slices.Clone(rules.Access.Roles), entry)
		}
	}
	if rules.Sharing.Links == "" {
		rules.Sharing.Links = profile.Sharing.Links
	}
	if rules.Sharing.MaxTTL == "" {
		rules.Sharing.MaxTTL = profile.Sharing.MaxTTL
	}
	if rules.Sharing.External == "" {
		rules.Sharing.External = profile.Sharing.External
	}
	if rules.Sharing.PublicChannels == "" {
		rules.Sharing.PublicChannels = profile.Sharing.PublicChannels
	}
	return rules
}
