// SPDX-License-Identifier: Apache-2.0

//go:build unix

package keyrotation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/effect/effecttest"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/manifests"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/pace"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Main(m, kubetest.Options(), &env)
}

// fixture is a store with recordings in its bucket.
type fixture struct {
	*kubetest.Cluster
	t          *testing.T
	objects    *objectstore.Client
	bucket     string
	store      *v1alpha1.RecordingStore
	secret     *corev1.Secret
	recordings []*manifesttest.Recording
	clock      *clocktesting.FakeClock
	reconciler *Reconciler
	// past are the keysets that the Secret has held, and since when.
	past []pastKeyset
	gate effect.Gate
	// known are manifests as they were last read.
	known map[string]knownManifest
}

type knownManifest struct {
	etag    string
	content []byte
}

type pastKeyset struct {
	since time.Time
	json  []byte
}

func newFixture(t *testing.T, recordings int, capabilities ...v1alpha1.StoreCapability) *fixture {
	t.Helper()
	t.Parallel()
	server := s3test.Start(t, s3test.Options{})
	f := &fixture{Cluster: kubetest.New(t, env), t: t, known: map[string]knownManifest{}, clock: clocktesting.NewFakeClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))}
	f.bucket = "s" + strings.ToLower(rand.Text())
	json, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	credentials := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: f.bucket + "-s3"},
		Data:       map[string][]byte{stores.AccessKeyID: []byte(server.AccessKey), stores.SecretAccessKey: []byte(server.SecretKey)},
	}
	// What else people keep in the Secret stays there.
	f.secret = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: f.bucket + "-kek"},
		Data:       map[string][]byte{stores.KeysetKey: json, "note": []byte("kept")},
	}
	f.store = &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: f.bucket},
		Spec: v1alpha1.RecordingStoreSpec{
			S3: v1alpha1.S3Endpoint{
				Endpoint: server.Endpoint, CredentialsSecretRef: v1alpha1.SecretReference{Namespace: credentials.Namespace, Name: credentials.Name},
			},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: f.bucket},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: f.secret.Namespace, Name: f.secret.Name}},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	locks := slices.Contains(capabilities, v1alpha1.CapabilityObjectLock)
	if locks {
		f.store.Spec.Buckets.ObjectLock = v1alpha1.ObjectLockCompliance
		f.clock.SetTime(clock.RealClock{}.Now()) // the server compares retentions with its own
	}
	f.Create(t, credentials, f.secret, f.store)
	t.Cleanup(func() {
		for _, object := range []client.Object{credentials, f.secret, f.store} {
			_ = f.Admin.Delete(context.WithoutCancel(t.Context()), object)
		}
	})
	f.UpdateStatus(t, f.store, func() {
		f.store.Status.KeyID = f.keyset().KeyID()
		f.store.Status.Capabilities = append([]v1alpha1.StoreCapability{v1alpha1.CapabilityChecksums}, capabilities...)
	})
	f.ready(metav1.ConditionTrue)
	if locks {
		f.objects = lockedBucket(t, server, f.bucket)
	} else {
		f.objects = server.Bucket(t, f.bucket)
	}
	for range recordings {
		f.record(f.keyset())
	}
	f.restart()
	return f
}

// ready says what the controller of stores would of a store that works, or does not.
func (f *fixture) ready(status metav1.ConditionStatus) {
	f.t.Helper()
	f.UpdateStatus(f.t, f.store, func() {
		meta.SetStatusCondition(&f.store.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: status, Reason: v1alpha1.ReasonAvailable})
	})
}

