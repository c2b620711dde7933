// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Support is what a probe found out about one ability.
type Support string

// What a probe finds out about an ability.
const (
	// Supported: it was tried and did what it should.
	Supported Support = "Supported"
	// Unsupported: the server refused it, or pretended.
	Unsupported Support = "Unsupported"
	// Off: the bucket does not have it switched on, so it could not be tried; switching it on could not be undone.
	Off Support = "Off"
)

// Capabilities is what a bucket can do beyond put, get, list and delete, which every bucket must.
type Capabilities struct {
	// Versioning keeps what is overwritten or deleted.
	Versioning Support
	// ObjectLock refuses to delete a version before its retention ends.
	ObjectLock Support
	// ConditionalCreate honours PutOptions.IfAbsent.
	ConditionalCreate Support
	// ConditionalReplace honours PutOptions.IfMatch.
	ConditionalReplace Support
	// Multipart takes an object in parts and forgets aborted ones.
	Multipart Support
	// CORS lets pages of other origins read objects.
	CORS Support
	// Lifecycle has the server itself discard unfinished uploads.
	Lifecycle Support
	// Tagging keeps tags on objects.
	Tagging Support
	// Checksums refuses a put whose x-amz-checksum-* header does not fit the bytes.
	Checksums Support
}

// cleanupTimeout bounds how long a probe tidies up after its context ended.
const cleanupTimeout = 30 * time.Second

// leftoverAge is when what lies under probe/ belongs to a probe that was killed: no probe takes nearly as long.
const leftoverAge = 10 * time.Minute

// Probe finds out what a bucket can do by doing it, looking, and undoing it, under probe/ and a random name. It fails when the
// bucket cannot be written, read and deleted from; all else is a matter of Capabilities. It leaves nothing behind, not even
// what an earlier probe that was killed did, and changes no setting of the bucket that is set.
func (c *Client) Probe(ctx context.Context, bucket string) (caps Capabilities, err error) {
	p := probe{Client: c, bucket: bucket, prefix: probeRoot + "/" + strings.ToLower(rand.Text()) + "/"}
	content := []byte(rand.Text())
	if _, err := p.put(ctx, essentialsName, content, PutOptions{}); err != nil {
		return caps, err
	}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
		defer cancel()
		if _, left := c.DeleteAllVersionsUnder(cleanup, bucket, p.prefix, p.prefix+essentialsName); err == nil {
			err = left
		}
	}()
	if err := p.essentials(ctx, content); err != nil {
		return caps, err
	}
	for _, try := range []struct {
		result *Support
		probe  func(context.Context) (Support, error)
	}{
		{&caps.Checksums, p.checksums},
		{&caps.ConditionalCreate, p.conditionalCreate},
		{&caps.ConditionalReplace, p.conditionalReplace},
		{&caps.Multipart, p.multipart},
		{&caps.Tagging, p.tagging},
		{&caps.Versioning, p.versioning},
		{&caps.ObjectLock, p.objectLock},
		{&caps.CORS, p.cors},
		{&caps.Lifecycle, p.lifecycle},
	} {
		support, err := try.probe(ctx)
		if err != nil && (IsTransient(err) || Reason(err) == ReasonCanceled) {
			return caps, err // a server that is unwell says nothing about what it can do
		}
		if err != nil {
			support = Unsupported
		}
		*try.result = support
	}
	return caps, nil
}

// probe is one run of Probe. Its methods return an error where the server refuses, and Unsupported where it pretends.
type probe struct {
	*Client
	bucket, prefix string
}

const essentialsName = "essentials"

// essentials describes, reads, lists and deletes the object that was written first.
func (p probe) essentials(ctx context.Context, content []byte) error {
	key := p.prefix + essentialsName
	info, err := p.Head(ctx, p.bucket, key)
	if err != nil {
		return err
	}
	if err := p.sweep(ctx, info.LastModified); err != nil {
		return err
	}
	if err := p.readBack(ctx, key, content); err != nil {
		return err
	}
	if err := p.isListed(ctx, key); err != nil {
		return err
	}
	if err := p.Delete(ctx, p.bucket, key); err != nil {
		return err
	}
	if _, err := p.Head(ctx, p.bucket, key); !IsNotFound(err) {
		return p.wrap("delete", p.bucket, key, errors.Join(errors.New("a deleted object is still there"), err))
	}
	return nil
}

