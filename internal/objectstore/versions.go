// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/minio/minio-go/v7"
)

// RemovedVersion is the evidence of one removal.
type RemovedVersion struct {
	// Key is the object's name.
	Key string
	// VersionID is empty where the server keeps no versions.
	VersionID string
	// DeleteMarker is true where there were no bytes, only the mark of an earlier deletion.
	DeleteMarker bool
}

// maxPasses bounds how often a listing is walked: a second pass meets only what was written during the first.
const maxPasses = 3

// DeleteAllVersions removes every version of one object and its delete markers, and looks whether anything is left. It
// returns what it removed, also together with an error. That there was nothing to remove is no error. Where the listing shows
// nothing, the object is asked for by its name: listings of some servers are behind, answers about one object are not.
//
// An object under a retention or a legal hold of the store fails with ReasonLocked. Unfinished multipart uploads are not
// versions: see AbortUploads.
func (c *Client) DeleteAllVersions(ctx context.Context, bucket, key string) ([]RemovedVersion, error) {
	if key == "" {
		return nil, &Error{Op: "purge", Bucket: bucket, Reason: ReasonUnknown, detail: "no key given"}
	}
	return c.purge(ctx, bucket, key, []string{key}, func(found minio.ObjectInfo) bool { return found.Key == key })
}

// Discard removes the versions of an object that are listed, and does not look again: for what does no harm where it stays, such as
// a note that is void. What has to be gone is for DeleteAllVersions.
func (c *Client) Discard(ctx context.Context, bucket, key string) error {
	found, err := c.left(ctx, bucket, key, []string{key}, func(found minio.ObjectInfo) bool { return found.Key == key })
	if err != nil {
		return err
	}
	for _, version := range found {
		if err := c.deleteVersion(ctx, bucket, version); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAllVersionsUnder does what DeleteAllVersions does for every object under a prefix. The prefix must end with a slash,
// so that it cannot reach into the neighbour whose name begins alike. The known keys are those under it that the caller can
// name; they are found even where the listing is behind. Those that do not exist do no harm.
func (c *Client) DeleteAllVersionsUnder(ctx context.Context, bucket, prefix string, known ...string) ([]RemovedVersion, error) {
	if len(prefix) < 2 || !strings.HasSuffix(prefix, "/") {
		return nil, &Error{Op: "purge", Bucket: bucket, Key: prefix, Reason: ReasonUnknown, detail: "a prefix to purge must end with a slash"}
	}
	return c.purge(ctx, bucket, prefix, known, func(minio.ObjectInfo) bool { return true })
}

// Versions lists what exists under a prefix in any version, delete markers included: what a purge would remove. That
// nothing is listed proves that nothing is left.
func (c *Client) Versions(ctx context.Context, bucket, prefix string) ([]RemovedVersion, error) {
	return c.versions(ctx, bucket, prefix, func(minio.ObjectInfo) bool { return true })
}

// Version is one version of an object, or the mark of its deletion.
type Version struct {
	ObjectInfo
	// Current says that it is what a Get without a version meets; for a delete marker, that the object seems not to exist.
	Current bool
	// DeleteMarker says that there are no bytes.
	DeleteMarker bool
}

// ListVersions yields every version of the objects whose keys start with prefix. The versions of one object need not come one
// after another: servers list delete markers apart. On servers, and in buckets, without versioning it yields the objects
// themselves. It ends after the first error.
func (c *Client) ListVersions(ctx context.Context, bucket, prefix string) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		var last Version
		found := false
		for object, err := range c.listRaw(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
			if Reason(err) == ReasonNotSupported && !found {
				break
			}
			if err != nil {
				yield(Version{}, err)
				return
			}
			version := Version{ObjectInfo: objectInfo(object), Current: object.IsLatest, DeleteMarker: object.IsDeleteMarker}
			if found && version.Key == last.Key && version.VersionID == last.VersionID {
				continue // the pages of some servers overlap by one
			}
			found, last = true, version
			if !yield(version, nil) {
				return
			}
		}
		if found {
			return
		}
		// Servers without versioning refuse to list versions, or list none: the plain listing has the last word.
		for object, err := range c.List(ctx, bucket, prefix) {
			if !yield(Version{ObjectInfo: object, Current: true}, err) || err != nil {
				return
			}
		}
	}
}