func lockedBucket(t *testing.T, server *s3test.Server, bucket string) *objectstore.Client {
	t.Helper()
	objects, err := objectstore.New(server.Config())
	if err == nil {
		_, err = objects.EnsureBucket(t.Context(), bucket, objectstore.BucketOptions{ObjectLock: objectstore.LockCompliance})
	}
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// restart gives the reconciler a new process's memory: none.
func (f *fixture) restart() {
	f.reconciler = &Reconciler{
		Client: f.Client, Direct: f.Direct, Stores: stores.NewResolver(f.Client, kubetest.OperatorNamespace),
		OperatorNamespace: kubetest.OperatorNamespace, Audit: audit.NewRecorder(f.Admin, f.clock), Pace: pace.New(clock.RealClock{}, 1e6), Events: f.Events, Clock: f.clock,
	}
}

// record stores a recording that was wrapped with a keyset.
func (f *fixture) record(keyset *keys.Keyset) *manifesttest.Recording {
	f.t.Helper()
	owner, err := objectstore.NewRecording("finance", fmt.Sprintf("uid-%d", len(f.recordings)))
	if err != nil {
		f.t.Fatal(err)
	}
	recording, err := manifesttest.New(keyset, owner, "q3-review", 2)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := recording.Put(f.t.Context(), f.objects, f.bucket); err != nil {
		f.t.Fatal(err)
	}
	f.recordings = append(f.recordings, recording)
	return recording
}

func (f *fixture) keysetJSON() []byte {
	f.t.Helper()
	f.Get(f.t, f.secret)
	return f.secret.Data[stores.KeysetKey]
}

func (f *fixture) keyset() *keys.Keyset {
	f.t.Helper()
	keyset, err := keys.Load(f.keysetJSON())
	if err != nil {
		f.t.Fatal(err)
	}
	return keyset
}

// restore puts a keyset into the Secret, as somebody does with a backup.
func (f *fixture) restore(json []byte) {
	f.t.Helper()
	f.Update(f.t, f.secret, func() { f.secret.Data[stores.KeysetKey] = json })
}

// rotate asks for the next key generation.
func (f *fixture) rotate() {
	f.t.Helper()
	f.Update(f.t, f.store, func() { f.store.Spec.Encryption.KeyGeneration = max(f.store.Spec.Encryption.KeyGeneration, 1) + 1 })
}

// pass is one pass; what kills it starts a new process.
func (f *fixture) pass() (time.Duration, error) {
	f.t.Helper()
	ctx := f.t.Context()
	if f.gate != nil {
		ctx = effect.With(ctx, f.gate)
	}
	result, err := f.reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)})
	switch {
	case errors.Is(err, effecttest.ErrDied):
		f.restart()
	case err != nil && !errors.Is(err, effecttest.ErrAnswerLost) && !apierrors.IsConflict(err):
		f.t.Fatalf("Reconcile: %v", err)
	}
	f.Get(f.t, f.store)
	f.follow()
	return result.RequeueAfter, err
}

// follow is what the controller of stores does when the Secret changes: it names the key that wraps.
func (f *fixture) follow() {
	f.t.Helper()
	if json := f.keysetJSON(); len(f.past) == 0 || !bytes.Equal(json, f.past[len(f.past)-1].json) {
		f.past = append(f.past, pastKeyset{f.clock.Now(), json})
	}
	if _, err := stores.NewResolver(f.Admin, kubetest.OperatorNamespace).Keyset(f.t.Context(), f.store); err != nil {
		return
	}
	if id := f.keyset().KeyID(); f.store.Status.KeyID != id {
		f.UpdateStatus(f.t, f.store, func() { f.store.Status.KeyID = id })
	}
}

// drive makes passes until the goal is reached, stepping the clock to where the controller wants to look again.
func (f *fixture) drive(goal func() bool, each ...func()) {
	f.t.Helper()
	for range 2000 {
		if goal() {
			return
		}
		next, err := f.pass()
		for _, check := range each {
			check()
		}
		if err == nil && next > 0 {
			f.clock.Step(next)
		}
	}
	f.t.Fatalf("the goal is not reached: %+v", f.store.Status.Keys)
}

