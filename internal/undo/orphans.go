// SPDX-License-Identifier: Apache-2.0

package undo

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Orphan is what lies in a bucket and belongs to no MeetingRecording, and to none that was seen to be deleted.
type Orphan struct {
	Bucket    string `json:"bucket"`
	Namespace string `json:"namespace"`
	UID       string `json:"uid"`
	// Objects is how many there are, Bytes how large they are together.
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
	// What says what it is, and what can be done.
	What string `json:"what"`
}

// Bereft is a MeetingRecording that should have media and has not.
type Bereft struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Missing are the keys of the objects that are not there.
	Missing []string `json:"missing"`
	Bucket  string   `json:"bucket"`
}

// Orphans is what of a store and of a cluster does not fit together.
type Orphans struct {
	Store      string   `json:"store"`
	Objects    []Orphan `json:"objects"`
	Recordings []Bereft `json:"recordings"`
}

// holding is what a bucket has of one recording.
type holding struct {
	bucket                string
	objects               int
	bytes                 int64
	manifests, media, raw bool
}

// inventory is what the buckets of a store have.
type inventory struct {
	of   map[objectstore.Recording]*holding
	keys map[string]bool // of media and manifests, with their buckets
}

// FindOrphans compares a store with the cluster, for one namespace or, where none is named, for all. It only reads. The buckets come
// first, then the cluster, then the tombstones: what is made or deleted meanwhile is no orphan.
func FindOrphans(ctx context.Context, store *stores.Store, reader client.Reader, namespace string) (*Orphans, error) {
	buckets, err := bucketsFor(ctx, store, namespace)
	if err != nil {
		return nil, err
	}
	has := inventory{of: map[objectstore.Recording]*holding{}, keys: map[string]bool{}}
	for _, bucket := range buckets {
		if err := has.take(ctx, store, bucket, namespace); err != nil {
			return nil, fmt.Errorf("listing bucket %s: %w", bucket, err)
		}
	}
	cluster, err := ReadCluster(ctx, reader, namespace)
	if err != nil {
		return nil, err
	}
	for _, bucket := range buckets {
		buried, err := archive.Buried(ctx, store.Objects, bucket)
		if err != nil {
			return nil, fmt.Errorf("listing the tombstones in bucket %s: %w", bucket, err)
		}
		for names := range buried {
			delete(has.of, names)
		}
	}
	found := &Orphans{Store: store.Object.Name, Objects: has.orphans(cluster), Recordings: []Bereft{}}
	found.Recordings, err = has.bereft(ctx, store, cluster)
	return found, err
}

func (i *inventory) take(ctx context.Context, store *stores.Store, bucket, namespace string) error {
	for _, root := range []string{objectstore.StagingRoot, objectstore.MediaRoot, objectstore.ManifestsRoot} {
		prefix := root
		if namespace != "" {
			prefix += namespace + "/"
		}
		for object, err := range store.Objects.List(ctx, bucket, prefix) {
			if archive.Absent(err) {
				break
			}
			if err != nil {
				return err
			}
			if names, _, err := objectstore.ParseKey(object.Key); err == nil {
				i.add(names, bucket, root, object)
			}
		}
	}
	return nil
}

func (i *inventory) add(names objectstore.Recording, bucket, root string, object objectstore.ObjectInfo) {
	of := i.of[names]
	if of == nil {
		of = &holding{bucket: bucket}
		i.of[names] = of
	}
	of.objects++
	of.bytes += object.Size
	switch root {
	case objectstore.StagingRoot:
		of.raw = true
		return
	case objectstore.MediaRoot:
		of.media = true
	default:
		of.manifests = true
	}
	i.keys[bucket+"/"+object.Key] = true
}

// orphans are the holdings that nobody refers to.
func (i *inventory) orphans(cluster *Cluster) []Orphan {
	found := []Orphan{}
	for names, of := range i.of {
		if cluster.Refers(names.Namespace(), names.UID()) == nil {
			found = append(found, Orphan{of.bucket, names.Namespace(), names.UID(), of.objects, of.bytes, of.what()})
		}
	}
	slices.SortFunc(found, func(a, b Orphan) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.UID, b.UID))
	})
	return found
}

func (h *holding) what() string {
	switch {
	case h.manifests && h.media:
		return "a recording whose MeetingRecording is lost: kubectl reelkeeper recover brings it back"
	case h.manifests:
		return "a manifest without its media: bring the media back from a version or backup of the bucket"
	case h.media:
		return "media without a manifest: nothing has the key to it"
	}
	return "a raw upload that was never processed: send it to a new MeetingRecording; it is cleared away 30 days after it was sent"
}

// bereft are the recordings of which an object is not there. Each is asked for once more, because it may be newer than the listing.
func (i *inventory) bereft(ctx context.Context, store *stores.Store, cluster *Cluster) ([]Bereft, error) {
	found := []Bereft{}
	for _, recordings := range cluster.Recordings {
		for _, one := range recordings {
			storage := one.Status.Storage
			if one.StoreName() != store.Object.Name || storage.ManifestKey == "" || meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionErased) {
				continue
			}
			bereft := Bereft{Namespace: one.Namespace, Name: one.Name, Bucket: storage.Bucket}
			for _, key := range []string{storage.Key, storage.ManifestKey} {
				gone, err := i.lacks(ctx, store, storage.Bucket, key)
				if err != nil {
					return nil, err
				}
				if gone {
					bereft.Missing = append(bereft.Missing, key)
				}
			}
			if len(bereft.Missing) > 0 {
				found = append(found, bereft)
			}
		}
	}
	slices.SortFunc(found, func(a, b Bereft) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return found, nil
}

func (i *inventory) lacks(ctx context.Context, store *stores.Store, bucket, key string) (bool, error) {
	if i.keys[bucket+"/"+key] {
		return false, nil
	}
	_, err := store.Objects.Head(ctx, bucket, key)
	if archive.Absent(err) {
		return true, nil
	}
	return false, err
}
