// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"slices"
	"sync"
	"time"

	toolscache "k8s.io/client-go/tools/cache"
)

// oneListener is an informer that tells all its handlers in one goroutine. client-go gives each handler a listener, with a buffer that
// grows to as many notifications as ever waited and never shrinks: at the start those of all recordings, two megabytes for each of the
// eight handlers of a manager with a hundred thousand.
//
// A handler that comes later is told of what the store has by then, and afterwards of what changes. As the store is ahead of what
// the others were told, it may hear of something twice, or of the end of what it never heard of.
type oneListener struct {
	toolscache.SharedIndexInformer

	listener toolscache.ResourceEventHandlerRegistration

	// mu is held while handlers are told something.
	mu       sync.Mutex
	handlers []*registration
}

// registration is one handler's. It is synced when the listener is, as a handler is told of the store before it is registered.
type registration struct {
	toolscache.ResourceEventHandlerRegistration

	handler toolscache.ResourceEventHandler
}

func withOneListener(informer toolscache.SharedIndexInformer) (*oneListener, error) {
	o := &oneListener{SharedIndexInformer: informer}
	var err error
	o.listener, err = informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(object any, initial bool) {
			o.tell(func(h toolscache.ResourceEventHandler) { h.OnAdd(object, initial) })
		},
		UpdateFunc: func(before, after any) { o.tell(func(h toolscache.ResourceEventHandler) { h.OnUpdate(before, after) }) },
		DeleteFunc: func(object any) { o.tell(func(h toolscache.ResourceEventHandler) { h.OnDelete(object) }) },
	})
	return o, err
}

func (o *oneListener) tell(say func(toolscache.ResourceEventHandler)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.handlers {
		say(r.handler)
	}
}

// AddEventHandler is AddEventHandlerWithOptions without any.
func (o *oneListener) AddEventHandler(handler toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return o.AddEventHandlerWithOptions(handler, toolscache.HandlerOptions{})
}

// AddEventHandlerWithResyncPeriod is AddEventHandler: all handlers have the resync period of the informer.
func (o *oneListener) AddEventHandlerWithResyncPeriod(handler toolscache.ResourceEventHandler, _ time.Duration) (toolscache.ResourceEventHandlerRegistration, error) {
	return o.AddEventHandler(handler)
}

// AddEventHandlerWithOptions returns after the handler was told of everything that is there.
func (o *oneListener) AddEventHandlerWithOptions(handler toolscache.ResourceEventHandler, _ toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, object := range o.GetStore().List() {
		handler.OnAdd(object, true)
	}
	r := &registration{o.listener, handler}
	o.handlers = append(o.handlers, r)
	return r, nil
}

// RemoveEventHandler returns when the handler is told nothing any more.
func (o *oneListener) RemoveEventHandler(handle toolscache.ResourceEventHandlerRegistration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handlers = slices.DeleteFunc(o.handlers, func(r *registration) bool { return r == handle })
	return nil
}
