// SPDX-License-Identifier: Apache-2.0

package deadline

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Source feeds a controller with what is due. Give it to the controller that sets the dates.
func Source(q *Queue[reconcile.Request]) source.Source {
	return source.Func(func(ctx context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		go q.Run(ctx, work.Add)
		return nil
	})
}
