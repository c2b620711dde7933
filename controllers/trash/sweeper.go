// SPDX-License-Identifier: Apache-2.0

package trash

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// sweepInterval is the longest time between two looks at the trash. It bounds how late a tombstone is seen that somebody else
// wrote: a person who does not want to wait for the purge, or another replica just before it lost the leadership. It is how soon
// a failed purge is tried again, too. A look costs one request for each bucket.
const sweepInterval = 10 * time.Minute

// retryInterval is how soon the trash is looked at again after a store did not answer.
const retryInterval = time.Minute

// Stores opens stores by name. *stores.Resolver is one.
type Stores interface {
	Open(ctx context.Context, name string) (*stores.Store, error)
}

// Guard says whether one more recording of a store may be purged. *purgeguard.Guard is one.
type Guard interface {
	Ask(ctx context.Context, store, uid string) (purgeguard.Answer, error)
}

// Options are what a Sweeper needs. All fields but Namespaces are required.
type Options struct {
	// Reader reads RecordingStores and MeetingRecordings from the cache, Direct MeetingRecordings from the API server: what is
	// removed for good must not depend on an old view.
	Reader client.Reader
	Direct client.Reader
	// Namespaces confine the Sweeper to what was deleted from these. Empty is all of them.
	Namespaces []string
	// Stores opens them.
	Stores Stores
	// Guard is asked before each purge.
	Guard Guard
	// Governance says from the cache which policies hold. What it says is confirmed with Direct before anything follows from it.
	Governance governance.Reader
	// Claims are shared with who brings recordings back.
	Claims *archive.Claims
	// Audit records each purge.
	Audit audit.Recorder
	// Clock tells the time; a test steps it.
	Clock clock.WithTicker
	// OperatorNamespace keeps the audit events of recordings whose namespace is gone.
	OperatorNamespace string
}

// Sweeper purges what is due, at the start, exactly when the next tombstone falls due, and at least every ten minutes. It is a
// Runnable for the manager that runs on the leader only.
type Sweeper struct {
	options Options
	// earlier carries the purge dates of tombstones that were just written.
	earlier chan time.Time

	// pending are the deleted recordings that the sweep under way keeps for want of a key: namespace and name.
	pending []string
	mu      sync.Mutex
	// unreadable are those of the last whole sweep, by store.
	unreadable map[string][]string
}

// NewSweeper returns a Sweeper that is not running yet.
func NewSweeper(options Options) *Sweeper {
	// Room for one: who finds the channel full knows that a look at the trash is due anyway; see Note.
	return &Sweeper{options: options, earlier: make(chan time.Time, 1)}
}

// NeedLeaderElection makes the manager run the Sweeper on the leader only.
func (s *Sweeper) NeedLeaderElection() bool { return true }

// Note tells the Sweeper that a tombstone with this purge date was written, so that it does not oversleep it.
func (s *Sweeper) Note(purgeAt time.Time) {
	for {
		select {
		case s.earlier <- purgeAt:
			return
		case waiting := <-s.earlier:
			// The earliest date is the only one that matters: looking at the trash finds all the others.
			if waiting.Before(purgeAt) {
				purgeAt = waiting
			}
		}
	}
}

// Start sweeps until ctx ends.
func (s *Sweeper) Start(ctx context.Context) error {
	for {
		next, err := s.Sweep(ctx)
		if err != nil {
			log.FromContext(ctx).Error(err, "Sweeping the trash failed, trying again", "at", next)
		}
		if !s.sleepUntil(ctx, next) {
			return nil
		}
	}
}

// Unreadable counts the deleted recordings of a store that are due and stay because their key is not in the keyset, as the last sweep
// has found, and names the first of them.
func (s *Sweeper) Unreadable(store string) (recordings int, example string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.unreadable[store]; len(found) > 0 {
		return len(found), found[0]
	}
	return 0, ""
}

func (s *Sweeper) setUnreadable(store string, found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unreadable == nil {
		s.unreadable = map[string][]string{}
	}
	s.unreadable[store] = found
}

// sleepUntil waits for the date, or for an earlier one that Note brings. It returns false when ctx has ended.
func (s *Sweeper) sleepUntil(ctx context.Context, date time.Time) bool {
	for {
		rest := date.Sub(s.options.Clock.Now())
		if rest <= 0 {
			return ctx.Err() == nil
		}
		timer := s.options.Clock.NewTimer(rest)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case noted := <-s.earlier:
			timer.Stop()
			if noted.Before(date) {
				date = noted
			}
		case <-timer.C():
		}
	}
}

// Sweep purges what is due in every store that is ready, and returns when to look again. A store that fails does not keep
// the others from being swept.
func (s *Sweeper) Sweep(ctx context.Context) (next time.Time, err error) {
	next = s.options.Clock.Now().Add(sweepInterval)
	var list v1alpha1.RecordingStoreList
	if err := s.options.Reader.List(ctx, &list); err != nil {
		return s.options.Clock.Now().Add(retryInterval), fmt.Errorf("list the RecordingStores: %w", err)
	}
	var errs []error
	for _, store := range list.Items {
		due, err := s.sweepStore(ctx, store.Name)
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep RecordingStore %s: %w", store.Name, err))
			due = s.options.Clock.Now().Add(retryInterval)
		}
		if !due.IsZero() && due.Before(next) {
			next = due
		}
	}
	return next, errors.Join(errs...)
}

// sweepStore returns when the store's next tombstone falls due; zero when there is none.
func (s *Sweeper) sweepStore(ctx context.Context, name string) (next time.Time, err error) {
	store, err := s.options.Stores.Open(ctx, name)
	if err == nil {
		err = store.IsOurs(ctx)
	}
	if _, is := errors.AsType[*stores.Error](err); is {
		// The store's own conditions say what is wrong with it; there is nothing to sweep until that is mended.
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	buckets, err := store.Buckets(ctx)
	if err != nil {
		return time.Time{}, err
	}
	s.pending = nil
	defer func() { s.setUnreadable(name, s.pending) }()
	var errs []error
	for _, bucket := range buckets {
		due, err := s.sweepBucket(ctx, store, bucket)
		errs = append(errs, err)
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	return next, errors.Join(errs...)
}

func (s *Sweeper) sweepBucket(ctx context.Context, store *stores.Store, bucket string) (next time.Time, err error) {
	due, next, err := DueTombstones(store.Objects.List(ctx, bucket, objectstore.TrashRoot), s.options.Clock.Now())
	errs := []error{err}
	for _, key := range due {
		if err := s.purge(ctx, store, bucket, key); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.clearLate(ctx, store, bucket))
	return next, errors.Join(errs...)
}

// DueTombstones reads the head of a listing of tombstones, which come in the order of their dates: the keys of those that
// are due at now, and the date of the first that is not, zero if there is none. What is no tombstone is left alone.
func DueTombstones(listing iter.Seq2[objectstore.ObjectInfo, error], now time.Time) (due []string, next time.Time, err error) {
	for object, err := range listing {
		if objectstore.Reason(err) == objectstore.ReasonNoSuchBucket {
			return nil, time.Time{}, nil
		}
		if err != nil {
			return due, next, err
		}
		_, purgeAt, err := objectstore.ParseTombstone(object.Key)
		if err != nil {
			continue
		}
		if purgeAt.After(now) {
			return due, purgeAt, nil
		}
		due = append(due, object.Key)
	}
	return due, time.Time{}, nil
}
