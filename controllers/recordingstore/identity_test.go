// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingstore_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

func perNamespace(f *fixture) { f.store.Spec.Buckets.Layout = v1alpha1.LayoutPerNamespace }

// storeMedia puts something into the store for the namespace's recording, whose status says so.
func (f *fixture) storeMedia(namespace string) {
	f.t.Helper()
	f.seesNamespace(namespace)
	stored := recording(namespace, f.store.Name)
	f.Create(f.t, stored)
	f.expectReady()
	names, err := objectstore.NewRecording(namespace, string(stored.UID))
	if err != nil {
		f.t.Fatal(err)
	}
	at := v1alpha1.StorageLocation{Bucket: stores.Bucket(f.store, namespace), Key: names.MediaKey(1), ManifestKey: names.ManifestKey(1)}
	for _, key := range []string{at.Key, at.ManifestKey} {
		if _, err := f.owner().Put(f.t.Context(), at.Bucket, key, strings.NewReader("x"), 1, objectstore.PutOptions{}); err != nil {
			f.t.Fatal(err)
		}
	}
	f.UpdateStatus(f.t, stored, func() { stored.Status.Storage = at })
}

// beside is a second store on the same server, which nobody has looked at yet. Both share one reconciler.
func (f *fixture) beside(change func(*v1alpha1.RecordingStore)) *fixture {
	f.t.Helper()
	second := *f
	second.store = &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: f.store.Name + "-too"}, Spec: *f.store.Spec.DeepCopy()}
	second.store.Spec.Encryption.KeySecretRef.Name = second.store.Name + "-kek"
	change(second.store)
	f.Create(f.t, second.store)
	f.t.Cleanup(func() {
		for _, object := range []client.Object{second.store, second.keysetSecret()} {
			_ = f.Admin.Delete(context.WithoutCancel(f.t.Context()), object)
		}
	})
	return &second
}

func (f *fixture) open() error {
	_, err := f.reconciler.Stores.Open(f.t.Context(), f.store.Name)
	return err
}

