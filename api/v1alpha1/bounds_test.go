// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// examplesOf names the examples that together set every field of a kind.
var examplesOf = map[string][]string{
	"RecordingStore":         {"recordingstore", "recordingstore-cosi"},
	"ClusterRecordingPolicy": {"clusterrecordingpolicy"},
	"RecordingPolicy":        {"recordingpolicy"},
	"MeetingRecording":       {"meetingrecording-upload", "meetingrecording-object", "meetingrecording-url", "meetingrecording-adopt"},
	"AccessGrant":            {"accessgrant-ref", "accessgrant-selector", "accessgrant-link"},
	"AuditEvent":             {"auditevent"},
	"AccessRequest":          {"accessrequest"},
}

// breach is a change of one field that breaks one bound.
type breach struct {
	path []string
	what string // the bound
	with any    // nil removes
	want string // what the refusal has to say
}

// TestEveryBoundIsEnforced walks the schema of every kind and breaks every bound of every field, one at a time, in an
// example that is otherwise good: enums, lengths, patterns, ranges, sizes, formats, required fields.
func TestEveryBoundIsEnforced(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	for kind, schema := range schemas(t) {
		for _, name := range examplesOf[kind] {
			good := example(t, name, namespace, "")
			spec := schema.Properties["spec"]
			for _, b := range breaches(&spec, good.Object["spec"], []string{"spec"}) {
				t.Run(fmt.Sprintf("%s %s %s", name, strings.Join(b.path, "."), b.what), func(t *testing.T) {
					t.Parallel()
					bad := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(good.Object)}
					set(bad.Object, b.path, b.with)
					mustRefuse(t, tryCreate(t, bad), b.want)
				})
			}
		}
	}
}

// TestTheExamplesSetEveryField makes sure that a new field gets into the examples, and so into the test above.
func TestTheExamplesSetEveryField(t *testing.T) {
	t.Parallel()
	for kind, schema := range schemas(t) {
		set := map[string]bool{}
		for _, name := range examplesOf[kind] {
			collect(example(t, name, "", "").Object["spec"], "spec", set)
		}
		spec := schema.Properties["spec"]
		for _, path := range leaves(&spec, "spec") {
			if !set[path] && !refusedInOverrides(path) {
				t.Errorf("no example of %s sets %s: add it to testdata/valid", kind, path)
			}
		}
	}
}

// refusedInOverrides says whether the organisation's overrides cannot have a field that defaults and policies have: appointing
// somebody bounds nobody.
func refusedInOverrides(path string) bool {
	return strings.HasPrefix(path, "spec.overrides.succession.") || strings.HasPrefix(path, "spec.overrides.sharing.approval.approvers")
}

// TestEveryFieldIsDescribed is what kubectl explain shows.
func TestEveryFieldIsDescribed(t *testing.T) {
	t.Parallel()
	for kind, schema := range schemas(t) {
		for path, field := range all(schema, "") {
			// The API server describes metadata itself; the items of a list are described by the list.
			if field.Description == "" && path != ".metadata" && !strings.HasSuffix(path, "[]") {
				t.Errorf("kubectl explain %s%s has no text", kind, path)
			}
		}
	}
}

func schemas(t *testing.T) map[string]*apiextensionsv1.JSONSchemaProps {
	t.Helper()
	files, err := filepath.Glob("../../config/crd/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*apiextensionsv1.JSONSchemaProps{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		if crd.Spec.Names.Kind != "" {
			found[crd.Spec.Names.Kind] = crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		}
	}
	for kind := range examplesOf {
		if found[kind] == nil {
			t.Fatalf("config/crd has no %s: `make manifests` generates it", kind)
		}
	}
	return found
}

// opaque are schemas that Kubernetes has made: label selectors.
func opaque(schema *apiextensionsv1.JSONSchemaProps) bool {
	_, selector := schema.Properties["matchLabels"]
	return selector
}

// breaches returns a breach for every bound in the schema at path and below, as far as value has the field.
func breaches(schema *apiextensionsv1.JSONSchemaProps, value any, path []string) []breach {
	if value == nil || opaque(schema) {
		return nil
	}
	list := own(schema, path)
	switch v := value.(type) {
	case map[string]any:
		for _, required := range schema.Required {
			list = append(list, breach{append(slices.Clone(path), required), "is required", nil, "Required value"})
		}
		for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
			property := schema.Properties[name]
			list = append(list, breaches(&property, v[name], append(slices.Clone(path), name))...)
		}
	case []any:
		list = append(list, itemBreaches(schema, v, path)...)
	}
	return list
}

