// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

// TestMain has every property see a thousand cases unless -rapid.checks says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "1000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestDecisionsAgreeWithTheOracle(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		allowed, wouldDeny := ask(in, req)
		rules := policy.Resolve(in)
		d := access.Decide(rules, &req)
		if d.Allowed() != allowed || d.WouldDeny() != wouldDeny {
			t.Fatalf("decided %v, %s (would deny: %v); the oracle says %v (would deny: %v)", d.Effect, d.Reason, d.WouldDeny(), allowed, wouldDeny)
		}
		req = req.Prepared()
		if prepared := access.Decide(rules, &req); prepared != d {
			t.Fatalf("decided %+v; with the request prepared %+v", d, prepared)
		}
	})
}

func TestDecisionsAreDeterministicAndOrderMeansNothing(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		want := access.Decide(policy.Resolve(in), &req)

		in.Policies = rapid.Permutation(in.Policies).Draw(t, "policies in another order")
		in.ClusterPolicies = rapid.Permutation(in.ClusterPolicies).Draw(t, "cluster policies in another order")
		req.Grants = rapid.Permutation(req.Grants).Draw(t, "grants in another order")
		req.Subject.Labels = rapid.Permutation(req.Subject.Labels).Draw(t, "labels in another order")
		req.Recording.Participants = rapid.Permutation(req.Recording.Participants).Draw(t, "participants in another order")
		got := access.Decide(policy.Resolve(in), &req)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b access.Decision) bool { return a == b })); diff != "" {
			t.Fatalf("another order changed the decision (-before +after):\n%s", diff)
		}
	})
}

func TestR14TighteningNeverAllowsMore(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		mustNotAllowMore(t, in, tightened(t, in), req)
	})
}

func TestR14AnotherOverrideNeverAllowsMore(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		override := governancetest.ClusterPolicy(t, 9)
		override.Spec.Defaults = v1alpha1.PolicyRules{}
		override.Spec.Overrides = governancetest.Rules(t)
		override.Spec.Overrides.Enforcement = "" // ending a trial puts policies into force, which can open as well as close
		mustNotAllowMore(t, in, with(in, override), req)
	})
}

func TestR14NothingBelowExceedsTheOverrides(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		widest := policy.Input{NamespaceLabels: in.NamespaceLabels, RecordingLabels: in.RecordingLabels}
		for _, p := range in.ClusterPolicies {
			p.Spec.Defaults = v1alpha1.PolicyRules{}
			widest.ClusterPolicies = append(widest.ClusterPolicies, p)
		}
		all := v1alpha1.RecordingPolicy{}
		all.Spec.Profile = v1alpha1.ProfileOpen
		all.Spec.Recording.Mode = v1alpha1.ModeAutomatic
		for _, role := range policy.Roles {
			all.Spec.Access.Roles = append(all.Spec.Access.Roles, v1alpha1.RolePermissions{Role: role, Permissions: governancetest.Permissions})
		}
		// Who answers requests and who succeeds a creator are appointments: overrides bound what those people may do, not who they are.
		appointed := policy.Resolve(in)
		all.Spec.Sharing.Approval.Approvers = appointed.Sharing.Approvers.Value
		all.Spec.Succession.Successors = appointed.Succession.Successors.Value
		widest.Policies = append(widest.Policies, all)
		mustNotAllowMore(t, widest, in, req)
	})
}

func TestR14APolicyThatCannotBeUnderstoodNeverAllowsMore(t *testing.T) {
	t.Parallel()
	nonsense := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a key", Operator: "Resembles"}}}
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		doubtful := governancetest.Policy(t, 9)
		doubtful.Spec.Selector = nonsense
		after := in
		after.Policies = append(slices.Clone(in.Policies), doubtful)
		mustNotAllowMore(t, in, after, req)

		cluster := governancetest.ClusterPolicy(t, 9)
		cluster.Spec.Overrides.Enforcement, cluster.Spec.Defaults.Enforcement = "", ""
		cluster.Spec.NamespaceSelector = nonsense
		mustNotAllowMore(t, in, with(in, cluster), req)
	})
}

func TestR12OutsidersGainNothingThatTheOrganisationForbids(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		var members v1alpha1.ClusterRecordingPolicy
		members.Spec.Overrides.Access.Audience = v1alpha1.AudienceInternal
		members.Spec.Overrides.Sharing.External = v1alpha1.Forbidden
		req.Subject.Internal = false
		d := access.Decide(policy.Resolve(with(in, members)), &req)
		if d.Allowed() || d.MayKnow {
			t.Fatalf("an outsider: %s with %s, may know: %v", d.Effect, d.Reason, d.MayKnow)
		}
	})
}

