// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// TestTheDocumentedExamplesDoWhatTheySay asks about the meeting under the examples of docs/policies.md, by their names.
func TestTheDocumentedExamplesDoWhatTheySay(t *testing.T) {
	t.Parallel()
	examples, used := documentedExamples(t), map[string]bool{}
	cases := map[string]struct {
		examples string // of docs/policies.md, separated by blanks
		asker    string
		label    string
		may      string // all of what they may do
		edit     func(*access.Request)
	}{
		"R9 R10 creators keep what they have":                 {examples: "hosts-watch", asker: "creator", may: "View Download Share Trash Restore Purge Start Stop Approve"},
		"R10 hosts who watch do not download":                 {examples: "hosts-watch", asker: "host", may: "View Share Trash Restore Start Stop Approve"},
		"R11 a participant may view":                          {asker: "participant", may: "View"},
		"R11 unless a policy says more":                       {examples: "participants-download", asker: "participant", may: "View Download"},
		"R12 R13 an outsider who attended may nothing":        {asker: "outsider who attended", may: "nothing"},
		"R12 unless granted":                                  {examples: "for-the-partner", asker: "outsider who attended", may: "View"},
		"R12 a grant is for whom it names":                    {examples: "for-the-partner", asker: "outsider", may: "nothing"},
		"R14 the gate keeps downloads from participants":      {examples: "house-rules participants-download", asker: "participant", may: "View"},
		"R12 R14 and outsiders out":                           {examples: "house-rules for-the-partner", asker: "outsider who attended", may: "nothing"},
		"R14 but takes nothing from hosts":                    {examples: "house-rules", asker: "host", may: "View Download Share Trash Restore Start Stop Approve"},
		"R16 only hosts download":                             {examples: "only-hosts-download participants-download", asker: "participant", may: "View"},
		"R16 and hosts do":                                    {examples: "only-hosts-download", asker: "host", may: "View Download Share Trash Restore Start Stop Approve"},
		"R16 members only":                                    {examples: "members-only for-the-partner", asker: "outsider who attended", may: "nothing"},
		"R15 finance has access":                              {examples: "finance-only", asker: "participant", may: "View"},
		"R13 R15 who attended from elsewhere has not":         {examples: "finance-only", asker: "participant", may: "nothing", edit: from("legal")},
		"R17 managers may download":                           {examples: "by-position", asker: "participant", label: "manager", may: "View Download"},
		"R17 interns may only view":                           {examples: "by-position participants-download", asker: "participant", label: "intern", may: "View"},
		"R17 managers may download from their department":     {examples: "managers-at-home", asker: "participant", label: "manager", may: "View Download"},
		"R17 and view the rest":                               {examples: "managers-at-home", asker: "participant", label: "manager", may: "View", edit: from("legal")},
		"R18 the meeting's own people view what is sensitive": {examples: "sensitive", asker: "participant", may: "View"},
		"R18 hosts download it":                               {examples: "sensitive", asker: "host", may: "View Download Share Trash Restore Start Stop Approve"},
		"R18 R19 no outsider does, by no grant":               {examples: "sensitive for-the-partner", asker: "outsider who attended", may: "nothing"},
		"R18 without control colleagues view and download":    {examples: "open", asker: "colleague", may: "View Download"},
		"participants download for a week":                    {examples: "downloads-for-a-week", asker: "participant", may: "View Download"},
		"and only view afterwards": {examples: "downloads-for-a-week", asker: "participant", may: "View", edit: func(req *access.Request) {
			req.Recording.EndedAt = req.Now.Add(-8 * 24 * time.Hour)
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for example := range strings.FieldsSeq(tc.examples) {
				used[example] = true
			}
			in, grants := chosen(t, examples, tc.examples)
			req := access.Request{Subject: askers[tc.asker], Recording: meeting, Grants: grants, Now: governancetest.Now}
			req.Recording.Department, req.Recording.EndedAt = "finance", req.Now.Add(-time.Hour)
			if tc.label != "" {
				req.Subject.Labels = []string{tc.label}
			}
			if tc.edit != nil {
				tc.edit(&req)
			}
			rules := policy.Resolve(in)
			if len(rules.Problems) > 0 {
				t.Errorf("problems: %v", rules.Problems)
			}
			var got policy.PermissionSet
			for _, req.Permission = range governancetest.Permissions {
				if access.Decide(rules, &req).Allowed() {
					got |= policy.Permissions(req.Permission)
				}
			}
			if got.String() != tc.may {
				t.Errorf("%s may %s, want %s", tc.asker, got, tc.may)
			}
		})
	}
	for name := range examples {
		if !used[name] {
			t.Errorf("nothing is asked under the example %s of docs/policies.md", name)
		}
	}
}

// from makes the asker a member of another department than the meeting's.
func from(department string) func(*access.Request) {
	return func(req *access.Request) { req.Subject.Departments = []string{department} }
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	nameField = regexp.MustCompile(`metadata: \{name: ([a-z-]+)`)
)

// documentedExamples returns the YAML blocks of docs/policies.md by the names of their objects.
func documentedExamples(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
		name := nameField.FindStringSubmatch(block[1])
		if name == nil {
			t.Fatalf("an example has no name:\n%s", block[1])
		}
		examples[name[1]] = block[1]
	}
	return examples
}

// chosen returns the policies and grants of those names. Grants were made a week ago and accepted.
func chosen(t *testing.T, examples map[string]string, names string) (policy.Input, []access.Grant) {
	t.Helper()
	var policies []string
	var grants []access.Grant
	for name := range strings.FieldsSeq(names) {
		text, there := examples[name]
		if !there {
			t.Fatalf("docs/policies.md has no example %s", name)
		}
		if !strings.Contains(text, "kind: AccessGrant") {
			policies = append(policies, text)
			continue
		}
		var grant v1alpha1.AccessGrant
		if err := yaml.UnmarshalStrict([]byte(text), &grant); err != nil {
			t.Fatal(err)
		}
		grant.CreationTimestamp.Time = governancetest.Now.AddDate(0, 0, -7)
		grants = append(grants, access.FactsOfGrant(&grant, true))
	}
	in := governancetest.Policies(t, strings.Join(policies, "\n---\n"))
	in.RecordingLabels = map[string]string{"reelkeeper.io/sensitivity": "high"}
	return in, grants
}
