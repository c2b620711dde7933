// SPDX-License-Identifier: Apache-2.0

package presigned

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is S3's only checksum that need not be known when a URL is presigned; it guards against accidents, not attackers.
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// Part is the receipt of one part of a multipart upload.
type Part struct {
	// Number is the part's place, from 1.
	Number int
	// ETag is what the server calls the part.
	ETag string
}

// PutObject writes a whole object to a URL that was presigned for PUT, and returns its ETag. It sends a Content-MD5 along, so
// that the server refuses what was damaged on its way.
func (c *Client) PutObject(ctx context.Context, url string, body []byte, contentType string) (etag string, err error) {
	sum := md5.Sum(body) //nolint:gosec // see the import
	return c.put(ctx, "put object", url, body, http.Header{
		"Content-Type": {cmp.Or(contentType, "application/octet-stream")},
		"Content-Md5":  {base64.StdEncoding.EncodeToString(sum[:])},
	})
}

// PutPart writes one part of a multipart upload to the URL that was presigned for it. All parts but the last need at least
// objectstore.MinPartSize bytes. The body must not change until PutPart returns.
//
// Parts carry no checksum: hashing is a sizable share of the cost of copying a recording, and whoever writes one reads it
// back and compares before relying on it.
func (c *Client) PutPart(ctx context.Context, url string, number int, body []byte) (Part, error) {
	etag, err := c.put(ctx, "put part", url, body, http.Header{})
	return Part{Number: number, ETag: etag}, err
}

func (c *Client) put(ctx context.Context, op, url string, body []byte, header http.Header) (etag string, err error) {
	if body == nil {
		body = []byte{} // an empty body, as opposed to none
	}
	err = c.retrying(ctx, func(int) error {
		resp, err := c.do(ctx, request{op: op, method: http.MethodPut, url: url, header: header, body: body})
		if err != nil {
			return err
		}
		defer closeBody(resp)
		etag = strings.Trim(resp.Header.Get("ETag"), `"`)
		return nil
	})
	return etag, err
}

// completeDocument is what S3 wants to know to put the parts together.
type completeDocument struct {
	XMLName xml.Name       `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
	Parts   []completePart `xml:"Part"`
}

type completePart struct {
	PartNumber int
	ETag       string
}

// Complete turns the parts, in any order, into the object, through a URL that was presigned for it, and returns the object's
// ETag.
//
// An answer can be lost after the server did the work; the next attempt then finds no upload. Complete takes that for
// success and returns no ETag, because a caller must read back what it wrote in any case.
func (c *Client) Complete(ctx context.Context, url string, parts []Part) (etag string, err error) {
	const op = "complete multipart upload"
	body, err := xml.Marshal(documentOf(parts))
	if err != nil {
		return "", objectstore.NewTransportError(op, err)
	}
	r := request{op: op, method: http.MethodPost, url: url, header: http.Header{"Content-Type": {"application/xml"}}, body: body}
	err = c.retrying(ctx, func(attempt int) error {
		etag, err = c.completeOnce(ctx, r)
		if attempt > 1 && objectstore.IsNotFound(err) {
			return nil
		}
		return err
	})
	return etag, err
}

func documentOf(parts []Part) completeDocument {
	var document completeDocument
	for _, part := range slices.SortedFunc(slices.Values(parts), func(a, b Part) int { return cmp.Compare(a.Number, b.Number) }) {
		document.Parts = append(document.Parts, completePart{PartNumber: part.Number, ETag: `"` + part.ETag + `"`})
	}
	return document
}

// completeOnce reads the whole answer, because S3 sends status 200 before it knows whether it will succeed: an error may
// come as the document.
func (c *Client) completeOnce(ctx context.Context, r request) (etag string, err error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return "", err
	}
	defer closeBody(resp)
	document, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	if err != nil {
		return "", objectstore.NewTransportError(r.op, err)
	}
	var said errorDocument
	if xml.Unmarshal(document, &said) == nil {
		return "", objectstore.NewResponseError(r.op, http.StatusInternalServerError, said.Code, said.Message)
	}
	var done struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		ETag    string
	}
	if xml.Unmarshal(document, &done) != nil || done.ETag == "" {
		return "", errShort(r.op, "ETag")
	}
	return strings.Trim(done.ETag, `"`), nil
}

// Abort discards the parts through a URL that was presigned for it; that there is no such upload is no error.
func (c *Client) Abort(ctx context.Context, url string) error {
	err := c.retrying(ctx, func(int) error {
		resp, err := c.do(ctx, request{op: "abort multipart upload", method: http.MethodDelete, url: url})
		if err != nil {
			return err
		}
		closeBody(resp)
		return nil
	})
	if objectstore.IsNotFound(err) {
		return nil
	}
	return err
}
