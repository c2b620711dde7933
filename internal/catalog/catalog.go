// SPDX-License-Identifier: Apache-2.0

// Package catalog is what the manager remembers of recordings. Of a recording at rest it keeps a card, a twentieth of the
// recording: which one it is, when it wakes by itself, and the few facts that are counted over many recordings. A recording that
// is not at rest is kept whole beside its card.
//
//	watch of the API server ──▶ whole recording ──▶ CardOf ──▶ informer's store ──▶ Card, Cards: counted, selected
//	                                                                 └── events ──▶ controllers, which read the whole
//	                                                                                recording from the API server
//
// Cards are for counting, choosing and waking. What is decided about one recording is decided on the recording itself.
package catalog

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Reader finds cards. *Catalog is one.
type Reader interface {
	// Card returns the card of a recording, nil where there is none.
	Card(key client.ObjectKey) *Card
	// Cards returns the cards of a namespace, or all for the empty name, in no particular order.
	Cards(namespace string) []*Card
}

// Catalog finds cards in the informers of one manager. Its zero value has none; kube.WithCards connects it.
type Catalog struct {
	mu sync.Mutex
	// informers is one, or one for each namespace that the manager is confined to.
	informers []toolscache.SharedIndexInformer
}

// NewInformer makes informers as client-go does, and remembers those of recordings. It is for cache.Options.
func (c *Catalog) NewInformer(from toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	if _, is := object.(*v1alpha1.MeetingRecording); !is {
		return toolscache.NewSharedIndexInformer(from, object, resync, indexers)
	}
	informer, err := withOneListener(toolscache.NewSharedIndexInformer(pages{from}, object, resync, indexers))
	if err != nil {
		// Only an informer that has ended takes no handler, and this one has not begun.
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.informers = append(c.informers, informer)
	return informer
}

// Card returns the card of a recording, nil where there is none.
func (c *Catalog) Card(key client.ObjectKey) *Card {
	for _, informer := range c.all() {
		// The store's own error is always nil.
		if found, exists, err := informer.GetStore().GetByKey(key.String()); err == nil && exists {
			return found.(*Card)
		}
	}
	return nil
}

// Cards returns the cards of a namespace, or all for the empty name, in no particular order.
func (c *Catalog) Cards(namespace string) []*Card {
	var cards []*Card
	for _, informer := range c.all() {
		for _, found := range list(informer.GetIndexer(), namespace) {
			cards = append(cards, found.(*Card))
		}
	}
	return cards
}

func list(from toolscache.Indexer, namespace string) []any {
	if namespace == "" {
		return from.List()
	}
	// It fails without the index, which every informer of a controller-runtime cache has.
	found, err := from.ByIndex(toolscache.NamespaceIndex, namespace)
	if err != nil {
		panic(err)
	}
	return found
}

func (c *Catalog) all() []toolscache.SharedIndexInformer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.informers
}
