// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// MaxPresignTTL is the longest that S3 lets a presigned URL live.
const MaxPresignTTL = 7 * 24 * time.Hour

// Limits of multipart uploads: every part but the last has at least MinPartSize bytes, and there are at most MaxParts.
const (
	MinPartSize = 5 << 20
	MaxParts    = 10_000
)

// Presign returns a URL that allows its holder one method on one object for at most ttl, between a second and MaxPresignTTL.
// The query, which may be nil, is part of what is signed. The URL is a secret for as long as it lives.
func (c *Client) Presign(ctx context.Context, method, bucket, key string, ttl time.Duration, query url.Values) (string, error) {
	signed, err := c.core.Presign(ctx, method, bucket, key, ttl, query)
	if err != nil {
		return "", c.wrap("presign "+method, bucket, key, err)
	}
	return signed.String(), nil
}

// Upload is a multipart upload that has begun and not ended.
type Upload struct {
	Bucket, Key, ID string
	// Initiated is the server's time; zero for an upload that was just created.
	Initiated time.Time
}

// CreateMultipart begins a multipart upload of an object.
func (c *Client) CreateMultipart(ctx context.Context, bucket, key, contentType string) (Upload, error) {
	// No checksum is announced here, whatever the Config says: parts go through presigned URLs, and what the holder of such a
	// URL sends is hashed only while it is sent.
	id, err := c.core.NewMultipartUpload(ctx, bucket, key, minio.PutObjectOptions{ContentType: contentType})
	if err != nil {
		return Upload{}, c.wrap("create multipart upload", bucket, key, err)
	}
	return Upload{Bucket: bucket, Key: key, ID: id}, nil
}

// PresignPart returns a URL that takes part number n (1 to MaxParts) with PUT.
func (c *Client) PresignPart(ctx context.Context, u Upload, n int, ttl time.Duration) (string, error) {
	query := url.Values{"uploadId": {u.ID}, "partNumber": {strconv.Itoa(n)}}
	return c.Presign(ctx, http.MethodPut, u.Bucket, u.Key, ttl, query)
}

// PresignComplete returns a URL that turns the parts into the object with POST and a CompleteMultipartUpload document.
func (c *Client) PresignComplete(ctx context.Context, u Upload, ttl time.Duration) (string, error) {
	return c.Presign(ctx, http.MethodPost, u.Bucket, u.Key, ttl, url.Values{"uploadId": {u.ID}})
}

// PresignAbort returns a URL that discards the parts with DELETE.
func (c *Client) PresignAbort(ctx context.Context, u Upload, ttl time.Duration) (string, error) {
	return c.Presign(ctx, http.MethodDelete, u.Bucket, u.Key, ttl, url.Values{"uploadId": {u.ID}})
}

// AbortUpload discards one upload and its parts; that it no longer exists is no error.
func (c *Client) AbortUpload(ctx context.Context, u Upload) error {
	err := c.wrap("abort multipart upload", u.Bucket, u.Key, c.core.AbortMultipartUpload(ctx, u.Bucket, u.Key, u.ID))
	if IsNotFound(err) {
		return nil
	}
	return err
}

// AbortUploads discards every unfinished upload of one object and returns them.
func (c *Client) AbortUploads(ctx context.Context, bucket, key string) ([]Upload, error) {
	return c.abortWhere(ctx, bucket, key, func(u Upload) bool { return u.Key == key })
}

// AbortAbandonedUploads discards the unfinished uploads under prefix that began more than olderThan before now, and returns
// them. Their parts cost space and show in no listing of objects.
func (c *Client) AbortAbandonedUploads(ctx context.Context, bucket, prefix string, olderThan time.Duration, now time.Time) ([]Upload, error) {
	deadline := now.Add(-olderThan)
	return c.abortWhere(ctx, bucket, prefix, func(u Upload) bool {
		return strings.HasPrefix(u.Key, prefix) && u.Initiated.Before(deadline)
	})
}

func (c *Client) abortWhere(ctx context.Context, bucket, prefix string, mine func(Upload) bool) ([]Upload, error) {
	var aborted []Upload
	for range maxPasses {
		found, err := c.uploadsWhere(ctx, bucket, prefix, mine)
		if err != nil || len(found) == 0 {
			return aborted, err
		}
		for _, u := range found {
			if err := c.AbortUpload(ctx, u); err != nil {
				return aborted, err
			}
			aborted = append(aborted, u)
		}
	}
	return aborted, nil
}

// uploadsWhere collects before anything is aborted: aborting while listing would shift the pages.
func (c *Client) uploadsWhere(ctx context.Context, bucket, prefix string, mine func(Upload) bool) ([]Upload, error) {
	var found []Upload
	for u, err := range c.Uploads(ctx, bucket, prefix) {
		if err != nil {
			return nil, err
		}
		if mine(u) {
			found = append(found, u)
		}
	}
	return found, nil
}

// Uploads yields the unfinished uploads of objects whose keys start with prefix. It ends after the first error. MinIO lists
// an upload only when asked for its whole key, and versitygw at most 1000 uploads of one key.
func (c *Client) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[Upload, error] {
	return func(yield func(Upload, error) bool) {
		var keyMarker, idMarker string
		for {
			page, err := c.core.ListMultipartUploads(ctx, bucket, prefix, keyMarker, idMarker, "", 0)
			if idMarker != "" && minio.ToErrorResponse(err).Code == minio.InvalidArgument {
				// versitygw does not go on in the middle of a key that it named itself: go on after the key.
				idMarker = ""
				continue
			}
			if err != nil {
				yield(Upload{}, c.wrap("list multipart uploads", bucket, prefix, err))
				return
			}
			for _, u := range page.Uploads {
				if !yield(Upload{Bucket: bucket, Key: u.Key, ID: u.UploadID, Initiated: u.Initiated}, nil) {
					return
				}
			}
			// A server that says "more" without saying where would keep us here for ever.
			if !page.IsTruncated || page.NextKeyMarker == keyMarker && page.NextUploadIDMarker == idMarker {
				return
			}
			keyMarker, idMarker = page.NextKeyMarker, page.NextUploadIDMarker
		}
	}
}
