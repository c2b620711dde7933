// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3fault"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

func TestDiscardRemovesOneObjectAndNoOther(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*s3test.Server{"versions": versioned, "no versions": unversioned} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, server.Config())
			bucket := newBucket(t, client, objectstore.BucketOptions{Versioning: server == versioned})
			for _, key := range []string{"trash/a", "trash/a", "trash/a.other"} {
				put(t, client, bucket, key, "void")
			}
			for range 2 { // the second time, there is nothing
				if err := client.Discard(t.Context(), bucket, "trash/a"); err != nil {
					t.Fatal(err)
				}
			}
			left, err := client.Versions(t.Context(), bucket, "trash/")
			if err != nil || len(left) != 1 || left[0].Key != "trash/a.other" {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
}

func TestR26DeleteAllVersionsLeavesNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		server       *s3test.Server
		opts         objectstore.BucketOptions
		wantVersions int // of an object written three times and deleted once
		wantMarkers  int
	}{
		"a bucket with versioning":                    {versioned, objectstore.BucketOptions{Versioning: true}, 3, 1},
		"a bucket with object lock":                   {versioned, objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance}, 3, 1},
		"a bucket without versioning":                 {versioned, objectstore.BucketOptions{}, 0, 0},
		"a bucket on a server that knows no versions": {unversioned, objectstore.BucketOptions{}, 0, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, tc.server.Config())
			bucket := newBucket(t, client, tc.opts)
			for i := range 3 {
				put(t, client, bucket, "media/ns/u1/1.mp4", "version "+strconv.Itoa(i))
			}
			put(t, client, bucket, "media/ns/u1/1.mp4.other", "neighbour with a longer name")
			put(t, client, bucket, "media/ns/u10/1.mp4", "neighbour with a longer UID")
			if err := client.Delete(t.Context(), bucket, "media/ns/u1/1.mp4"); err != nil {
				t.Fatal(err)
			}

			removed, err := client.DeleteAllVersions(t.Context(), bucket, "media/ns/u1/1.mp4")
			if err != nil {
				t.Fatal(err)
			}
			var versions, markers int
			for _, r := range removed {
				if r.DeleteMarker {
					markers++
				} else {
					versions++
				}
				if r.Key != "media/ns/u1/1.mp4" || r.VersionID == "" {
					t.Errorf("evidence %+v names no version of the object", r)
				}
			}
			if versions != tc.wantVersions || markers != tc.wantMarkers {
				t.Errorf("removed %d versions and %d delete markers, want %d and %d: %+v", versions, markers, tc.wantVersions, tc.wantMarkers, removed)
			}
			wantVersions(t, tc.server, bucket, map[string]int{"media/ns/u1/1.mp4.other": 1, "media/ns/u10/1.mp4": 1})

			if again, err := client.DeleteAllVersions(t.Context(), bucket, "media/ns/u1/1.mp4"); err != nil || len(again) != 0 {
				t.Errorf("a second purge = %v, %v; want nothing to do", again, err)
			}
			if _, err := client.DeleteAllVersionsUnder(t.Context(), bucket, "media/ns/u1/"); err != nil {
				t.Error(err)
			}
			wantVersions(t, tc.server, bucket, map[string]int{"media/ns/u10/1.mp4": 1})
		})
	}
}

func TestDeleteAllVersionsOfAnObjectThatExists(t *testing.T) {
	t.Parallel()
	for serverName, client := range everyServer(t) {
		t.Run(serverName, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, client, objectstore.BucketOptions{})
			put(t, client, bucket, "a", "1")
			removed, err := client.DeleteAllVersions(t.Context(), bucket, "a")
			if err != nil || len(removed) != 1 || removed[0].Key != "a" {
				t.Errorf("removed %+v, %v; want the one object", removed, err)
			}
			_, err = client.Head(t.Context(), bucket, "a")
			wantReason(t, err, objectstore.ReasonNotFound)
		})
	}
}

