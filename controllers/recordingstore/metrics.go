// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// maxNamespaces bounds how many namespaces of a store have numbers of their own. The largest do; the rest is one, with the name
// "(others)", which no namespace can have.
const (
	maxNamespaces = 200
	others        = "(others)"
)

var (
	storedBytes = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_store_bytes", Help: "Bytes that the recordings of a namespace take up in a store, by whether they are kept (trash included) or deleted but not purged.",
	}, []string{"store", "namespace", "state"})
	storedRecordings = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_store_recordings", Help: "MeetingRecordings of a namespace that name a store.",
	}, []string{"store", "namespace"})
	orphans = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "reelkeeper_orphans",
		Help: "What of a store does not fit together: media that belongs to no recording and to none that was seen to be deleted, and recordings whose media is not there. " +
			"kubectl reelkeeper orphans lists them.",
	}, []string{"store", "kind"})
)

// unreadable are deleted recordings that wait for a key.
var unreadable = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "reelkeeper_trash_unreadable",
	Help: "Deleted recordings of a store that are due and stay, because the keyset lacks the key that would tell whether they may go.",
}, []string{"store"})

func init() {
	metrics.Registry.MustRegister(storedBytes, storedRecordings, orphans, unreadable)
}

// publish replaces the numbers of a store.
func publish(store string, of map[string]namespaceUsage) {
	unpublish(store)
	for namespace, usage := range bounded(of) {
		storedBytes.WithLabelValues(store, namespace, "kept").Set(float64(usage.stored))
		storedBytes.WithLabelValues(store, namespace, "deleted").Set(float64(usage.deleted.Bytes))
		storedRecordings.WithLabelValues(store, namespace).Set(float64(usage.recordings))
	}
}

func unpublish(store string) {
	storedBytes.DeletePartialMatch(prometheus.Labels{"store": store})
	storedRecordings.DeletePartialMatch(prometheus.Labels{"store": store})
}

// bounded keeps the namespaces that take up most, and sums up the others.
func bounded(of map[string]namespaceUsage) map[string]namespaceUsage {
	if len(of) <= maxNamespaces {
		return of
	}
	var names []string
	for name := range of {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(of[b].stored+of[b].deleted.Bytes, of[a].stored+of[a].deleted.Bytes), strings.Compare(a, b))
	})
	kept := map[string]namespaceUsage{}
	for i, name := range names {
		if i >= maxNamespaces {
			name = others
		}
		sum := kept[name]
		sum.recordings += of[names[i]].recordings
		sum.stored += of[names[i]].stored
		sum.deleted.Recordings += of[names[i]].deleted.Recordings
		sum.deleted.Bytes += of[names[i]].deleted.Bytes
		kept[name] = sum
	}
	return kept
}
