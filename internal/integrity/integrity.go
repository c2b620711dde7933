// SPDX-License-Identifier: Apache-2.0

// Package integrity compares what is stored of a recording with its manifest, for the scheduled check and for people who ask.
//
//	status.storage → manifest: there? authentic? → media: there? its size? every segment? → a verdict
//
// Nothing is mended. Where the bucket has an earlier version that is whole, the verdict says how to bring it back: which of two
// versions is right is for a person to say, who knows what happened.
package integrity

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/media"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/pace"
)

// Target is what is to be checked.
type Target struct {
	Bucket string
	Owner  objectstore.Recording
	// ManifestKey and MediaKey are what the recording's status names.
	ManifestKey, MediaKey string
}

// TargetOf says what a recording has in a bucket. It is false for one that has no media yet.
func TargetOf(recording *v1alpha1.MeetingRecording, bucket string) (Target, bool, error) {
	storage := recording.Status.Storage
	if storage.ManifestKey == "" || storage.Key == "" {
		return Target{}, false, nil
	}
	owner, err := objectstore.NewRecording(recording.Namespace, recording.StorageUID())
	return Target{Bucket: bucket, Owner: owner, ManifestKey: storage.ManifestKey, MediaKey: storage.Key}, err == nil, err
}

// Verdict is what a check has found.
type Verdict struct {
	// Reason is empty where all is well, else Damaged, MediaMissing or KeyMissing: reasons of the condition Intact.
	Reason string
	// Message says what is wrong and what to do.
	Message string
	// Bytes is how much was read.
	Bytes int64
}

// Intact reports whether all is well.
func (v Verdict) Intact() bool { return v.Reason == "" }

// Checker checks recordings of one store.
type Checker struct {
	Objects *objectstore.Client
	Keys    *keys.Keyset
	// Pace bounds how many bytes are read in a second; nil is as fast as it goes.
	Pace *pace.Pace
	// Progress, which may be nil, is told the bytes of media as they are read.
	Progress func(n int64)
}

// Check reads everything that is stored of a recording. An error says that it could not be read to its end, from which nothing
// follows: neither that the recording is whole nor that it is damaged.
func (c Checker) Check(ctx context.Context, t Target) (Verdict, error) {
	read := &reading{Checker: c, Target: t}
	manifest, verdict, err := read.manifest(ctx)
	if err != nil || manifest == nil {
		return read.done(verdict), err
	}
	if manifest.Media.Key != t.MediaKey {
		return read.done(Verdict{Reason: v1alpha1.ReasonDamaged, Message: fmt.Sprintf(
			"The manifest %s/%s describes the object %s, the recording's status names %s: the status was changed by hand", t.Bucket, t.ManifestKey, manifest.Media.Key, t.MediaKey)}), nil
	}
	verdict, err = read.media(ctx, manifest)
	return read.done(verdict), err
}

// reading is one check.
type reading struct {
	Checker
	Target
	bytes int64
}

func (r *reading) done(v Verdict) Verdict {
	v.Bytes = r.bytes
	return v
}

// manifest returns the manifest, or what is wrong with it.
func (r *reading) manifest(ctx context.Context) (*media.Manifest, Verdict, error) {
	stored, err := r.stored(ctx, r.ManifestKey, "")
	if absent(err) {
		return nil, r.verdict(ctx, v1alpha1.ReasonMediaMissing, r.ManifestKey, "is gone", r.opens), nil
	}
	if err != nil {
		return nil, Verdict{}, err
	}
	manifest, _, err := manifests.Open(stored, r.Keys, r.Owner)
	if err == nil {
		return manifest, Verdict{}, nil
	}
	if id := manifests.Lacks(stored, r.Keys); id != "" {
		return nil, Verdict{Reason: v1alpha1.ReasonKeyMissing, Message: fmt.Sprintf(
			"The recording's key is wrapped with key %s, which the keyset of the store does not hold, or holds disabled: restore the keyset from a backup that has it", id)}, nil
	}
	return nil, r.verdict(ctx, v1alpha1.ReasonDamaged, r.ManifestKey, fmt.Sprintf("is damaged: %v", err), r.opens), nil
}

func (r *reading) stored(ctx context.Context, key, version string) ([]byte, error) {
	stored, _, err := manifests.Read(ctx, r.Objects, r.Bucket, key, version)
	r.bytes += int64(len(stored))
	return stored, err
}

