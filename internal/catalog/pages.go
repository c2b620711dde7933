// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/pager"
)

// pages lists recordings page by page and keeps the card of each. The other way of client-go that does not hold them all at once
// is to have the API server send each as an event, which costs both sides two to three times the work.
type pages struct {
	toolscache.ListerWatcher
}

// IsWatchListSemanticsUnSupported has client-go list, and not ask for events.
func (pages) IsWatchListSemanticsUnSupported() bool { return true }

// List is ListWithContext for those who have no context.
func (p pages) List(options metav1.ListOptions) (runtime.Object, error) {
	return p.ListWithContext(context.Background(), options)
}

// ListWithContext returns the cards of all recordings as they are now: only such a list comes in pages, where one that may be old
// comes in one piece.
func (p pages) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	options.ResourceVersion, options.ResourceVersionMatch, options.Limit = "", "", 0
	cards := &metav1.List{}
	page := func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		recordings, err := toolscache.ToListerWithContext(p.ListerWatcher).ListWithContext(ctx, options)
		if err != nil {
			return nil, err
		}
		is, err := meta.ListAccessor(recordings)
		if err == nil {
			cards.ResourceVersion = is.GetResourceVersion()
		}
		return recordings, err
	}
	err := pager.New(page).EachListItem(ctx, options, func(recording runtime.Object) error {
		card, err := Transform(recording)
		if err == nil {
			cards.Items = append(cards.Items, runtime.RawExtension{Object: card.(runtime.Object)})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cards, nil
}

// WatchWithContext is the watch as it was.
func (p pages) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return toolscache.ToWatcherWithContext(p.ListerWatcher).WatchWithContext(ctx, options)
}
