// SPDX-License-Identifier: Apache-2.0

package condition_test

import (
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/condition"
)

var noon = time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)

// facts are those that the tests ask about.
func facts() *condition.Facts {
	return &condition.Facts{
		Subject: condition.Subject{
			Name: "dave@example.com", Internal: true,
			Departments: []string{"finance", "legal"}, Groups: []string{"board"}, Labels: []string{"manager"},
		},
		Recording: condition.Recording{
			Namespace: "finance", Department: "finance", Labels: map[string]string{"reelkeeper.io/sensitivity": "high", "region": "eu"},
			StartedAt: noon.Add(-3 * time.Hour), EndedAt: noon.Add(-2 * time.Hour), Held: true, Participants: 3,
		},
		Now: noon,
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		`subject.name == "dave@example.com"`:                                            true,
		`subject.name.endsWith("@example.com") && subject.internal`:                     true,
		`recording.department in subject.departments`:                                   true,
		`subject.departments.exists(d, d == recording.namespace)`:                       true,
		`subject.departments.all(d, d.startsWith("fin"))`:                               false,
		`subject.groups.exists_one(g, g in ["board", "audit"])`:                         true,
		`"intern" in subject.labels`:                                                    false,
		`recording.labels["reelkeeper.io/sensitivity"] == "high"`:                       true,
		`has(recording.labels.region) && recording.labels.region == "eu"`:               true,
		`"colour" in recording.labels && recording.labels["colour"] == "red"`:           false,
		`now < recording.endedAt + duration("168h")`:                                    true,
		`now - recording.startedAt > duration("4h")`:                                    false,
		`recording.held && !recording.trashed`:                                          true,
		`recording.participantCount <= 3`:                                               true,
		`permission != "Download" || "manager" in subject.labels`:                       true,
		`permission == "View"`:                                                          false,
		`now.getHours("Asia/Shanghai") >= 9 && now.getHours("Asia/Shanghai") < 18`:      false,
		`subject.name.matches("^[a-z]+@example[.]com$")`:                                true,
		`!(recording.namespace == "finance") || size(subject.groups) > 0`:               true,
		`subject.departments.exists(subject, subject == "legal") && subject.name != ""`: true,
	}
	for expression, want := range cases {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			program, err := condition.Compile(expression)
			if err != nil {
				t.Fatal(err)
			}
			got, err := program.Holds(facts(), v1alpha1.PermissionDownload)
			if err != nil || got != want {
				t.Errorf("holds: %v, %v, want %v", got, err, want)
			}
			if mentions := strings.Contains(expression, "permission"); program.PerPermission() != mentions {
				t.Errorf("per permission: %v", program.PerPermission())
			}
		})
	}
}

