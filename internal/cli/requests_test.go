// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/cli"
)

// TestR22AskingAndAnsweringWithThePlugin goes from a request to its answer. That nobody can do it for somebody else is tested
// where the admission policies are.
func TestR22AskingAndAnsweringWithThePlugin(t *testing.T) {
	t.Parallel()
	namespace := env.Namespace(t)
	as := func(who string, args ...string) (stdout, stderr string, code int) {
		return run(t, "", append(args, "--as", who, "--as-group", "system:masters", "-n", namespace)...)
	}
	out, errs, code := as("dave@example.com", "request", "q3-review", "--permission", "view,Download", "--for", "3d", "--reason", "I was ill", "-o", "json")
	var asked v1alpha1.AccessRequest
	if err := json.Unmarshal([]byte(out), &asked); err != nil || code != cli.ExitYes {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	if asked.Spec.Requester.Name != "dave@example.com" || asked.Kind != "AccessRequest" || !strings.HasPrefix(asked.Name, "q3-review-") {
		t.Errorf("asked %+v", asked)
	}
	if out, _, _ := as("dave@example.com", "requests", "list", "-o", "wide"); !strings.Contains(out, asked.Name) || !strings.Contains(out, "View Download") || !strings.Contains(out, "I was ill") {
		t.Errorf("the list is\n%s", out)
	}
	out, errs, code = as("alice@example.com", "requests", "approve", asked.Name, "-m", "for the audit", "-o", "json")
	var answered v1alpha1.AccessRequest
	if err := json.Unmarshal([]byte(out), &answered); err != nil || code != cli.ExitYes {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
	}
	approved := meta.FindStatusCondition(answered.Status.Conditions, v1alpha1.ConditionApproved)
	if approved == nil || approved.Message != "for the audit" || answered.Status.DecidedBy.Name != "alice@example.com" {
		t.Errorf("answered %+v", answered.Status)
	}
	if _, errs, code := as("bob@example.com", "requests", "deny", namespace+"/"+asked.Name); code != cli.ExitError || !strings.Contains(errs, "answered or over already") {
		t.Errorf("a second answer: exit code %d, %s", code, errs)
	}
}

func TestWhatARequestNeeds(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		args []string
		want string
	}{
		"a reason":             {[]string{"request", "finance/q3-review"}, "--reason is missing"},
		"a time":               {[]string{"request", "finance/q3-review", "--reason", "x", "--for", "a while"}, "--for: \"a while\" is not a duration"},
		"a permission":         {[]string{"request", "finance/q3-review", "--reason", "x", "--permission", "Watch"}, "there is no permission"},
		"one that can be had":  {[]string{"request", "finance/q3-review", "--reason", "x", "--permission", "Purge"}, "only View and Download can be asked for"},
		"a request to answer":  {[]string{"requests", "approve", "finance/none"}, "requests list"},
		"a format that exists": {[]string{"requests", "list", "-o", "csv"}, "use one of table, wide, json, yaml"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := run(t, "", tc.args...)
			if code != cli.ExitError || out != "" || !strings.Contains(errs, tc.want) {
				t.Errorf("exit code %d, printed %q, error %q; want %q", code, out, errs, tc.want)
			}
		})
	}
}
