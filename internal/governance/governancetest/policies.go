// SPDX-License-Identifier: Apache-2.0

// Package governancetest helps tests of policies and decisions: policies from YAML, and random ones.
package governancetest

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Namespace is the namespace of every recording in tests of policies.
const Namespace = "finance"

var separator = regexp.MustCompile(`(?m)^---$`)

// Policies reads policies as people write them, several documents separated by ---. Only kind and spec are needed; the
// name is policy-1, policy-2 and so on unless there is one, the generation the policy's number, and each policy is a day
// younger than the one before it.
func Policies(t testing.TB, documents string) policy.Input {
	t.Helper()
	var in policy.Input
	for i, document := range separator.Split(documents, -1) {
		var head metav1.PartialObjectMetadata
		decode(t, document, &head, yaml.Unmarshal)
		fill(&head.ObjectMeta, i+1)
		switch head.Kind {
		case policy.KindCluster:
			var p v1alpha1.ClusterRecordingPolicy
			decode(t, document, &p, yaml.UnmarshalStrict)
			p.ObjectMeta = head.ObjectMeta
			in.ClusterPolicies = append(in.ClusterPolicies, p)
		case policy.KindNamespace:
			var p v1alpha1.RecordingPolicy
			decode(t, document, &p, yaml.UnmarshalStrict)
			p.ObjectMeta = head.ObjectMeta
			p.Namespace = Namespace
			in.Policies = append(in.Policies, p)
		case "":
		default:
			t.Fatalf("document %d has kind %q: only policies are read here", i+1, head.Kind)
		}
	}
	return in
}

func fill(meta *metav1.ObjectMeta, number int) {
	if meta.Name == "" {
		meta.Name = fmt.Sprintf("policy-%d", number)
	}
	if meta.CreationTimestamp.IsZero() {
		meta.CreationTimestamp = metav1.NewTime(Epoch.AddDate(0, 0, number))
	}
	meta.Generation = int64(number)
}

func decode(t testing.TB, document string, into any, unmarshal func([]byte, any, ...yaml.JSONOpt) error) {
	t.Helper()
	if err := unmarshal([]byte(document), into); err != nil {
		t.Fatalf("reading a policy: %v\n%s", err, document)
	}
}

// Epoch is when time begins in tests of policies.
var Epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
