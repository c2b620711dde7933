// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"errors"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Object Lock protects versions, and a manifest that is wrapped anew is a new one. So the lock moves, manifest by manifest:
//
//	read the lock ── write the new version ── lock it alike ── read it back ── lift the lock from the older version ── … ── remove that
//
// Who dies on the way finds the older version again, which cannot be removed. What the bucket has to enforce then stands in the
// recording's state; what the older version has, not every server says.

// place is an older version of a manifest.
type place struct {
	bucket, key, version string
	owner                objectstore.Recording
}

// locks reports whether versions in a store's buckets can be locked.
func locks(store *stores.Store) bool {
	mode := store.Object.Spec.Buckets.ObjectLock
	return mode != "" && mode != v1alpha1.ObjectLockNone && stores.Can(store.Object, v1alpha1.CapabilityObjectLock)
}

// lockOf is what protects the current version of a manifest.
func (p *pass) lockOf(ctx context.Context, store *stores.Store, bucket, key string) (objectstore.Protection, error) {
	if !locks(store) {
		return objectstore.Protection{}, nil
	}
	has, _, err := store.Objects.Protection(ctx, bucket, key)
	if objectstore.IsNotFound(err) {
		return objectstore.Protection{}, nil // purged meanwhile
	}
	return has.At(p.Clock.Now()), err
}

// handOver moves a lock to the version that was just written. It leaves the older one only for one that was read back.
func (p *pass) handOver(ctx context.Context, store *stores.Store, older place, lock objectstore.Protection) error {
	if lock == (objectstore.Protection{}) {
		return nil
	}
	if locked, err := p.lock(ctx, store, older, lock); err != nil || !locked {
		return err
	}
	if opens, err := p.isRewrapped(ctx, store, older.bucket, older.key, older.owner); err != nil || !opens {
		return err
	}
	return p.lift(ctx, store, older)
}

// remove removes an older version whose current one was read back. It reports whether it is gone.
func (p *pass) remove(ctx context.Context, store *stores.Store, older place) (gone bool, err error) {
	if gone, err := p.delete(ctx, store, older); gone || err != nil || !locks(store) {
		return gone, err
	}
	has, err := p.lockOf(ctx, store, older.bucket, older.key)
	if err != nil {
		return false, err
	}
	if has == (objectstore.Protection{}) {
		if done, err := p.resume(ctx, store, older); err != nil || !done {
			return false, err
		}
	}
	if err := p.lift(ctx, store, older); err != nil {
		return false, err
	}
	return p.delete(ctx, store, older)
}

// delete reports whether the bucket let the version go. Some servers say of a locked one that the credentials may not do this.
func (p *pass) delete(ctx context.Context, store *stores.Store, older place) (gone bool, err error) {
	err = effect.Do(ctx, "keys: remove an older wrap", func() error {
		return store.Objects.DeleteVersion(ctx, older.bucket, older.key, older.version)
	})
	if err == nil {
		p.found.removed++
	}
	return err == nil, unlessRefused(err)
}

// resume locks a current version that has no lock although the older one has: by what the recording's state says, which also knows
// of locks that were lifted since.
func (p *pass) resume(ctx context.Context, store *stores.Store, older place) (done bool, err error) {
	from := archive.Archive{Objects: store.Objects, Keys: store.Keys, Bucket: older.bucket, Names: older.owner}
	state, _, err := from.State(ctx)
	if errors.Is(err, archive.ErrUnusable) || errors.Is(err, archive.ErrKeyMissing) || errors.Is(err, archive.ErrStateForged) || err == nil && state == nil {
		return false, nil // nobody can tell: everything stays
	}
	if err != nil {
		return false, err
	}
	wanted := objectstore.Protection{
		Mode: objectstore.LockMode(state.BucketLock.Mode), Until: state.BucketLock.Until.Time, LegalHold: state.BucketLock.LegalHold == v1alpha1.LegalHoldOn,
	}
	if wanted.At(p.Clock.Now()) == (objectstore.Protection{}) {
		return true, nil
	}
	return p.lock(ctx, store, older, wanted)
}

// lock protects the current version. Where the bucket refuses, the older one stays locked and so keeps its key.
func (p *pass) lock(ctx context.Context, store *stores.Store, older place, wanted objectstore.Protection) (locked bool, err error) {
	err = effect.Do(ctx, "keys: lock a rewrapped manifest", func() error {
		_, err := store.Objects.Protect(ctx, older.bucket, older.key, wanted, p.Clock.Now())
		return err
	})
	switch objectstore.Reason(err) {
	case objectstore.ReasonObjectLockUnsupported, objectstore.ReasonForbidden, objectstore.ReasonLocked:
		p.found.problem("%s/%s is wrapped anew and not locked as it was: %v", older.bucket, older.key, err)
		return false, nil
	default:
		return err == nil, err
	}
}

// lift lifts the lock from an older version. A Compliance retention cannot be lifted, nor can any by credentials that may not bypass
// Governance: the version then stays, and with it its key, until the retention ends.
func (p *pass) lift(ctx context.Context, store *stores.Store, older place) error {
	err := effect.Do(ctx, "keys: unlock an older wrap", func() error {
		return store.Objects.LiftVersion(ctx, older.bucket, older.key, older.version)
	})
	return unlessRefused(err)
}

// unlessRefused is nil for what the server understood and does not do, which servers say differently. What did not come from
// a server, such as an answer that was lost, is no refusal.
func unlessRefused(err error) error {
	if _, answered := errors.AsType[*objectstore.Error](err); !answered {
		return err
	}
	switch objectstore.Reason(err) {
	case objectstore.ReasonForbidden, objectstore.ReasonLocked, objectstore.ReasonObjectLockUnsupported, objectstore.ReasonNotSupported, objectstore.ReasonUnknown:
		return nil
	default:
		return err
	}
}
