// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func TestAbortUploadsTakesOnlyThoseOfItsObject(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			for _, key := range []string{"media/a", "media/a", "media/ab", "staging/a"} {
				begin(t, client, bucket, key)
			}
			aborted, err := client.AbortUploads(t.Context(), bucket, "media/a")
			if err != nil || len(aborted) != 2 {
				t.Errorf("aborted %d uploads, %v; want 2", len(aborted), err)
			}
			if diff := cmp.Diff([]string{"media/ab", "staging/a"}, unfinished(t, client, bucket)); diff != "" {
				t.Errorf("unfinished uploads (-want +got):\n%s", diff)
			}
			if err := client.AbortUpload(t.Context(), aborted[0]); err != nil {
				t.Errorf("aborting what is gone: %v", err)
			}
		})
	}
}

func TestAbortAbandonedUploadsSparesTheYoungAndTheNeighbours(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			begin(t, client, bucket, "staging/a")
			begin(t, client, bucket, "media/a")
			now := clock.RealClock{}.Now()
			if aborted, err := client.AbortAbandonedUploads(t.Context(), bucket, "staging/", time.Hour, now); err != nil || len(aborted) != 0 {
				t.Errorf("aborted %v, %v: an upload of now is not an hour old", aborted, err)
			}
			aborted, err := client.AbortAbandonedUploads(t.Context(), bucket, "staging/", time.Hour, now.Add(2*time.Hour))
			if err != nil || len(aborted) != 1 || aborted[0].Key != "staging/a" {
				t.Errorf("aborted %v, %v; want the one in staging", aborted, err)
			}
			if diff := cmp.Diff([]string{"media/a"}, unfinished(t, client, bucket)); diff != "" {
				t.Errorf("unfinished uploads (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUploadsWalksAllPages(t *testing.T) {
	t.Parallel()
	client := connect(t, unversioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{})
	const uploads = 1003
	for i := range uploads {
		begin(t, client, bucket, fmt.Sprintf("k/%04d", i))
	}
	if got := len(unfinished(t, client, bucket)); got != uploads {
		t.Errorf("listed %d uploads, want %d", got, uploads)
	}
}

func TestAbortUploadsTakesMoreThanAPage(t *testing.T) {
	t.Parallel()
	client := connect(t, unversioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{})
	const uploads = 1003
	for range uploads {
		begin(t, client, bucket, "k")
	}
	if aborted, err := client.AbortUploads(t.Context(), bucket, "k"); err != nil || len(aborted) != uploads {
		t.Errorf("aborted %d uploads, %v; want %d", len(aborted), err, uploads)
	}
	if left := unfinished(t, client, bucket); len(left) != 0 {
		t.Errorf("%d uploads are left", len(left))
	}
}

func TestPresignRefusesATTLThatS3DoesNotAllow(t *testing.T) {
	client := connect(t, versioned.Config())
	for _, ttl := range []time.Duration{0, -time.Second, objectstore.MaxPresignTTL + time.Second} {
		if url, err := client.Presign(t.Context(), http.MethodGet, "bucket", "k", ttl, nil); err == nil {
			t.Errorf("a URL for %s was signed: %s", ttl, strings.SplitN(url, "?", 2)[0])
		}
	}
}

func TestAddressing(t *testing.T) {
	cases := map[objectstore.Addressing]string{
		objectstore.AddressingPath:        "https://s3.example.com/bucket/a/k?",
		objectstore.AddressingVirtualHost: "https://bucket.s3.example.com/a/k?",
	}
	for addressing, want := range cases {
		client := connect(t, objectstore.Config{Endpoint: "https://s3.example.com", AccessKey: "a", SecretKey: "b", Addressing: addressing})
		url, err := client.Presign(t.Context(), http.MethodGet, "bucket", "a/k", time.Minute, nil)
		if err != nil || !strings.HasPrefix(url, want) {
			t.Errorf("%s: %v, URL %q, want it to begin with %q", addressing, err, url, want)
		}
	}
}

func begin(t *testing.T, client *objectstore.Client, bucket, key string) {
	t.Helper()
	if _, err := client.CreateMultipart(t.Context(), bucket, key, ""); err != nil {
		t.Fatal(err)
	}
}

func unfinished(t *testing.T, client *objectstore.Client, bucket string) []string {
	t.Helper()
	var keys []string
	for u, err := range client.Uploads(t.Context(), bucket, "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, u.Key)
	}
	return keys
}
