// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

// env is a real API server with our kinds. Tests keep apart by namespace, or write nothing (dry run).
var env *testenv.Env

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.Options{CRDs: []string{"config/crd"}}, &env)
}

// example reads testdata/valid/<name>.yaml, places it into the namespace if its kind has one, and merges the changes into
// it: YAML, where null removes.
func example(t *testing.T, name, namespace, changes string) *unstructured.Unstructured {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "valid", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, &object.Object); err != nil {
		t.Fatalf("reading the example %s: %v", name, err)
	}
	object.Object = merge(object.Object, parse(t, changes))
	if kind := object.GetKind(); kind != "RecordingStore" && kind != "ClusterRecordingPolicy" {
		object.SetNamespace(namespace)
	}
	return object
}

func merge(into, patch map[string]any) map[string]any {
	merged := maps.Clone(into)
	for key, value := range patch {
		inner, isMap := value.(map[string]any)
		old, wasMap := merged[key].(map[string]any)
		switch {
		case value == nil:
			delete(merged, key)
		case isMap && wasMap:
			merged[key] = merge(old, inner)
		default:
			merged[key] = value
		}
	}
	return merged
}

// tryCreate asks the API server whether it would take the object.
func tryCreate(t *testing.T, object *unstructured.Unstructured) error {
	t.Helper()
	return env.Client(t, nil).Create(t.Context(), object, client.DryRunAll, client.FieldValidation("Strict"))
}

// mustRefuse fails unless err says want.
func mustRefuse(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("accepted; want a refusal that says %q", want)
	case !strings.Contains(err.Error(), want):
		t.Errorf("refused with %q, which does not say %q", err, want)
	}
}
