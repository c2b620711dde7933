// SPDX-License-Identifier: Apache-2.0

package deadline

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// behind is the priority of what is due: ten thousand recordings that expire must not keep a person's change waiting, which has
// the priority 0.
const behind = -1

// lateness tells a clock that stands still, or a manager without CPU, from a queue that is long.
var lateness = prometheus.NewHistogram(prometheus.HistogramOpts{
	Name:    "reelkeeper_deadline_lateness_seconds",
	Help:    "How long after its date a recording was handed to its controller, before it waits there for its turn.",
	Buckets: []float64{.001, .005, .01, .025, .05, .1, .5, 1, 5, 30},
})

func init() { metrics.Registry.MustRegister(lateness) }

// Source feeds a controller with what is due. Give it to the controller that sets the dates.
func Source(q *Queue[reconcile.Request]) source.Source {
	return source.Func(func(ctx context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		add := work.Add
		if ordered, is := work.(priorityqueue.PriorityQueue[reconcile.Request]); is {
			add = func(key reconcile.Request) { ordered.AddWithOpts(priorityqueue.AddOpts{Priority: new(behind)}, key) }
		}
		go q.Run(ctx, func(key reconcile.Request, late time.Duration) {
			lateness.Observe(late.Seconds())
			add(key)
		})
		return nil
	})
}