// TestR26DeleteAllVersionsFindsWhatNoListingShowsYet has a proxy before the server whose listings are behind.
func TestR26DeleteAllVersionsFindsWhatNoListingShowsYet(t *testing.T) {
	t.Parallel()
	proxy, err := s3fault.New(versioned.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	config := versioned.Config()
	config.Endpoint = proxy.URL()
	client := connect(t, config)
	bucket := newBucket(t, client, objectstore.BucketOptions{Versioning: true})
	for range 2 {
		put(t, client, bucket, "staging/ns/u1/raw", "upload")
		put(t, client, bucket, "staging/ns/u2/raw", "upload")
	}
	proxy.Arm(s3fault.Fault{Kind: s3fault.StaleListing, Nth: 1, Times: 20})
	if listed := list(t, client, bucket, "staging/"); len(listed) > 0 {
		t.Fatalf("the listing shows %v: this test shows nothing", listed)
	}
	if removed, err := client.DeleteAllVersions(t.Context(), bucket, "staging/ns/u1/raw"); err != nil || len(removed) != 2 {
		t.Errorf("by its key: removed %v, %v; want two versions", removed, err)
	}
	if removed, err := client.DeleteAllVersionsUnder(t.Context(), bucket, "staging/ns/u2/", "staging/ns/u2/raw", "staging/ns/u2/none"); err != nil || len(removed) != 2 {
		t.Errorf("by its prefix and a known key: removed %v, %v; want two versions", removed, err)
	}
	wantVersions(t, versioned, bucket, map[string]int{})
}

func TestDeleteAllVersionsWalksAllPages(t *testing.T) {
	t.Parallel()
	client := connect(t, versioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{Versioning: true})
	const versions = 1003
	for i := range versions {
		put(t, client, bucket, "k/"+strconv.Itoa(i%3), strconv.Itoa(i))
	}
	removed, err := client.DeleteAllVersionsUnder(t.Context(), bucket, "k/")
	if err != nil || len(removed) != versions {
		t.Errorf("removed %d versions, %v; want %d", len(removed), err, versions)
	}
	wantVersions(t, versioned, bucket, map[string]int{})
}

func TestDeleteAllVersionsRefusesToBeVague(t *testing.T) {
	client := connect(t, versioned.Config())
	for _, prefix := range []string{"", "/", "media/ns/u1"} {
		if _, err := client.DeleteAllVersionsUnder(t.Context(), "any", prefix); err == nil {
			t.Errorf("the prefix %q was accepted", prefix)
		}
	}
	if _, err := client.DeleteAllVersions(t.Context(), "any", ""); err == nil {
		t.Error("an empty key was accepted")
	}
}

func TestDeleteAllVersionsSaysWhatLocksAnObject(t *testing.T) {
	client, raw := connect(t, versioned.Config()), rawClient(t, versioned)
	bucket := newBucket(t, client, objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance})
	info := put(t, client, bucket, "held", "evidence")
	governance, until := minio.Governance, clock.RealClock{}.Now().Add(time.Hour)
	if err := raw.PutObjectRetention(t.Context(), bucket, "held", minio.PutObjectRetentionOptions{Mode: &governance, RetainUntilDate: &until}); err != nil {
		t.Fatal(err)
	}

	removed, err := client.DeleteAllVersions(t.Context(), bucket, "held")
	wantReason(t, err, objectstore.ReasonLocked)
	if len(removed) != 0 {
		t.Errorf("evidence of %d removals of a locked object", len(removed))
	}
	if got, err := client.Head(t.Context(), bucket, "held"); err != nil || got.VersionID != info.VersionID {
		t.Errorf("Head = %+v, %v; want the locked version untouched", got, err)
	}
}

func TestDeleteAllVersionsDoesNotTakeACanceledListingForAnEmptyOne(t *testing.T) {
	client := connect(t, versioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{})
	put(t, client, bucket, "a/1", "still here")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.DeleteAllVersionsUnder(ctx, bucket, "a/")
	wantReason(t, err, objectstore.ReasonCanceled)
}

// rawClient looks at a server past the code under test.
func rawClient(t *testing.T, server *s3test.Server) *minio.Client {
	t.Helper()
	raw, err := minio.New(server.Address, &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, ""), Region: server.Region})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// wantVersions compares how many versions and delete markers each key of a bucket has.
func wantVersions(t *testing.T, server *s3test.Server, bucket string, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	for object := range rawClient(t, server).ListObjectsIter(t.Context(), bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		got[object.Key]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("versions in the bucket (-want +got):\n%s", diff)
	}
}

func TestListVersions(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		server *s3test.Server
		opts   objectstore.BucketOptions
		want   []string
	}{
		"a bucket with versioning": {versioned, objectstore.BucketOptions{Versioning: true}, []string{
			"a/1 7 current=true marker=false", "a/1 5 current=false marker=false", "a/2 0 current=true marker=true", "a/2 1 current=false marker=false",
		}},
		"a bucket without versioning":                 {versioned, objectstore.BucketOptions{}, []string{"a/1 7 current=true marker=false"}},
		"a bucket on a server that knows no versions": {unversioned, objectstore.BucketOptions{}, []string{"a/1 7 current=true marker=false"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, tc.server.Config())
			bucket := newBucket(t, client, tc.opts)
			for _, object := range [][2]string{{"a/1", "first"}, {"a/1", "second!"}, {"a/2", "x"}, {"b/1", "elsewhere"}} {
				put(t, client, bucket, object[0], object[1])
			}
			if err := client.Delete(t.Context(), bucket, "a/2"); err != nil {
				t.Fatal(err)
			}
			found, _ := listVersions(t, client, bucket)
			slices.Sort(found)
			slices.Sort(tc.want)
			if diff := cmp.Diff(tc.want, found); diff != "" {
				t.Errorf("versions (-want +got):\n%s", diff)
			}
		})
	}
}

func listVersions(t *testing.T, client *objectstore.Client, bucket string) (found []string, old string) {
	t.Helper()
	for version, err := range client.ListVersions(t.Context(), bucket, "a/") {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprintf("%s %d current=%t marker=%t", version.Key, version.Size, version.Current, version.DeleteMarker))
		if version.Key == "a/1" && !version.Current {
			old = version.VersionID
		}
	}
	return found, old
}

func TestOneVersionIsReadAndDeleted(t *testing.T) {
	t.Parallel()
	client := connect(t, versioned.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{Versioning: true})
	put(t, client, bucket, "a/1", "first")
	put(t, client, bucket, "a/1", "second!")
	_, old := listVersions(t, client, bucket)
	body, info, err := client.Get(t.Context(), bucket, "a/1", objectstore.GetOptions{VersionID: old})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if content, err := io.ReadAll(body); err != nil || string(content) != "first" || info.VersionID != old {
		t.Errorf("the old version is %q (%+v), %v", content, info, err)
	}
	if err := client.DeleteVersion(t.Context(), bucket, "a/1", old); err != nil {
		t.Fatal(err)
	}
	if found, _ := listVersions(t, client, bucket); len(found) != 1 {
		t.Errorf("left: %v", found)
	}
}
