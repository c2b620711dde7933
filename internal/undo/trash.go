// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// readers is how many objects are read at once.
const readers = 16

// Filter says which recordings in the trash are meant. The zero value means all.
type Filter struct {
	// Namespace is the one that they are of.
	Namespace string
	// Kind is Trashed or Deleted.
	Kind Kind
	// Since and Until bound when they went there, both included.
	Since, Until time.Time
}

// Takes says that an entry is meant.
func (f Filter) Takes(e *Entry) bool {
	return (f.Namespace == "" || e.Namespace == f.Namespace) && (f.Kind == "" || e.Kind == f.Kind) &&
		(f.Since.IsZero() || !e.Since.Before(f.Since)) && (f.Until.IsZero() || !e.Since.After(f.Until))
}

// TrashedIn lists the recordings of a store whose MeetingRecordings are in the trash.
func TrashedIn(cluster *Cluster, store string, filter Filter) []*Entry {
	var found []*Entry
	for _, recordings := range cluster.Recordings {
		for _, one := range recordings {
			if e := trashedEntry(one); e != nil && one.StoreName() == store && filter.Takes(e) {
				found = append(found, e)
			}
		}
	}
	inOrder(found)
	return found
}

// DeletedIn lists the deleted recordings of a store. One tombstone that cannot be read does not hide the others: the error names
// all that could not be, beside what could.
func DeletedIn(ctx context.Context, store *stores.Store, cluster *Cluster, filter Filter) ([]*Entry, error) {
	buckets, err := bucketsFor(ctx, store, filter.Namespace)
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	var errs []error
	for _, bucket := range buckets {
		found, err := tombstones(ctx, store, bucket, filter.Namespace)
		errs = append(errs, err)
		for _, t := range found {
			if e := deletedEntry(t.tombstone, bucket, t.key, cluster); e != nil {
				entries = append(entries, e)
			}
		}
	}
	var taken []*Entry
	for _, e := range latest(entries) {
		if filter.Takes(e) {
			taken = append(taken, e)
		}
	}
	inOrder(taken)
	return taken, errors.Join(errs...)
}

// bucketsFor are the buckets with the recordings of a namespace, all of the store's where none is named.
func bucketsFor(ctx context.Context, store *stores.Store, namespace string) ([]string, error) {
	if namespace != "" {
		return []string{store.Bucket(namespace)}, nil
	}
	buckets, err := store.Buckets(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the buckets of RecordingStore %s: %w", store.Object.Name, err)
	}
	return buckets, nil
}

type keyedTombstone struct {
	key       string
	tombstone archive.Tombstone
}

// tombstones reads all of a bucket, or those of one namespace.
func tombstones(ctx context.Context, store *stores.Store, bucket, namespace string) ([]keyedTombstone, error) {
	var keys []string
	for object, err := range store.Objects.List(ctx, bucket, objectstore.TrashRoot) {
		if archive.Absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing the tombstones in bucket %s: %w", bucket, err)
		}
		names, _, err := objectstore.ParseTombstone(object.Key)
		if err == nil && (namespace == "" || names.Namespace() == namespace) {
			keys = append(keys, object.Key)
		}
	}
	read := make([]keyedTombstone, len(keys))
	errs := make([]error, len(keys))
	var group errgroup.Group
	group.SetLimit(readers)
	for i, key := range keys {
		group.Go(func() error {
			read[i].tombstone, errs[i] = archive.ReadTombstone(ctx, store.Objects, bucket, key)
			if errs[i] == nil {
				read[i].key = key
			}
			return nil
		})
	}
	_ = group.Wait() // each error has its place
	var found []keyedTombstone
	for i, t := range read {
		if archive.Absent(errs[i]) {
			errs[i] = nil // just restored or purged
		}
		if t.key != "" {
			found = append(found, t)
		}
	}
	return found, errors.Join(errs...)
}
