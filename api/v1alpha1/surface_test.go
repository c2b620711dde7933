// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("reading %s: %v", text, err)
	}
	return object
}

// create makes the example under its own name.
func create(t *testing.T, name, namespace, changes string) *unstructured.Unstructured {
	t.Helper()
	object := example(t, name, namespace, changes)
	if err := env.Client(t, nil).Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deleteNow(t, object) })
	return object
}

// deleteNow removes what no namespace takes with it.
func deleteNow(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	if object.GetNamespace() != "" {
		return
	}
	// The test's own context has ended when this runs.
	if err := env.Client(t, nil).Delete(context.WithoutCancel(t.Context()), object); err != nil {
		t.Errorf("deleting %s %s: %v", object.GetKind(), object.GetName(), err)
	}
}

func TestAStatusBeginsAsPending(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	for _, name := range []string{"meetingrecording-least", "accessgrant-ref", "accessrequest", "recordingstore"} {
		object := create(t, name, namespace, fmt.Sprintf(`{metadata: {name: pending-%s}}`, namespace))
		conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
		if err != nil {
			t.Fatal(err)
		}
		want := []any{map[string]any{
			"type": "Ready", "status": "Unknown", "reason": "Pending", "message": "Waiting for the controller", "lastTransitionTime": "1970-01-01T00:00:00Z",
		}}
		if diff := cmp.Diff(want, conditions); diff != "" {
			t.Errorf("%s begins with (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatKubectlShows(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ example, resource, want string }{
		"recordings":                  {"meetingrecording-upload", "mrec", "NAME STATE PROGRESS DURATION EXPIRES AGE"},
		"grants":                      {"accessgrant-ref", "agrant", "NAME STATE RECORDING PERMISSIONS EXPIRES AGE"},
		"requests":                    {"accessrequest", "areq", "NAME STATE REQUESTER PERMISSIONS RECORDING FOR WAITING-FOR UNTIL AGE"},
		"policies":                    {"recordingpolicy", "rpol", "NAME PROFILE AUDIENCE EXPIRE RECORDINGS READY AGE"},
		"events":                      {"auditevent", "aev", "NAME TIME ACTION OUTCOME ACTOR RECORDING REASON AGE"},
		"stores":                      {"recordingstore", "rstore", "NAME STATE ENDPOINT LAYOUT BUCKETS RECORDINGS AGE"},
		"the organisation's policies": {"clusterrecordingpolicy", "crpol", "NAME PROFILE AUDIENCE RECORDINGS READY AGE"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := env.Namespace(t)
			create(t, tc.example, namespace, fmt.Sprintf(`{metadata: {name: shown-%s}}`, namespace))
			out := env.Kubectl(t, "get", tc.resource, "--namespace", namespace)
			if got := strings.Join(strings.Fields(strings.SplitN(out, "\n", 2)[0]), " "); got != tc.want {
				t.Errorf("columns %q, want %q", got, tc.want)
			}
			if strings.Contains(tc.want, "STATE") && !strings.Contains(out, "Pending") {
				t.Errorf("no state is shown:\n%s", out)
			}
		})
	}
}

func TestTheStateIsTheReasonOfReady(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	object := create(t, "meetingrecording-least", namespace, "")
	object.Object = merge(object.Object, parse(t, `{status: {conditions: [{type: Ready, status: "True", reason: Available, message: "", lastTransitionTime: "2026-10-01T10:00:00Z"}]}}`))
	if err := env.Client(t, nil).Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	out := env.Kubectl(t, "get", "reelkeeper", "--namespace", namespace)
	if !strings.Contains(out, "Available") {
		t.Errorf("kubectl get reelkeeper shows\n%s", out)
	}
}

func TestEverySelectableFieldSelects(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	for _, name := range []string{"meetingrecording-upload", "meetingrecording-object", "meetingrecording-adopt", "accessgrant-ref", "accessrequest", "recordingpolicy", "auditevent"} {
		create(t, name, namespace, "")
	}
	expired := `--patch={"status":{"trashedAt":"2026-03-01T10:00:00Z","trashCause":"Expiry"}}`
	env.Kubectl(t, "patch", "mrec", "archived", "--namespace", namespace, "--subresource=status", "--type=merge", expired)
	cases := map[string]struct {
		kind     string
		selector client.MatchingFields
		want     []string
	}{
		"by state":              {"MeetingRecording", client.MatchingFields{"spec.state": "Active"}, []string{"q3-review"}},
		"by what trashed them":  {"MeetingRecording", client.MatchingFields{"status.trashCause": "Expiry"}, []string{"archived"}},
		"not in the trash":      {"MeetingRecording", client.MatchingFields{"status.trashCause": ""}, []string{"q3-review", "restored"}},
		"by store":              {"MeetingRecording", client.MatchingFields{"spec.storeRef.name": "default"}, []string{"q3-review"}},
		"by meeting":            {"MeetingRecording", client.MatchingFields{"spec.meeting.id": "1"}, []string{"archived", "restored"}},
		"by department":         {"MeetingRecording", client.MatchingFields{"spec.meeting.department": "finance"}, []string{"q3-review"}},
		"by creator":            {"MeetingRecording", client.MatchingFields{"spec.meeting.creator": "alice@example.com"}, []string{"archived", "q3-review", "restored"}},
		"by what they adopt":    {"MeetingRecording", client.MatchingFields{"spec.source.adopt.uid": "0d7c5a2e-5b0f-4f57-9f0e-6f1f3a8f3c11"}, []string{"restored"}},
		"grants":                {"AccessGrant", client.MatchingFields{"spec.recordingRef.name": "q3-review"}, []string{"replay"}},
		"policies":              {"RecordingPolicy", client.MatchingFields{"spec.profile": "Restricted"}, []string{"board"}},
		"events by action":      {"AuditEvent", client.MatchingFields{"spec.action": "Viewed"}, []string{"viewed-1"}},
		"events by outcome":     {"AuditEvent", client.MatchingFields{"spec.outcome": "Allowed"}, nil},
		"events by actor":       {"AuditEvent", client.MatchingFields{"spec.actor.name": "mallory@partner.example"}, []string{"viewed-1"}},
		"events by recording":   {"AuditEvent", client.MatchingFields{"spec.recording.name": "q3-review"}, []string{"viewed-1"}},
		"requests by recording": {"AccessRequest", client.MatchingFields{"spec.recordingRef.name": "q3-review"}, []string{"replay"}},
		"requests by requester": {"AccessRequest", client.MatchingFields{"spec.requester.name": "dave@example.com"}, []string{"replay"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var list unstructured.UnstructuredList
			list.SetGroupVersionKind(schema.GroupVersionKind{Group: "reelkeeper.io", Version: "v1alpha1", Kind: tc.kind + "List"})
			if err := env.Client(t, nil).List(t.Context(), &list, client.InNamespace(namespace), tc.selector); err != nil {
				t.Fatal(err)
			}
			var got []string
			for i := range list.Items {
				got = append(got, list.Items[i].GetName())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("selected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKubectlExplains(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"recordingpolicy.spec.access.labels":    "may view and download only what all of these list",
		"clusterrecordingpolicy.spec.overrides": "overrides bound whatever is said below",
		"meetingrecording.spec.holds":           "holds are legal holds",
		"accessrequest.status.decidedBy":        "who approved or denied the request",
		"accessgrant.spec.expiresAt":            "expiresAt is when the grant ends",
		"recordingstore.spec.encryption":        "encryption names the key",
		"auditevent.spec.reason":                "reason is the stable code",
	}
	for path, want := range cases {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			out := strings.Join(strings.Fields(env.Kubectl(t, "explain", path)), " ")
			if !strings.Contains(out, want) {
				t.Errorf("kubectl explain %s does not say %q:\n%s", path, want, out)
			}
		})
	}
}

// TestR27ApplyingAHoldLeavesOthersHoldsAlone is why lists are typed: two people each lay a hold, and neither removes the
// other's.
func TestR27ApplyingAHoldLeavesOthersHoldsAlone(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	create(t, "meetingrecording-least", namespace, "")
	for _, by := range []string{"legal", "tax"} {
		hold := &unstructured.Unstructured{Object: parse(t, fmt.Sprintf(
			`{apiVersion: reelkeeper.io/v1alpha1, kind: MeetingRecording, metadata: {name: least, namespace: %s}, spec: {holds: [{name: %s}]}}`, namespace, by))}
		err := env.Client(t, nil).Apply(t.Context(), client.ApplyConfigurationFromUnstructured(hold), client.FieldOwner(by))
		if err != nil {
			t.Fatal(err)
		}
	}
	out := env.Kubectl(t, "get", "mrec", "least", "--namespace", namespace, "-o", "jsonpath={.spec.holds[*].name}")
	if out != "legal tax" {
		t.Errorf("holds %q, want both", out)
	}
}
