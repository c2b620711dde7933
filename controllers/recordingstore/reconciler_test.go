// SPDX-License-Identifier: Apache-2.0

//go:build unix

package recordingstore_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/controllers/recordingstore"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) { testenv.Main(m, kubetest.Options(), &env) }

// fixture is a store that works: a server, credentials and a RecordingStore, which nobody has looked at yet.
type fixture struct {
	*kubetest.Cluster
	t           *testing.T
	server      *s3test.Server
	store       *v1alpha1.RecordingStore
	credentials *corev1.Secret
	clock       *clocktesting.FakeClock
	reconciler  *recordingstore.Reconciler
}

func newFixture(t *testing.T, options s3test.Options, changes ...func(*fixture)) *fixture {
	t.Helper()
	t.Parallel()
	f := &fixture{Cluster: kubetest.New(t, env), t: t, server: s3test.Start(t, options), clock: clocktesting.NewFakeClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))}
	name := "s" + strings.ToLower(rand.Text())
	f.credentials = &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: name + "-s3"},
		Data:       map[string][]byte{stores.AccessKeyID: []byte(f.server.AccessKey), stores.SecretAccessKey: []byte(f.server.SecretKey)},
	}
	f.store = &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RecordingStoreSpec{
			S3: v1alpha1.S3Endpoint{
				Endpoint: f.server.Endpoint, CABundle: string(f.server.CABundle),
				CredentialsSecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: name + "-s3"},
			},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: name},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: kubetest.OperatorNamespace, Name: name + "-kek"}},
			AllowedNamespaces: &metav1.LabelSelector{},
		},
	}
	for _, change := range changes {
		change(f)
	}
	f.Create(t, f.credentials, f.store)
	t.Cleanup(func() {
		for _, object := range []client.Object{f.credentials, f.store, f.keysetSecret()} {
			_ = f.Admin.Delete(context.WithoutCancel(t.Context()), object)
		}
	})
	f.restart()
	return f
}

// restart gives the reconciler a new process's memory: none.
func (f *fixture) restart() {
	f.reconciler = &recordingstore.Reconciler{
		Client: f.Client,
		Cards:  f.Cards,
		Stores: stores.NewResolver(f.Client, kubetest.OperatorNamespace),
		Ledger: &quota.Ledger{},
		Events: f.Events,
		Clock:  f.clock,
	}
}

func (f *fixture) keysetSecret() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: f.store.Name + "-kek"}}
}

func (f *fixture) reconcile() time.Duration {
	f.t.Helper()
	result, err := f.reconciler.Reconcile(f.t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)})
	if err != nil {
		f.t.Fatalf("Reconcile: %v", err)
	}
	f.Get(f.t, f.store)
	f.checkInvariants()
	return result.RequeueAfter
}

// checkInvariants holds after every pass, whatever happened.
func (f *fixture) checkInvariants() {
	f.t.Helper()
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionEndpointReachable, v1alpha1.ConditionKeysetReady, v1alpha1.ConditionBucketsReady} {
		c := meta.FindStatusCondition(f.store.Status.Conditions, kind)
		if c == nil || c.Message == "" || c.ObservedGeneration != f.store.Generation {
			f.t.Errorf("condition %s = %+v, want one with a message that speaks of generation %d", kind, c, f.store.Generation)
			continue
		}
		if strings.Contains(c.Message, f.server.SecretKey) {
			f.t.Errorf("condition %s tells the secret key: %s", kind, c.Message)
		}
	}
}

// expect reconciles and checks a condition.
func (f *fixture) expect(kind string, status metav1.ConditionStatus, reason string) string {
	f.t.Helper()
	f.reconcile()
	c := meta.FindStatusCondition(f.store.Status.Conditions, kind)
	if c.Status != status || c.Reason != reason {
		f.t.Errorf("%s = %s/%s (%s), want %s/%s", kind, c.Status, c.Reason, c.Message, status, reason)
	}
	return c.Message
}