func TestRemovingAGrantNeverAllowsMore(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		rules := policy.Resolve(in)
		before := access.Decide(rules, &req)
		if len(req.Grants) > 0 {
			i := rapid.IntRange(0, len(req.Grants)-1).Draw(t, "removed")
			req.Grants = slices.Delete(slices.Clone(req.Grants), i, i+1)
		}
		after := access.Decide(rules, &req)
		if after.Allowed() && !before.Allowed() || after.MayKnow && !before.MayKnow {
			t.Fatalf("before: %+v\nafter: %+v", before, after)
		}
	})
}

func TestR23WhoeverMayNotKnowHearsWhatTheyWouldHearOfNothing(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		d := access.Decide(policy.Resolve(in), &req)
		switch {
		case d.Allowed() && !d.MayKnow:
			t.Fatalf("allowed, and may not know: %+v", d)
		case !d.MayKnow && d.Answer() != access.Unknown(req.Subject, req.Permission).Answer():
			t.Fatalf("the answer %+v tells of the recording", d.Answer())
		case !d.Allowed() && (d.Answer().Remedy == "" || d.Remedy() == ""):
			t.Fatalf("refused with %s and no way out", d.Reason)
		}
	})
}

// FuzzDecide lets the fuzzer look for a question that the oracle answers differently.
func FuzzDecide(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		in, req := governancetest.Input(t), governancetest.Request(t)
		allowed, _ := ask(in, req)
		if d := access.Decide(policy.Resolve(in), &req); d.Allowed() != allowed {
			t.Fatalf("decided %s with %s, the oracle says %v", d.Effect, d.Reason, allowed)
		}
	}))
}

func mustNotAllowMore(t *rapid.T, before, after policy.Input, req access.Request) {
	was, is := access.Decide(policy.Resolve(before), &req), access.Decide(policy.Resolve(after), &req)
	if is.Allowed() && !was.Allowed() {
		t.Fatalf("refused with %s before, allowed with %s after:\n%s", was.Reason, is.Reason, cmp.Diff(before, after))
	}
}

func with(in policy.Input, p v1alpha1.ClusterRecordingPolicy) policy.Input {
	in.ClusterPolicies = append(slices.Clone(in.ClusterPolicies), p)
	return in
}

// tightened returns the policies with some of what they say made stricter. What they leave out stays left out: saying
// something can open as well as close.
func tightened(t *rapid.T, in policy.Input) policy.Input {
	in.Policies, in.ClusterPolicies = slices.Clone(in.Policies), slices.Clone(in.ClusterPolicies)
	for i := range in.Policies {
		tighten(t, &in.Policies[i].Spec.PolicyRules)
	}
	for i := range in.ClusterPolicies {
		tighten(t, &in.ClusterPolicies[i].Spec.Overrides)
		tighten(t, &in.ClusterPolicies[i].Spec.Defaults)
	}
	return in
}

func tighten(t *rapid.T, rules *v1alpha1.PolicyRules) {
	rules.Profile = stricter(t, rules.Profile, v1alpha1.ProfileOpen, v1alpha1.ProfileStandard, v1alpha1.ProfileRestricted)
	rules.Recording.Mode = stricter(t, rules.Recording.Mode, v1alpha1.ModeAutomatic, v1alpha1.ModeManual, v1alpha1.ModeDisabled)
	if rules.Access.Audience == v1alpha1.AudienceDepartments {
		rules.Access.Departments = fewer(t, 1, rules.Access.Departments)
	} else {
		rules.Access.Audience = stricter(t, rules.Access.Audience, v1alpha1.AudienceAnyone, v1alpha1.AudienceInternal, v1alpha1.AudienceInvited)
	}
	rules.Access.Roles = slices.Clone(rules.Access.Roles)
	for i := range rules.Access.Roles {
		rules.Access.Roles[i].Permissions = fewer(t, 0, rules.Access.Roles[i].Permissions)
	}
	rules.Access.Labels = slices.Clone(rules.Access.Labels)
	for i := range rules.Access.Labels {
		rules.Access.Labels[i].Permissions = fewer(t, 0, rules.Access.Labels[i].Permissions)
	}
	rules.Sharing.Links = stricter(t, rules.Sharing.Links, v1alpha1.LinksPasswordOptional, v1alpha1.LinksPasswordRequired, v1alpha1.LinksForbidden)
	rules.Sharing.MaxTTL = stricter(t, rules.Sharing.MaxTTL, v1alpha1.Never, "180d", "30d", "72h", "1d")
	rules.Sharing.External = stricter(t, rules.Sharing.External, v1alpha1.Allowed, v1alpha1.Forbidden)
}

// stricter draws a value that is at least as strict; order goes from the loosest to the strictest.
func stricter[T ~string](t *rapid.T, value T, order ...T) T {
	if value == "" {
		return value
	}
	return rapid.SampledFrom(order[slices.Index(order, value):]).Draw(t, "stricter")
}

// fewer draws some of the list, at least the given number.
func fewer[T comparable](t *rapid.T, least int, list []T) []T {
	if len(list) == 0 {
		return list
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(list), least, len(list), rapid.ID).Draw(t, "fewer")
}
