// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Requests lists objects of the cache and asks for a pass over each that is wanted; wanted nil is all of them. It may not change
// them: they are the cache's own. The error is that of the listing.
func Requests[T client.Object](
	ctx context.Context, reader client.Reader, list client.ObjectList, wanted func(T) bool, options ...client.ListOption,
) ([]reconcile.Request, error) {
	if err := reader.List(ctx, list, append(options, client.UnsafeDisableDeepCopy)...); err != nil {
		return nil, err
	}
	var requests []reconcile.Request
	err := meta.EachListItem(list, func(item runtime.Object) error {
		if object := item.(T); wanted == nil || wanted(object) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(object)})
		}
		return nil
	})
	return requests, err
}