// media reads the whole object.
func (r *reading) media(ctx context.Context, m *media.Manifest) (Verdict, error) {
	info, err := r.Objects.Head(ctx, r.Bucket, r.MediaKey)
	whole := func(ctx context.Context, version objectstore.Version) (bool, error) { return r.whole(ctx, m, version) }
	if absent(err) {
		return r.verdict(ctx, v1alpha1.ReasonMediaMissing, r.MediaKey, "is gone", whole), nil
	}
	if err != nil {
		return Verdict{}, err
	}
	found, err := media.Check(ctx, m, info.Size, &object{reading: r, etag: info.ETag}, r.count)
	if err != nil || found.Whole() {
		return Verdict{}, err
	}
	return r.verdict(ctx, v1alpha1.ReasonDamaged, r.MediaKey, "is damaged: "+found.String(), whole), nil
}

func (r *reading) count(n int64) {
	r.bytes += n
	if r.Progress != nil {
		r.Progress(n)
	}
}

// verdict adds to what is wrong with an object how it can be had back.
func (r *reading) verdict(ctx context.Context, reason, key, what string, whole func(context.Context, objectstore.Version) (bool, error)) Verdict {
	message := fmt.Sprintf("%s/%s %s", r.Bucket, key, what)
	version, err := r.earlier(ctx, key, whole)
	switch {
	case err != nil:
		message += fmt.Sprintf(". Whether an earlier version of it is whole could not be found out: %v", err)
	case version == nil:
		message += ". The bucket has no earlier version of it that is whole: restore it from a backup of the bucket"
	default:
		message += fmt.Sprintf(". Its version %s of %s is whole: if that is the right one, put it back, for example with "+
			"aws s3api copy-object --bucket %s --key %s --copy-source '%s/%s?versionId=%s'",
			version.VersionID, version.LastModified.UTC().Format(time.RFC3339), r.Bucket, key, r.Bucket, key, version.VersionID)
	}
	return Verdict{Reason: reason, Message: message}
}

// maxEarlier bounds how many earlier versions are looked into.
const maxEarlier = 5

// earlier finds the newest earlier version that is whole, or nil.
func (r *reading) earlier(ctx context.Context, key string, whole func(context.Context, objectstore.Version) (bool, error)) (*objectstore.Version, error) {
	var versions []objectstore.Version
	for version, err := range r.Objects.ListVersions(ctx, r.Bucket, key) {
		if absent(err) {
			return nil, nil //nolint:nilnil // documented: there is none
		}
		if err != nil {
			return nil, err
		}
		if version.Key == key && !version.Current && !version.DeleteMarker {
			versions = append(versions, version)
		}
	}
	slices.SortStableFunc(versions, func(a, b objectstore.Version) int { return b.LastModified.Compare(a.LastModified) })
	for i := range versions[:min(len(versions), maxEarlier)] {
		if good, err := whole(ctx, versions[i]); err != nil || good {
			return &versions[i], err
		}
	}
	return nil, nil //nolint:nilnil // documented: there is none
}

// opens reports whether a version of the manifest is authentic.
func (r *reading) opens(ctx context.Context, version objectstore.Version) (bool, error) {
	stored, err := r.stored(ctx, version.Key, version.VersionID)
	if err != nil {
		return false, err
	}
	_, _, err = manifests.Open(stored, r.Keys, r.Owner)
	return err == nil, nil
}

// whole reports whether a version of the media is what was packaged.
func (r *reading) whole(ctx context.Context, m *media.Manifest, version objectstore.Version) (bool, error) {
	if version.Size != m.Media.Bytes {
		return false, nil
	}
	found, err := media.Check(ctx, m, version.Size, &object{reading: r, version: version.VersionID}, func(n int64) { r.bytes += n })
	if err != nil {
		return false, err
	}
	return found.Whole(), nil
}

// object is a stored media object, or a version of it, as a media.Ranger.
type object struct {
	*reading
	etag, version string
}

// ReadRange implements media.Ranger. It reads the object that was looked at and no other that has taken its place meanwhile.
func (o *object) ReadRange(ctx context.Context, off, n int64) (io.ReadCloser, error) {
	body, _, err := o.Objects.Get(ctx, o.Bucket, o.MediaKey, objectstore.GetOptions{Offset: off, Length: n, IfMatch: o.etag, VersionID: o.version})
	if err != nil || o.Pace == nil {
		return body, err
	}
	return o.Pace.Reader(ctx, body), nil
}

// absent says that there is no such object, be it for want of its bucket.
func absent(err error) bool {
	return objectstore.IsNotFound(err) || objectstore.Reason(err) == objectstore.ReasonNoSuchBucket
}
