// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/property"
)

// different returns how two sets of rules differ, empty if they do not. Most do not, and cmp takes its time to say so.
func different(want, got *policy.Rules) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got, cmp.AllowUnexported(policy.Access{}))
}

func TestAnIndexResolvesAsThePoliciesThemselvesDo(t *testing.T) {
	t.Parallel()
	property.Check(t, func(t *rapid.T) {
		in := governancetest.Input(t)
		index := policy.NewIndex(in.ClusterPolicies, in.Policies, nil)
		want := policy.Resolve(in)
		for _, time := range []string{"first", "second"} {
			got := index.Resolve(governancetest.Namespace, in.NamespaceLabels, in.RecordingLabels)
			if diff := different(want, got); diff != "" {
				t.Fatalf("the %s time (-policies +index):\n%s", time, diff)
			}
		}
		elsewhere := policy.Resolve(policy.Input{ClusterPolicies: in.ClusterPolicies, NamespaceLabels: in.NamespaceLabels, RecordingLabels: in.RecordingLabels})
		if diff := different(elsewhere, index.Resolve("elsewhere", in.NamespaceLabels, in.RecordingLabels)); diff != "" {
			t.Fatalf("in another namespace (-policies +index):\n%s", diff)
		}
	})
}

func TestAnIndexFindsEveryKindOfSelector(t *testing.T) {
	t.Parallel()
	expression := func(key string, operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}}
	}
	selectors := []*metav1.LabelSelector{
		nil, {}, {MatchLabels: map[string]string{"a": "1"}}, {MatchLabels: map[string]string{"a": "1", "b": "2"}},
		expression("a", metav1.LabelSelectorOpIn, "1", "2"), expression("a", metav1.LabelSelectorOpNotIn, "1"),
		expression("a", metav1.LabelSelectorOpExists), expression("a", metav1.LabelSelectorOpDoesNotExist),
		expression("a", "Resembles"),
	}
	var policies []v1alpha1.RecordingPolicy
	for i, selector := range selectors {
		p := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: fmt.Sprint("policy-", i)}}
		p.Spec.Selector = selector
		p.Spec.Access.Labels = []v1alpha1.LabelPermissions{{Label: p.Name, Permissions: []v1alpha1.Permission{v1alpha1.PermissionView}}}
		policies = append(policies, p)
	}
	index := policy.NewIndex(nil, policies, nil)
	for _, labels := range []map[string]string{nil, {"a": "1"}, {"a": "2"}, {"a": "3"}, {"b": "2"}, {"a": "1", "b": "2"}} {
		want := policy.Resolve(policy.Input{Policies: policies, RecordingLabels: labels})
		if diff := different(want, index.Resolve("finance", nil, labels)); diff != "" {
			t.Errorf("labels %v (-policies +index):\n%s", labels, diff)
		}
	}
}

func TestAnIndexIsMadeAnewOnlyOfWhatChanged(t *testing.T) {
	t.Parallel()
	one := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: "one", UID: "1", Generation: 1}}
	one.Spec.Watermark = v1alpha1.WatermarkViewer
	first := policy.NewIndex(nil, []v1alpha1.RecordingPolicy{one}, nil)
	if policy.NewIndex(nil, []v1alpha1.RecordingPolicy{one}, first) != first {
		t.Error("nothing changed, and it was made anew")
	}
	cases := map[string]struct {
		change func(*v1alpha1.RecordingPolicy)
		also   []v1alpha1.RecordingPolicy
		want   v1alpha1.Watermark
	}{
		"an edit":                        {func(p *v1alpha1.RecordingPolicy) { p.Generation, p.Spec.Watermark = 2, v1alpha1.WatermarkNone }, nil, v1alpha1.WatermarkNone},
		"another of the same name":       {func(p *v1alpha1.RecordingPolicy) { p.UID, p.Spec.Watermark = "2", v1alpha1.WatermarkNone }, nil, v1alpha1.WatermarkNone},
		"one more, which does not match": {func(*v1alpha1.RecordingPolicy) {}, []v1alpha1.RecordingPolicy{{ObjectMeta: metav1.ObjectMeta{Namespace: "legal", UID: "3"}}}, v1alpha1.WatermarkViewer},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := one
			tc.change(&changed)
			second := policy.NewIndex(nil, append(tc.also, changed), first)
			if second == first {
				t.Fatal("the change was not noticed")
			}
			if got := second.Resolve("finance", nil, nil).Watermark.Value; got != tc.want {
				t.Errorf("watermark %s, want %s", got, tc.want)
			}
		})
	}
	if got := policy.NewIndex(nil, nil, first).Resolve("finance", nil, nil).Watermark.Value; got != v1alpha1.WatermarkNone {
		t.Errorf("after its deletion the policy still says %s", got)
	}
}

