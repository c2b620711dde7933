// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
)

var (
	// description is how a prometheus.Desc, whose fields nobody can read, prints itself.
	description = regexp.MustCompile(`^Desc\{fqName: "(\w+)", help: ".*", constLabels: \{\}, variableLabels: \{([\w,]*)\}\}$`)
	ourMetric   = regexp.MustCompile(`(?:^|[^-\w])(reelkeeper_[a-z0-9_]+)`)
	metricRow   = regexp.MustCompile("(?m)^ *\\| `(reelkeeper_\\w+)` \\| ([^|]*) \\|")
	usedLabel   = regexp.MustCompile(`\$labels\.(\w+)`)
	// targetLabels are what Prometheus adds to whatever a Pod tells it.
	targetLabels = []string{"job", "instance", "namespace", "service", "endpoint", "pod", "container"}
)

// ourMetrics are the metrics that the program registers, with their labels.
func ourMetrics(t *testing.T) map[string][]string {
	t.Helper()
	all, describes := metrics.Registry.(prometheus.Collector)
	if !describes {
		t.Fatal("the registry does not say what it holds")
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		all.Describe(descriptions)
		new(gateway.Server).Describe(descriptions)
	}()
	found := map[string][]string{}
	for one := range descriptions {
		if parts := description.FindStringSubmatch(one.String()); len(parts) > 0 && strings.HasPrefix(parts[1], "reelkeeper_") {
			found[parts[1]] = strings.FieldsFunc(parts[2], func(r rune) bool { return r == ',' })
		} else if strings.Contains(one.String(), "reelkeeper_") {
			t.Errorf("%s is not understood", one)
		}
	}
	return found
}

// files are those below a directory of the repository with one of these endings.
func files(t *testing.T, dir string, endings ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains(endings, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// rule is one of a PrometheusRule.
type rule struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// rulesIn are the alerts in a file.
func rulesIn(t *testing.T, path, text string) []rule {
	t.Helper()
	var object struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
		Spec       struct {
			Groups []struct {
				Name  string `json:"name"`
				Rules []rule `json:"rules"`
			} `json:"groups"`
		} `json:"spec"`
	}
	if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var all []rule
	for _, group := range object.Spec.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

// TestAlertsLookAtWhatThereIs reads the expressions of all alerts: an alert on a metric that nobody registers is silent for ever.
func TestAlertsLookAtWhatThereIs(t *testing.T) {
	known, there := ourMetrics(t), fromTheStart(t)
	seen := 0
	for _, dir := range []string{"config", "charts"} {
		for path, text := range files(t, dir, ".yaml", ".tpl", ".json") {
			if !strings.Contains(text, "kind: PrometheusRule") {
				continue
			}
			for _, rule := range rulesIn(t, path, text) {
				seen++
				t.Run(rule.Alert, func(t *testing.T) { checkRule(t, rule, known, there) })
			}
		}
	}
	if seen < 5 {
		t.Errorf("the test is blind: it finds %d alerts", seen)
	}
}

// TestWhatWaitsForAPersonRaisesAnAlert has what stays as it is until somebody acts called to their attention.
func TestWhatWaitsForAPersonRaisesAnAlert(t *testing.T) {
	for alert, metric := range map[string]string{
		"ReelkeeperPurgesStopped":   "reelkeeper_store_purges_stopped",
		"ReelkeeperOrphans":         "reelkeeper_orphans",
		"ReelkeeperTrashUnreadable": "reelkeeper_trash_unreadable",
	} {
		t.Run(alert, func(t *testing.T) {
			found := false
			for path, text := range files(t, "config/monitoring", ".yaml") {
				if !strings.Contains(text, "kind: PrometheusRule") {
					continue
				}
				for _, rule := range rulesIn(t, path, text) {
					asked, err := parseQuery(rule.Expr)
					found = found || err == nil && rule.Alert == alert && asked.metrics[0].metric == metric && strings.HasSuffix(rule.Expr, "> 0")
				}
			}
			if !found {
				t.Errorf("no alert %s says that %s is above 0", alert, metric)
			}
		})
	}
}

func checkRule(t *testing.T, rule rule, known map[string][]string, there map[string]bool) {
	t.Helper()
	asked, err := parseQuery(rule.Expr)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range asked.metrics {
		labels, registered := known[one.metric]
		if !registered {
			t.Errorf("nobody registers %s", one.metric)
			continue
		}
		for _, label := range slices.Concat(one.labels, asked.by) {
			if !slices.Contains(labels, label) && !slices.Contains(targetLabels, label) {
				t.Errorf("%s has no label %s, only %v", one.metric, label, labels)
			}
		}
		for label, value := range one.equal {
			if !there[one.metric+"{"+label+"="+value+"}"] && one.counter {
				t.Errorf("%s with %s=%q is not there from the start: its first growth is not seen, and a value that is written wrongly never", one.metric, label, value)
			}
		}
	}
	for _, text := range rule.Annotations {
		for _, label := range usedLabel.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(asked.by, label[1]) {
				t.Errorf("the alert speaks of the label %s, which its expression does not keep", label[1])
			}
		}
	}
}

// fromTheStart are the labels with values that metrics have before anything happened.
func fromTheStart(t *testing.T) map[string]bool {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				found[family.GetName()+"{"+label.GetName()+"="+label.GetValue()+"}"] = true
			}
		}
	}
	return found
}

// TestMetricsThatAreNamedExist reads everything that people read or install, and finds every metric of ours in the docs.
func TestMetricsThatAreNamedExist(t *testing.T) {
	known, documented := ourMetrics(t), map[string]bool{}
	for _, dir := range []string{"config", "charts", "docs"} {
		for path, text := range files(t, dir, ".yaml", ".json", ".tpl", ".txt", ".md") {
			for _, name := range ourMetric.FindAllStringSubmatch(text, -1) {
				if _, registered := known[name[1]]; !registered {
					t.Errorf("%s names %s, which nobody registers", path, name[1])
				}
				documented[name[1]] = documented[name[1]] || dir == "docs"
			}
			for _, row := range metricRow.FindAllStringSubmatch(text, -1) {
				said := strings.FieldsFunc(row[2], func(r rune) bool { return strings.ContainsRune(", `", r) })
				if labels := known[row[1]]; !slices.Equal(slices.Sorted(slices.Values(said)), slices.Sorted(slices.Values(labels))) {
					t.Errorf("%s says that %s has the labels %v, and it has %v", path, row[1], said, labels)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !documented[name] {
			t.Errorf("no page in docs names %s", name)
		}
	}
	if len(known) < 15 {
		t.Errorf("the test is blind: it finds %d metrics", len(known))
	}
}