// DeleteVersion removes one version, which has been listed, for good. One that is under a retention or a legal
// hold of the store fails with ReasonLocked.
func (c *Client) DeleteVersion(ctx context.Context, bucket, key, versionID string) error {
	return c.deleteVersion(ctx, bucket, RemovedVersion{Key: key, VersionID: versionID})
}

func (c *Client) purge(ctx context.Context, bucket, prefix string, known []string, mine func(minio.ObjectInfo) bool) ([]RemovedVersion, error) {
	var removed []RemovedVersion
	for range maxPasses {
		found, err := c.left(ctx, bucket, prefix, known, mine)
		if err != nil || len(found) == 0 {
			return removed, err
		}
		for _, version := range found {
			if err := c.deleteVersion(ctx, bucket, version); err != nil {
				return removed, err
			}
			removed = append(removed, version)
		}
	}
	left, err := c.left(ctx, bucket, prefix, known, mine)
	if err == nil && len(left) > 0 {
		err = &Error{Op: "purge", Bucket: bucket, Key: prefix, Reason: ReasonUnknown, detail: fmt.Sprintf("%d versions are still there after deleting them; is somebody writing?", len(left))}
	}
	return removed, err
}

// left is what is listed under a prefix or, where that is nothing, what of the known keys is there nevertheless.
func (c *Client) left(ctx context.Context, bucket, prefix string, known []string, mine func(minio.ObjectInfo) bool) ([]RemovedVersion, error) {
	found, err := c.versions(ctx, bucket, prefix, mine)
	if err != nil || len(found) > 0 {
		return found, err
	}
	for _, key := range known {
		object, err := c.Head(ctx, bucket, key)
		switch {
		case err == nil:
			found = append(found, RemovedVersion{Key: key, VersionID: object.VersionID})
		case !IsNotFound(err):
			return nil, err
		}
	}
	return found, nil
}

// versions lists what exists under a prefix, delete markers included. Servers without versioning either list their objects
// as the version "null", or refuse to list versions, or list none; so where none is found the plain listing has the last word.
func (c *Client) versions(ctx context.Context, bucket, prefix string, mine func(minio.ObjectInfo) bool) ([]RemovedVersion, error) {
	found, err := c.collect(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}, mine)
	if len(found) > 0 || err != nil && Reason(err) != ReasonNotSupported {
		return found, err
	}
	return c.collect(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}, mine)
}

func (c *Client) collect(ctx context.Context, bucket string, opts minio.ListObjectsOptions, mine func(minio.ObjectInfo) bool) ([]RemovedVersion, error) {
	var found []RemovedVersion
	seen := map[RemovedVersion]bool{} // the pages of some servers overlap by one
	for object, err := range c.listRaw(ctx, bucket, opts) {
		if err != nil {
			return nil, err
		}
		version := RemovedVersion{Key: object.Key, VersionID: object.VersionID, DeleteMarker: object.IsDeleteMarker}
		if mine(object) && !seen[version] {
			seen[version] = true
			found = append(found, version)
		}
	}
	return found, nil
}

func (c *Client) deleteVersion(ctx context.Context, bucket string, version RemovedVersion) error {
	err := c.wrap("purge", bucket, version.Key, c.core.RemoveObject(ctx, bucket, version.Key, minio.RemoveObjectOptions{VersionID: version.VersionID}))
	if err == nil || IsNotFound(err) {
		return nil
	}
	// Servers answer differently to the deletion of a locked version (403 here, 400 there), so the state decides, not the answer.
	if held, _, failed := c.protection(ctx, bucket, version.Key, version.VersionID); failed == nil && held != (Protection{}) {
		return &Error{Op: "purge", Bucket: bucket, Key: version.Key, Reason: ReasonLocked, Until: held.Until, detail: held.String()}
	}
	return err
}
