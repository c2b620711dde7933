// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// What a pass writes comes back as an event. Whoever waits for something, a person or a date, goes before that, and where the pass
// knows that nothing is left to do there is no need to look again.

// echo is the priority of the event of an own write: behind that of people's changes, 0, and of what falls due.
const echo = -2

// ownWrites remembers the last write to each recording until it is heard of. It only saves work: an event that nobody remembers to have
// caused leads to a pass.
type ownWrites struct {
	mu   sync.Mutex
	last map[types.NamespacedName]ownWrite
	// passes are those under way, with what was heard of meanwhile: an event can be quicker than the answer to the write that caused it,
	// and only the end of the pass tells whether it was one of the pass's own.
	passes map[types.NamespacedName][]news
}

// news is the version of a recording that was heard of, and the queue that it is for.
type news struct {
	version string
	work    queue
}

type ownWrite struct {
	version string
	// done says that the recording rests as it was written.
	done bool
	// gone says that it let the recording go.
	gone bool
}

func (w *ownWrites) begin(name types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.passes == nil {
		w.passes = map[types.NamespacedName][]news{}
	}
	w.passes[name] = nil
}

// end returns what was heard of during the pass.
func (w *ownWrites) end(name types.NamespacedName) []news {
	w.mu.Lock()
	defer w.mu.Unlock()
	meanwhile := w.passes[name]
	delete(w.passes, name)
	return meanwhile
}

// keep keeps news for the end of the pass that is under way, and says whether one is.
func (w *ownWrites) keep(name types.NamespacedName, heard news) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	meanwhile, passing := w.passes[name]
	if passing {
		w.passes[name] = append(meanwhile, heard)
	}
	return passing
}

func (w *ownWrites) wrote(name types.NamespacedName, write ownWrite) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = map[types.NamespacedName]ownWrite{}
	}
	w.last[name] = write
}

// heard forgets the last write, and says what it was if it is of this version.
func (w *ownWrites) heard(name types.NamespacedName, version string) (ownWrite, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	write := w.last[name]
	delete(w.last, name)
	return write, write.version == version
}

// hear puts a recording that has changed into the queue.
func (r *Reconciler) hear(request reconcile.Request, heard news) {
	if r.own.keep(request.NamespacedName, heard) {
		return
	}
	write, own := r.own.heard(request.NamespacedName, heard.version)
	ordered, can := heard.work.(priorityqueue.PriorityQueue[reconcile.Request])
	switch {
	case own && write.done:
	case own && can:
		ordered.AddWithOpts(priorityqueue.AddOpts{Priority: new(echo)}, request)
	default:
		heard.work.Add(request)
	}
}

// hearRest is for the end of a pass.
func (r *Reconciler) hearRest(request reconcile.Request) {
	for _, heard := range r.own.end(request.NamespacedName) {
		r.hear(request, heard)
	}
}