func (f *fixture) expectReady() {
	f.t.Helper()
	f.expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
}

// expectRest checks that further passes, in this process and in a new one, write nothing.
func (f *fixture) expectRest() {
	f.t.Helper()
	before := f.store.ResourceVersion
	f.Events.Take()
	for range 2 {
		f.reconcile()
		f.clock.Step(11 * time.Minute)
		f.reconcile()
		f.restart()
	}
	if f.store.ResourceVersion != before {
		f.t.Errorf("the store was written at rest: %s → %s", before, f.store.ResourceVersion)
	}
	if events := f.Events.Take(); len(events) > 0 {
		f.t.Errorf("events at rest: %q", events)
	}
}

func TestR5StoreBecomesReadyAndRests(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	if after := f.reconcile(); after != 10*time.Minute {
		t.Errorf("the next look is after %s, want 10m", after)
	}
	f.expectReady()
	want := []v1alpha1.StoreCapability{"CORS", "Checksums", "ConditionalWrites", "Tagging", "Versioning"}
	if diff := cmp.Diff(want, f.store.Status.Capabilities); diff != "" {
		t.Errorf("capabilities of versitygw (-want +got):\n%s", diff)
	}
	if f.store.Status.Buckets == nil || *f.store.Status.Buckets != 1 {
		t.Errorf("buckets = %v, want 1", f.store.Status.Buckets)
	}
	if diff := cmp.Diff([]string{"Normal Available: The store can be used"}, f.Events.Take()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	f.expectRest()
}

func TestReasons(t *testing.T) {
	t.Parallel()
	closedPort := func() string { return "http://" + testenv.FreeAddress(t) }
	cases := map[string]struct {
		server  s3test.Options
		break_  func(*fixture)
		want    string
		mention string
		mend    func(*fixture)
	}{
		"wrong secret key": {
			break_: func(f *fixture) { f.credentials.Data[stores.SecretAccessKey] = []byte("wrong") },
			want:   v1alpha1.ReasonBadCredentials, mention: "check the access key",
			mend: func(f *fixture) { f.setCredentials(f.server.AccessKey, f.server.SecretKey) },
		},
		"unknown access key": {
			break_: func(f *fixture) { f.credentials.Data[stores.AccessKeyID] = []byte("nobody") },
			want:   v1alpha1.ReasonBadCredentials, mention: "check the access key",
			mend: func(f *fixture) { f.setCredentials(f.server.AccessKey, f.server.SecretKey) },
		},
		"account without rights": {
			break_: func(f *fixture) {
				f.credentials.Data = map[string][]byte{stores.AccessKeyID: []byte(f.server.RestrictedAccessKey), stores.SecretAccessKey: []byte(f.server.RestrictedSecretKey)}
			},
			want: v1alpha1.ReasonForbidden, mention: "grant the account",
			mend: func(f *fixture) { f.setCredentials(f.server.AccessKey, f.server.SecretKey) },
		},
		"credentials without a key": {
			break_: func(f *fixture) { delete(f.credentials.Data, stores.SecretAccessKey) },
			want:   v1alpha1.ReasonCredentialsNotFound, mention: "has no key secretAccessKey",
			mend: func(f *fixture) { f.setCredentials(f.server.AccessKey, f.server.SecretKey) },
		},
		"credentials that do not exist": {
			break_: func(f *fixture) { f.store.Spec.S3.CredentialsSecretRef.Name = "nowhere" },
			want:   v1alpha1.ReasonCredentialsNotFound, mention: "There is no Secret reelkeeper-system/nowhere",
			mend: func(f *fixture) {
				f.Update(f.t, f.store, func() { f.store.Spec.S3.CredentialsSecretRef.Name = f.credentials.Name })
			},
		},
		"credentials of another namespace": {
			break_: func(f *fixture) { f.store.Spec.S3.CredentialsSecretRef.Namespace = "default" },
			want:   v1alpha1.ReasonCredentialsNotFound, mention: "put it into reelkeeper-system",
			mend: func(f *fixture) {
				f.Update(f.t, f.store, func() { f.store.Spec.S3.CredentialsSecretRef.Namespace = kubetest.OperatorNamespace })
			},
		},
		"unknown host": {
			break_: func(f *fixture) { f.store.Spec.S3.Endpoint = "http://s3.invalid:9000" },
			want:   v1alpha1.ReasonNoSuchHost, mention: "check the endpoint's spelling",
			mend: (*fixture).mendEndpoint,
		},
		"closed port": {
			break_: func(f *fixture) { f.store.Spec.S3.Endpoint = closedPort() },
			want:   v1alpha1.ReasonUnreachable, mention: "check its port",
			mend: (*fixture).mendEndpoint,
		},
		"certificate that nobody vouches for": {
			server: s3test.Options{TLS: true},
			break_: func(f *fixture) { f.store.Spec.S3.CABundle = "" },
			want:   v1alpha1.ReasonTLS, mention: "add the CA bundle",
			mend: func(f *fixture) {
				f.Update(f.t, f.store, func() { f.store.Spec.S3.CABundle = string(f.server.CABundle) })
			},
		},
		"https to a server that speaks http": {
			break_: func(f *fixture) {
				f.store.Spec.S3.Endpoint = strings.Replace(f.server.Endpoint, "http://", "https://", 1)
			},
			want: v1alpha1.ReasonTLS, mention: "speaks https",
			mend: (*fixture).mendEndpoint,
		},
		"wrong region": {
			server: s3test.Options{Region: "eu-central-1"},
			break_: func(f *fixture) { f.store.Spec.S3.Region = "us-west-2" },
			want:   v1alpha1.ReasonWrongRegion, mention: "set the store's region",
			mend: func(f *fixture) { f.Update(f.t, f.store, func() { f.store.Spec.S3.Region = "eu-central-1" }) },
		},
		"CA bundle without a certificate": {
			server: s3test.Options{TLS: true},
			break_: func(f *fixture) { f.store.Spec.S3.CABundle = "not a certificate" },
			want:   v1alpha1.ReasonStoreError, mention: "holds no PEM certificate",
			mend: func(f *fixture) {
				f.Update(f.t, f.store, func() { f.store.Spec.S3.CABundle = string(f.server.CABundle) })
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tc.server, tc.break_)
			message := f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, tc.want)
			f.expect(v1alpha1.ConditionEndpointReachable, metav1.ConditionFalse, tc.want)
			f.expect(v1alpha1.ConditionBucketsReady, metav1.ConditionUnknown, v1alpha1.ReasonPending)
			if !strings.Contains(message, tc.mention) {
				t.Errorf("message %q does not say %q", message, tc.mention)
			}
			if events := f.Events.Take(); len(events) != 1 || !strings.HasPrefix(events[0], "Warning "+tc.want) {
				t.Errorf("events = %q, want one warning with the reason", events)
			}
			f.expectRest()
			tc.mend(f)
			f.expectReady()
		})
	}
}

