// SPDX-License-Identifier: Apache-2.0

package purgeguard

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// purgesStopped is what the alert ReelkeeperPurgesStopped of config/monitoring looks at.
var purgesStopped = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "reelkeeper_store_purges_stopped",
	Help: "1 while the purge guard of a RecordingStore waits for a person, 0 while recordings that are due are deleted for good.",
}, []string{"store"})

func init() { metrics.Registry.MustRegister(purgesStopped) }

func show(store string, stopped bool) {
	value := 0.0
	if stopped {
		value = 1
	}
	purgesStopped.WithLabelValues(store).Set(value)
}

func forget(store string) { purgesStopped.DeleteLabelValues(store) }
