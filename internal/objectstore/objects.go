// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// ObjectInfo describes one object or one version of it.
type ObjectInfo struct {
	// Key is the object's name in its bucket.
	Key string
	// Size is the length of the whole object in bytes, also where only a range was read.
	Size int64
	// ETag changes with the content; it has no quotes.
	ETag string
	// LastModified is the server's time, to the second.
	LastModified time.Time
	// VersionID is empty where the bucket has no versioning.
	VersionID string
	// ContentType is as given to Put; empty in listings.
	ContentType string
}

// PutOptions are the optional parts of a put.
type PutOptions struct {
	// ContentType is application/octet-stream unless set.
	ContentType string
	// SHA256 is the hash of the body where the caller knows it; else it is computed wherever the body can be read twice.
	SHA256 []byte
	// IfAbsent makes the put fail with ReasonPreconditionFailed when the object exists.
	IfAbsent bool
	// IfMatch makes the put fail with ReasonPreconditionFailed unless the object has this ETag.
	IfMatch string
}

// maxBuffered bounds what Put holds in memory to hash it before it is sent.
const maxBuffered = 8 << 20

// Put writes an object of the given size, at most 5 GiB, in one request. A body that can seek, or is at most 8 MiB long, is
// hashed first, so that the server refuses damaged bytes, and is sent again after a transient failure. IfAbsent and IfMatch
// hold only on servers whose Capabilities say so; such a put is sent once, because a repeated one would meet itself.
func (c *Client) Put(ctx context.Context, bucket, key string, body io.Reader, size int64, opts PutOptions) (ObjectInfo, error) {
	body, sum, err := hashed(body, size, opts.SHA256)
	if err != nil {
		return ObjectInfo{}, fmt.Errorf("put %s/%s: read the body: %w", bucket, key, err)
	}
	// Where the hash is known it is signed with the request; else, on plain HTTP, minio-go hashes and signs chunk by chunk.
	put := minio.PutObjectOptions{ContentType: opts.ContentType, DisableContentSha256: len(sum) > 0}
	if c.cfg.Checksums != ChecksumsOff && len(sum) > 0 {
		put.UserMetadata = map[string]string{minio.ChecksumSHA256.Key(): base64.StdEncoding.EncodeToString(sum)}
	}
	if opts.IfAbsent {
		put.SetMatchETagExcept("*")
		body = struct{ io.Reader }{body}
	} else if opts.IfMatch != "" {
		put.SetMatchETag(opts.IfMatch)
		body = struct{ io.Reader }{body}
	}
	info, err := c.core.PutObject(ctx, bucket, key, body, size, "", hex.EncodeToString(sum), put)
	if err != nil {
		return ObjectInfo{}, c.wrap("put", bucket, key, err)
	}
	return ObjectInfo{Key: key, Size: size, ETag: info.ETag, VersionID: info.VersionID, ContentType: opts.ContentType}, nil
}

// hashed returns a body to send and its SHA-256, or no hash where the body is long and can be read only once.
func hashed(body io.Reader, size int64, known []byte) (io.Reader, []byte, error) {
	if len(known) > 0 {
		return body, known, nil
	}
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		if size < 0 || size > maxBuffered {
			return body, nil, nil
		}
		buffer := make([]byte, size)
		if _, err := io.ReadFull(body, buffer); err != nil {
			return nil, nil, err
		}
		seeker = bytes.NewReader(buffer)
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, nil, err
	}
	hash := sha256.New()
	if _, err := io.CopyN(hash, seeker, size); err != nil {
		return nil, nil, err
	}
	if _, err := seeker.Seek(start, io.SeekStart); err != nil {
		return nil, nil, err
	}
	return fromHere{seeker, start}, hash.Sum(nil), nil
}

// fromHere makes a reader's position its beginning: minio-go goes back to offset 0 before every attempt.
type fromHere struct {
	io.ReadSeeker
	start int64
}

// Seek counts from where the reader was when it was handed over.
func (r fromHere) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		offset += r.start
	}
	position, err := r.ReadSeeker.Seek(offset, whence)
	return position - r.start, err
}

// GetOptions choose a part of an object.
type GetOptions struct {
	// Offset is where to start; not negative.
	Offset int64
	// Length is how many bytes to read; 0 means to the end. A range that ends beyond the object ends with it.
	Length int64
	// IfMatch makes the get fail with ReasonPreconditionFailed unless the object has this ETag.
	IfMatch string
	// VersionID chooses a version; empty is the current one.
	VersionID string
}

