// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

const page = "../../docs/policies.md"

var update = flag.Bool("update", false, "write the generated tables into docs/policies.md")

var generated = regexp.MustCompile(`(?s)(<!-- generated: (\w+) -->\n).*?(<!-- end -->)`)

// TestTheDocumentationIsGenerated keeps the tables of docs/policies.md equal to the code. With -update it writes them.
func TestTheDocumentationIsGenerated(t *testing.T) {
	tables := map[string]func(*testing.T) string{"profiles": profileTable, "permissions": permissionTable, "reasons": reasonTable}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	want := generated.ReplaceAllStringFunc(string(text), func(section string) string {
		parts := generated.FindStringSubmatch(section)
		seen++
		return parts[1] + tables[parts[2]](t) + parts[3]
	})
	if seen != len(tables) {
		t.Fatalf("%s has %d generated sections, want %d", page, seen, len(tables))
	}
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(want, string(text)); diff != "" {
		t.Errorf("run `go test ./internal/access -run Documentation -update` and commit %s (-want +got):\n%s", page, diff)
	}
}

// profileTable shows what each profile sets.
func profileTable(t *testing.T) string {
	t.Helper()
	type row struct {
		name string
		cell func(*policy.Rules) string
	}
	length := func(f policy.Field[time.Duration]) string {
		if f.Value == v1alpha1.Forever {
			return "never"
		}
		if f.Value%(24*time.Hour) == 0 {
			return fmt.Sprintf("%d d", f.Value/(24*time.Hour))
		}
		return fmt.Sprintf("%d h", f.Value/time.Hour)
	}
	none := func(f policy.Field[time.Duration]) string { return map[bool]string{true: "no"}[f.Value == 0] }
	rows := []row{
		{"audience", func(r *policy.Rules) string { return string(r.Access.Audiences[0].Kind) }},
		{"links", func(r *policy.Rules) string { return string(r.Sharing.Links.Value) }},
		{"a grant lasts at most", func(r *policy.Rules) string {
			return strings.Replace(length(r.Sharing.MaxTTL), "never", "as long as it says", 1)
		}},
		{"granting to outsiders", func(r *policy.Rules) string { return string(r.Sharing.External.Value) }},
		{"public channels", func(r *policy.Rules) string { return string(r.Sharing.PublicChannels.Value) }},
		{"requests", func(r *policy.Rules) string { return string(r.Sharing.Requests.Value) }},
		{"expires after", func(r *policy.Rules) string { return length(r.Retention.ExpireAfter) }},
		{"expires when unwatched for", func(r *policy.Rules) string { return length(r.Retention.UnwatchedAfter) }},
		{"stays in the trash for", func(r *policy.Rules) string { return length(r.Retention.TrashFor) }},
		{"warns before it expires", func(r *policy.Rules) string {
			return cmp.Or(none(r.Retention.WarnBefore), length(r.Retention.WarnBefore))
		}},
		{"a single recording may extend that to", func(r *policy.Rules) string { return cmp.Or(none(r.Retention.ExtendTo), length(r.Retention.ExtendTo)) }},
		{"recording", func(r *policy.Rules) string {
			return string(r.Recording.Mode.Value) + ", " + string(r.Recording.Notice.Value)
		}},
		{"players are given ahead at most", func(r *policy.Rules) string {
			return strings.Replace(r.Playback.MaxAhead.Value.String(), v1alpha1.Forever.String(), "as they ask", 1)
		}},
		{"watched at most at", func(r *policy.Rules) string { return string(r.Playback.MaxSpeed.Value) }},
		{"watermark", func(r *policy.Rules) string { return string(r.Watermark.Value) }},
		{"network addresses in the access log", func(r *policy.Rules) string { return string(r.Audit.Addresses.Value) }},
	}
	table := header("")
	fmt.Fprintf(table, "| for |")
	for _, profile := range policy.Profiles {
		fmt.Fprintf(table, " %s |", profile.For)
	}
	for _, r := range rows {
		fmt.Fprintf(table, "\n| %s |", r.name)
		for _, profile := range policy.Profiles {
			fmt.Fprintf(table, " %s |", r.cell(rulesOf(profile.Name)))
		}
	}
	return table.String() + "\n"
}

// permissionTable shows what each role may do under each profile, as Decide answers.
func permissionTable(t *testing.T) string {
	t.Helper()
	table := header("role")
	for i, name := range []string{"creator", "host", "participant", "colleague", "outsider", "nobody"} {
		role := cmp.Or(map[int]string{5: "who has not signed in"}[i], string(policy.Roles[min(i, 4)]))
		fmt.Fprintf(table, "| %s |", role)
		for _, profile := range policy.Profiles {
			fmt.Fprintf(table, " %s |", mayDo(rulesOf(profile.Name), askers[name]))
		}
		table.WriteString("\n")
	}
	return table.String()
}

// reasonTable shows every reason.
func reasonTable(t *testing.T) string {
	t.Helper()
	table := &strings.Builder{}
	table.WriteString("| code | says | the person can | an administrator can |\n|---|---|---|---|\n")
	for _, reason := range reasonsInSource(t) {
		e := access.Explanations[reason]
		fmt.Fprintf(table, "| `%s` | %s | %s | %s |\n", reason, placeholders(e.Message), placeholders(cmp.Or(e.Remedy, "–")), e.Admin)
	}
	return table.String()
}

func placeholders(text string) string {
	return strings.NewReplacer("{do}", "…", "{when}", "…").Replace(text)
}

func header(first string) *strings.Builder {
	table := &strings.Builder{}
	fmt.Fprintf(table, "| %s |", first)
	for _, profile := range policy.Profiles {
		fmt.Fprintf(table, " %s |", profile.Name)
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(policy.Profiles)) + "\n")
	return table
}

func rulesOf(profile v1alpha1.Profile) *policy.Rules {
	return policy.Resolve(policy.Input{Policies: []v1alpha1.RecordingPolicy{chooses(profile)}})
}
