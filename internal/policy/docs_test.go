// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/policy"
)

const retentionPage = "../../docs/retention.md"

var update = flag.Bool("update", false, "write the generated table into docs/retention.md")

var precedenceSection = regexp.MustCompile(`(?s)(<!-- generated: precedence -->\n).*?(<!-- end -->)`)

// TestThePrecedenceIsDocumentedAsItIs keeps the table of docs/retention.md equal to the code. With -update it writes it.
func TestThePrecedenceIsDocumentedAsItIs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(retentionPage)
	if err != nil {
		t.Fatal(err)
	}
	if !precedenceSection.Match(text) {
		t.Fatalf("%s has no section for the table of precedence", retentionPage)
	}
	want := precedenceSection.ReplaceAllString(string(text), "${1}"+precedenceTable()+"${2}")
	if *update {
		if err := os.WriteFile(retentionPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("run `go test ./internal/policy -run Documented -update` and commit %s (-want +got):\n%s", retentionPage, diff)
	}
}

func precedenceTable() string {
	var table strings.Builder
	table.WriteString("|  | rule | what it does | date |\n|---|---|---|---|\n")
	for _, row := range policy.Precedence {
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", row.Decider, row.Rule, row.Force, row.Date)
	}
	return table.String()
}
