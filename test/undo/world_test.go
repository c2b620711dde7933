// SPDX-License-Identifier: Apache-2.0

//go:build unix

package undo

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers"
	"github.com/reelkeeper/reelkeeper/internal/cli/clitest"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

const (
	operatorNamespace = "reelkeeper-system"
	// writers is how many requests a test has under way at once.
	writers = 32
)

// vault is an object store with the keyset to it: what is left when a cluster is lost.
type vault struct {
	server  *s3test.Server
	objects *objectstore.Client
	keyset  []byte
}

func newVault(t testing.TB) *vault {
	t.Helper()
	server := s3test.Start(t, s3test.Options{})
	keyset, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return &vault{server: server, objects: server.Bucket(t, "recordings"), keyset: keyset}
}

// world is a cluster with a store in a vault.
type world struct {
	testing.TB
	*vault
	env   *testenv.Env
	admin client.Client
	store string
	// layout is that of the store; absent is Shared.
	layout v1alpha1.BucketLayout
	// patience bounds every wait; zero is five minutes.
	patience time.Duration
	// glance is how often is looked whether what is waited for is so; zero is ten times a second.
	glance time.Duration
	// hashes are the digests of all media that was stored, by the names of the recordings.
	mu     sync.Mutex
	hashes map[client.ObjectKey]string
}

// newWorld describes the vault to the cluster as a store of its own.
func newWorld(t testing.TB, cluster *testenv.Env, in *vault, store string, changes ...func(*v1alpha1.RecordingStore)) *world {
	t.Helper()
	config := rest.CopyConfig(cluster.Config)
	config.QPS = -1
	admin, err := client.New(config, client.Options{Scheme: kube.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{TB: t, vault: in, env: cluster, admin: admin, store: store, hashes: map[client.ObjectKey]string{}}
	reference := func(name string) v1alpha1.SecretReference {
		return v1alpha1.SecretReference{Namespace: operatorNamespace, Name: name + "-" + store}
	}
	secret := func(name string, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: name + "-" + store}, Data: data}
	}
	described := &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: store},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: in.server.Endpoint, CredentialsSecretRef: reference("s3")},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: "recordings"},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: reference("kek")},
			AllowedNamespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"recordings": store}},
		},
	}
	for _, change := range changes {
		change(described)
	}
	w.layout = described.Spec.Buckets.Layout
	w.create(
		secret("s3", map[string][]byte{stores.AccessKeyID: []byte(in.server.AccessKey), stores.SecretAccessKey: []byte(in.server.SecretKey)}),
		secret("kek", map[string][]byte{stores.KeysetKey: in.keyset}),
		described)
	return w
}

func (w *world) create(objects ...client.Object) {
	w.Helper()
	for _, object := range objects {
		if err := w.admin.Create(w.Context(), object); err != nil {
			w.Fatal(err)
		}
	}
}

// awaitStore waits until the manager has set the store up.
func (w *world) awaitStore() {
	w.Helper()
	w.eventually("the store is ready", func() bool {
		return meta.IsStatusConditionTrue(w.described().Status.Conditions, v1alpha1.ConditionReady)
	})
}

func (w *world) described() *v1alpha1.RecordingStore {
	w.Helper()
	var store v1alpha1.RecordingStore
	if err := w.admin.Get(w.Context(), client.ObjectKey{Name: w.store}, &store); err != nil {
		w.Fatal(err)
	}
	return &store
}

// bucket is that of a namespace.
func (w *world) bucket(namespace string) string {
	if w.layout == v1alpha1.LayoutPerNamespace {
		return objectstore.NamespaceBucket("recordings", namespace)
	}
	return "recordings"
}

// bucketOf makes the bucket of a namespace as the manager would, which has set the store up.
func (w *world) bucketOf(namespace string) (string, error) {
	bucket := w.bucket(namespace)
	if w.layout != v1alpha1.LayoutPerNamespace {
		return bucket, nil
	}
	if _, err := w.objects.EnsureBucket(w.Context(), bucket, objectstore.BucketOptions{Versioning: true}); err != nil {
		return "", err
	}
	_, err := stores.Mark(w.Context(), w.objects, bucket, w.described().Status.Location.ID)
	return bucket, err
}

