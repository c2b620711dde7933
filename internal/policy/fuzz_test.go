// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// FuzzSelectors reads label selectors that no schema has seen, in policies of both kinds. Nothing panics; the index finds what the
// policies themselves say; and a policy that is found to be decided by another decides nothing.
func FuzzSelectors(f *testing.F) {
	f.Add([]byte(`{"matchLabels":{"a":"1"}}`), []byte(`{"matchExpressions":[{"key":"a","operator":"In","values":["1","2"]}]}`), []byte(`{"a":"1"}`))
	f.Add([]byte(`{"matchExpressions":[{"key":"a","operator":"NotIn","values":["1"]}]}`), []byte(`{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]}`), []byte(`{"b":""}`))
	f.Add([]byte(`{"matchExpressions":[{"key":"a","operator":"Resembles"}]}`), []byte(`{"matchExpressions":[{"key":"a","operator":"Exists"}]}`), []byte(`{"a":"é"}`))
	f.Add([]byte(`{"matchExpressions":[{"key":"","operator":"In"},{"key":"a/b/c","operator":"Exists","values":["x"]}]}`), []byte(`null`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, first, second, labels []byte) {
		var one, two *metav1.LabelSelector
		var recording map[string]string
		if json.Unmarshal(first, &one) != nil || json.Unmarshal(second, &two) != nil || json.Unmarshal(labels, &recording) != nil {
			return
		}
		policies := []v1alpha1.RecordingPolicy{selecting("one", one), selecting("two", two)}
		house := v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: "house"}}
		house.Spec.NamespaceSelector, house.Spec.Selector = two, one
		house.Spec.Overrides.Sharing.MaxTTL = "7d"
		clusterPolicies := []v1alpha1.ClusterRecordingPolicy{house}

		want := policy.Resolve(policy.Input{ClusterPolicies: clusterPolicies, Policies: policies, NamespaceLabels: recording, RecordingLabels: recording})
		index := policy.NewIndex(clusterPolicies, policies, nil)
		if diff := different(want, index.Resolve(governancetest.Namespace, recording, recording)); diff != "" {
			t.Fatalf("(-policies +index):\n%s", diff)
		}
		for _, p := range policies {
			ref := policy.Ref{Kind: policy.KindNamespace, Namespace: p.Namespace, Name: p.Name}
			review, _ := index.Review(ref, map[string]map[string]string{p.Namespace: recording})
			for _, finding := range review.Findings {
				if from := want.Watermark.From; finding.Fault == policy.FaultShadowed && from.Kind == ref.Kind && from.Name == ref.Name {
					t.Fatalf("%s, but it decides", finding.Message)
				}
			}
		}
	})
}

func selecting(name string, selector *metav1.LabelSelector) v1alpha1.RecordingPolicy {
	p := v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: governancetest.Namespace, Name: name}}
	p.Spec.Selector, p.Spec.Watermark = selector, v1alpha1.WatermarkViewer
	return p
}
