// SPDX-License-Identifier: Apache-2.0

package objectstore_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
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
	recorder := newWriteRecorder(t, versioned.Endpoint)
	cfg := versioned.Config()
	cfg.Endpoint = recorder.URL
	client := connect(t, cfg)
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			recorder.reset()
			state, err := client.EnsureBucket(t.Context(), "ensure-steps", step.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(objectstore.BucketState{Changed: step.wantChanged}, state); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if got := recorder.writes(); got != len(step.wantChanged) {
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
	refuser := newWriteRecorder(t, versioned.Endpoint)
	refuser.refuse = func(r *http.Request) bool { return r.URL.Query().Has("cors") }
	cfg := versioned.Config()
	cfg.Endpoint = refuser.URL
	state, err := connect(t, cfg).EnsureBucket(t.Context(), "ensure-no-cors", objectstore.BucketOptions{CORSOrigins: []string{"https://r.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cors"}, state.Unsupported); diff != "" {
		t.Errorf("unsupported (-want +got):\n%s", diff)
	}
}

// writeRecorder is a proxy before the real server that counts what writes, and can refuse what a lesser server would.
// The server checks signatures for its own name, so requests keep the host that the client signed for, which is the proxy's.
type writeRecorder struct {
	*httptest.Server
	refuse func(*http.Request) bool
	mu     sync.Mutex
	count  int
}

func newWriteRecorder(t *testing.T, endpoint string) *writeRecorder {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	w := &writeRecorder{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.refuse != nil && w.refuse(r) {
			rw.WriteHeader(http.StatusNotImplemented)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.mu.Lock()
			w.count++
			w.mu.Unlock()
		}
		forward.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *writeRecorder) writes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

func (w *writeRecorder) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count = 0
}
