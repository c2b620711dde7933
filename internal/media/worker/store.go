// SPDX-License-Identifier: Apache-2.0

package worker

import (
	"context"
	"io"

	"github.com/reelkeeper/reelkeeper/internal/objectstore/presigned"
)

// Store is what a worker does with presigned URLs. Implementations retry what is worth retrying, and their errors never
// carry a URL.
type Store interface {
	// Get returns the object from byte off on, to its end, and the size of the whole object.
	Get(ctx context.Context, url string, off int64) (body io.ReadCloser, size int64, err error)
	// PutPart uploads part number n, counted from 1, and returns its entity tag.
	PutPart(ctx context.Context, url string, n int, body []byte) (etag string, err error)
	// Complete makes the parts the object. The first tag is that of part number 1.
	Complete(ctx context.Context, url string, etags []string) error
	// Abort discards the parts of an upload.
	Abort(ctx context.Context, url string) error
	// Put writes a small object.
	Put(ctx context.Context, url, contentType string, body []byte) error
}

// NewStore returns the store of a spec's URLs. Close it when done.
func NewStore(spec Spec) (*PresignedStore, error) {
	client, err := presigned.New(presigned.Options{CABundle: []byte(spec.CABundle)})
	if err != nil {
		return nil, fail(Internal, "reading the CA bundle of the spec", err)
	}
	return &PresignedStore{client: client}, nil
}

// PresignedStore is a Store over HTTP.
type PresignedStore struct {
	client *presigned.Client
}

// Close lets go of idle connections.
func (s *PresignedStore) Close() { s.client.Close() }

// Get implements Store.
func (s *PresignedStore) Get(ctx context.Context, url string, off int64) (io.ReadCloser, int64, error) {
	body, err := s.client.Get(ctx, url, off)
	if err != nil {
		return nil, 0, err
	}
	size := body.Size()
	return body, size, nil
}

// PutPart implements Store.
func (s *PresignedStore) PutPart(ctx context.Context, url string, n int, body []byte) (string, error) {
	part, err := s.client.PutPart(ctx, url, n, body)
	return part.ETag, err
}

// Complete implements Store.
func (s *PresignedStore) Complete(ctx context.Context, url string, etags []string) error {
	parts := make([]presigned.Part, len(etags))
	for i, etag := range etags {
		parts[i] = presigned.Part{Number: i + 1, ETag: etag}
	}
	_, err := s.client.Complete(ctx, url, parts)
	return err
}

// Abort implements Store.
func (s *PresignedStore) Abort(ctx context.Context, url string) error {
	return s.client.Abort(ctx, url)
}

// Put implements Store.
func (s *PresignedStore) Put(ctx context.Context, url, contentType string, body []byte) error {
	_, err := s.client.PutObject(ctx, url, body, contentType)
	return err
}