// startManager runs all controllers with the rights of the shipped ServiceAccount, until the test ends. What it asks the API server is
// counted.
func startManager(t testing.TB, cluster *testenv.Env, counts ...*census) (stop func()) {
	t.Helper()
	config, _ := cluster.KubeconfigFor(t, operatorNamespace, "reelkeeper-manager")
	config.QPS = -1
	for _, all := range counts {
		all.wrap(config)
	}
	options := kubetest.ManagerOptions()
	cards := kube.WithCards(&options)
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = controllers.Setup(ctx, mgr, controllers.Options{
		OperatorNamespace: operatorNamespace, GatewayURL: "https://recordings.example.com", WorkerImage: "reelkeeper:test",
		AuditMaxAge: 30 * 24 * time.Hour, AuditMaxCount: 2000, Cards: cards, Clock: clock.RealClock{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return kubetest.Run(ctx, t, mgr, cancel)
}

// namespace makes one that the store allows.
func (w *world) namespace(name string) {
	w.Helper()
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"recordings": w.store}}})
}

// recording is one as people would make it.
func (w *world) recording(key client.ObjectKey) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: map[string]string{"reelkeeper.io/sensitivity": "high", "app.kubernetes.io/instance": "q3"}},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting: v1alpha1.MeetingFacts{
				ID: "872-" + key.Name, Title: "Q3 review", Creator: "alice@example.com", Hosts: []string{"bob@example.com"}, Participants: []string{"carol@example.com"},
			},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: w.store},
		},
	}
}

