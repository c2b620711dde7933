// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
)

// everything is what versitygw can do: all but a lifecycle.
var everything = objectstore.Capabilities{
	Versioning: objectstore.Supported, ObjectLock: objectstore.Supported,
	ConditionalCreate: objectstore.Supported, ConditionalReplace: objectstore.Supported,
	Multipart: objectstore.Supported, CORS: objectstore.Supported, Lifecycle: objectstore.Unsupported,
	Tagging: objectstore.Supported, Checksums: objectstore.Supported,
}

func TestProbe(t *testing.T) {
	t.Parallel()
	off := func(caps objectstore.Capabilities) objectstore.Capabilities {
		caps.Versioning, caps.ObjectLock = objectstore.Off, objectstore.Off
		return caps
	}
	cases := map[string]struct {
		server *s3test.Server
		opts   objectstore.BucketOptions
		want   objectstore.Capabilities
	}{
		"a bucket with object lock": {versioned, objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance}, everything},
		"a bucket with versioning and CORS": {
			versioned, objectstore.BucketOptions{Versioning: true, CORSOrigins: []string{"https://r.example.com"}},
			func() objectstore.Capabilities { c := everything; c.ObjectLock = objectstore.Off; return c }(),
		},
		"a plain bucket": {versioned, objectstore.BucketOptions{}, off(everything)},
		"a bucket on a server that knows no versions": {unversioned, objectstore.BucketOptions{}, off(everything)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := connect(t, tc.server.Config())
			bucket := newBucket(t, client, tc.opts)
			put(t, client, bucket, "probe/of-somebody-else", "keep")
			got, err := client.Probe(t.Context(), bucket)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("capabilities (-want +got):\n%s", diff)
			}
			wantVersions(t, tc.server, bucket, map[string]int{"probe/of-somebody-else": 1})
			if left := unfinished(t, client, bucket); len(left) != 0 {
				t.Errorf("unfinished uploads are left: %v", left)
			}
			if state, err := client.EnsureBucket(t.Context(), bucket, tc.opts); err != nil || len(state.Changed) != 0 {
				t.Errorf("after the probe the bucket's settings differ: %v, %v", state.Changed, err)
			}
		})
	}
}

// What lesser servers do: refuse, or take a request without doing what it says.
func TestProbeSeesThroughLesserServers(t *testing.T) {
	t.Parallel()
	query := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.URL.Query().Has(name) }
	}
	dropHeaders := func(prefixes ...string) func(*http.Request) {
		return func(r *http.Request) {
			for name := range r.Header {
				for _, prefix := range prefixes {
					if strings.HasPrefix(strings.ToLower(name), prefix) {
						r.Header.Del(name)
					}
				}
			}
		}
	}
	cases := map[string]struct {
		refuse func(*http.Request) bool
		alter  func(*http.Request)
		change func(*objectstore.Capabilities)
	}{
		"no tagging":                       {refuse: query("tagging"), change: func(c *objectstore.Capabilities) { c.Tagging = objectstore.Unsupported }},
		"no CORS":                          {refuse: query("cors"), change: func(c *objectstore.Capabilities) { c.CORS = objectstore.Unsupported }},
		"no object lock":                   {refuse: query("object-lock"), change: func(c *objectstore.Capabilities) { c.ObjectLock = objectstore.Off }},
		"no retention":                     {refuse: query("retention"), change: func(c *objectstore.Capabilities) { c.ObjectLock = objectstore.Unsupported }},
		"no versioning":                    {refuse: query("versioning"), change: func(c *objectstore.Capabilities) { c.Versioning = objectstore.Unsupported }},
		"no listing of unfinished uploads": {refuse: func(r *http.Request) bool { return r.Method == http.MethodGet && r.URL.Query().Has("uploads") }, change: func(c *objectstore.Capabilities) { c.Multipart = objectstore.Unsupported }},
		"If-None-Match is ignored":         {alter: dropHeaders("if-none-match"), change: func(c *objectstore.Capabilities) { c.ConditionalCreate = objectstore.Unsupported }},
		"If-Match is ignored":              {alter: dropHeaders("if-match"), change: func(c *objectstore.Capabilities) { c.ConditionalReplace = objectstore.Unsupported }},
		"checksums are ignored":            {alter: dropHeaders("x-amz-checksum-"), change: func(c *objectstore.Capabilities) { c.Checksums = objectstore.Unsupported }},
	}
	owner := connect(t, versioned.Config())
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bucket := newBucket(t, owner, objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance})
			want := everything
			tc.change(&want)
			got, err := connect(t, lesserServer(t, versioned, tc.refuse, tc.alter)).Probe(t.Context(), bucket)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("capabilities (-want +got):\n%s", diff)
			}
			wantVersions(t, versioned, bucket, map[string]int{})
		})
	}
}

func TestProbeWaitsForARetentionThatItMayNotLift(t *testing.T) {
	t.Parallel()
	owner := connect(t, versioned.Config())
	bucket := newBucket(t, owner, objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance})
	mayNotBypass := func(r *http.Request) bool { return r.Header.Get("X-Amz-Bypass-Governance-Retention") != "" }
	got, err := connect(t, lesserServer(t, versioned, mayNotBypass, nil)).Probe(t.Context(), bucket)
	if err != nil || got.ObjectLock != objectstore.Supported {
		t.Errorf("Probe = %+v, %v", got, err)
	}
	wantVersions(t, versioned, bucket, map[string]int{})
}

func TestProbeRemovesWhatAKilledProbeLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := s3test.Start(t, s3test.Options{Dir: dir, WithoutVersioning: true})
	client := connect(t, server.Config())
	bucket := newBucket(t, client, objectstore.BucketOptions{})
	put(t, client, bucket, "probe/killed/essentials", "left")
	put(t, client, bucket, "probe/running/essentials", "in use")
	put(t, client, bucket, "media/old", "not a probe's")
	hourAgo := clock.RealClock{}.Now().Add(-time.Hour)
	for _, key := range []string{"probe/killed/essentials", "media/old"} {
		if err := os.Chtimes(filepath.Join(dir, "buckets", bucket, key), hourAgo, hourAgo); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Probe(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"media/old", "probe/running/essentials"}, list(t, client, bucket, "")); diff != "" {
		t.Errorf("objects after the probe (-want +got):\n%s", diff)
	}
}

func TestProbeFailsWhereTheBucketIsOfNoUse(t *testing.T) {
	owner := connect(t, versioned.Config())
	bucket := newBucket(t, owner, objectstore.BucketOptions{Versioning: true})
	method := func(methods ...string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.Contains(strings.Join(methods, " "), r.Method) }
	}
	cases := map[string]struct {
		refuse func(*http.Request) bool
		want   objectstore.ErrorReason
	}{
		"writes are refused":    {method(http.MethodPut), objectstore.ReasonNotSupported},
		"deletions are refused": {method(http.MethodDelete), objectstore.ReasonNotSupported},
		"reads are refused":     {func(r *http.Request) bool { return r.Method == http.MethodGet && r.Header.Get("Range") != "" }, objectstore.ReasonNotSupported},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := connect(t, lesserServer(t, versioned, tc.refuse, nil)).Probe(t.Context(), bucket)
			wantReason(t, err, tc.want)
		})
	}
	_, err := owner.Probe(t.Context(), "missing-bucket")
	wantReason(t, err, objectstore.ReasonNoSuchBucket)
}
