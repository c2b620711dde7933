// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	rewrappedTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reelkeeper_keys_rewrapped_total",
		Help: "Recordings whose key was wrapped with a newer key of the keyset.",
	}, []string{"store"})
	behind = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_key_generations_behind",
		Help: "How many key generations a store is behind what its spec asks for; 0 when its recordings' keys are all wrapped with the newest key.",
	}, []string{"store"})
)

func init() { metrics.Registry.MustRegister(rewrappedTotal, behind) }
