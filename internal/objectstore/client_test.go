// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

// The servers that the tests of this package share: one that keeps versions, one that cannot.
var versioned, unversioned *s3test.Server

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if versioned, err = s3test.Run(context.Background(), s3test.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer versioned.Close()
	if unversioned, err = s3test.Run(context.Background(), s3test.Options{WithoutVersioning: true}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer unversioned.Close()
	return m.Run()
}

// everyServer returns a client of each kind of server.
func everyServer(t *testing.T) map[string]*objectstore.Client {
	t.Helper()
	return map[string]*objectstore.Client{
		"with versioning":    connect(t, versioned.Config()),
		"without versioning": connect(t, unversioned.Config()),
	}
}

func connect(t *testing.T, cfg objectstore.Config) *objectstore.Client {
	t.Helper()
	client, err := objectstore.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

var buckets atomic.Int64

// newBucket makes a bucket of its own for a test.
func newBucket(t *testing.T, client *objectstore.Client, opts objectstore.BucketOptions) string {
	t.Helper()
	bucket := fmt.Sprintf("test-%d", buckets.Add(1))
	if _, err := client.EnsureBucket(t.Context(), bucket, opts); err != nil {
		t.Fatal(err)
	}
	return bucket
}

func put(t *testing.T, client *objectstore.Client, bucket, key, content string) objectstore.ObjectInfo {
	t.Helper()
	info, err := client.Put(t.Context(), bucket, key, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// wantReason fails the test unless err has the reason and a message without secrets.
func wantReason(t *testing.T, err error, want objectstore.ErrorReason) {
	t.Helper()
	if got := objectstore.Reason(err); got != want {
		t.Errorf("reason = %q, want %q (error: %v)", got, want, err)
	}
	if err == nil {
		return
	}
	for _, secret := range []string{versioned.SecretKey, unversioned.SecretKey, versioned.RestrictedSecretKey, "X-Amz-Signature", "X-Amz-Credential"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error leaks %q: %v", secret, err)
		}
	}
}