func (f *fixture) setCredentials(access, secret string) {
	f.t.Helper()
	f.Update(f.t, f.credentials, func() {
		f.credentials.Data = map[string][]byte{stores.AccessKeyID: []byte(access), stores.SecretAccessKey: []byte(secret)}
	})
}

func (f *fixture) mendEndpoint() {
	f.t.Helper()
	f.Update(f.t, f.store, func() { f.store.Spec.S3.Endpoint = f.server.Endpoint })
}

func TestObjectLockThatTheServerCannotDo(t *testing.T) {
	f := newFixture(t, s3test.Options{}, func(f *fixture) { f.store.Spec.Buckets.ObjectLock = v1alpha1.ObjectLockGovernance })
	// The bucket is there already, made without object lock.
	owner, err := objectstore.New(f.server.Config())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.EnsureBucket(t.Context(), f.store.Spec.Buckets.Name, objectstore.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
	message := f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonObjectLockUnsupported)
	f.expect(v1alpha1.ConditionBucketsReady, metav1.ConditionFalse, v1alpha1.ReasonObjectLockUnsupported)
	f.expect(v1alpha1.ConditionEndpointReachable, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
	if !strings.Contains(message, "set objectLock to None") {
		t.Errorf("message %q does not say what to do", message)
	}
	f.expectRest()
}

func TestObjectLockThatTheServerCanDo(t *testing.T) {
	f := newFixture(t, s3test.Options{}, func(f *fixture) { f.store.Spec.Buckets.ObjectLock = v1alpha1.ObjectLockGovernance })
	f.expectReady()
	if !stores.Can(f.store, v1alpha1.CapabilityObjectLock) {
		t.Errorf("capabilities = %v, want ObjectLock", f.store.Status.Capabilities)
	}
}

func TestServerWithoutVersioning(t *testing.T) {
	f := newFixture(t, s3test.Options{WithoutVersioning: true})
	f.expectReady()
	if stores.Can(f.store, v1alpha1.CapabilityVersioning) {
		t.Errorf("capabilities = %v, want no Versioning", f.store.Status.Capabilities)
	}
	f.expectRest()
}

func TestOutageIsNoticedRetriedWithBoundedBackoffAndOver(t *testing.T) {
	dir := t.TempDir()
	f := newFixture(t, s3test.Options{Dir: dir})
	f.expectReady()
	f.Events.Take()
	before := f.store.Status
	options := s3test.Options{Dir: dir, Address: f.server.Address, AccessKey: f.server.AccessKey, SecretKey: f.server.SecretKey}
	f.server.Close()
	f.clock.Step(10 * time.Minute)
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonUnreachable)
	if diff := cmp.Diff(before.Capabilities, f.store.Status.Capabilities); diff != "" {
		t.Errorf("capabilities changed although the server could not be asked (-want +got):\n%s", diff)
	}
	down := f.store.ResourceVersion
	var waits []time.Duration
	for range 12 {
		wait := f.reconcile()
		waits = append(waits, wait)
		f.clock.Step(wait)
	}
	s := time.Second
	want := []time.Duration{2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s, 256 * s, 300 * s, 300 * s, 300 * s, 300 * s}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if f.store.ResourceVersion != down {
		t.Error("the status was written at every retry")
	}
	f.server = s3test.Start(t, options)
	f.expectReady()
	if events := f.Events.Take(); len(events) != 2 || !strings.HasPrefix(events[1], "Normal Available") {
		t.Errorf("events = %q, want a warning and the recovery", events)
	}
}