// furnish stores media for a recording that was just made, and has its status say so. It is random bytes, cut and sealed as the
// worker does it, and the status is what a manager completes.
func (w *world) furnish(recording *v1alpha1.MeetingRecording) error {
	keyset, err := keys.Load(w.keyset)
	if err != nil {
		return err
	}
	owner, err := objectstore.NewRecording(recording.Namespace, string(recording.UID))
	if err != nil {
		return err
	}
	stored, err := manifesttest.New(keyset, owner, recording.Name, 2)
	if err != nil {
		return err
	}
	bucket, err := w.bucketOf(recording.Namespace)
	if err != nil {
		return err
	}
	if err := stored.Put(w.Context(), w.objects, bucket); err != nil {
		return err
	}
	sum := sha256.Sum256(stored.Media)
	before := recording.DeepCopy()
	recording.Status.Storage = v1alpha1.StorageLocation{Bucket: bucket, Key: owner.MediaKey(1), ManifestKey: owner.ManifestKey(1)}
	recording.Status.Media = v1alpha1.MediaFacts{Duration: "8s", Bytes: int64(len(stored.Media)), Height: 720, Segments: 2, SHA256: hex.EncodeToString(sum[:])}
	recording.Status.AvailableAt = metav1.NewTime(clock.RealClock{}.Now().Truncate(time.Second))
	if err := w.admin.Status().Patch(w.Context(), recording, client.MergeFrom(before)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hashes[client.ObjectKeyFromObject(recording)] = hex.EncodeToString(sum[:])
	return nil
}

// inParallel does something to all of n things, with many requests under way, and ends the test at the first error.
func (w *world) inParallel(n int, do func(i int) error) time.Duration {
	w.Helper()
	begun := clock.RealClock{}.Now()
	var next atomic.Int64
	var group sync.WaitGroup
	var first atomic.Pointer[error]
	for range writers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && first.Load() == nil; i = next.Add(1) - 1 {
				if err := do(int(i)); err != nil {
					first.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := first.Load(); err != nil {
		w.Fatal(*err)
	}
	return clock.RealClock{}.Since(begun)
}

// make makes recordings and stores their media. It returns how long the API server took for the creations alone.
func (w *world) make(keys ...client.ObjectKey) time.Duration {
	w.Helper()
	made := make([]*v1alpha1.MeetingRecording, len(keys))
	took := w.inParallel(len(keys), func(i int) error {
		made[i] = w.recording(keys[i])
		return w.admin.Create(w.Context(), made[i])
	})
	w.inParallel(len(keys), func(i int) error { return w.furnish(made[i]) })
	return took
}

// settledPage is how many recordings are read at once where many are waited for: the first that does not rest ends the look.
const settledPage = 50

// settled waits until the manager has brought all recordings of a namespace to rest, n of them.
func (w *world) settled(namespace string, n int) {
	w.Helper()
	w.eventually(fmt.Sprintf("%d recordings of %s come to rest", n, namespace), func() bool {
		var page v1alpha1.MeetingRecordingList
		resting := 0
		for more := true; more; more = page.Continue != "" {
			if err := w.admin.List(w.Context(), &page, client.InNamespace(namespace), client.Limit(settledPage), client.Continue(page.Continue)); err != nil {
				w.Logf("looking again, the API server is busy: %v", err)
				return false
			}
			for i := range page.Items {
				one := &page.Items[i]
				if !meta.IsStatusConditionTrue(one.Status.Conditions, v1alpha1.ConditionReady) || one.Status.Storage.StateHash == "" || len(one.Finalizers) == 0 {
					return false
				}
				resting++
			}
		}
		return resting == n
	})
}

func (w *world) list(namespace string) []v1alpha1.MeetingRecording {
	w.Helper()
	var found v1alpha1.MeetingRecordingList
	if err := w.admin.List(w.Context(), &found, client.InNamespace(namespace)); err != nil {
		w.Fatal(err)
	}
	return found.Items
}

// get returns a recording, nil for one that is not there.
func (w *world) get(key client.ObjectKey) *v1alpha1.MeetingRecording {
	w.Helper()
	var found v1alpha1.MeetingRecording
	if err := w.admin.Get(w.Context(), key, &found); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		w.Fatal(err)
	}
	return &found
}

func (w *world) eventually(what string, reached func() bool) {
	w.Helper()
	err := wait.PollUntilContextTimeout(w.Context(), cmp.Or(w.glance, 100*time.Millisecond), cmp.Or(w.patience, 5*time.Minute), true, func(context.Context) (bool, error) { return reached(), nil })
	if err != nil {
		w.Fatalf("waiting until %s: %v", what, err)
	}
}

// deleteNamespaces deletes them with all that is in them, and waits until they are gone.
func (w *world) deleteNamespaces(names ...string) {
	w.Helper()
	w.startDeleting(names...)
	w.awaitGone(names...)
}

func (w *world) startDeleting(names ...string) {
	w.Helper()
	for _, name := range names {
		if err := w.admin.Delete(w.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) awaitGone(names ...string) {
	w.Helper()
	for _, name := range names {
		w.eventually("namespace "+name+" is gone", func() bool {
			return apierrors.IsNotFound(w.admin.Get(w.Context(), client.ObjectKey{Name: name}, &corev1.Namespace{}))
		})
	}
}

// hasAny says that a namespace has recordings, or that the API server is too busy to tell.
func (w *world) hasAny(namespace string) bool {
	w.Helper()
	var found v1alpha1.MeetingRecordingList
	err := w.admin.List(w.Context(), &found, client.InNamespace(namespace), client.Limit(1))
	return err != nil || len(found.Items) > 0
}

// run runs the plugin.
func (w *world) run(stdin string, args ...string) (stdout, stderr string, code int) {
	w.Helper()
	return clitest.Run(w, w.env.Kubeconfig, clock.RealClock{}.Now(), stdin, append(args, "--store", w.store)...)
}

// expectBack looks that recordings are available with the very bytes that they had.
func (w *world) expectBack(keys ...client.ObjectKey) {
	w.Helper()
	w.inParallel(len(keys), func(i int) error {
		found := w.get(keys[i])
		if found == nil || !meta.IsStatusConditionTrue(found.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("%s is not back: %+v", keys[i], found)
		}
		body, _, err := w.objects.Get(w.Context(), found.Status.Storage.Bucket, found.Status.Storage.Key, objectstore.GetOptions{})
		if err != nil {
			return err
		}
		defer body.Close()
		sum := sha256.New()
		if _, err := io.Copy(sum, body); err != nil {
			return err
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != w.hashes[keys[i]] || got != found.Status.Media.SHA256 {
			return fmt.Errorf("%s is back with other bytes: SHA-256 %s, was %s, its status says %s", keys[i], got, w.hashes[keys[i]], found.Status.Media.SHA256)
		}
		return nil
	})
}

// objects lists the keys below a prefix of the bucket.
func (w *world) keys(prefix string) []string {
	w.Helper()
	var found []string
	for object, err := range w.objects.List(w.Context(), "recordings", prefix) {
		if err != nil {
			w.Fatal(err)
		}
		found = append(found, object.Key)
	}
	return found
}

// keysIn names n recordings, spread over namespaces.
func keysIn(n int, namespaces ...string) []client.ObjectKey {
	keys := make([]client.ObjectKey, n)
	for i := range keys {
		keys[i] = client.ObjectKey{Namespace: namespaces[i%len(namespaces)], Name: fmt.Sprintf("review-%05d", i)}
	}
	return keys
}

// has fails the test unless a text has all parts.
func has(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}
