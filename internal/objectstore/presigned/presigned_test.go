// SPDX-License-Identifier: Apache-2.0

package presigned_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/presigned"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

const ttl = 10 * time.Minute

var server *s3test.Server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if server, err = s3test.Run(context.Background(), s3test.Options{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer server.Close()
		return m.Run()
	}())
}

// bed is a bucket, the operator's client, which signs, and the worker's, which holds nothing.
type bed struct {
	bucket string
	signer *objectstore.Client
	worker *presigned.Client
}

var buckets atomic.Int64

func newBed(t *testing.T) bed {
	t.Helper()
	signer, err := objectstore.New(server.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(signer.Close)
	bucket := fmt.Sprintf("presigned-%d", buckets.Add(1))
	if _, err := signer.EnsureBucket(t.Context(), bucket, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return bed{bucket: bucket, signer: signer, worker: newWorker(t, presigned.Options{})}
}

func newWorker(t *testing.T, options presigned.Options) *presigned.Client {
	t.Helper()
	options.MinBackoff, options.MaxBackoff = time.Millisecond, 5*time.Millisecond
	worker, err := presigned.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.Close)
	return worker
}

func (b bed) sign(t *testing.T, method, key string) string {
	t.Helper()
	url, err := b.signer.Presign(t.Context(), method, b.bucket, key, ttl, nil)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func (b bed) read(t *testing.T, url string, offset int64) []byte {
	t.Helper()
	reader, err := b.worker.Get(t.Context(), url, offset)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestPutObjectThenGet(t *testing.T) {
	b := newBed(t)
	for name, content := range map[string]string{"something": "hello", "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			etag, err := b.worker.PutObject(t.Context(), b.sign(t, http.MethodPut, name), []byte(content), "application/json")
			if err != nil || etag == "" {
				t.Fatalf("PutObject = %q, %v", etag, err)
			}
			reader, err := b.worker.Get(t.Context(), b.sign(t, http.MethodGet, name), 0)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(reader)
			if err != nil || string(got) != content || reader.Size() != int64(len(content)) || reader.ETag() != etag {
				t.Errorf("read %q of %d bytes with ETag %q, %v", got, reader.Size(), reader.ETag(), err)
			}
			if err := reader.Close(); err != nil {
				t.Error(err)
			}
			if _, err := reader.Read(make([]byte, 1)); err == nil {
				t.Error("a closed reader reads on")
			}
			if info, err := b.signer.Head(t.Context(), b.bucket, name); err != nil || info.ContentType != "application/json" {
				t.Errorf("Head = %+v, %v", info, err)
			}
		})
	}
}

func TestGetFromAnOffset(t *testing.T) {
	b := newBed(t)
	put(t, b, "k", []byte("0123456789"))
	url := b.sign(t, http.MethodGet, "k")
	for offset := range int64(10) {
		if got, want := string(b.read(t, url, offset)), "0123456789"[offset:]; got != want {
			t.Errorf("from %d read %q, want %q", offset, got, want)
		}
	}
	_, err := b.worker.Get(t.Context(), url, 10)
	wantReason(t, err, objectstore.ReasonInvalidRange)
}

func TestMultipartUpload(t *testing.T) {
	b := newBed(t)
	upload, err := b.signer.CreateMultipart(t.Context(), b.bucket, "media/ns/u1/1.mp4", "video/mp4")
	if err != nil {
		t.Fatal(err)
	}
	content := randomBytes(2*objectstore.MinPartSize + 1234)
	var parts []presigned.Part
	for number := 3; number >= 1; number-- { // in the wrong order on purpose
		start := (number - 1) * objectstore.MinPartSize
		url, err := b.signer.PresignPart(t.Context(), upload, number, ttl)
		if err != nil {
			t.Fatal(err)
		}
		part, err := b.worker.PutPart(t.Context(), url, number, content[start:min(start+objectstore.MinPartSize, len(content))])
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	complete, err := b.signer.PresignComplete(t.Context(), upload, ttl)
	if err != nil {
		t.Fatal(err)
	}
	etag, err := b.worker.Complete(t.Context(), complete, parts)
	if err != nil || etag == "" {
		t.Fatalf("Complete = %q, %v", etag, err)
	}
	if got := b.read(t, b.sign(t, http.MethodGet, upload.Key), 0); !bytes.Equal(got, content) {
		t.Errorf("read back %d bytes that differ from the %d uploaded", len(got), len(content))
	}
}

func TestCompleteRefusesPartsThatAreNotThere(t *testing.T) {
	b := newBed(t)
	upload, err := b.signer.CreateMultipart(t.Context(), b.bucket, "k", "")
	if err != nil {
		t.Fatal(err)
	}
	complete, err := b.signer.PresignComplete(t.Context(), upload, ttl)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.worker.Complete(t.Context(), complete, []presigned.Part{{Number: 1, ETag: strings.Repeat("0", 32)}}); err == nil {
		t.Error("a part that was never uploaded was accepted")
	}
}

func TestAbort(t *testing.T) {
	b := newBed(t)
	upload, err := b.signer.CreateMultipart(t.Context(), b.bucket, "k", "")
	if err != nil {
		t.Fatal(err)
	}
	url, err := b.signer.PresignAbort(t.Context(), upload, ttl)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing, which is no error
		if err := b.worker.Abort(t.Context(), url); err != nil {
			t.Error(err)
		}
	}
	complete, err := b.signer.PresignComplete(t.Context(), upload, ttl)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.worker.Complete(t.Context(), complete, []presigned.Part{{Number: 1, ETag: strings.Repeat("0", 32)}})
	wantReason(t, err, objectstore.ReasonNotFound)
	for u, err := range b.signer.Uploads(t.Context(), b.bucket, "") {
		t.Errorf("upload %v, %v is left", u, err)
	}
}

func TestURLAllowsOnlyWhatItWasSignedFor(t *testing.T) {
	b := newBed(t)
	put(t, b, "mine", []byte("content"))
	put(t, b, "other", []byte("secret"))
	getURL := b.sign(t, http.MethodGet, "mine")

	_, err := b.worker.PutObject(t.Context(), getURL, []byte("overwritten"), "")
	wantReason(t, err, objectstore.ReasonBadCredentials)
	_, err = b.worker.Get(t.Context(), strings.Replace(getURL, "/mine?", "/other?", 1), 0)
	wantReason(t, err, objectstore.ReasonBadCredentials)
	_, err = b.worker.Get(t.Context(), strings.Replace(getURL, "X-Amz-Expires=600", "X-Amz-Expires=60000", 1), 0)
	wantReason(t, err, objectstore.ReasonBadCredentials)
	_, err = b.worker.Get(t.Context(), "http://\x7f?X-Amz-Signature=secret", 0)
	wantReason(t, err, objectstore.ReasonUnknown)
}

func TestPrivateCA(t *testing.T) {
	private := s3test.Start(t, s3test.Options{TLS: true})
	signer, err := objectstore.New(private.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer signer.Close()
	if _, err := signer.EnsureBucket(t.Context(), "tls", objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	url, err := signer.Presign(t.Context(), http.MethodPut, "tls", "k", ttl, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newWorker(t, presigned.Options{CABundle: private.CABundle}).PutObject(t.Context(), url, []byte("x"), ""); err != nil {
		t.Error(err)
	}
	_, err = newWorker(t, presigned.Options{}).PutObject(t.Context(), url, []byte("x"), "")
	wantReason(t, err, objectstore.ReasonTLS)
	if _, err := presigned.New(presigned.Options{CABundle: []byte("no certificate")}); err == nil {
		t.Error("a CA bundle without a certificate was accepted")
	}
}

func put(t *testing.T, b bed, key string, content []byte) {
	t.Helper()
	if _, err := b.worker.PutObject(t.Context(), b.sign(t, http.MethodPut, key), content, ""); err != nil {
		t.Fatal(err)
	}
}

func randomBytes(n int) []byte {
	content := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content)
	return content
}

// wantReason fails the test unless err has the reason and does not show what a presigned URL carries.
func wantReason(t *testing.T, err error, want objectstore.ErrorReason) {
	t.Helper()
	if got := objectstore.Reason(err); got != want {
		t.Errorf("reason = %q, want %q (error: %v)", got, want, err)
	}
	if err != nil && (strings.Contains(err.Error(), "X-Amz-Signature") || strings.Contains(err.Error(), server.SecretKey)) {
		t.Errorf("the error shows a presigned URL: %v", err)
	}
}
