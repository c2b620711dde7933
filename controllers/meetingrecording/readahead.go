// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// What falls due is read ahead of its date: ten thousand recordings that expire in the same minute have nothing left to do in it but
// to write. A recording that has changed since is read again, as its card tells.

const (
	// lead is how long before its date a recording is read, at most. That is looked for four times as often.
	lead = time.Minute
	// keptAhead is for how long at most, where it takes that long until it is a recording's turn, and mostAhead how many.
	keptAhead = 10 * time.Minute
	mostAhead = 10_000
	// readersAhead is how many are read at once: in the background, and ten thousand within the lead.
	readersAhead = 4
)

// prepared is what a pass over a recording reads, from a moment ago.
type prepared struct {
	recording *v1alpha1.MeetingRecording
	// key is that to the state in the bucket, which stays as long as the attempt does. It is nil where it was not read.
	key *archive.StateKey
	at  time.Time
}

// preparations are those of the recordings that are about to fall due.
type preparations struct {
	mu sync.Mutex
	of map[types.NamespacedName]prepared
}

// wants says whether there is room for a recording that is not prepared yet.
func (p *preparations) wants(name types.NamespacedName) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.of[name]
	return !known && len(p.of) < mostAhead
}

func (p *preparations) add(name types.NamespacedName, ready prepared) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[types.NamespacedName]prepared{}
	}
	p.of[name] = ready
}

// take returns what was prepared for a recording, and forgets it.
func (p *preparations) take(name types.NamespacedName) (prepared, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ready, known := p.of[name]
	delete(p.of, name)
	return ready, known
}

// tidy forgets what nobody has come for.
func (p *preparations) tidy(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.of, func(_ types.NamespacedName, ready prepared) bool { return now.Sub(ready.at) > keptAhead })
}

// readAhead prepares recordings until ctx ends.
func (r *Reconciler) readAhead(ctx context.Context) error {
	timer := r.options.Clock.NewTimer(lead / 4)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C():
			r.prepare(ctx)
			timer.Reset(lead / 4)
		}
	}
}

// prepare reads what falls due within the lead.
func (r *Reconciler) prepare(ctx context.Context) {
	now := r.options.Clock.Now()
	r.ahead.tidy(now)
	var readers errgroup.Group
	readers.SetLimit(readersAhead)
	for _, request := range r.deadlines.Before(now.Add(lead)) {
		if card := r.options.Cards.Card(request.NamespacedName); card != nil && card.Settled() && r.ahead.wants(request.NamespacedName) && ctx.Err() == nil {
			readers.Go(func() error {
				r.prepareOne(ctx, card, now)
				return nil
			})
		}
	}
	_ = readers.Wait() // what cannot be read now, the pass reads, and says why it cannot
}

func (r *Reconciler) prepareOne(ctx context.Context, card *catalog.Card, now time.Time) {
	recording, err := r.readResting(ctx, card)
	if err != nil || recording.ResourceVersion != card.GetResourceVersion() {
		return
	}
	recording.ManagedFields = nil // a third of what is read
	catalog.Compact(recording)
	ready := prepared{recording: recording, at: now}
	// Of all that falls due, only an expiry is told to the bucket.
	if expires := recording.Status.ExpiresAt; !expires.IsZero() && expires.Time.Before(now.Add(2*lead)) {
		if ready.key, err = r.stateKeyOf(ctx, recording); err != nil {
			log.FromContext(ctx).V(1).Info("The key to the state is not read ahead", "recording", card.Key(), "reason", err.Error())
		}
	}
	r.ahead.add(card.Key(), ready)
}

func (r *Reconciler) stateKeyOf(ctx context.Context, recording *v1alpha1.MeetingRecording) (*archive.StateKey, error) {
	store, err := r.options.Stores.Open(ctx, recording.StoreName())
	if err != nil {
		return nil, err
	}
	from, err := archiveOf(&observation{recording: recording, store: storeView{open: store}})
	if err != nil {
		return nil, err
	}
	key, err := from.StateKey(ctx, objectstore.AttemptOf(recording.Status.Storage.ManifestKey))
	if err != nil {
		return nil, err
	}
	return &key, nil
}

// read reads a recording, unless that was done ahead. One that rests, as far as its card knows, comes out of the API server's memory, no
// older than the card: ten thousand that expire in the same minute are not worth as many reads from etcd. Whatever is decided upon an
// older view than there is changes nothing, for the write that follows carries the version. One that does not rest may be about to lose
// what never comes back.
func (r *Reconciler) read(ctx context.Context, name client.ObjectKey) (prepared, error) {
	ready, ahead := r.ahead.take(name)
	if card := r.options.Cards.Card(name); card != nil && card.Settled() {
		if ahead && ready.recording.ResourceVersion == card.GetResourceVersion() {
			return ready, nil
		}
		if recording, err := r.readResting(ctx, card); err != nil || catalog.IsSettled(recording) {
			return prepared{recording: recording}, err
		}
	}
	recording := &v1alpha1.MeetingRecording{}
	return prepared{recording: recording}, r.options.Direct.Get(ctx, name, recording)
}

// readResting reads a recording no older than its card.
func (r *Reconciler) readResting(ctx context.Context, card *catalog.Card) (*v1alpha1.MeetingRecording, error) {
	recording := &v1alpha1.MeetingRecording{}
	noOlder := &client.GetOptions{Raw: &metav1.GetOptions{ResourceVersion: card.GetResourceVersion()}}
	return recording, r.options.Direct.Get(ctx, card.Key(), recording, noOlder)
}
