// SPDX-License-Identifier: Apache-2.0

package stores_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const operator = "reelkeeper-system"

// world is what a resolver reads. A fake client stands in for the cache, of which nothing matters here but that it finds objects.
type world struct {
	client.Client
	t           *testing.T
	store       *v1alpha1.RecordingStore
	credentials *corev1.Secret
	keyset      *corev1.Secret
	resolver    *stores.Resolver
}

func newWorld(t *testing.T) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(v1alpha1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	w := &world{
		Client: fake.NewClientBuilder().WithScheme(scheme).Build(), t: t,
		store: &v1alpha1.RecordingStore{
			ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "s1", Generation: 1},
			Spec: v1alpha1.RecordingStoreSpec{
				S3: v1alpha1.S3Endpoint{Endpoint: "http://127.0.0.1:1",
					CredentialsSecretRef: v1alpha1.SecretReference{Namespace: operator, Name: "s3"}},
				Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutPerNamespace, Name: "recordings"},
				Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: operator, Name: "kek"}},
				AllowedNamespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"recordings": "enabled"}},
			},
		},
		credentials: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operator, Name: "s3", UID: "c1"},
			Data: map[string][]byte{stores.AccessKeyID: []byte("key"), stores.SecretAccessKey: []byte("hush-hush")}},
		keyset: &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operator, Name: "kek", UID: "k1"}, Data: map[string][]byte{stores.KeysetKey: newKeyset(t)}},
	}
	for _, object := range []client.Object{w.store, w.credentials, w.keyset} {
		if err := w.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	w.resolver = stores.NewResolver(w, operator)
	return w
}

