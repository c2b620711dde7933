// SPDX-License-Identifier: Apache-2.0

package deadline

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// behind is the priority of what is due: ten thousand recordings that expire must not keep a person's change waiting, which has
// the priority 0.
const behind = -1

// Source feeds a controller with what is due. Give it to the controller that sets the dates.
func Source(q *Queue[reconcile.Request]) source.Source {
	return source.Func(func(ctx context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		hand := work.Add
		if ordered, is := work.(priorityqueue.PriorityQueue[reconcile.Request]); is {
			hand = func(key reconcile.Request) { ordered.AddWithOpts(priorityqueue.AddOpts{Priority: new(behind)}, key) }
		}
		go q.Run(ctx, hand)
		return nil
	})
}
