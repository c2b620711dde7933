// SPDX-License-Identifier: Apache-2.0

//go:build unix

package chart

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestChartInstallsWhatTheKustomizationsSay(t *testing.T) {
	cases := map[string]struct {
		kustomization string
		args          []string
	}{
		"on the newest Kubernetes": {kustomization: "default", args: []string{mutatingPolicies}},
		"on the oldest Kubernetes": {kustomization: "kubernetes-1.32", args: []string{"--kube-version=v1.32.0"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want := byName(kustomized(t, tc.kustomization))
			// Helm's users make the namespace themselves, labelled as the notes say.
			delete(want, "Namespace/"+operatorNamespace)
			got := byName(rendered(t, tc.args...))
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("config/%s and the chart install different objects (-config +chart):\n%s", tc.kustomization, diff)
			}
			for key := range want {
				if diff := cmp.Diff(want[key], got[key]); diff != "" {
					t.Errorf("%s differs: run `make manifests`, or bring charts/reelkeeper/templates in line (-config +chart):\n%s", key, diff)
				}
			}
		})
	}
}

func TestOldKubernetesIsSentNothingItDoesNotKnow(t *testing.T) {
	for key := range byName(rendered(t, "--kube-version=v1.32.0")) {
		if strings.HasPrefix(key, "MutatingAdmissionPolicy") {
			t.Errorf("the chart sends %s to Kubernetes 1.32, which does not know the kind", key)
		}
	}
}

// byName indexes objects, without what only one of the two ways of installing can have.
func byName(objects []*unstructured.Unstructured) map[string]map[string]any {
	index := map[string]map[string]any{}
	for _, object := range objects {
		object.SetLabels(without(object.GetLabels(), "app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"))
		object.SetAnnotations(without(object.GetAnnotations(), "helm.sh/resource-policy"))
		// A change of the ConfigMap rolls the Pods out; kustomize's users would use a generator.
		unstructured.RemoveNestedField(object.Object, "spec", "template", "metadata", "annotations")
		index[key(object)] = object.Object
	}
	return index
}

func key(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return object.GetKind() + "/" + object.GetName()
	}
	return object.GetKind() + "/" + object.GetNamespace() + "/" + object.GetName()
}

func without(values map[string]string, keys ...string) map[string]string {
	values = maps.Clone(values)
	for _, key := range keys {
		delete(values, key)
	}
	return values
}
