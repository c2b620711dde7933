// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Loaded returns a source of no requests. A controller that has it begins when the cache has read all objects of a kind: it counts them,
// and does not need to hear of each.
func Loaded(in cache.Cache, object client.Object) source.SyncingSource {
	return &loaded{cache: in, object: object}
}

type loaded struct {
	cache    cache.Cache
	object   client.Object
	informer cache.Informer
}

// Start has the cache watch the kind, if it does not yet.
func (l *loaded) Start(ctx context.Context, _ workqueue.TypedRateLimitingInterface[reconcile.Request]) (err error) {
	l.informer, err = l.cache.GetInformer(ctx, l.object, cache.BlockUntilSynced(false))
	if err != nil {
		return fmt.Errorf("watch %T: %w", l.object, err)
	}
	return nil
}

// WaitForSync returns when everything is read.
func (l *loaded) WaitForSync(ctx context.Context) error {
	if !toolscache.WaitForCacheSync(ctx.Done(), l.informer.HasSynced) {
		return fmt.Errorf("waiting for all of %T: %w", l.object, context.Cause(ctx))
	}
	return nil
}