// sweep removes what killed probes left. Ages are measured by the server's clock alone: now is when it took our first object.
func (p probe) sweep(ctx context.Context, now time.Time) error {
	deadline := now.Add(-leftoverAge)
	_, err := p.purge(ctx, p.bucket, probeRoot+"/", nil, func(o minio.ObjectInfo) bool { return o.LastModified.Before(deadline) })
	if err != nil && Reason(err) != ReasonLocked {
		return err
	}
	_, err = p.AbortAbandonedUploads(ctx, p.bucket, probeRoot+"/", leftoverAge, now)
	if Reason(err) == ReasonNotSupported {
		return nil // multipart finds that out for itself
	}
	return err
}

func (p probe) readBack(ctx context.Context, key string, content []byte) error {
	body, info, err := p.Get(ctx, p.bucket, key, GetOptions{Offset: 1, Length: int64(len(content)) - 1})
	if err != nil {
		return err
	}
	got, err := io.ReadAll(body)
	_ = body.Close()
	if err == nil && (!bytes.Equal(got, content[1:]) || info.Size != int64(len(content))) {
		err = errors.New("what was read is not what was written")
	}
	return p.wrap("get", p.bucket, key, err)
}

func (p probe) isListed(ctx context.Context, key string) error {
	for object, err := range p.List(ctx, p.bucket, p.prefix) {
		if err != nil || object.Key == key {
			return err
		}
	}
	return p.wrap("list", p.bucket, p.prefix, errors.New("an object that was just written is not listed"))
}

func (p probe) put(ctx context.Context, name string, content []byte, opts PutOptions) (ObjectInfo, error) {
	return p.Put(ctx, p.bucket, p.prefix+name, bytes.NewReader(content), int64(len(content)), opts)
}

// refused turns the outcome of what a capable server must refuse into a verdict: nil means that the server pretends.
func refused(err error, wanted ...ErrorReason) (Support, error) {
	if err == nil {
		return Unsupported, nil
	}
	for _, reason := range wanted {
		if Reason(err) == reason {
			return Supported, nil
		}
	}
	return Unsupported, err
}

func (p probe) conditionalCreate(ctx context.Context) (Support, error) {
	if _, err := p.put(ctx, "create", []byte("one"), PutOptions{IfAbsent: true}); err != nil {
		return Unsupported, err
	}
	_, err := p.put(ctx, "create", []byte("two"), PutOptions{IfAbsent: true})
	return refused(err, ReasonPreconditionFailed)
}

func (p probe) conditionalReplace(ctx context.Context) (Support, error) {
	first, err := p.put(ctx, "replace", []byte("one"), PutOptions{})
	if err != nil {
		return Unsupported, err
	}
	if _, err := p.put(ctx, "replace", []byte("two"), PutOptions{IfMatch: first.ETag}); err != nil {
		return Unsupported, err
	}
	_, err = p.put(ctx, "replace", []byte("three"), PutOptions{IfMatch: first.ETag})
	return refused(err, ReasonPreconditionFailed)
}

func (p probe) multipart(ctx context.Context) (Support, error) {
	key, content := p.prefix+"multipart", []byte("one part")
	upload, err := p.CreateMultipart(ctx, p.bucket, key, "")
	if err != nil {
		return Unsupported, err
	}
	sum := sha256.Sum256(content)
	part, err := p.core.PutObjectPart(ctx, p.bucket, key, upload.ID, 1, bytes.NewReader(content), int64(len(content)),
		minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), DisableContentSha256: true})
	if err == nil {
		_, err = p.core.CompleteMultipartUpload(ctx, p.bucket, key, upload.ID, []minio.CompletePart{{PartNumber: 1, ETag: part.ETag}}, minio.PutObjectOptions{})
	}
	if err != nil {
		return Unsupported, errors.Join(p.wrap("complete multipart upload", p.bucket, key, err), p.AbortUpload(ctx, upload))
	}
	info, err := p.Head(ctx, p.bucket, key)
	if err != nil || info.Size != int64(len(content)) {
		return Unsupported, err
	}
	abandoned, err := p.CreateMultipart(ctx, p.bucket, key, "")
	if err != nil {
		return Unsupported, err
	}
	aborted, err := p.AbortUploads(ctx, p.bucket, key)
	if err != nil || len(aborted) != 1 {
		return Unsupported, errors.Join(err, p.AbortUpload(ctx, abandoned))
	}
	return Supported, nil
}
