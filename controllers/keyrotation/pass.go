// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// pass is one look at every manifest of a store, which wraps anew what is not wrapped with the primary key yet.
type pass struct {
	*Reconciler
	// name is the store's; primary the key that everything is to be wrapped with.
	name, primary string
	// done is what earlier passes of this process have seen to be wrapped with it.
	done  visited
	found *outcome
	// progress is told now and then how many manifests were wrapped anew.
	progress func(ctx context.Context, rewrapped int64) error
	// told is when it was last.
	told time.Time
}

// visited are versions of manifests that need no second look, by a hash of their names. 100,000 take 5 MB, while a rotation lasts.
type visited map[[16]byte]struct{}

func visit(bucket, key, version, etag string) [16]byte {
	sum := sha256.Sum256([]byte(strings.Join([]string{bucket, key, version, etag}, "\n")))
	return [16]byte(sum[:16])
}

// errKeysetChanged ends a pass whose keyset is not what it began with. The change has woken the controller.
var errKeysetChanged = errors.New("the keyset has changed")

// run looks at attempts in progress before it looks at manifests: what one of them writes meanwhile is then seen.
func (p *pass) run(ctx context.Context) error {
	p.found = &outcome{began: p.Clock.Now()}
	if err := p.countAttempts(ctx); err != nil {
		return err
	}
	store, err := p.open(ctx)
	if err != nil {
		return err
	}
	if err := store.IsOurs(ctx); err != nil {
		return err
	}
	buckets, closed, err := store.Survey(ctx)
	if err != nil {
		return err
	}
	for _, bucket := range closed {
		p.found.unknown = true
		p.found.problem("bucket %s may be the store's, has no %s that could be read, and all keys are kept for it: put that object back, or let the credentials read it",
			bucket, objectstore.MarkerKey)
	}
	for _, bucket := range buckets {
		if err := p.rewrapBucket(ctx, bucket); err != nil && objectstore.Reason(err) != objectstore.ReasonNoSuchBucket {
			return err
		}
		if err := p.tidyBucket(ctx, bucket); err != nil && objectstore.Reason(err) != objectstore.ReasonNoSuchBucket {
			return err
		}
	}
	p.found.ended = p.Clock.Now()
	return nil
}

// open opens the store anew for every manifest, which costs two reads from the cache: the keyset may be lost, or replaced by a
// backup, at any moment of a pass that takes an hour.
func (p *pass) open(ctx context.Context) (*stores.Store, error) {
	store, err := p.Stores.Open(ctx, p.name)
	if err == nil && store.Keys.KeyID() != p.primary {
		err = errKeysetChanged
	}
	return store, err
}

// rewrapBucket wraps the current manifests of a bucket anew. Those of deleted recordings lie there too.
func (p *pass) rewrapBucket(ctx context.Context, bucket string) error {
	store, err := p.open(ctx)
	if err != nil {
		return err
	}
	for object, err := range store.Objects.List(ctx, bucket, objectstore.ManifestsRoot) {
		if err != nil {
			return err
		}
		owner, err := objectstore.ParseManifestKey(object.Key)
		if err != nil {
			continue // it holds no key
		}
		id := visit(bucket, object.Key, "", object.ETag)
		if _, seen := p.done[id]; seen {
			continue
		}
		if err := p.rewrap(ctx, bucket, object.Key, owner, id); err != nil {
			return err
		}
	}
	return nil
}

// rewrap wraps one manifest anew. What cannot be opened is noted, and what it may need is kept.
func (p *pass) rewrap(ctx context.Context, bucket, key string, owner objectstore.Recording, id [16]byte) error {
	if err := p.Pace.Wait(ctx, 1); err != nil {
		return err
	}
	store, err := p.open(ctx)
	if err != nil {
		return err
	}
	stored, info, err := manifests.Read(ctx, store.Objects, bucket, key, "")
	if objectstore.IsNotFound(err) {
		return nil // purged meanwhile
	}
	if err != nil {
		return err
	}
	by, err := manifests.WrappedBy(stored)
	if err == nil && by == p.primary {
		p.done[id] = struct{}{}
		return nil
	}
	if err != nil {
		p.found.unknown = true
		p.found.problem("%s/%s cannot be read, and all keys are kept for it: %v", bucket, key, err)
		return nil
	}
	rewrapped, err := manifests.Rewrap(stored, store.Keys, owner)
	if err != nil {
		p.found.need(by)
		p.found.problem("%s/%s is wrapped with key %s and does not open: %v", bucket, key, by, err)
		return nil
	}
	changed, err := p.replace(ctx, store, bucket, key, owner, rewrapped, info)
	if err != nil || !changed {
		return err
	}
	p.found.rewrapped++
	rewrappedTotal.WithLabelValues(p.name).Inc()
	if now := p.Clock.Now(); !now.Before(p.told.Add(tellEvery)) {
		p.told = now
		return p.progress(ctx, p.found.rewrapped)
	}
	return nil
}