func TestKeysetIsMadeOnceAndNeverReplaced(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.expectReady()
	secret := f.keysetSecret()
	f.Get(t, secret)
	made, err := keys.Load(secret.Data[stores.KeysetKey])
	if err != nil {
		t.Fatal(err)
	}
	if made.KeyID() != f.store.Status.KeyID {
		t.Errorf("keyID = %q, want %q", f.store.Status.KeyID, made.KeyID())
	}
	if len(secret.OwnerReferences) > 0 {
		t.Error("the keyset has an owner: it would go with the store")
	}
	original := secret.Data[stores.KeysetKey]
	another, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]map[string][]byte{
		"damaged":        {stores.KeysetKey: []byte(`{"primaryKeyId": 1}`)},
		"empty":          {},
		"another keyset": {stores.KeysetKey: another},
	} {
		f.Update(t, secret, func() { secret.Data = data })
		message := f.expect(v1alpha1.ConditionKeysetReady, metav1.ConditionFalse, v1alpha1.ReasonKeysetInvalid)
		f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonKeysetInvalid)
		if !strings.Contains(strings.ToLower(message), "restore") {
			t.Errorf("%s: message %q does not say what to do", name, message)
		}
		f.expect(v1alpha1.ConditionEndpointReachable, metav1.ConditionTrue, v1alpha1.ReasonAvailable)
		f.Get(t, secret)
		if diff := cmp.Diff(data[stores.KeysetKey], secret.Data[stores.KeysetKey]); diff != "" {
			t.Errorf("%s: the keyset was replaced", name)
		}
	}
	f.Delete(t, secret)
	f.expect(v1alpha1.ConditionKeysetReady, metav1.ConditionFalse, v1alpha1.ReasonKeysetInvalid)
	if f.Exists(t, f.keysetSecret()) {
		t.Error("a new keyset was made in place of one that recordings are encrypted with")
	}
	f.Create(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}, Data: map[string][]byte{stores.KeysetKey: original}})
	f.expectReady()
}

