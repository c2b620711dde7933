// SPDX-License-Identifier: Apache-2.0

// Package purgeguard keeps a wrong rule from emptying a store overnight.
//
// A recording that expires goes to the trash, where it can be taken back; what leaves the trash is gone. So there, and only
// there, is a bound: at most a share of what a store has, within any sixty minutes. What would exceed it stops all further
// purges of the store until a person has looked. Who purges asks first:
//
//	reconciler, for what leaves the trash ──┐
//	                                        ├── Ask ──▶ Guard ──▶ may, or has to wait
//	sweeper, for what was deleted ──────────┘             │
//	                                                      └── stopped ──▶ condition, Event, metric: controllers/purgeguard
//
// The window is kept in memory. After a restart nobody knows what was purged just before, so for an hour no more is let
// through than the settings always allow. That a store is stopped stands in its status and holds across restarts.
package purgeguard

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
)

// Answer says whether one more recording may be purged.
type Answer struct {
	// Allowed says that it may, now.
	Allowed bool
	// Again is when to ask again; zero is when the store changes, because a person has to act.
	Again time.Time
}

// Guard counts purges and stops them. Its methods can be called side by side.
type Guard struct {
	reader  client.Reader
	cards   catalog.Reader
	clock   clock.PassiveClock
	started time.Time
	// stopped is told the name of a store when its purges stop.
	stopped func(store string)

	mu      sync.Mutex
	ledgers map[types.UID]*ledger
}

// New returns a Guard that reads stores from the cache and counts cards. Of a manager that is confined to namespaces, it knows
// the recordings of these.
func New(reader client.Reader, cards catalog.Reader, clock clock.PassiveClock) *Guard {
	return &Guard{
		reader: reader, cards: cards, clock: clock, started: clock.Now(),
		stopped: func(string) {}, ledgers: map[types.UID]*ledger{},
	}
}

// OnStop makes the Guard call told, without waiting for anything, when the purges of a store stop. Call it before the first Ask.
func (g *Guard) OnStop(told func(store string)) { g.stopped = told }

// Ask says whether the recording with this UID may be purged from the named store now, and if so counts it. Who asks again for
// the same recording, because it could not be purged at once, is not counted twice.
func (g *Guard) Ask(ctx context.Context, name, uid string) (Answer, error) {
	var store v1alpha1.RecordingStore
	if err := g.reader.Get(ctx, client.ObjectKey{Name: name}, &store); err != nil {
		if apierrors.IsNotFound(err) {
			return Answer{}, nil // its settings are gone with it, and so is the way to its buckets
		}
		return Answer{}, fmt.Errorf("read RecordingStore %s: %w", name, err)
	}
	recordings := g.recordings(&store)
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.ledger(&store)
	was := l.stop
	answer := l.ask(question{
		uid: uid, now: g.clock.Now(), settings: settingsOf(&store), recordings: recordings,
		stopped: stopOf(store.Status.PurgesStopped), restarted: g.started,
	})
	if l.stop != nil && was == nil {
		g.stopped(name)
	}
	return answer, nil
}

// Stop is why the purges of a store have stopped.
type Stop struct {
	// At is when; zero is never: they have not.
	At time.Time
	// Purged is how many had been purged in the hour before, of so many Recordings, and Allowed how many might have been.
	Purged, Recordings, Allowed int
}

// Stopped returns why the purges of a store have stopped; false if they have not, or if a person has let them go on.
func (g *Guard) Stopped(store *v1alpha1.RecordingStore) (Stop, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.ledger(store)
	l.release(settingsOf(store), stopOf(store.Status.PurgesStopped), g.clock.Now())
	if l.stop == nil {
		return Stop{}, false
	}
	return *l.stop, true
}

// ledger returns what is known of a store. One that was made anew under the same name starts afresh.
func (g *Guard) ledger(store *v1alpha1.RecordingStore) *ledger {
	l, found := g.ledgers[store.UID]
	if !found {
		l = &ledger{purged: map[string]purge{}, counted: -1}
		g.ledgers[store.UID] = l
	}
	return l
}

// countFor is how long a count of a store's recordings is good enough for a share of it.
const countFor = 10 * time.Minute

// recordings is how many recordings the store has: those in the trash, and those that were deleted and can still be restored,
// included, for they are what is purged. The store's status counts them. Before it does, the deleted ones are left out, which allows
// less and not more.
func (g *Guard) recordings(store *v1alpha1.RecordingStore) int {
	if used := store.Status.Usage; used.Recordings != nil {
		total := int(*used.Recordings)
		if used.DeletedRecordings != nil {
			total += int(*used.DeletedRecordings)
		}
		return total
	}
	now := g.clock.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.ledger(store)
	if l.counted < 0 || !now.Before(l.countedAt.Add(countFor)) {
		l.counted, l.countedAt = g.count(store.Name), now
	}
	return l.counted
}

func (g *Guard) count(store string) int {
	total := 0
	for _, card := range g.cards.Cards("") {
		if card.Store() == store {
			total++
		}
	}
	return total
}
