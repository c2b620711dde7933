// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The layout of a bucket. A recording is known by its namespace and the UID of its MeetingRecording; every processing
// attempt writes keys of its own. Nothing that people type (names, titles, file names) ever becomes part of a key.
//
//	staging/<namespace>/<uid>/raw                  the raw upload
//	staging/<namespace>/<uid>/progress             how far the worker is
//	media/<namespace>/<uid>/<attempt>.mp4          the encrypted object
//	manifests/<namespace>/<uid>/<attempt>.json     the manifest, written last
//	manifests/<namespace>/<uid>/state.json         what has become of the recording since
//	trash/<purge date>/<namespace>/<uid>           the tombstone of a deleted recording
//	probe/<random>/...                             what a probe makes and removes
//	reelkeeper-store.json                          which store the bucket belongs to
//	reelkeeper-cluster.json                        which cluster the store works for
const (
	stagingRoot   = "staging"
	mediaRoot     = "media"
	manifestsRoot = "manifests"
	trashRoot     = "trash"
	probeRoot     = "probe"
)

// MarkerKey is the object by which a store knows its bucket again.
const MarkerKey = "reelkeeper-store.json"

// ClaimKey is the object that says which cluster a store's bucket works for.
const ClaimKey = "reelkeeper-cluster.json"

// The prefixes under which the objects of all recordings lie, one recording's next to each other.
const (
	// TrashRoot has all tombstones, in the order of their purge dates.
	TrashRoot = trashRoot + "/"
	// ManifestsRoot has all manifests and states, those of deleted recordings that can still be restored included.
	ManifestsRoot = manifestsRoot + "/"
	// MediaRoot has all media. Multipart uploads are made here and under StagingRoot.
	MediaRoot = mediaRoot + "/"
	// StagingRoot has what is not processed yet.
	StagingRoot = stagingRoot + "/"
)

// maxBucketName is S3's limit on the length of a bucket name.
const maxBucketName = 63

// Recording names the objects of one recording. Make it with NewRecording, which checks the parts.
type Recording struct {
	namespace, uid string
}

// NewRecording returns the names of the recording with this namespace and UID. It refuses what could lead out of the
// recording's prefixes, or into another recording's: anything but letters, digits and inner dashes.
func NewRecording(namespace, uid string) (Recording, error) {
	if err := checkSegment("namespace", namespace); err != nil {
		return Recording{}, err
	}
	if err := checkSegment("UID", uid); err != nil {
		return Recording{}, err
	}
	return Recording{namespace: namespace, uid: uid}, nil
}

// Namespace is the namespace of the recording.
func (r Recording) Namespace() string { return r.namespace }

// UID is the UID of the recording.
func (r Recording) UID() string { return r.uid }

// StagingPrefix holds everything that exists only until the recording is processed.
func (r Recording) StagingPrefix() string { return r.under(stagingRoot) }

// RawKey is where the raw upload goes.
func (r Recording) RawKey() string { return r.StagingPrefix() + "raw" }

// ProgressKey is where the worker says how far it is.
func (r Recording) ProgressKey() string { return r.StagingPrefix() + "progress" }

// MediaPrefix holds the encrypted objects of all attempts.
func (r Recording) MediaPrefix() string { return r.under(mediaRoot) }

// MediaKey is the encrypted object of one processing attempt. Attempts count from 1.
func (r Recording) MediaKey(attempt int) string {
	return fmt.Sprintf("%s%d.mp4", r.MediaPrefix(), attempt)
}

// ManifestPrefix holds the manifests of all attempts.
func (r Recording) ManifestPrefix() string { return r.under(manifestsRoot) }

// ManifestKey is the manifest of one processing attempt; that it exists means that the attempt succeeded.
func (r Recording) ManifestKey(attempt int) string {
	return fmt.Sprintf("%s%d.json", r.ManifestPrefix(), attempt)
}

// StateKey is what has become of the recording since it was processed.
func (r Recording) StateKey() string { return r.ManifestPrefix() + stateName }

const stateName = "state.json"

// TombstoneKey is the note of a recording that is to be purged at the given time, to the second. Tombstones sort by time.
func (r Recording) TombstoneKey(purgeAt time.Time) string {
	return fmt.Sprintf("%s/%s/%s/%s", trashRoot, purgeAt.UTC().Format(time.RFC3339), r.namespace, r.uid)
}

func (r Recording) under(root string) string {
	return fmt.Sprintf("%s/%s/%s/", root, r.namespace, r.uid)
}

// ParseKey reads the key of an object of a recording: whose it is, and what comes after the recording's prefix.
func ParseKey(key string) (recording Recording, name string, err error) {
	parts := strings.SplitN(key, "/", 4)
	if len(parts) != 4 || !slices.Contains([]string{stagingRoot, mediaRoot, manifestsRoot}, parts[0]) {
		return Recording{}, "", fmt.Errorf("%q is no object of a recording: expected <kind>/<namespace>/<uid>/<name>", key)
	}
	recording, err = NewRecording(parts[1], parts[2])
	if err != nil {
		return Recording{}, "", fmt.Errorf("%q is no object of a recording: %w", key, err)
	}
	return recording, parts[3], nil
}

// AttemptOf reads the attempt from the key of a media object or manifest, 0 for other keys.
func AttemptOf(key string) int {
	base := path.Base(key)
	number, err := strconv.Atoi(strings.TrimSuffix(base, path.Ext(base)))
	if err != nil {
		return 0
	}
	return number
}

// ParseTombstone reads a key that TombstoneKey made.
func ParseTombstone(key string) (Recording, time.Time, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != trashRoot {
		return Recording{}, time.Time{}, fmt.Errorf("%q is not a tombstone: expected %s/<time>/<namespace>/<uid>", key, trashRoot)
	}
	purgeAt, err := time.Parse(time.RFC3339, parts[1])
	if err != nil {
		return Recording{}, time.Time{}, fmt.Errorf("%q is not a tombstone: the purge date is not RFC 3339: %w", key, err)
	}
	recording, err := NewRecording(parts[2], parts[3])
	if err != nil {
		return Recording{}, time.Time{}, fmt.Errorf("%q is not a tombstone: %w", key, err)
	}
	return recording, purgeAt, nil
}

// NamespaceBucket is the bucket of one namespace in the layout PerNamespace: <base>-<namespace>. Where that is too long for
// S3, its end is replaced by a hash. A hashed name has exactly the longest length that S3 allows and a plain one is shorter,
// so different namespaces never share a bucket, whatever their names.
func NamespaceBucket(base, namespace string) string {
	name := base + "-" + namespace
	if len(name) < maxBucketName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	suffix := "-" + hex.EncodeToString(sum[:6])
	return name[:maxBucketName-len(suffix)] + suffix
}

// checkSegment refuses what is not a plain path segment. Kubernetes namespaces and UIDs always pass.
func checkSegment(what, s string) error {
	if s == "" || len(s) > maxBucketName {
		return fmt.Errorf("%s %q has %d characters: a key needs 1 to %d", what, s, len(s), maxBucketName)
	}
	for i, c := range []byte(s) {
		alphanumeric := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		inner := i > 0 && i < len(s)-1
		if !alphanumeric && (c != '-' || !inner) {
			return fmt.Errorf("%s %q cannot be part of a key: use letters, digits and inner dashes only", what, s)
		}
	}
	return nil
}
