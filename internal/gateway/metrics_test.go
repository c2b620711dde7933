// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gateway_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
)

// gathered are the gateway's metrics, by name and labels: name{class=key,status=200}. Counters of a process only grow.
func gathered(t *testing.T, from prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			if name := family.GetName(); strings.HasPrefix(name, "reelkeeper_gateway_") {
				found[name+"{"+strings.Join(labels, ",")+"}"] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			}
		}
	}
	return found
}

func TestMetricsCountWhatHappensAndNameNobody(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	recording, _ := w.Recording(t, env.Namespace(t), "review")
	server, err := gateway.New(w.Options)
	if err != nil {
		t.Fatal(err)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(server)
	all, isGatherer := metrics.Registry.(prometheus.Gatherer)
	if !isGatherer {
		t.Fatal("the registry tells nothing")
	}
	before := gathered(t, all)

	viewer := w.SignIn(t, "participant")
	view := beginView(t, viewer, recording)
	if answer := viewer.Get(t, view+"key"); answer.Status != http.StatusOK {
		t.Fatalf("the key answers %d", answer.Status)
	}
	media := viewer.Get(t, view+"media", "Range", "bytes=0-99")
	if refused := viewer.Get(t, pageOf(recording)+"/download"); refused.Status != http.StatusForbidden {
		t.Fatalf("the download answers %d", refused.Status)
	}
	if absent := viewer.Get(t, "/nowhere/of/ours"); absent.Status != http.StatusNotFound {
		t.Fatalf("a path that is none answers %d", absent.Status)
	}

	after := gathered(t, all)
	for _, fromTheStart := range []string{
		"refusals_total{reason=Unrecorded}", "refusals_total{reason=Broken}", "store_fetches_refused_total{limit=Replica}", "store_fetches{state=Waiting}",
	} {
		if _, there := before["reelkeeper_gateway_"+fromTheStart]; !there {
			t.Errorf("%s is not there before it grows", fromTheStart)
		}
	}
	for name, atLeast := range map[string]float64{
		"reelkeeper_gateway_requests_total{class=key,status=200}":      1,
		"reelkeeper_gateway_requests_total{class=media,status=206}":    1,
		"reelkeeper_gateway_requests_total{class=view,status=201}":     1,
		"reelkeeper_gateway_requests_total{class=download,status=403}": 1,
		"reelkeeper_gateway_requests_total{class=none,status=404}":     1,
		"reelkeeper_gateway_request_duration_seconds{class=media}":     1,
		"reelkeeper_gateway_sent_bytes_total{class=media}":             float64(len(media.Body)),
		"reelkeeper_gateway_refusals_total{reason=NotPermitted}":       1,
	} {
		if grown := after[name] - before[name]; grown < atLeast {
			t.Errorf("%s grew by %v, want at least %v", name, grown, atLeast)
		}
	}
	if age, there := gathered(t, own)["reelkeeper_gateway_view_age_seconds{}"]; !there || age < 0 || age > 60 {
		t.Errorf("the view is %v s old (%v)", age, there)
	}
	known := regexp.MustCompile(`\{((class|status|reason|state|limit|counted)=[A-Za-z0-9]+,?)*\}$`)
	for name := range after {
		if !known.MatchString(name) {
			t.Errorf("%s has labels that are not from our lists", name)
		}
	}
}
