// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

func TestEnsureBucketWritesOnlyWhatDiffers(t *testing.T) {
	origins := []string{"https://recordings.example.com", "https://b.example.com"}
	// Each step asks for more than the one before.
	steps := []struct {
		name        string
		opts        objectstore.BucketOptions
		wantChanged []string
	}{
		{"a plain bucket", objectstore.BucketOptions{}, []string{"bucket"}},
		{"versioning", objectstore.BucketOptions{Versioning: true}, []string{"versioning"}},
		{"CORS", objectstore.BucketOptions{Versioning: true, CORSOrigins: origins}, []string{"cors"}},
		{"the same origins in another order", objectstore.BucketOptions{Versioning: true, CORSOrigins: []string{origins[1], origins[0]}}, nil},
		{"less than there is", objectstore.BucketOptions{}, nil},
		{"other origins", objectstore.BucketOptions{CORSOrigins: origins[:1]}, []string{"cors"}},
		{"object lock", objectstore.BucketOptions{ObjectLock: objectstore.LockGovernance}, []string{"objectLock"}},
		{"everything again", objectstore.BucketOptions{Versioning: true, ObjectLock: objectstore.LockCompliance, CORSOrigins: origins[:1]}, nil},
	}
	var writes atomic.Int64
	count := func(r *http.Request) bool {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writes.Add(1)
		}
		return false
	}
	client := connect(t, lesserServer(t, versioned, count, nil))
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			writes.Store(0)
			state, err := client.EnsureBucket(t.Context(), "ensure-steps", step.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(objectstore.BucketState{Changed: step.wantChanged}, state); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if got := writes.Load(); got != int64(len(step.wantChanged)) {
				t.Errorf("%d writes, want %d", got, len(step.wantChanged))
			}
		})
	}
}

func TestEnsureBucketCreatesEverythingAtOnce(t *testing.T) {
	client := connect(t, versioned.Config())
	opts := objectstore.BucketOptions{Versioning: true, ObjectLock: objectstore.LockGovernance, CORSOrigins: []string{"https://r.example.com"}}
	state, err := client.EnsureBucket(t.Context(), "ensure-all", opts)
	if err != nil {
		t.Fatal(err)
	}
	// Object lock comes with the bucket and brings versioning along.
	if diff := cmp.Diff([]string{"bucket", "cors"}, state.Changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if state, err = client.EnsureBucket(t.Context(), "ensure-all", opts); err != nil || len(state.Changed) != 0 {
		t.Errorf("the second time changed %v, %v; want nothing", state.Changed, err)
	}
}

func TestEnsureBucketByManyAtOnce(t *testing.T) {
	client := connect(t, versioned.Config())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := client.EnsureBucket(t.Context(), "ensure-race", objectstore.BucketOptions{Versioning: true}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestEnsureBucketLivesWithoutCORS(t *testing.T) {
	client := connect(t, lesserServer(t, versioned, func(r *http.Request) bool { return r.URL.Query().Has("cors") }, nil))
	state, err := client.EnsureBucket(t.Context(), "ensure-no-cors", objectstore.BucketOptions{CORSOrigins: []string{"https://r.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cors"}, state.Unsupported); diff != "" {
		t.Errorf("unsupported (-want +got):\n%s", diff)
	}
}
