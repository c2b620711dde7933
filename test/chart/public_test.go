// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// housePolicy is one of the organisation, for the namespaces that the labels pick.
func housePolicy(t *testing.T, admin client.Client, selector metav1.LabelSelector, spec v1alpha1.ClusterRecordingPolicySpec) *v1alpha1.ClusterRecordingPolicy {
	t.Helper()
	p := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{GenerateName: "house-"}, Spec: spec}
	p.Spec.NamespaceSelector = &selector
	if err := admin.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := admin.Delete(context.WithoutCancel(t.Context()), p); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestR21WhatIsPublicAlreadyCanBeEnded(t *testing.T) {
	installed(t)
	admin, editor := env.Client(t, scheme), as(t, editorUser(t))
	// The samples have a policy for the whole organisation.
	if err := admin.DeleteAllOf(t.Context(), &v1alpha1.ClusterRecordingPolicy{}); err != nil {
		t.Fatal(err)
	}
	g := grant(tenant, "public-before")
	g.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectGroup, Name: "board"}}
	eventually(t, func(ctx context.Context) error { return editor.Create(ctx, g) })
	p := housePolicy(t, admin, metav1.LabelSelector{}, v1alpha1.ClusterRecordingPolicySpec{
		Overrides: v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{PublicChannels: v1alpha1.Forbidden}},
	})
	more := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"subjects":[{"kind":"Group","name":"board"},{"kind":"Group","name":"all"}]}}`))
	eventually(t, func(ctx context.Context) error {
		return refusal(editor.Patch(ctx, g.DeepCopy(), more, client.DryRunAll), "ClusterRecordingPolicy "+p.Name)
	})
	ends := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"seen":"yes"}},"spec":{"maxUses":1}}`))
	if err := editor.Patch(t.Context(), g, ends); err != nil {
		t.Errorf("what is public already cannot be used up: %v", err)
	}
}

func TestR21PublicGrantsAreRefusedAtCreation(t *testing.T) {
	installed(t)
	admin, editor := env.Client(t, scheme), as(t, editorUser(t))
	// The samples have a policy for the whole organisation.
	if err := admin.DeleteAllOf(t.Context(), &v1alpha1.ClusterRecordingPolicy{}); err != nil {
		t.Fatal(err)
	}
	only := metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: tenant}}
	bound := func(rules v1alpha1.PolicyRules) v1alpha1.ClusterRecordingPolicySpec {
		return v1alpha1.ClusterRecordingPolicySpec{Overrides: rules}
	}
	forbidden := v1alpha1.PolicyRules{Sharing: v1alpha1.SharingRules{PublicChannels: v1alpha1.Forbidden}}
	sensitive := bound(forbidden)
	sensitive.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"reelkeeper.io/sensitivity": "high"}}
	cases := map[string]struct {
		selector metav1.LabelSelector
		spec     v1alpha1.ClusterRecordingPolicySpec
		kind     v1alpha1.SubjectKind
		want     string // part of the refusal; empty for none
	}{
		"a group where the organisation forbids it": {only, bound(forbidden), v1alpha1.SubjectGroup, "spec.overrides.sharing.publicChannels"},
		"an anonymous link":                         {only, bound(forbidden), v1alpha1.SubjectAnyone, "spec.overrides.sharing.publicChannels"},
		"by a profile in the overrides":             {only, bound(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileStandard}), v1alpha1.SubjectGroup, "spec.overrides.sharing.publicChannels"},
		"a profile that opens it again": {
			only, bound(v1alpha1.PolicyRules{Profile: v1alpha1.ProfileStandard, Sharing: v1alpha1.SharingRules{PublicChannels: v1alpha1.Allowed}}), v1alpha1.SubjectGroup, "",
		},
		"an anonymous link outside the audience": {
			only, bound(v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Audience: v1alpha1.AudienceInternal}}), v1alpha1.SubjectAnyone, "spec.overrides.access.audience",
		},
		"a department":                          {only, bound(forbidden), v1alpha1.SubjectDepartment, ""},
		"a default is no gate":                  {only, v1alpha1.ClusterRecordingPolicySpec{Defaults: forbidden}, v1alpha1.SubjectGroup, ""},
		"a policy of certain recordings":        {only, sensitive, v1alpha1.SubjectGroup, ""},
		"a policy of other namespaces":          {metav1.LabelSelector{MatchLabels: map[string]string{"team": "legal"}}, bound(forbidden), v1alpha1.SubjectGroup, ""},
		"namespaces by expressions":             {expression("In", tenant, "legal"), bound(forbidden), v1alpha1.SubjectGroup, "publicChannels"},
		"namespaces that expressions leave out": {expression("NotIn", tenant), bound(forbidden), v1alpha1.SubjectGroup, ""},
		"namespaces with a label":               {expression("Exists"), bound(forbidden), v1alpha1.SubjectGroup, "publicChannels"},
		"namespaces without a label":            {expression("DoesNotExist"), bound(forbidden), v1alpha1.SubjectGroup, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := housePolicy(t, admin, tc.selector, tc.spec)
			g := grant(tenant, "public")
			g.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: tc.kind, Name: "somebody"}}
			if tc.kind == v1alpha1.SubjectAnyone {
				g.Spec.Subjects[0].Name = "*"
			}
			if tc.want != "" {
				eventually(t, func(ctx context.Context) error {
					return refusal(editor.Create(ctx, g.DeepCopy(), client.DryRunAll), tc.want, "ClusterRecordingPolicy "+p.Name)
				})
				return
			}
			// The API server reads policies from a cache. When it has heard of a later one, it has heard of this one.
			later := housePolicy(t, admin, only, bound(v1alpha1.PolicyRules{Access: v1alpha1.AccessRules{Audience: v1alpha1.AudienceInternal}}))
			anonymous := grant(tenant, "anonymous")
			anonymous.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectAnyone, Name: "*"}}
			eventually(t, func(ctx context.Context) error {
				return refusal(editor.Create(ctx, anonymous.DeepCopy(), client.DryRunAll), "ClusterRecordingPolicy "+later.Name)
			})
			err := editor.Create(t.Context(), g, client.DryRunAll)
			if err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// refusal is nil where err is one that says all the texts.
func refusal(err error, texts ...string) error {
	for _, text := range texts {
		if said := fmt.Sprint(err); !strings.Contains(said, text) {
			return fmt.Errorf("%s, want that it says %q", said, text)
		}
	}
	return nil
}

// expression picks namespaces by their names.
func expression(operator metav1.LabelSelectorOperator, names ...string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: corev1.LabelMetadataName, Operator: operator, Values: names}}}
}