func newKeyset(t *testing.T) []byte {
	t.Helper()
	encoded, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func (w *world) change(object client.Object, change func()) {
	w.t.Helper()
	change()
	if err := w.Update(w.t.Context(), object); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open() *stores.Store {
	w.t.Helper()
	store, err := w.resolver.Open(w.t.Context(), "default")
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

func TestOpenKeepsWhatHasNotChanged(t *testing.T) {
	w := newWorld(t)
	first, second := w.open(), w.open()
	if first.Objects != second.Objects || first.Keys != second.Keys {
		t.Error("opening a store twice made a new client or keyset")
	}
	w.change(w.credentials, func() { w.credentials.Data[stores.AccessKeyID] = []byte("another") })
	third := w.open()
	if third.Objects == second.Objects || third.Keys != second.Keys {
		t.Error("changed credentials did not make a new client, and that alone")
	}
	w.change(w.keyset, func() { w.keyset.Data[stores.KeysetKey] = newKeyset(t) })
	fourth := w.open()
	if fourth.Objects != third.Objects || fourth.Keys == third.Keys {
		t.Error("a changed keyset did not make a new keyset, and that alone")
	}
	w.change(w.store, func() { w.store.Generation, w.store.Spec.S3.Region = 2, "eu-central-1" })
	if w.open().Objects == fourth.Objects {
		t.Error("a changed store did not make a new client")
	}
	w.resolver.Forget(w.store.UID)
	if w.open().Keys == fourth.Keys {
		t.Error("a forgotten store is still open")
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		spoil       func(*world)
		wantReason  string
		wantMention string
	}{
		"no such store": {
			spoil:      func(w *world) { _ = w.Delete(w.t.Context(), w.store) },
			wantReason: v1alpha1.ReasonStoreNotFound, wantMention: `no RecordingStore "default"`,
		},
		"no credentials": {
			spoil:      func(w *world) { _ = w.Delete(w.t.Context(), w.credentials) },
			wantReason: v1alpha1.ReasonCredentialsNotFound, wantMention: "create it with the keys accessKeyID and secretAccessKey",
		},
		"credentials without an access key": {
			spoil:      func(w *world) { w.change(w.credentials, func() { delete(w.credentials.Data, stores.AccessKeyID) }) },
			wantReason: v1alpha1.ReasonCredentialsNotFound, wantMention: "has no key accessKeyID",
		},
		"an access key that is a line break": {
			spoil: func(w *world) {
				w.change(w.credentials, func() { w.credentials.Data[stores.AccessKeyID] = []byte("\n") })
			},
			wantReason: v1alpha1.ReasonCredentialsNotFound, wantMention: "has no key accessKeyID, or nothing in it",
		},
		"a secret key that was wrapped": {
			spoil: func(w *world) {
				w.change(w.credentials, func() { w.credentials.Data[stores.SecretAccessKey] = []byte("hush-\nhush-hush") })
			},
			wantReason: v1alpha1.ReasonBadCredentials, wantMention: "reelkeeper-system/s3: secretAccessKey has a line break within",
		},
		"a session token in another encoding": {
			spoil: func(w *world) {
				w.change(w.credentials, func() { w.credentials.Data[stores.SessionToken] = []byte("\xff\xfet\x00o\x00") })
			},
			wantReason: v1alpha1.ReasonBadCredentials, wantMention: "sessionToken has a line break within, or another character",
		},
		"credentials of a tenant": {
			spoil: func(w *world) {
				w.change(w.store, func() { w.store.Generation, w.store.Spec.S3.CredentialsSecretRef.Namespace = 2, "finance" })
			},
			wantReason: v1alpha1.ReasonCredentialsNotFound, wantMention: "put it into reelkeeper-system",
		},
		"no keyset yet": {
			spoil:      func(w *world) { _ = w.Delete(w.t.Context(), w.keyset) },
			wantReason: v1alpha1.ReasonKeysetInvalid, wantMention: "no key-encryption keyset yet",
		},
		"keyset of a tenant": {
			spoil: func(w *world) {
				w.change(w.store, func() { w.store.Generation, w.store.Spec.Encryption.KeySecretRef.Namespace = 2, "finance" })
			},
			wantReason: v1alpha1.ReasonKeysetInvalid, wantMention: "put it into reelkeeper-system",
		},
		"keyset that was lost": {
			spoil: func(w *world) {
				w.change(w.store, func() { w.store.Status.KeyID = "7" })
				_ = w.Delete(w.t.Context(), w.keyset)
			},
			wantReason: v1alpha1.ReasonKeysetInvalid, wantMention: "restore it from your backup",
		},
		"keyset without the recordings' key": {
			spoil:      func(w *world) { w.change(w.store, func() { w.store.Status.KeyID = "7" }) },
			wantReason: v1alpha1.ReasonKeysetInvalid, wantMention: "key 7, which recordings of the store are encrypted with, is not in it",
		},
		"keyset that cannot be read": {
			spoil:      func(w *world) { w.change(w.keyset, func() { w.keyset.Data[stores.KeysetKey] = []byte("hush-hush") }) },
			wantReason: v1alpha1.ReasonKeysetInvalid, wantMention: "reelkeeper-system/kek",
		},
		"endpoint that is none": {
			spoil: func(w *world) {
				w.change(w.store, func() { w.store.Generation, w.store.Spec.S3.Endpoint = 2, "ftp://x" })
			},
			wantReason: v1alpha1.ReasonStoreError, wantMention: "endpoint",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.open() // What was open before must not be used any more.
			tc.spoil(w)
			_, err := w.resolver.Open(t.Context(), "default")
			if stores.Reason(err) != tc.wantReason || !strings.Contains(err.Error(), tc.wantMention) {
				t.Errorf("Open = %v (%s), want the reason %s and %q", err, stores.Reason(err), tc.wantReason, tc.wantMention)
			}
			if err != nil && strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

// As kubectl create secret --from-file and echo | base64 leave them.
func TestALineBreakAtTheEndIsNoPartOfASecret(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"echo": "\n", "Windows": "\r\n", "spaces": " \n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, server := newWorld(t), s3test.Start(t, s3test.Options{})
			w.change(w.store, func() { w.store.Generation, w.store.Spec.S3.Endpoint = 2, server.Endpoint })
			w.change(w.credentials, func() {
				w.credentials.Data = map[string][]byte{
					stores.AccessKeyID: []byte(server.AccessKey + end), stores.SecretAccessKey: []byte(server.SecretKey + end), stores.SessionToken: []byte(end),
				}
			})
			w.change(w.keyset, func() { w.keyset.Data[stores.KeysetKey] = append(w.keyset.Data[stores.KeysetKey], end...) })
			if _, err := w.open().EnsureBucket(t.Context(), "finance"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRotatedKeysetKeepsOpening(t *testing.T) {
	w := newWorld(t)
	w.change(w.store, func() { w.store.Status.KeyID = w.open().Keys.KeyID() })
	w.open()
}

func TestErrorsOfTheAPIAreNotForPeople(t *testing.T) {
	if got := stores.Reason(errors.New("etcdserver: request timed out")); got != "" {
		t.Errorf("reason = %q, want none", got)
	}
}

func TestChecksumsFollowSpecAndProbe(t *testing.T) {
	w := newWorld(t)
	first := w.open().Objects
	w.change(w.store, func() { w.store.Status.Capabilities = []v1alpha1.StoreCapability{v1alpha1.CapabilityChecksums} })
	if w.open().Objects != first {
		t.Error("a probe that says what was assumed made a new client")
	}
	w.change(w.store, func() { w.store.Status.Capabilities = []v1alpha1.StoreCapability{v1alpha1.CapabilityCORS} })
	if w.open().Objects == first {
		t.Error("a probe that has seen checksums refused did not turn them off")
	}
}

func TestWhoMayUseAStore(t *testing.T) {
	w := newWorld(t)
	w.change(w.store, func() {
		w.store.Spec.Intake = v1alpha1.IntakeSpec{MaxSize: new(resource.MustParse("1Gi")), Imports: []v1alpha1.ImportBucket{
			{Bucket: "incoming", Namespaces: &metav1.LabelSelector{}},
			{Bucket: w.store.Spec.Buckets.Name, Namespaces: &metav1.LabelSelector{}}, // as only a store with a BucketInfo Secret can
			{Bucket: "finance-only", Namespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"department": "finance"}}},
		}}
	})
	store := w.open()
	enabled := map[string]string{"recordings": "enabled"}
	check := func(what string, got bool, err error, want bool) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s = %v, %v; want %v", what, got, err, want)
		}
	}
	got, err := store.Allows(enabled)
	check("a namespace with the label", got, err, true)
	got, err = store.Allows(nil)
	check("a namespace without the label", got, err, false)
	got, err = store.AllowsImport("incoming", enabled)
	check("import from a bucket for all", got, err, true)
	got, err = store.AllowsImport("finance-only", enabled)
	check("import from a bucket for others", got, err, false)
	got, err = store.AllowsImport("anything", enabled)
	check("import from a bucket that is not named", got, err, false)
	got, err = store.AllowsImport(store.Object.Spec.Buckets.Name, enabled)
	check("import from the bucket of the recordings", got, err, false)
	if size := store.MaxSize(); size != 1<<30 {
		t.Errorf("greatest size = %d, want 1 GiB", size)
	}
}

func TestEnsureBucketOnDemand(t *testing.T) {
	w, server := newWorld(t), s3test.Start(t, s3test.Options{})
	w.change(w.store, func() { w.store.Generation, w.store.Spec.S3.Endpoint = 2, server.Endpoint })
	w.change(w.credentials, func() {
		w.credentials.Data = map[string][]byte{stores.AccessKeyID: []byte(server.AccessKey), stores.SecretAccessKey: []byte(server.SecretKey)}
	})
	store := w.open()
	for range 2 {
		bucket, err := store.EnsureBucket(t.Context(), "finance")
		if err != nil || bucket != "recordings-finance" {
			t.Fatalf("EnsureBucket = %q, %v", bucket, err)
		}
	}
	if exists, err := store.Objects.BucketExists(t.Context(), "recordings-finance"); err != nil || !exists {
		t.Errorf("the bucket exists = %v, %v", exists, err)
	}
	server.Close()
	if _, err := store.EnsureBucket(t.Context(), "finance"); err != nil {
		t.Errorf("the server was asked again: %v", err)
	}
	if _, err := store.EnsureBucket(t.Context(), "legal"); objectstore.Reason(err) != objectstore.ReasonConnectionRefused || stores.Reason(err) != v1alpha1.ReasonUnreachable {
		t.Errorf("EnsureBucket = %v, want that nothing answers", err)
	}
}

// TestABucketIsMarkedWithoutConditionalWritesToo has a server that refuses If-None-Match, as a proxy before the real one.
func TestABucketIsMarkedWithoutConditionalWritesToo(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t, s3test.Options{})
	behind, err := url.Parse(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	lesser := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotImplemented)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(lesser.Close)
	config := server.Config()
	owner, err := objectstore.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.EnsureBucket(t.Context(), "recordings", objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	config.Endpoint = lesser.URL
	objects, err := objectstore.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := stores.Identify(t.Context(), objects, "recordings"); id != "" || err != nil {
		t.Fatalf("a bucket without a mark is known as %q, %v", id, err)
	}
	id, err := stores.Mark(t.Context(), objects, "recordings", "first")
	if err != nil || id != "first" {
		t.Fatalf("%q, %v", id, err)
	}
	if again, err := stores.Mark(t.Context(), owner, "recordings", "second"); again != id || err != nil {
		t.Errorf("who comes second gets %q, %v, want %q", again, err, id)
	}
	for name, content := range map[string]string{"no JSON": "{", "another version": `{"version":2,"id":"x"}`, "no ID": `{"version":1}`} {
		if _, err := owner.Put(t.Context(), "recordings", objectstore.MarkerKey, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := stores.Identify(t.Context(), owner, "recordings"); stores.Reason(err) != v1alpha1.ReasonWrongBucket {
			t.Errorf("%s: %v", name, err)
		}
	}
}