// Get opens an object, or a range of it, for reading. The caller closes the reader. A reader that ends early because the
// connection broke returns io.ErrUnexpectedEOF.
func (c *Client) Get(ctx context.Context, bucket, key string, opts GetOptions) (io.ReadCloser, ObjectInfo, error) {
	get := minio.GetObjectOptions{VersionID: opts.VersionID}
	if opts.Offset < 0 || opts.Length < 0 {
		return nil, ObjectInfo{}, &Error{Op: "get", Bucket: bucket, Key: key, Reason: ReasonInvalidRange, detail: "offset and length cannot be negative"}
	}
	ranged := opts.Offset > 0 || opts.Length > 0
	if ranged {
		get.Set("Range", byteRange(opts.Offset, opts.Length))
	}
	if opts.IfMatch != "" {
		if err := get.SetMatchETag(opts.IfMatch); err != nil {
			return nil, ObjectInfo{}, c.wrap("get", bucket, key, err)
		}
	}
	body, info, header, err := c.core.GetObject(ctx, bucket, key, get)
	if err != nil {
		return nil, ObjectInfo{}, c.wrap("get", bucket, key, err)
	}
	object := objectInfo(info)
	object.Key = key
	if ranged {
		start, total, ok := ParseContentRange(header.Get("Content-Range"))
		if !ok || start != opts.Offset {
			drain(body)
			return nil, ObjectInfo{}, &Error{Op: "get", Bucket: bucket, Key: key, Reason: ReasonNotSupported, detail: "it ignores Range"}
		}
		object.Size = total
	}
	return body, object, nil
}

func byteRange(offset, length int64) string {
	if length == 0 {
		return fmt.Sprintf("bytes=%d-", offset)
	}
	return fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)
}

// ParseContentRange reads the header Content-Range of a partial answer, such as "bytes 5-9/100": where the part starts, and how
// long the whole is.
func ParseContentRange(header string) (start, total int64, ok bool) {
	span, size, found := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, _, dashed := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !found || !dashed || err != nil {
		return 0, 0, false
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return start, total, err == nil
}

// Head describes an object, or fails with ReasonNotFound.
func (c *Client) Head(ctx context.Context, bucket, key string) (ObjectInfo, error) {
	info, err := c.core.StatObject(ctx, bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return ObjectInfo{}, c.explain(ctx, c.wrap("head", bucket, key, err))
	}
	object := objectInfo(info)
	object.Key = key
	return object, nil
}

// List yields the objects whose keys start with prefix, in the order of their keys. It ends after the first error.
func (c *Client) List(ctx context.Context, bucket, prefix string) iter.Seq2[ObjectInfo, error] {
	return c.list(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true})
}

func (c *Client) list(ctx context.Context, bucket string, opts minio.ListObjectsOptions) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		for object, err := range c.listRaw(ctx, bucket, opts) {
			if err != nil {
				yield(ObjectInfo{}, err)
				return
			}
			if !yield(objectInfo(object), nil) {
				return
			}
		}
	}
}

// listRaw adds what minio-go's iterator lacks: it ends silently when its context does, which would pass for "nothing there".
func (c *Client) listRaw(ctx context.Context, bucket string, opts minio.ListObjectsOptions) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		for object := range c.core.ListObjectsIter(ctx, bucket, opts) {
			if object.Err != nil {
				yield(minio.ObjectInfo{}, c.wrap("list", bucket, opts.Prefix, object.Err))
				return
			}
			if !yield(object, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(minio.ObjectInfo{}, c.wrap("list", bucket, opts.Prefix, err))
		}
	}
}

// Delete removes an object; that it did not exist is no error. In a bucket with versioning it only hides the object: see
// DeleteAllVersions.
func (c *Client) Delete(ctx context.Context, bucket, key string) error {
	err := c.wrap("delete", bucket, key, c.core.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}))
	if IsNotFound(err) {
		return nil
	}
	return err
}

func objectInfo(info minio.ObjectInfo) ObjectInfo {
	return ObjectInfo{
		Key: info.Key, Size: info.Size, ETag: info.ETag, LastModified: info.LastModified,
		VersionID: info.VersionID, ContentType: info.ContentType,
	}
}

// explain asks again in a way that has a body, where the answer to a HEAD left the reason open: a bare 400 or 403 is all
// that a HEAD says about wrong credentials, a wrong region and a missing permission alike.
func (c *Client) explain(ctx context.Context, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Reason != ReasonForbidden && e.Reason != ReasonUnknown && e.Reason != ReasonWrongRegion {
		return err
	}
	for _, asked := range c.listRaw(ctx, e.Bucket, minio.ListObjectsOptions{MaxKeys: 1}) {
		if answer, ok := errors.AsType[*Error](asked); ok && answer.Reason != ReasonUnknown {
			answer.Op, answer.Key = e.Op, e.Key
			return answer
		}
		break
	}
	return err
}