func TestAnIndexCountsTheRecordingsThatEachPolicyIsAbout(t *testing.T) {
	t.Parallel()
	in := governancetest.Policies(t, `{kind: ClusterRecordingPolicy, metadata: {name: all}, spec: {defaults: {watermark: None}}}
---
{kind: ClusterRecordingPolicy, metadata: {name: elsewhere}, spec: {namespaceSelector: {matchLabels: {team: x}}, defaults: {watermark: None}}}
---
{kind: RecordingPolicy, metadata: {name: high}, spec: {selector: {matchLabels: {sensitivity: high}}, watermark: Viewer}}
---
{kind: RecordingPolicy, metadata: {name: none}, spec: {selector: {matchLabels: {sensitivity: none}}, watermark: Viewer}}`)
	index := policy.NewIndex(in.ClusterPolicies, in.Policies, nil)
	recordings := []map[string]string{nil, {"sensitivity": "high"}, {"sensitivity": "high", "a": "b"}, {"sensitivity": "low"}}
	want := map[policy.Ref]int{
		{Kind: policy.KindCluster, Name: "all"}:                                         4,
		{Kind: policy.KindNamespace, Namespace: governancetest.Namespace, Name: "high"}: 2,
	}
	if diff := cmp.Diff(want, index.Tally(governancetest.Namespace, nil, slices.Values(recordings))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := index.Tally("empty", nil, slices.Values[[]map[string]string](nil)); len(got) != 0 {
		t.Errorf("without recordings: %v", got)
	}
}

func TestAnIndexCanBeAskedByManyAtOnce(t *testing.T) {
	t.Parallel()
	index, recordings := thousandPolicies()
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 5000 {
				r := recordings[(worker*7919+i)%len(recordings)]
				if index.Resolve(r.namespace, r.namespaceLabels, r.labels) == nil {
					t.Error("no rules")
				}
			}
		})
	}
	group.Wait()
}

func TestResolvingFromAnIndexDoesNotAllocateOnceItHasSeenTheCombination(t *testing.T) {
	index, recordings := thousandPolicies()
	r := recordings[0]
	if n := testing.AllocsPerRun(100, func() { index.Resolve(r.namespace, r.namespaceLabels, r.labels) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// place is a recording as the resolution sees it.
type place struct {
	namespace               string
	namespaceLabels, labels map[string]string
}

// thousandPolicies returns an index of 100 policies of the organisation and 900 of one namespace, and 100,000 recordings with
// four labels each. No two have the same labels; they are 900 combinations as far as the policies go, of 37 to 41 policies each.
func thousandPolicies() (*policy.Index, []place) {
	random := rand.New(rand.NewPCG(1, 2))
	var cluster []v1alpha1.ClusterRecordingPolicy
	for i := range 100 {
		p := v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("house-%03d", i), UID: types.UID(fmt.Sprint("c", i))}}
		switch i % 3 {
		case 0:
			p.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"department": strconv.Itoa(i / 10)}}
		case 1:
			p.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"sensitivity": "high", "project": strconv.Itoa(i)}}
		}
		p.Spec.Overrides.Sharing.MaxTTL = v1alpha1.DurationOrNever(fmt.Sprintf("%dd", 1+i%30))
		p.Spec.Defaults.Retention.ExpireAfter = v1alpha1.DurationOrNever(fmt.Sprintf("%dd", 30+i))
		cluster = append(cluster, p)
	}
	var namespaced []v1alpha1.RecordingPolicy
	for i := range 900 {
		p := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: fmt.Sprintf("team-%03d", i), UID: types.UID(fmt.Sprint("n", i))}}
		p.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"team": strconv.Itoa(i % 450)}}
		if i%3 == 0 {
			p.Spec.Selector.MatchLabels["sensitivity"] = "high"
		}
		p.Spec.Profile = v1alpha1.ProfileStandard
		p.Spec.Retention.ExpireAfter = v1alpha1.DurationOrNever(fmt.Sprintf("%dd", 10+i))
		namespaced = append(namespaced, p)
	}
	recordings := make([]place, 100_000)
	sensitivity := []string{"low", "high"}
	for i := range recordings {
		recordings[i] = place{"finance", map[string]string{"department": "3"}, map[string]string{
			"team": strconv.Itoa(random.IntN(450)), "sensitivity": sensitivity[random.IntN(2)], "project": strconv.Itoa(1000 + random.IntN(100)), "meeting": strconv.Itoa(i),
		}}
	}
	return policy.NewIndex(cluster, namespaced, nil), recordings
}

// BenchmarkResolveOneOfManyFromAnIndex asks about another recording each time: 1,000 policies, 100,000 recordings.
func BenchmarkResolveOneOfManyFromAnIndex(b *testing.B) {
	index, recordings := thousandPolicies()
	for _, r := range recordings {
		index.Resolve(r.namespace, r.namespaceLabels, r.labels)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r := &recordings[(i*7919)%len(recordings)]
		index.Resolve(r.namespace, r.namespaceLabels, r.labels)
	}
}
