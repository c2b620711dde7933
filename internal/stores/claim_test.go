// SPDX-License-Identifier: Apache-2.0

package stores_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// clusterOver is a cluster of its own, with a store at an endpoint.
func clusterOver(t *testing.T, server *s3test.Server, endpoint string, uid types.UID) *world {
	t.Helper()
	w := newWorld(t)
	if err := w.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem, UID: uid}}); err != nil {
		t.Fatal(err)
	}
	w.change(w.store, func() { w.store.Spec.S3.Endpoint = endpoint })
	w.change(w.credentials, func() {
		w.credentials.Data = map[string][]byte{stores.AccessKeyID: []byte(server.AccessKey), stores.SecretAccessKey: []byte(server.SecretKey)}
	})
	return w
}

// take claims the store's bucket. It returns the reason why not, or nothing.
func (w *world) take() string {
	w.t.Helper()
	objects, err := w.resolver.Client(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.resolver.TakeClaim(w.t.Context(), objects, w.store); err != nil {
		return stores.Reason(err) + " " + err.Error()
	}
	return ""
}

// ours says whether the cluster finds, when it looks, that the store is its own.
func (w *world) ours() bool {
	w.t.Helper()
	store, err := w.resolver.Open(w.t.Context(), w.store.Name)
	if err != nil {
		w.t.Fatal(err)
	}
	err = store.IsOurs(w.t.Context())
	if err != nil && stores.Reason(err) != v1alpha1.ReasonClaimedElsewhere {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w *world) claim() stores.Claim {
	w.t.Helper()
	claim, err := w.resolver.Claim(w.t.Context(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	return claim
}

func TestR27OfManyClustersOneHasABucket(t *testing.T) {
	server := s3test.Start(t, s3test.Options{})
	server.Bucket(t, "recordings")
	clusters := make([]*world, 8)
	for i := range clusters {
		clusters[i] = clusterOver(t, server, server.Endpoint, types.UID("cluster-"+string(rune('a'+i))))
	}
	refusals := make([]string, len(clusters))
	var all sync.WaitGroup
	for i, cluster := range clusters {
		all.Go(func() { refusals[i] = cluster.take() })
	}
	all.Wait()
	winners := 0
	for i, cluster := range clusters {
		if (refusals[i] == "") != cluster.ours() {
			t.Errorf("cluster %d was told %q and finds that the store is its own: %t", i, refusals[i], cluster.ours())
		}
		if refusals[i] == "" {
			winners++
			if again := cluster.take(); again != "" {
				t.Errorf("the second time, who has it is told %s", again)
			}
		} else if !strings.HasPrefix(refusals[i], v1alpha1.ReasonClaimedElsewhere) {
			t.Errorf("cluster %d: %s", i, refusals[i])
		}
	}
	if winners != 1 {
		t.Errorf("%d clusters have the bucket", winners)
	}
}

func TestR27TakingOverTakesTheNameOfTheClaimAndIsGoodOnce(t *testing.T) {
	server := s3test.Start(t, s3test.Options{})
	server.Bucket(t, "recordings")
	lesser := withoutConditions(t, server)
	for name, endpoint := range map[string]string{"conditional writes": server.Endpoint, "none": lesser} {
		t.Run(name, func(t *testing.T) {
			first, second := clusterOver(t, server, endpoint, types.UID("first of "+name)), clusterOver(t, server, endpoint, types.UID("second of "+name))
			first.annotate(first.claim().ID) // of the subtest before
			if why := first.take(); why != "" {
				t.Fatal(why)
			}
			second.annotate("another")
			if why := second.take(); !strings.Contains(why, "UID first of "+name) || !strings.Contains(why, "reelkeeper.io/take-over="+first.claim().ID) {
				t.Errorf("who is refused is told %q", why)
			}
			second.annotate(first.claim().ID)
			if why := second.take(); why != "" || !second.ours() || first.ours() {
				t.Errorf("taken over: %q, the second's %t, the first's %t", why, second.ours(), first.ours())
			}
			if why := first.take(); why == "" {
				t.Error("who was taken over from has it back unasked")
			}
		})
	}
}

func TestAClaimThatCannotBeReadIsSomebodyElses(t *testing.T) {
	server := s3test.Start(t, s3test.Options{})
	objects := server.Bucket(t, "recordings")
	cluster := clusterOver(t, server, server.Endpoint, "first")
	for name, content := range map[string]string{
		"nothing": "", "no JSON": "{", "a later version": `{"version":2,"id":"x","cluster":"y"}`, "no cluster": `{"version":1,"id":"x"}`,
		"too long": `{"version":1,"id":"x","cluster":"first"}` + strings.Repeat(" ", 5000),
	} {
		if _, err := objects.Put(t.Context(), "recordings", objectstore.ClaimKey, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if why := cluster.take(); !strings.HasPrefix(why, v1alpha1.ReasonClaimedElsewhere) || cluster.ours() {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func (w *world) annotate(id string) {
	w.change(w.store, func() { w.store.Annotations = map[string]string{v1alpha1.AnnotationTakeOver: id} })
}

// withoutConditions is the address of a server as they are that have no conditional writes.
func withoutConditions(t *testing.T, server *s3test.Server) string {
	t.Helper()
	behind, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.Host = r.In.Host }}
	lesser := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.Header.Get("If-None-Match")+r.Header.Get("If-Match") != "" {
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(lesser.Close)
	return lesser.URL
}