func itemBreaches(schema *apiextensionsv1.JSONSchemaProps, items []any, path []string) []breach {
	var list []breach
	if schema.MaxItems != nil {
		many := slices.Repeat(items[:1], int(*schema.MaxItems)+1)
		list = append(list, breach{path, "has at most so many items", many, fmt.Sprintf("must have at most %d items", *schema.MaxItems)})
	}
	if schema.MinItems != nil && *schema.MinItems > 0 {
		list = append(list, breach{path, "has at least so many items", []any{}, fmt.Sprintf("should have at least %d items", *schema.MinItems)})
	}
	return append(list, breaches(schema.Items.Schema, items[0], append(slices.Clone(path), "0"))...)
}

// own returns the breaches of the bounds of one value.
func own(schema *apiextensionsv1.JSONSchemaProps, path []string) []breach {
	var list []breach
	add := func(what string, with any, want string) { list = append(list, breach{path, what, with, want}) }
	switch {
	case len(schema.Enum) > 0:
		add("is an enum", "Bogus", `supported values: `)
		return list
	case schema.XIntOrString:
		add("is a quantity", "much", "should match")
		return list
	case schema.Format == "date-time":
		add("is a time", "yesterday", "must be of type date-time")
		return list
	}
	if schema.MaxLength != nil {
		add("is at most so long", strings.Repeat("a", int(*schema.MaxLength)+1), fmt.Sprintf("may not be more than %d", *schema.MaxLength))
	}
	if schema.MinLength != nil {
		add("is at least so long", strings.Repeat("1", int(*schema.MinLength)-1), fmt.Sprintf("should be at least %d chars long", *schema.MinLength))
	}
	nonsense := strings.Repeat("! ", 4)
	if schema.Pattern != "" {
		add("has a pattern", nonsense, "should match")
	}
	if schema.Type == "string" {
		for _, rule := range schema.XValidations {
			add("has a form", nonsense, rule.Message)
		}
	}
	if schema.Maximum != nil {
		add("is at most", int64(*schema.Maximum)+1, fmt.Sprintf("should be less than or equal to %v", int64(*schema.Maximum)))
	}
	if schema.Minimum != nil {
		add("is at least", int64(*schema.Minimum)-1, fmt.Sprintf("should be greater than or equal to %v", int64(*schema.Minimum)))
	}
	if schema.MinProperties != nil {
		add("says something", map[string]any{}, fmt.Sprintf("should have at least %d properties", *schema.MinProperties))
	}
	return list
}

// set puts value at path; nil removes what is there.
func set(in any, path []string, value any) {
	switch v := in.(type) {
	case map[string]any:
		switch {
		case len(path) > 1:
			set(v[path[0]], path[1:], value)
		case value == nil:
			delete(v, path[0])
		default:
			v[path[0]] = runtime.DeepCopyJSONValue(value)
		}
	case []any:
		if len(path) > 1 {
			set(v[0], path[1:], value)
		} else {
			v[0] = value
		}
	}
}

// collect notes every path that value sets.
func collect(value any, path string, into map[string]bool) {
	into[path] = true
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			collect(inner, path+"."+name, into)
		}
	case []any:
		for _, inner := range v {
			collect(inner, path+"[]", into)
		}
	}
}

// leaves returns the paths of all fields below schema that have no fields of their own.
func leaves(schema *apiextensionsv1.JSONSchemaProps, path string) []string {
	var paths []string
	for at, field := range all(schema, path) {
		if len(field.Properties) == 0 && field.Items == nil && !strings.Contains(at, "elector.") {
			paths = append(paths, at)
		}
	}
	return paths
}

// all returns every field below schema by its path, label selectors as one.
func all(schema *apiextensionsv1.JSONSchemaProps, path string) map[string]*apiextensionsv1.JSONSchemaProps {
	fields := map[string]*apiextensionsv1.JSONSchemaProps{}
	if opaque(schema) {
		return fields
	}
	for name, property := range schema.Properties {
		fields[path+"."+name] = &property
		maps.Copy(fields, all(&property, path+"."+name))
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		fields[path+"[]"] = schema.Items.Schema
		maps.Copy(fields, all(schema.Items.Schema, path+"[]"))
	}
	return fields
}
