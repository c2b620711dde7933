// SPDX-License-Identifier: Apache-2.0

package scrub

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	scrubbedBytes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_scrubbed_bytes_total",
		Help: "Bytes that were read to compare stored recordings with their manifests.",
	}, []string{"store"})
	scrubbedRecordings = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_scrubbed_recordings_total",
		Help: "Recordings that were compared with their manifests, by result: Intact, Damaged, MediaMissing, KeyMissing, or Unread for those that could not be read; and StateNotWritten for those of which the bucket said something else, at their check or after a start, which is written anew.",
	}, []string{"store", "result"})
	damagedRecordings = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_damaged_recordings",
		Help: "Recordings that are known not to be intact.",
	}, []string{"store"})
	lag = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_scrub_lag_seconds",
		Help: "How far the check of stored recordings is behind its schedule.",
	}, []string{"store"})
)

func init() {
	metrics.Registry.MustRegister(scrubbedBytes, scrubbedRecordings, damagedRecordings, lag)
}

// forgetMetrics removes what is said of a store that is gone.
func forgetMetrics(store string) {
	of := prometheus.Labels{"store": store}
	scrubbedBytes.DeletePartialMatch(of)
	scrubbedRecordings.DeletePartialMatch(of)
	damagedRecordings.DeletePartialMatch(of)
	lag.DeletePartialMatch(of)
}