// replace writes a rewrapped manifest over the one that was read, and over no other: a purge may have come in between, and
// must not be undone. Servers that cannot promise that are asked just before and just after.
func (p *pass) replace(ctx context.Context, store *stores.Store, bucket, key string, owner objectstore.Recording, rewrapped []byte, read objectstore.ObjectInfo) (bool, error) {
	options := objectstore.PutOptions{ContentType: "application/json"}
	conditional := stores.Can(store.Object, v1alpha1.CapabilityConditionalWrites)
	if conditional {
		options.IfMatch = read.ETag
	} else if now, err := store.Objects.Head(ctx, bucket, key); err != nil || now.ETag != read.ETag {
		if objectstore.IsNotFound(err) {
			err = nil
		}
		return false, err
	}
	lock, err := p.lockOf(ctx, store, bucket, key)
	if err != nil {
		return false, err
	}
	err = effect.Do(ctx, "keys: rewrap a manifest", func() error {
		_, err := store.Objects.Put(ctx, bucket, key, bytes.NewReader(rewrapped), int64(len(rewrapped)), options)
		return err
	})
	if objectstore.IsPreconditionFailed(err) || objectstore.IsNotFound(err) {
		return false, nil // it changed or went; the next pass sees how it is
	}
	if err != nil {
		return false, err
	}
	if !conditional {
		if stays, err := p.undoIfPurged(ctx, store, bucket, key, owner); err != nil || !stays {
			return false, err
		}
	}
	return true, p.handOver(ctx, store, place{bucket, key, read.VersionID, owner}, lock)
}

// undoIfPurged removes a manifest that was written while its recording was purged: the media goes first, so where that is
// missing the manifest must not have come back.
func (p *pass) undoIfPurged(ctx context.Context, store *stores.Store, bucket, key string, owner objectstore.Recording) (bool, error) {
	left, err := store.Objects.Versions(ctx, bucket, owner.MediaPrefix())
	if err != nil || len(left) > 0 {
		return err == nil, err
	}
	return false, effect.Do(ctx, "keys: remove a manifest that was purged meanwhile", func() error {
		_, err := store.Objects.DeleteAllVersions(ctx, bucket, key)
		return err
	})
}

// tidyBucket removes older versions of manifests that carry an older wrap: whoever kept the old key could open them. Where a lock
// keeps one, the key it needs is kept too, for that version may be the one that the lock is there to protect.
func (p *pass) tidyBucket(ctx context.Context, bucket string) error {
	store, err := p.open(ctx)
	if err != nil {
		return err
	}
	for version, err := range store.Objects.ListVersions(ctx, bucket, objectstore.ManifestsRoot) {
		if err != nil {
			return err
		}
		owner, err := objectstore.ParseManifestKey(version.Key)
		if err != nil || version.Current || version.DeleteMarker {
			continue
		}
		id := visit(bucket, version.Key, version.VersionID, version.ETag)
		if _, seen := p.done[id]; seen {
			continue
		}
		if err := p.tidy(ctx, bucket, version, owner, id); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) tidy(ctx context.Context, bucket string, version objectstore.Version, owner objectstore.Recording, id [16]byte) error {
	if err := p.Pace.Wait(ctx, 1); err != nil {
		return err
	}
	store, err := p.open(ctx)
	if err != nil {
		return err
	}
	stored, _, err := manifests.Read(ctx, store.Objects, bucket, version.Key, version.VersionID)
	if objectstore.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	by, err := manifests.WrappedBy(stored)
	if err != nil || by == p.primary {
		p.done[id] = struct{}{}
		return nil //nolint:nilerr // what cannot be read has no wrap in it that anybody could use
	}
	superseded, err := p.isRewrapped(ctx, store, bucket, version.Key, owner)
	if err != nil {
		return err
	}
	if !superseded {
		p.found.need(by)
		p.found.problem("%s/%s is deleted or damaged, and key %s is kept for its version %s: restore that version, or remove it", bucket, version.Key, by, version.VersionID)
		return nil
	}
	free, err := p.remove(ctx, store, place{bucket, version.Key, version.VersionID, owner})
	if err == nil && !free {
		p.found.need(by)
	}
	return err
}

// isRewrapped reports whether the current version of a manifest opens with the primary key. It is read back, as nothing less
// may take the place of the version before it.
func (p *pass) isRewrapped(ctx context.Context, store *stores.Store, bucket, key string, owner objectstore.Recording) (bool, error) {
	stored, _, err := manifests.Read(ctx, store.Objects, bucket, key, "")
	if objectstore.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if by, err := manifests.WrappedBy(stored); err != nil || by != p.primary {
		return false, nil //nolint:nilerr // that it cannot be read is the answer
	}
	_, _, err = manifests.Open(stored, store.Keys, owner)
	return err == nil, nil
}
