// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/internal/condition"
)

func TestEveryExampleIsAccepted(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	files, err := os.ReadDir("testdata/valid")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file.Name(), ".yaml")
		if err := tryCreate(t, example(t, name, namespace, "")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var (
	yamlBlock    = regexp.MustCompile("(?s)```ya?ml\\n(.*?)```")
	yamlDocument = regexp.MustCompile(`(?m)^---$`)
)

// elsewhere are the YAML blocks that are no objects, by page and first line, and what reads them.
var elsewhere = map[string]string{
	"gateway.md: signIn:":              "TestTheDocumentedConfigurationIsValid in internal/gateway/config",
	"install.md: # values.yaml":        "TestTheDocumentedInstallationsAreAccepted in test/chart",
	"install.md: # kustomization.yaml": "TestTheDocumentedInstallationsAreAccepted in test/chart",
}

// TestTheDocumentationIsAccepted offers every YAML block of the documentation to the API server.
func TestTheDocumentationIsAccepted(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	pages := documentation(t)
	objects, others := 0, map[string]bool{}
	for page, text := range pages {
		if blocks := strings.Count(text, "```y"); blocks != len(yamlBlock.FindAllString(text, -1)) {
			t.Errorf("%s: of %d YAML blocks not all can be read: begin them with ```yaml at the start of a line", page, blocks)
		}
		for _, block := range yamlBlock.FindAllStringSubmatch(text, -1) {
			head, _, _ := strings.Cut(block[1], "\n")
			if key := page + ": " + head; elsewhere[key] != "" {
				others[key] = true
				continue
			}
			for _, document := range yamlDocument.Split(block[1], -1) {
				object := &unstructured.Unstructured{Object: parse(t, document)}
				if object.GetNamespace() != "" {
					object.SetNamespace(namespace)
				}
				if err := tryCreate(t, object); err != nil {
					t.Errorf("%s: %v\n%s", page, err, document)
				}
				objects++
			}
		}
	}
	for key := range elsewhere {
		if !others[key] {
			t.Errorf("there is no block %q any more: take it off the list", key)
		}
	}
	t.Logf("%d objects in %d pages, %d other blocks", objects, len(pages), len(others))
}

// documentation returns the text of README.md, CONTRIBUTING.md and every page under docs, by its path there.
func documentation(t *testing.T) map[string]string {
	t.Helper()
	root, err := os.OpenRoot("../..")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	pages := map[string]string{}
	err = fs.WalkDir(root.FS(), "docs", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		text, err := root.ReadFile(path)
		pages[strings.TrimPrefix(path, "docs/")] = string(text)
		return err
	})
	for _, path := range []string{"README.md", "CONTRIBUTING.md"} {
		text, readErr := root.ReadFile(path)
		pages[path], err = string(text), errors.Join(err, readErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 10 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	return pages
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	cases := map[string]struct {
		example string
		changes []string // one after the other
	}{
		"a policy that says one thing": {"recordingpolicy", []string{`{spec: null}`, `{spec: {watermark: Viewer}}`}},
		"a condition that does not compile: that is for the policy's status": {
			"recordingpolicy", []string{`{spec: {access: {roles: [{role: Host, permissions: [View], when: "subject.internal &&"}]}}}`},
		},
		"a condition as long as it can be": {
			"recordingpolicy", []string{`{spec: {access: {labels: [{label: a, permissions: [], when: "` + strings.Repeat("é", condition.MaxLength) + `"}]}}}`},
		},
		"R16 members only, in one line":            {"clusterrecordingpolicy", []string{`{spec: null}`, `{spec: {overrides: {access: {audience: Internal}}}}`}},
		"departments that refine a default":        {"recordingpolicy", []string{`{spec: {access: {audience: null}}}`}},
		"every unit of a duration":                 {"recordingpolicy", []string{`{spec: {retention: {trashFor: 1d2h3m4s}}}`}},
		"a store on an address with a port":        {"recordingstore", []string{`{spec: {s3: {endpoint: "http://[::1]:9000/"}}}`}},
		"a recording from an address with a query": {"meetingrecording-url", []string{`{spec: {source: {url: {url: "https://media.example.com:8443?id=7"}}}}`}},
		"urls from everywhere":                     {"recordingstore", []string{`{spec: {intake: {urls: null}}}`, `{spec: {intake: {urls: {namespaces: {}}}}}`}},
		"a COSI store that names its bucket too":   {"recordingstore-cosi", []string{`{spec: {buckets: {name: "cosi-3f1"}}}`}},
		"a meeting that ended at once":             {"meetingrecording-upload", []string{`{spec: {meeting: {endedAt: "2026-10-01T09:00:00Z"}}}`}},
		"a grant for all recordings, also future":  {"accessgrant-selector", []string{`{spec: {recordingSelector: {matchLabels: null}}}`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := example(t, tc.example, namespace, "")
			for _, change := range tc.changes {
				object.Object = merge(object.Object, parse(t, change))
			}
			if err := tryCreate(t, object); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefused are the rules that need more than one field, with the words that they are refused with. What bounds a
// single field is in TestEveryBoundIsEnforced.
func TestRefused(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	cases := map[string]struct{ example, changes, want string }{
		"a recording from nowhere": {
			"meetingrecording-least", `{spec: {source: {upload: null}}}`,
			`exactly one of the fields in [upload object`,
		},
		"a recording from two sources": {
			"meetingrecording-upload", `{spec: {source: {object: {bucket: legacy, key: a.mp4}}}}`,
			"exactly one of the fields in [upload object",
		},
		"adopting what leads out of the recording's prefixes": {
			"meetingrecording-adopt", `{spec: {source: {adopt: {uid: ../finance/q3-review}}}}`,
			"spec.source.adopt.uid in body should match",
		},
		"a multipart upload of no size": {
			"meetingrecording-upload", `{spec: {source: {upload: {size: null}}}}`,
			"method Multipart needs size: it decides how many parts there are",
		},
		"a meeting that ended before it started": {
			"meetingrecording-upload", `{spec: {meeting: {endedAt: "2026-10-01T08:59:59Z"}}}`,
			"endedAt must not be before startedAt",
		},
		"two holds of one name": {
			"meetingrecording-upload", `{spec: {holds: [{name: a}, {name: a}]}}`, `Duplicate value: {"name":"a"}`,
		},
		"a host twice": {
			"meetingrecording-upload", `{spec: {meeting: {hosts: [a@b.c, a@b.c]}}}`, `Duplicate value: "a@b.c"`,
		},
		"a host with a blank in the address": {
			"meetingrecording-upload", `{spec: {meeting: {hosts: ["bob b@example.com"]}}}`, `spec.meeting.hosts[0]`,
		},
		"a grant for nothing": {
			"accessgrant-ref", `{spec: {recordingRef: null}}`, "exactly one of the fields in [recordingRef recordingSelector] must be set",
		},
		"a grant for a name and a selector": {
			"accessgrant-ref", `{spec: {recordingSelector: {}}}`, "exactly one of the fields in [recordingRef recordingSelector] must be set",
		},
		"a grant with two passwords": {
			"accessgrant-ref", `{spec: {passwordSecretRef: {name: ours}}}`, "at most one of the fields in [password passwordSecretRef link] may be set",
		},
		"a grant that ends before it begins": {
			"accessgrant-ref", `{spec: {expiresAt: "2026-09-30T00:00:00Z"}}`, "expiresAt must be after notBefore",
		},
		"a grant that ends when it begins": {
			"accessgrant-ref", `{spec: {expiresAt: "2026-10-01T00:00:00Z"}}`, "expiresAt must be after notBefore",
		},
		"R9 a grant of what roles alone give": {
			"accessgrant-ref", `{spec: {permissions: [Purge]}}`,
			"only View, Download and Share can be granted: other permissions follow from roles in a policy",
		},
		"a grant for Anyone by name": {
			"accessgrant-ref", `{spec: {subjects: [{kind: Anyone, name: dave@example.com}]}}`, "a subject of kind Anyone has the name *",
		},
		"a grant for one person twice": {
			"accessgrant-ref", `{spec: {subjects: [{kind: User, name: a}, {kind: User, name: a}]}}`, "Duplicate value",
		},
		"a permission twice": {
			"accessgrant-ref", `{spec: {permissions: [View, View]}}`, `Duplicate value: "View"`,
		},
		"R22 a request for more than watching and downloading": {
			"accessrequest", `{spec: {permissions: [Purge]}}`, "only View and Download can be asked for",
		},
		"R22 what only the gateway knows of a requester": {
			"accessrequest", `{spec: {requester: {through: null, membership: null}}}`, "issuer, departments, groups, labels and client are what the gateway says",
		},
		"R22 membership without the gateway": {
			"accessrequest", `{spec: {requester: {through: API}}}`, "membership is what the gateway says of people who come through it",
		},
		"R14 approvers in overrides": {
			"clusterrecordingpolicy", `{spec: {overrides: {sharing: {approval: {approvers: [{kind: User, name: a@example.com}]}}}}}`, "put sharing.approval.approvers into defaults",
		},
		"R14 a successor in overrides": {
			"clusterrecordingpolicy", `{spec: {overrides: {succession: {successors: [{kind: Hosts}]}}}}`, "put succession into defaults",
		},
		"R36 a successor without a name": {
			"recordingpolicy", `{spec: {succession: {successors: [{kind: User}]}}}`, "Hosts and Approvers have none",
		},
		"anybody as an approver": {
			"recordingpolicy", `{spec: {sharing: {approval: {approvers: [{kind: Anyone, name: "*"}]}}}}`, "an approver is a User, a Group, a Department or a Label",
		},
		"an organisation's policy that says nothing": {
			"clusterrecordingpolicy", `{spec: {overrides: null, defaults: null, departed: null}}`, "a policy needs overrides, defaults or departed",
		},
		"departments without their audience": {
			"recordingpolicy", `{spec: {access: {audience: Internal}}}`,
			"departments has an effect only with audience Departments: set audience to Departments or remove departments",
		},
		"the audience Departments without departments": {
			"recordingpolicy", `{spec: {access: {departments: null}}}`, "audience Departments needs at least one entry in departments",
		},
		"the same of the organisation's": {
			"clusterrecordingpolicy", `{spec: {overrides: {access: {departments: null}}}}`, "audience Departments needs at least one entry in departments",
		},
		"a role twice": {
			"recordingpolicy", `{spec: {access: {roles: [{role: Host, permissions: []}, {role: Host, permissions: []}]}}}`, `Duplicate value: {"role":"Host"}`,
		},
		"a label twice": {
			"recordingpolicy", `{spec: {access: {labels: [{label: a, permissions: []}, {label: a, permissions: []}]}}}`, `Duplicate value: {"label":"a"}`,
		},
		"a duration in months":           {"recordingpolicy", `{spec: {retention: {trashFor: 1mo}}}`, "spec.retention.trashFor: Invalid value: \"1mo\": write days, hours, minutes and seconds in that order, such as 90d or 12h30m"},
		"a duration the wrong way round": {"recordingpolicy", `{spec: {retention: {expireAfter: 30m1h}}}`, "spec.retention.expireAfter"},
		"a trash that never ends":        {"recordingpolicy", `{spec: {retention: {trashFor: Never}}}`, "spec.retention.trashFor"},
		"an endpoint without a scheme":   {"recordingstore", `{spec: {s3: {endpoint: "minio.storage:9000"}}}`, "write http:// or https://, the host"},
		"an endpoint with a path":        {"recordingstore", `{spec: {s3: {endpoint: "https://minio.storage/bucket"}}}`, "the bucket belongs into buckets.name"},
		"an import from a bucket that holds recordings": {
			"recordingstore", `{spec: {intake: {imports: [{bucket: recordings-legal, namespaces: {}}]}}}`, "intake.imports must not name a bucket that holds recordings",
		},
		"an import from the shared bucket": {
			"recordingstore", `{spec: {buckets: {layout: Shared}, intake: {imports: [{bucket: recordings, namespaces: {}}]}}}`, "intake.imports must not name a bucket that holds recordings",
		},
		"a recording from an http address": {
			"meetingrecording-url", `{spec: {source: {url: {url: "http://media.example.com/a.mp4"}}}}`, "write an https address",
		},
		"a recording from an address with a password in it": {
			"meetingrecording-url", `{spec: {source: {url: {url: "https://bob:secret@media.example.com/a.mp4"}}}}`, "write an https address",
		},
		"a store with two ways to its credentials": {
			"recordingstore", `{spec: {s3: {bucketInfoSecretRef: {namespace: reelkeeper-system, name: cosi}}}}`,
			"exactly one of the fields in [credentialsSecretRef bucketInfoSecretRef] must be set",
		},
		"a store without an endpoint": {"recordingstore", `{spec: {s3: {endpoint: null}}}`, "endpoint and credentialsSecretRef go together"},
		"a store without a bucket":    {"recordingstore", `{spec: {buckets: {name: null}}}`, "buckets.name is needed"},
		"a COSI store with an endpoint of its own": {
			"recordingstore-cosi", `{spec: {s3: {endpoint: "https://minio.storage:9000"}}}`, "the Secret says where the bucket is",
		},
		"a COSI store with a region of its own": {"recordingstore-cosi", `{spec: {s3: {region: us-east-1}}}`, "leave region away"},
		"a COSI store with many buckets": {
			"recordingstore-cosi", `{spec: {buckets: {layout: PerNamespace}}}`, "a BucketInfo Secret names one bucket",
		},
		"private addresses of hosts that nobody named": {
			"recordingstore", `{spec: {intake: {urls: {hosts: null}}}}`, "privateAddresses Allowed needs hosts",
		},
		"a check every minute":             {"recordingstore", `{spec: {integrity: {scrubEvery: 1m}}}`, "write at least an hour, such as 30d or 12h, or Never"},
		"a check at no speed":              {"recordingstore", `{spec: {integrity: {bytesPerSecond: 1Ki}}}`, "write at least 64Ki"},
		"a bucket that begins with a dash": {"recordingstore", `{spec: {buckets: {name: "-recordings"}}}`, "begins and ends with a letter or digit"},
		"an audit reason in words":         {"auditevent", `{spec: {reason: not invited}}`, "spec.reason"},
		"R8 a permission that is two": {
			"recordingpolicy", `{spec: {access: {roles: [{role: Host, permissions: [ViewAndDownload]}]}}}`, `supported values: "View", "Download"`,
		},
		"a field that does not exist": {"recordingpolicy", `{spec: {retention: {expiresAfter: 3d}}}`, `unknown field "spec.retention.expiresAfter"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mustRefuse(t, tryCreate(t, example(t, tc.example, namespace, tc.changes)), tc.want)
		})
	}
}

// TestWhatCannotChange creates each example and tries to change it.
func TestWhatCannotChange(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ example, changes, want string }{
		"another source": {
			"meetingrecording-object", `{spec: {source: {object: {key: other.mp4}}}}`, "source cannot change: make a new MeetingRecording for other media",
		},
		"another kind of source": {
			"meetingrecording-least", `{spec: {source: {upload: null, object: {bucket: legacy, key: a.mp4}}}}`, "source cannot change: make a new MeetingRecording for other media",
		},
		"another store": {
			"meetingrecording-upload", `{spec: {storeRef: {name: other}}}`, "storeRef cannot change: the media would stay behind in the old store",
		},
		"a store added later": {
			"meetingrecording-least", `{spec: {storeRef: {name: other}}}`, "storeRef cannot be added or removed later: the media would stay behind in the old store",
		},
		"a store removed later": {
			"meetingrecording-upload", `{spec: {storeRef: null}}`, "storeRef cannot be added or removed later: the media would stay behind in the old store",
		},
		"R27 who laid a hold": {
			"meetingrecording-upload", `{spec: {holds: [{name: case-2026-14, reason: litigation, by: eve@example.com}]}}`, "who laid a hold cannot be changed: lay another one and lift it then",
		},
		"R27 that somebody laid a hold": {
			"meetingrecording-upload", `{spec: {holds: [{name: case-2026-14, reason: litigation}]}}`, "who laid a hold cannot be changed: lay another one and lift it then",
		},
		"an erasure": {
			"meetingrecording-upload", `{spec: {erasure: {reason: another}}}`, "an erasure that was asked for cannot be changed",
		},
		"that an erasure was asked for": {
			"meetingrecording-upload", `{spec: {erasure: null}}`, "an erasure that was asked for cannot be withdrawn",
		},
		"R31 a fact": {
			"auditevent", `{spec: {outcome: Allowed}}`, "an audit event is a fact and cannot change",
		},
		"R22 a request": {
			"accessrequest", `{spec: {duration: 30d}}`, "a request cannot change: make a new one",
		},
		"buckets": {
			"recordingstore", `{spec: {buckets: {layout: Shared}}}`, "buckets cannot change, recordings would be lost from sight: make a new RecordingStore instead",
		},
		"a key generation that was reached": {
			"recordingstore", `{spec: {encryption: {keyGeneration: 1}}}`, "encryption.keyGeneration can only grow: keys that were replaced do not come back",
		},
		"a key generation that is taken away": {
			"recordingstore", `{spec: {encryption: {keyGeneration: null}}}`, "encryption.keyGeneration can only grow",
		},
		"the lock of buckets": {
			"recordingstore", `{spec: {buckets: {objectLock: null}}}`, "buckets cannot change, recordings would be lost from sight: make a new RecordingStore instead",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := env.Client(t, nil)
			object := example(t, tc.example, env.Namespace(t), "")
			object.SetName("")
			object.SetGenerateName("immutable-")
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { deleteNow(t, object) })
			object.Object = merge(object.Object, parse(t, tc.changes))
			mustRefuse(t, c.Update(t.Context(), object, client.DryRunAll), tc.want)
		})
	}
}

// TestWhatCanChange is the other side: what people do every day.
func TestWhatCanChange(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ example, changes string }{
		"R25 a recording goes to the trash":     {"meetingrecording-upload", `{spec: {state: Trashed}}`},
		"R27 a second hold":                     {"meetingrecording-upload", `{spec: {holds: [{name: case-2026-14, reason: litigation, by: legal@example.com}, {name: tax}]}}`},
		"R27 the reason of a hold":              {"meetingrecording-upload", `{spec: {holds: [{name: case-2026-14, reason: appeal, by: legal@example.com}]}}`},
		"R27 the last hold is lifted":           {"meetingrecording-upload", `{spec: {holds: null}}`},
		"a participant whom nobody listed":      {"meetingrecording-least", `{spec: {meeting: {participants: [late@example.com]}}}`},
		"a grant is prolonged":                  {"accessgrant-ref", `{spec: {expiresAt: "2027-01-01T00:00:00Z"}}`},
		"a store moves to another address":      {"recordingstore", `{spec: {s3: {endpoint: "https://s3.example.com"}}}`},
		"a store's keys are rotated":            {"recordingstore", `{spec: {encryption: {keyGeneration: 3}}}`},
		"a store's namespaces":                  {"recordingstore", `{spec: {allowedNamespaces: {matchLabels: null}}}`},
		"labels of an audit event":              {"auditevent", `{metadata: {labels: {seen: "yes"}}}`},
		"R14 the organisation changes its mind": {"clusterrecordingpolicy", `{spec: {overrides: {access: {audience: Internal, departments: null}}}}`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := env.Client(t, nil)
			object := example(t, tc.example, env.Namespace(t), "")
			object.SetName("")
			object.SetGenerateName("mutable-")
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { deleteNow(t, object) })
			object.Object = merge(object.Object, parse(t, tc.changes))
			if err := c.Update(t.Context(), object, client.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
}
