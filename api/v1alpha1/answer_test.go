// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"testing"
)

// TestR22AnAnswerIsGivenOnce writes one status after another, each of which has to be refused or taken.
func TestR22AnAnswerIsGivenOnce(t *testing.T) {
	t.Parallel()
	const (
		ready    = `{type: Ready, status: "False", reason: Pending, message: "", lastTransitionTime: "2026-10-01T10:00:00Z"}`
		approved = `{type: Approved, status: "True", reason: Approved, message: fine, lastTransitionTime: "2026-10-01T10:00:00Z"}`
		denied   = `{type: Denied, status: "True", reason: Denied, message: not now, lastTransitionTime: "2026-10-01T10:00:00Z"}`
		alice    = `decidedBy: {name: alice@example.com}`
	)
	cases := map[string]struct {
		before, after string
		want          string
	}{
		"both at once":                       {"", `conditions: [` + ready + `, ` + approved + `, ` + denied + `], ` + alice, "either approved or denied, not both"},
		"an answer that is none":             {"", `conditions: [{type: Approved, status: "False", reason: Approved, message: "", lastTransitionTime: "2026-10-01T10:00:00Z"}], ` + alice, "are True, or not there"},
		"an answer by nobody":                {"", `conditions: [` + ready + `, ` + approved + `]`, "an answer comes with decidedBy"},
		"somebody without an answer":         {"", `conditions: [` + ready + `], ` + alice, "an answer comes with decidedBy"},
		"approved, then denied":              {`conditions: [` + approved + `], ` + alice, `conditions: [` + denied + `], ` + alice, "an answer cannot change"},
		"approved, then taken back":          {`conditions: [` + approved + `], ` + alice, `conditions: [` + ready + `]`, "an answer cannot change"},
		"approved, then everything is empty": {`conditions: [` + approved + `], ` + alice, `{}`, "an answer cannot change"},
		"denied with another message":        {`conditions: [` + denied + `], ` + alice, `conditions: [{type: Denied, status: "True", reason: Denied, message: never, lastTransitionTime: "2026-10-01T10:00:00Z"}], ` + alice, "an answer cannot change"},
		"by somebody else":                   {`conditions: [` + denied + `], ` + alice, `conditions: [` + denied + `], decidedBy: {name: bob@example.com}`, "who answered cannot change"},
		"the controller goes on":             {`conditions: [` + approved + `], ` + alice, `conditions: [` + approved + `, ` + ready + `], grantRef: {name: a}, ` + alice, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := env.Client(t, nil)
			object := create(t, "accessrequest", env.Namespace(t), "")
			write := func(status string) error {
				if status != `{}` {
					status = "{" + status + "}"
				}
				object.Object["status"] = parse(t, status)
				return c.Status().Update(t.Context(), object)
			}
			if tc.before != "" {
				if err := write(tc.before); err != nil {
					t.Fatal(err)
				}
			}
			err := write(tc.after)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			mustRefuse(t, err, tc.want)
		})
	}
}