func TestR27APerNamespaceStoreIsNotMovedToWhereANamespaceIsMissing(t *testing.T) {
	f := newFixture(t, s3test.Options{}, perNamespace)
	f.expectReady()
	namespace := env.Namespace(t)
	f.storeMedia(namespace)
	id, bucket := f.store.Status.Location.ID, stores.Bucket(f.store, namespace)
	if got, err := stores.Identify(t.Context(), f.owner(), bucket); err != nil || got != id {
		t.Fatalf("bucket %s says id %q, %v; want the store's, %s", bucket, got, err, id)
	}
	f.expectRest()

	elsewhere := s3test.Start(t, s3test.Options{AccessKey: f.server.AccessKey, SecretKey: f.server.SecretKey})
	there := elsewhere.Bucket(t, f.store.Spec.Buckets.Name)
	mark := func(bucket, id string) {
		t.Helper()
		content := `{"version":1,"id":"` + id + `"}`
		if _, err := there.Put(t.Context(), bucket, objectstore.MarkerKey, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	mark(f.store.Spec.Buckets.Name, id) // somebody has copied that one only
	f.Update(t, f.store, func() { f.store.Spec.S3.Endpoint = elsewhere.Endpoint })
	message := f.expect(v1alpha1.ConditionBucketsReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
	if !strings.Contains(message, bucket+" at "+elsewhere.Endpoint) || !strings.Contains(message, id) {
		t.Errorf("the message does not say which bucket is missing, and how it is known: %s", message)
	}
	if err := f.open(); stores.Reason(err) != v1alpha1.ReasonWrongBucket {
		t.Errorf("the store opens with %v", err)
	}
	if made, err := there.Buckets(t.Context(), ""); err != nil || len(made) != 1 {
		t.Errorf("made on the other server: %v, %v", made, err)
	}
	f.expectRest()

	if _, err := there.EnsureBucket(t.Context(), bucket, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{"another", id} {
		f.clock.Step(10 * time.Minute)
		f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
		mark(bucket, says)
	}
	f.clock.Step(10 * time.Minute)
	f.expectReady()
	if err := f.open(); err != nil {
		t.Errorf("after the move: %v", err)
	}
}

func TestR27TwoStoresCannotShareABucket(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	cases := []struct {
		name   string
		change func(*v1alpha1.RecordingStore)
	}{
		{"before either was seen to work", func(*v1alpha1.RecordingStore) {}},
		{"by another name of the server", func(store *v1alpha1.RecordingStore) {
			store.Spec.S3.Endpoint = strings.Replace(store.Spec.S3.Endpoint, "127.0.0.1", "localhost", 1)
		}},
		{"of another layout", func(store *v1alpha1.RecordingStore) { store.Spec.Buckets.Layout = v1alpha1.LayoutPerNamespace }},
	}
	for _, tc := range cases {
		second := f.beside(tc.change)
		message := second.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonBucketTaken)
		if !strings.Contains(message, "RecordingStore "+f.store.Name+":") {
			t.Errorf("%s: the message does not name the other store: %s", tc.name, message)
		}
		if err := second.open(); stores.Reason(err) != v1alpha1.ReasonBucketTaken {
			t.Errorf("%s: the second store opens with %v", tc.name, err)
		}
		f.expectReady()
		if err := f.open(); err != nil {
			t.Errorf("%s: the first store opens with %v", tc.name, err)
		}
		f.Delete(t, second.store)
	}

	second := f.beside(func(*v1alpha1.RecordingStore) {})
	second.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonBucketTaken)
	f.Delete(t, f.store)
	f.clock.Step(10 * time.Minute)
	second.expectReady()
	if second.store.Status.Location.ID != f.store.Status.Location.ID {
		t.Errorf("what takes over is known as %s and was as %s", second.store.Status.Location.ID, f.store.Status.Location.ID)
	}
}

// TestR27StoresWhoseBucketsAreNamedAlikeKeepApart has a store x with a namespace team-…, whose bucket is x-team-…, which is also that of
// a namespace of the store x-team, and begins like the buckets of x.
func TestR27StoresWhoseBucketsAreNamedAlikeKeepApart(t *testing.T) {
	f := newFixture(t, s3test.Options{}, perNamespace)
	f.expectReady()
	long, short := env.Namespace(t), ""
	short = long[strings.Index(long, "-")+1:]
	if err := f.Admin.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: short}}); err != nil {
		t.Fatal(err)
	}
	f.storeMedia(long)
	second := f.beside(func(store *v1alpha1.RecordingStore) {
		store.Spec.Buckets.Name += "-" + strings.TrimSuffix(long, "-"+short)
	})
	second.expectReady()
	if a, b := stores.Bucket(f.store, long), stores.Bucket(second.store, short); a != b {
		t.Fatalf("the test means one bucket and has %s and %s", a, b)
	}
	other := env.Namespace(t)
	second.storeMedia(other)

	buckets := func(of *fixture) []string {
		t.Helper()
		found, err := f.reconciler.Stores.Buckets(t.Context(), f.owner(), of.store)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return found
	}
	if diff := cmp.Diff([]string{stores.Bucket(f.store, long)}, buckets(f)); diff != "" {
		t.Errorf("the first store's buckets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{stores.Bucket(second.store, other)}, buckets(second)); diff != "" {
		t.Errorf("the second store's buckets (-want +got):\n%s", diff)
	}

	f.seesNamespace(short)
	f.Create(t, recording(short, second.store.Name))
	message := second.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWrongBucket)
	if !strings.Contains(message, stores.Bucket(f.store, long)) {
		t.Errorf("the message does not name the bucket: %s", message)
	}
	store, err := second.reconciler.Stores.Open(t.Context(), second.store.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.EnsureBucket(t.Context(), short); stores.Reason(err) != v1alpha1.ReasonWrongBucket {
		t.Errorf("a recording of the second store gets the bucket of the first: %v", err)
	}
	f.expectReady()
	if c := meta.FindStatusCondition(f.store.Status.Conditions, v1alpha1.ConditionBucketsReady); c.Status != metav1.ConditionTrue {
		t.Errorf("the first store suffers: %+v", c)
	}
}

func TestABucketIsMarkedBeforeItHoldsAnything(t *testing.T) {
	f := newFixture(t, s3test.Options{}, perNamespace)
	f.expectReady()
	namespace := env.Namespace(t)
	store, err := f.reconciler.Stores.Open(t.Context(), f.store.Name)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := store.EnsureBucket(t.Context(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := stores.Identify(t.Context(), f.owner(), bucket); err != nil || id != f.store.Status.Location.ID {
		t.Errorf("the bucket says %q, %v", id, err)
	}
	unknown := stores.NewResolver(f.Client, kubetest.OperatorNamespace)
	// Somebody's own, whose name begins alike.
	if _, err := f.owner().EnsureBucket(t.Context(), f.store.Spec.Buckets.Name+"-backup", objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if found, err := unknown.Buckets(t.Context(), f.owner(), f.store); err != nil || !slices.Equal(found, []string{bucket}) {
		t.Errorf("the store's buckets are %v, %v", found, err)
	}
}
