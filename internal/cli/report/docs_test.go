// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/cli/report"
)

const page = "../../../docs/plugin.md"

var (
	update    = flag.Bool("update", false, "write the table of checks into docs/plugin.md")
	generated = regexp.MustCompile(`(?s)(<!-- generated: checks -->\n).*?(<!-- end -->)`)
)

// TestR34EveryCheckIsDocumented keeps the table of docs/plugin.md equal to the code. With -update it writes it.
func TestR34EveryCheckIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| check | asks |\n|---|---|\n")
	for _, check := range report.NewBook(world()).Posture(now).Checks {
		fmt.Fprintf(&table, "| `%s` | %s |\n", check.Name, check.Asks)
	}
	want := generated.ReplaceAllString(string(text), "${1}"+table.String()+"${2}")
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("run `go test ./internal/cli/report -run Documented -update` and commit %s (-want +got):\n%s", page, diff)
	}
}