func TestWhatCannotBeEvaluatedDoesNotHold(t *testing.T) {
	t.Parallel()
	unending := facts()
	unending.Recording.StartedAt, unending.Recording.EndedAt = time.Time{}, time.Time{}
	large := facts()
	for range 100_000 {
		large.Subject.Groups = append(large.Subject.Groups, strings.Repeat("g", 100))
	}
	cases := map[string]struct {
		expression string
		facts      *condition.Facts
		want       string
	}{
		"a label that is not there":                 {`recording.labels["colour"] == "red"`, facts(), "no such key: colour"},
		"an end that has not come":                  {`now > recording.endedAt`, unending, "recording.endedAt is not known"},
		"a start that nobody knows":                 {`recording.startedAt < now`, unending, "recording.startedAt is not known"},
		"a time zone that is not there":             {`now.getHours("Mars/Olympus") > 1`, facts(), "unknown time zone"},
		"a division by nothing":                     {`1 / (recording.participantCount - 3) > 0`, facts(), "division by zero"},
		"a type that was forgotten and is not that": {`dyn(subject.name) > 1`, facts(), "no such overload"},
		"more groups than the estimate reckons":     {`subject.groups.exists(g, g.contains("x"))`, large, "cost limit exceeded"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, err := condition.Compile(tc.expression)
			if err != nil {
				t.Fatal(err)
			}
			holds, err := program.Holds(tc.facts, v1alpha1.PermissionView)
			if holds || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("holds: %v, %v; want an error that says %q", holds, err, tc.want)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ expression, want string }{
		"nothing":                         {``, "Syntax error"},
		"half an expression":              {`subject.internal &&`, "line 1, column 20: Syntax error"},
		"a name that is misspelt":         {`subject.deparments.exists(d, d == "a")`, "undeclared reference to 'subject': use subject.name"},
		"a clock":                         {`timestamp(now()) > now`, "undeclared reference to 'now'"},
		"a text that is no answer":        {`subject.name`, "it yields a value of type string: write a condition that is true or false"},
		"something of no type":            {`dyn(subject.internal)`, "it yields a value of type dyn"},
		"a comparison of different types": {`subject.name == 1`, "found no matching overload for '_==_'"},
		"a macro that builds lists":       {`subject.groups.map(g, g + g).size() > 1`, "undeclared reference to 'map'"},
		"a filter":                        {`subject.groups.filter(g, g == "a").size() > 1`, "undeclared reference to 'filter'"},
		"three loops in each other": {
			`subject.groups.all(a, subject.groups.all(b, subject.groups.all(c, a == b && b == c)))`, "nesting limit",
		},
		"two that cost too much": {
			`subject.groups.all(a, subject.groups.exists(b, a.contains(b)))`, "it may cost up to",
		},
		"a pattern that makes no sense": {`subject.name.matches("(")`, "invalid matches argument"},
		"a length that makes no sense":  {`now > now + duration("a day")`, "invalid duration argument"},
		"more than can be read":         {`subject.name == "` + strings.Repeat("x", condition.MaxLength) + `"`, "use at most 1024"},
		"more depth than can be read":   {strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "recursion"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := condition.Compile(tc.expression)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("compiled with %v, want an error that says %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines:\n%v", err)
			}
		})
	}
}

func TestAnExpressionIsCompiledOnce(t *testing.T) {
	t.Parallel()
	first, err := condition.Compile(`subject.internal`)
	if err != nil {
		t.Fatal(err)
	}
	if second, _ := condition.Compile(`subject.internal`); first != second {
		t.Error("the same text was compiled twice")
	}
}

// FuzzCondition compiles and evaluates whatever it is given: nothing panics, and an error never holds.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{
		`recording.department in subject.departments && now < recording.endedAt + duration("168h")`,
		`permission != "Download" || subject.groups.exists(g, g.matches("^a+$"))`,
		`recording.labels["a"] == string(recording.participantCount / 0) ? now.getHours("Europe/Berlin") > 1 : has(recording.labels.b)`,
		`[1, 2.0, "3", b"4", null, {"a": dyn(1)}].all(x, type(x) == int || x != 9223372036854775807 + 1)`,
		`timestamp("2026-01-01T00:00:00Z") - now > duration("-1s") && "\u0000\xff" < subject.name`,
	} {
		f.Add(seed, "finance", int64(0))
	}
	f.Fuzz(func(t *testing.T, expression, text string, seconds int64) {
		program, err := condition.Compile(expression)
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("a refusal that says %q", err)
			}
			return
		}
		given := facts()
		given.Subject.Name, given.Subject.Groups, given.Recording.Labels = text, []string{text, ""}, map[string]string{text: text}
		given.Now = time.Unix(seconds, 0)
		for _, f := range []*condition.Facts{given, {}} {
			if holds, err := program.Holds(f, v1alpha1.Permission(text)); holds && err != nil {
				t.Errorf("holds in spite of %v", err)
			}
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	many := facts()
	for range 128 {
		many.Subject.Groups = append(many.Subject.Groups, strings.Repeat("g", 256))
	}
	for _, expression := range []string{
		`subject.internal`,
		`permission != "Download" || recording.department in subject.departments`,
		`subject.groups.exists(g, g.contains("xy") || g.contains("xz") || g.contains("yz"))`,
	} {
		program, err := condition.Compile(expression)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(expression, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := program.Holds(many, v1alpha1.PermissionDownload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
