// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"context"
	"fmt"
	"strings"

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
	// Bare says that there is media and neither a manifest nor a raw upload.
	Bare bool
	// Buried says that there is a tombstone: it was deleted.
	Buried bool
}

// Finds lists what a store has of the recordings of a namespace or, where none is named, of all. unread names buckets that may be the
// store's, and that were left out.
func Finds(ctx context.Context, store *stores.Store, namespace string) (all []Find, unread, err error) {
	buckets, closed := []string{store.Bucket(namespace)}, []string(nil)
	if namespace == "" {
		if buckets, closed, err = store.Survey(ctx); err != nil {
			return nil, nil, fmt.Errorf("listing the buckets of RecordingStore %s: %w", store.Object.Name, err)
		}
	}
	for _, bucket := range buckets {
		found, err := findsIn(ctx, store, bucket, namespace)
		if err != nil {
			return nil, nil, fmt.Errorf("listing bucket %s: %w", bucket, err)
		}
		all = append(all, found...)
	}
	if len(closed) > 0 {
		unread = fmt.Errorf("%s may be the store's, and have no %s that could be read", strings.Join(closed, ", "), objectstore.MarkerKey)
	}
	return all, unread, nil
}

func findsIn(ctx context.Context, store *stores.Store, bucket, namespace string) ([]Find, error) {
	buried, err := archive.Buried(ctx, store.Objects, bucket)
	if err != nil {
		return nil, err
	}
	seen := map[objectstore.Recording]bool{}
	var all []Find
	for _, root := range []string{objectstore.ManifestsRoot, objectstore.StagingRoot, objectstore.MediaRoot} {
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
			find := Find{Bucket: bucket, Names: names, Buried: buried[names], Bare: strings.HasPrefix(object.Key, objectstore.MediaRoot)}
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
	case find.Raw == "" && !find.Bare:
		return r.fromBucket(ctx, find.Bucket, find.Names, "", find.Buried)
	case there != nil && find.Bare:
		return outcome(there, Unchanged, "it is there, and its media has no manifest")
	case there != nil:
		return outcome(there, Unchanged, "it is there, and waits to be processed")
	case find.Buried:
		return Outcome{find.Names.Namespace(), "", find.Names.UID(), Passed, "it was deleted before it was processed"}
	case find.Bare:
		return failed(find.Names.Namespace(), "", find.Names.UID(),
			"there is media of it and no manifest, and nothing else has the key: bring the manifest back from a version or a backup of %s", find.Bucket)
	}
	return failed(find.Names.Namespace(), "", find.Names.UID(),
		"it was never processed, and nothing in the bucket says what it is: make a new MeetingRecording and send it %s/%s", find.Bucket, find.Raw)
}
