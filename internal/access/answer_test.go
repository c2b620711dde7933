// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/governance/governancetest"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

func TestR23WhoeverIsRefusedIsToldWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		policies   string
		subject    access.Subject
		permission v1alpha1.Permission
		grants     []access.Grant
		want       access.Answer
	}{
		"a participant who wants the file": {
			subject: askers["participant"], permission: v1alpha1.PermissionDownload,
			want: access.Answer{access.NotPermitted, "You may not download this recording.", "Ask a host of the meeting to allow you to download it."},
		},
		"somebody with a personal account": {
			subject: askers["outsider"], permission: v1alpha1.PermissionView,
			want: access.Answer{
				access.NotFound, "There is no such recording, or it is not shared with you.",
				"Sign in with your company account instead of a personal one, or ask a host to share it with you.",
			},
		},
		"somebody who has not signed in": {
			subject: askers["nobody"], permission: v1alpha1.PermissionView,
			want: access.Answer{access.NotSignedIn, "You have not signed in.", "Sign in with your company account."},
		},
		"somebody whose link has expired": {
			subject: askers["colleague"], permission: v1alpha1.PermissionView,
			grants: []access.Grant{grantTo("dave@example.com", func(g *access.Grant) { g.ExpiresAt = governancetest.Now })},
			want:   access.Answer{access.GrantExpired, "The link expired on 2026-07-01 00:00 UTC.", "Ask whoever shared it with you for a new one."},
		},
		"a colleague who may not know": {
			policies: `{kind: RecordingPolicy, spec: {profile: Restricted}}`,
			subject:  askers["colleague"], permission: v1alpha1.PermissionView,
			want: access.Answer{
				access.NotFound, "There is no such recording, or it is not shared with you.",
				"Check the link, and ask a host of the meeting to share the recording with you.",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := access.Decide(policy.Resolve(governancetest.Policies(t, tc.policies)), &access.Request{
				Subject: tc.subject, Permission: tc.permission, Recording: meeting, Grants: tc.grants, Now: governancetest.Now,
			})
			if diff := cmp.Diff(tc.want, d.Answer()); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryReasonIsExplained reads the constants from the source, so that none is forgotten.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	reasons := reasonsInSource(t)
	for _, reason := range reasons {
		e, there := access.Explanations[reason]
		if !there || e.Message == "" || e.Admin == "" {
			t.Errorf("%s has no full explanation: say what is so, what the person can do, and what an administrator can change", reason)
		}
		if !strings.HasPrefix(string(reason), "Permitted") && e.Remedy == "" {
			t.Errorf("%s has no remedy: say what the person can do", reason)
		}
	}
	if len(reasons) != len(access.Explanations) {
		t.Errorf("%d reasons, %d explanations", len(reasons), len(access.Explanations))
	}
}

func reasonsInSource(t *testing.T) []access.Reason {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []access.Reason
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Reason" {
			value, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || strings.Trim(value.Value, `"`) != spec.Names[0].Name {
				t.Errorf("the code of %s is not its name", spec.Names[0].Name)
			}
			reasons = append(reasons, access.Reason(spec.Names[0].Name))
		}
		return true
	})
	return reasons
}
