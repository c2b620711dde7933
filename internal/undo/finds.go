// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"fmt"

	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Find is a recording of which something lies in a bucket.
type Find struct {
	Bucket string
	Names  objectstore.Recording
	// Raw is the raw upload of one that was never processed, empty for all others.
	Raw string
	// Buried says that there is a tombstone: it was deleted.
	Buried bool
}

// Finds lists what a store has of the recordings of a namespace or, where none is named, of all.
func Finds(ctx context.Context, store *stores.Store, namespace string) ([]Find, error) {
	buckets, err := bucketsFor(ctx, store, namespace)
	if err != nil {
		return nil, err
	}
	var all []Find
	for _, bucket := range buckets {
		found, err := findsIn(ctx, store, bucket, namespace)
		if err != nil {
			return nil, fmt.Errorf("listing bucket %s: %w", bucket, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func findsIn(ctx context.Context, store *stores.Store, bucket, namespace string) ([]Find, error) {
	buried, err := archive.Buried(ctx, store.Objects, bucket)
	if err != nil {
		return nil, err
	}
	seen := map[objectstore.Recording]bool{}
	var all []Find
	for _, root := range []string{objectstore.ManifestsRoot, objectstore.StagingRoot} {
		if namespace != "" {
			root += namespace + "/"
		}
		for object, err := range store.Objects.List(ctx, bucket, root) {
			if archive.Absent(err) {
				break
			}
			if err != nil {
				return nil, err
			}
			names, _, err := objectstore.ParseKey(object.Key)
			if err != nil || seen[names] {
				continue
			}
			find := Find{Bucket: bucket, Names: names, Buried: buried[names]}
			if object.Key == names.RawKey() {
				find.Raw = object.Key
			} else if object.Key == names.ProgressKey() {
				continue
			}
			seen[names] = true
			all = append(all, find)
		}
	}
	return all, nil
}

// Lost brings back a recording whose MeetingRecording was lost with its cluster.
func (r *Reviver) Lost(ctx context.Context, find Find) Outcome {
	there := r.Cluster.Refers(find.Names.Namespace(), find.Names.UID())
	switch {
	case find.Raw == "":
		return r.FromBucket(ctx, find.Bucket, find.Names, "")
	case there != nil:
		return outcome(there, Unchanged, "it is there, and waits to be processed")
	case find.Buried:
		return Outcome{find.Names.Namespace(), "", find.Names.UID(), Passed, "it was deleted before it was processed"}
	}
	return failed(find.Names.Namespace(), "", find.Names.UID(),
		"it was never processed, and nothing in the bucket says what it is: make a new MeetingRecording and send it %s/%s", find.Bucket, find.Raw)
}