func (f *fixture) condition() metav1.Condition {
	f.t.Helper()
	f.Get(f.t, f.store)
	if c := meta.FindStatusCondition(f.store.Status.Conditions, v1alpha1.ConditionKeysRotated); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func (f *fixture) rotatedTo(number int64) func() bool {
	return func() bool {
		keys := f.store.Status.Keys
		return keys.Generation == number && keys.Rotation.Generation == 0
	}
}

func (f *fixture) retired() bool {
	return f.store.Status.Keys.Rotation.Generation == 0 && len(f.store.Status.Keys.Keys) == 1 && len(f.keyset().Keys()) == 1
}

// expectRest checks that further passes, in this process and in a new one, write nothing.
func (f *fixture) expectRest() {
	f.t.Helper()
	f.gate = func(name effect.Name, _ func() error) error {
		f.t.Errorf("there is still something to write: %s", name)
		return nil
	}
	for range 3 {
		if next, _ := f.pass(); next > 0 {
			f.clock.Step(next)
		}
		f.restart()
	}
	f.gate = nil
}

// wrappedBy counts the current manifests by the key that they are wrapped with.
func (f *fixture) wrappedBy() map[string]int {
	f.t.Helper()
	count := map[string]int{}
	for _, recording := range f.recordings {
		by, err := manifests.WrappedBy(f.stored(recording))
		if err != nil {
			f.t.Fatal(err)
		}
		count[by]++
	}
	return count
}

func (f *fixture) stored(recording *manifesttest.Recording) []byte {
	f.t.Helper()
	stored, _, err := manifests.Read(f.t.Context(), f.objects, f.bucket, recording.Owner.ManifestKey(1), "")
	if err != nil {
		f.t.Fatal(err)
	}
	return stored
}

// expectWatchable opens every recording as a gateway does that sees the Secret up to a minute late.
func (f *fixture) expectWatchable() {
	f.t.Helper()
	stored := f.allStored()
	for i, past := range f.past {
		if i+1 < len(f.past) && !f.past[i+1].since.After(f.clock.Now().Add(-propagation)) {
			continue // by now everybody has seen the next one
		}
		keyset, err := keys.Load(past.json)
		if err != nil {
			f.t.Fatal(err)
		}
		for _, recording := range f.recordings {
			if _, dataKey, err := manifests.Open(stored[recording.Owner.ManifestKey(1)], keyset, recording.Owner); err != nil || dataKey != recording.DataKey {
				f.t.Fatalf("with the keyset of %s ago, %s does not open: %v", f.clock.Now().Sub(past.since), recording.Owner.UID(), err)
			}
		}
	}
}

// allStored reads those manifests that have changed since it was last asked.
func (f *fixture) allStored() map[string][]byte {
	f.t.Helper()
	stored := map[string][]byte{}
	for object, err := range f.objects.List(f.t.Context(), f.bucket, objectstore.ManifestsRoot) {
		if err != nil {
			f.t.Fatal(err)
		}
		known := f.known[object.Key]
		if known.etag != object.ETag {
			content, info, err := manifests.Read(f.t.Context(), f.objects, f.bucket, object.Key, "")
			if err != nil {
				f.t.Fatal(err)
			}
			known = knownManifest{info.ETag, content}
			f.known[object.Key] = known
		}
		stored[object.Key] = known.content
	}
	return stored
}

// expectMediaUntouched compares every byte and every version of the media with what was stored at the beginning.
func (f *fixture) expectMediaUntouched() {
	f.t.Helper()
	for _, recording := range f.recordings {
		versions, err := f.objects.Versions(f.t.Context(), f.bucket, recording.Owner.MediaPrefix())
		if err != nil || len(versions) != 1 {
			f.t.Fatalf("%s has media %v, %v", recording.Owner.UID(), versions, err)
		}
		body, _, err := f.objects.Get(f.t.Context(), f.bucket, recording.Owner.MediaKey(1), objectstore.GetOptions{})
		if err != nil {
			f.t.Fatal(err)
		}
		content, err := io.ReadAll(body)
		body.Close()
		if err != nil || !bytes.Equal(content, recording.Media) {
			f.t.Fatalf("the media of %s has changed: %v", recording.Owner.UID(), err)
		}
		manifest, dataKey, err := manifests.Open(f.stored(recording), f.keyset(), recording.Owner)
		if err != nil {
			f.t.Fatal(err)
		}
		if manifest.Media != recording.Manifest.Media || dataKey.Media(manifest.Key.Salt) != recording.DataKey.Media(recording.Manifest.Key.Salt) {
			f.t.Fatalf("the manifest of %s describes other media", recording.Owner.UID())
		}
	}
}
