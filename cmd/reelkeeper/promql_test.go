// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// query is what an expression of PromQL looks at.
type query struct {
	metrics []selection
	// by are the labels that its result has.
	by []string
}

// selection is a metric with the labels that are asked to have, or not to have, some value.
type selection struct {
	metric  string
	labels  []string
	equal   map[string]string
	counter bool // within rate or increase
}

var (
	token  = regexp.MustCompile(`^(\s+|"[^"\\]*"|[a-zA-Z_:][\w:]*|\d+(\.\d+)?|\[\d+[smhd]\]|[!=]~|[!=<>]=|[-+*/<>=(){},])`)
	aName  = regexp.MustCompile(`^[a-zA-Z_:]`)
	counts = []string{"rate", "increase"}
	words  = []string{"max", "min", "sum", "count", "avg", "rate", "increase", "and", "or", "unless"}
)

// parseQuery reads the part of PromQL that our alerts are written in, and refuses all else: what is no function that it knows is a
// metric, so that nothing passes because it was not understood. Add what an alert needs to words.
func parseQuery(text string) (query, error) {
	var found query
	tokens, err := tokensOf(text)
	if err != nil {
		return found, err
	}
	for i := 0; i < len(tokens); i++ {
		switch word := tokens[i]; {
		case word == "by":
			var labels []string
			labels, i = until(tokens, i+1, ")")
			found.by = append(found.by, names(labels)...)
		case slices.Contains(words, word) || !aName.MatchString(word):
		default:
			one := selection{metric: word, equal: map[string]string{}}
			one.counter = i >= 2 && slices.Contains(counts, tokens[i-2])
			if i+1 < len(tokens) && tokens[i+1] == "{" {
				var inside []string
				inside, i = until(tokens, i+1, "}")
				one.labels = names(inside)
				for j, sign := range inside {
					if sign == "=" {
						one.equal[inside[j-1]] = strings.Trim(inside[j+1], `"`)
					}
				}
			}
			found.metrics = append(found.metrics, one)
		}
	}
	if len(found.metrics) == 0 {
		return found, fmt.Errorf("%q looks at nothing", text)
	}
	return found, nil
}

func tokensOf(text string) ([]string, error) {
	var tokens []string
	for rest := text; rest != ""; {
		next := token.FindString(rest)
		if next == "" {
			return nil, fmt.Errorf("%q is not understood from %q on", text, rest)
		}
		if strings.TrimSpace(next) != "" {
			tokens = append(tokens, next)
		}
		rest = rest[len(next):]
	}
	return tokens, nil
}

// until is what follows the token at from, up to the one that ends it, and where that is.
func until(tokens []string, from int, end string) (inside []string, at int) {
	for at = from; at < len(tokens) && tokens[at] != end; at++ {
	}
	return tokens[min(from+1, at):at], at
}

func names(tokens []string) []string {
	return slices.DeleteFunc(slices.Clone(tokens), func(t string) bool { return !aName.MatchString(t) })
}

func TestParseQuery(t *testing.T) {
	got, err := parseQuery(`max by (store, kind) (reelkeeper_orphans) > 0 and sum(rate(other_total{a="b",c!~"d"}[5m])) >= 1.5`)
	if err != nil {
		t.Fatal(err)
	}
	want := `{[{reelkeeper_orphans [] map[] false} {other_total [a c] map[a:b] true}] [store kind]}`
	if fmt.Sprint(got) != want {
		t.Errorf("parseQuery = %v, want %s", got, want)
	}
	for name, text := range map[string]string{
		"a function that is not known is a metric that is not there": `histogram_quantile(0.9, x)`,
		"what cannot be read": `x @ 5`,
		"nothing":             `1 > 0`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseQuery(text)
			if err == nil && got.metrics[0].metric != "histogram_quantile" {
				t.Errorf("parseQuery = %v", got)
			}
		})
	}
}