func TestKeysetThatSomebodyBrings(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	brought, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	secret := f.keysetSecret()
	secret.Data = map[string][]byte{stores.KeysetKey: brought}
	f.Create(t, secret)
	f.expectReady()
	f.Get(t, secret)
	if diff := cmp.Diff(brought, secret.Data[stores.KeysetKey]); diff != "" {
		t.Error("the keyset was replaced")
	}
}

func TestPerNamespaceBucketsAreMadeWhenNeeded(t *testing.T) {
	f := newFixture(t, s3test.Options{}, func(f *fixture) {
		f.store.Spec.Buckets.Layout = v1alpha1.LayoutPerNamespace
		f.store.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchLabels: map[string]string{"recordings": "enabled"}}
	})
	allowed, idle, refused := env.Namespace(t, "recordings=enabled"), env.Namespace(t, "recordings=enabled"), env.Namespace(t)
	for _, namespace := range []string{allowed, idle, refused} {
		f.seesNamespace(namespace)
	}
	f.expectReady()
	if got := *f.store.Status.Buckets; got != 0 {
		t.Errorf("buckets = %d before the first recording, want 0", got)
	}
	for _, namespace := range []string{allowed, refused} {
		f.Create(t, recording(namespace, f.store.Name))
	}
	f.Create(t, recording(idle, "another-store"))
	f.expectReady()
	if got := *f.store.Status.Buckets; got != 1 {
		t.Errorf("buckets = %d, want 1", got)
	}
	owner, err := objectstore.New(f.server.Config())
	if err != nil {
		t.Fatal(err)
	}
	for namespace, want := range map[string]bool{allowed: true, idle: false, refused: false} {
		got, err := owner.BucketExists(t.Context(), stores.Bucket(f.store, namespace))
		if err != nil || got != want {
			t.Errorf("bucket of namespace %s exists = %v, %v; want %v", namespace, got, err, want)
		}
	}
	f.expectRest()
}

// seesNamespace returns when the manager sees a namespace that was made a moment ago.
func (f *fixture) seesNamespace(name string) {
	f.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	f.Update(f.t, namespace, func() {})
}

func recording(namespace, store string) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "meeting"},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting:  v1alpha1.MeetingFacts{ID: "1", Creator: "alice@example.com"},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: store},
		},
	}
}

func TestSelectorThatMakesNoSense(t *testing.T) {
	f := newFixture(t, s3test.Options{}, func(f *fixture) {
		f.store.Spec.AllowedNamespaces = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}
	})
	f.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSelectorInvalid)
	f.expectRest()
}

func TestDeletedStoreKeepsItsKeyset(t *testing.T) {
	f := newFixture(t, s3test.Options{})
	f.expectReady()
	f.Delete(t, f.store)
	if _, err := f.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)}); err != nil {
		t.Fatal(err)
	}
	if !f.Exists(t, f.keysetSecret()) {
		t.Error("the keyset went with the store")
	}
}
