// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scrub

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/kube/kubetest"
	"github.com/reelkeeper/reelkeeper/internal/manifests/manifesttest"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/objectstore/s3test"
	"github.com/reelkeeper/reelkeeper/internal/stores"
	"github.com/reelkeeper/reelkeeper/internal/testenv"
)

var env *testenv.Env

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	testenv.Main(m, kubetest.Options(), &env)
}

// steppingClock passes as fast as somebody waits for it.
type steppingClock struct{ *clocktesting.FakeClock }

func (c steppingClock) NewTimer(d time.Duration) clock.Timer {
	timer := c.FakeClock.NewTimer(d)
	c.Step(d)
	return timer
}

// fixture is a store with recordings that are checked once a day, at 64 KiB a second.
type fixture struct {
	*kubetest.Cluster
	t          *testing.T
	objects    *objectstore.Client
	keyset     *keys.Keyset
	store      *v1alpha1.RecordingStore
	recordings []*v1alpha1.MeetingRecording
	stored     []*manifesttest.Recording
	clock      steppingClock
	reconciler *Reconciler
	writes     []effect.Name
	doubted    []client.ObjectKey
}

func newFixture(t *testing.T, recordings int, changes ...func(*v1alpha1.RecordingStoreSpec)) *fixture {
	t.Helper()
	t.Parallel()
	server := s3test.Start(t, s3test.Options{})
	f := &fixture{Cluster: kubetest.New(t, env), t: t, clock: steppingClock{clocktesting.NewFakeClock(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))}}
	name := "s" + strings.ToLower(rand.Text())
	json, err := keys.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	if f.keyset, err = keys.Load(json); err != nil {
		t.Fatal(err)
	}
	credentials := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: name + "-s3"},
		Data:       map[string][]byte{stores.AccessKeyID: []byte(server.AccessKey), stores.SecretAccessKey: []byte(server.SecretKey)},
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: kubetest.OperatorNamespace, Name: name + "-kek"}, Data: map[string][]byte{stores.KeysetKey: json},
	}
	f.store = &v1alpha1.RecordingStore{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RecordingStoreSpec{
			S3:                v1alpha1.S3Endpoint{Endpoint: server.Endpoint, CredentialsSecretRef: v1alpha1.SecretReference{Namespace: credentials.Namespace, Name: credentials.Name}},
			Buckets:           v1alpha1.BucketLayoutSpec{Layout: v1alpha1.LayoutShared, Name: name},
			Encryption:        v1alpha1.EncryptionSpec{KeySecretRef: v1alpha1.SecretReference{Namespace: secret.Namespace, Name: secret.Name}},
			AllowedNamespaces: &metav1.LabelSelector{},
			Integrity:         v1alpha1.IntegritySpec{ScrubEvery: "1d", BytesPerSecond: new(resource.MustParse("64Ki"))},
		},
	}
	for _, change := range changes {
		change(&f.store.Spec)
	}
	f.Create(t, credentials, secret, f.store)
	t.Cleanup(func() {
		for _, object := range []client.Object{credentials, secret, f.store} {
			_ = f.Admin.Delete(context.WithoutCancel(t.Context()), object)
		}
	})
	f.objects = server.Bucket(t, name)
	namespace := env.Namespace(t)
	for range recordings {
		f.record(namespace)
	}
	f.reconciler = &Reconciler{
		Client: f.Client, Cards: f.Cards, Direct: f.Direct, Stores: stores.NewResolver(f.Client, kubetest.OperatorNamespace), Events: f.Events, Clock: f.clock,
		Doubt: func(recording client.ObjectKey) { f.doubted = append(f.doubted, recording) },
	}
	return f
}

// record makes an available recording, the next in the row.
func (f *fixture) record(namespace string, changes ...func(*v1alpha1.MeetingRecordingSpec)) {
	f.t.Helper()
	recording := &v1alpha1.MeetingRecording{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "r" + strings.ToLower(rand.Text())},
		Spec: v1alpha1.MeetingRecordingSpec{
			Meeting:  v1alpha1.MeetingFacts{ID: "872-114", Creator: "alice@example.com"},
			Source:   v1alpha1.MediaSource{Upload: &v1alpha1.UploadSource{}},
			StoreRef: v1alpha1.StoreReference{Name: f.store.Name},
		},
	}
	for _, change := range changes {
		change(&recording.Spec)
	}
	f.Create(f.t, recording)
	owner, err := objectstore.NewRecording(namespace, recording.StorageUID())
	if err != nil {
		f.t.Fatal(err)
	}
	stored, err := manifesttest.New(f.keyset, owner, recording.Name, 31) // 128 KiB: two seconds
	if err != nil {
		f.t.Fatal(err)
	}
	bucket := stores.Bucket(f.store, namespace)
	if _, err := f.objects.EnsureBucket(f.t.Context(), bucket, objectstore.BucketOptions{Versioning: true}); err != nil {
		f.t.Fatal(err)
	}
	if err := stored.Put(f.t.Context(), f.objects, bucket); err != nil {
		f.t.Fatal(err)
	}
	f.UpdateStatus(f.t, recording, func() {
		recording.Status.Storage = v1alpha1.StorageLocation{Bucket: bucket, Key: owner.MediaKey(1), ManifestKey: owner.ManifestKey(1)}
		meta.SetStatusCondition(&recording.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable})
	})
	f.recordings, f.stored = append(f.recordings, recording), append(f.stored, stored)
}

// day reconciles for a day and a little more, as the manager would, and returns what was written.
func (f *fixture) day() []effect.Name {
	f.t.Helper()
	f.writes = nil
	ctx := effect.With(f.t.Context(), func(name effect.Name, write func() error) error {
		f.writes = append(f.writes, name)
		return write()
	})
	for end := f.clock.Now().Add(25 * time.Hour); f.clock.Now().Before(end); {
		result, err := f.reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)})
		if err != nil {
			f.t.Fatal(err)
		}
		f.clock.Step(result.RequeueAfter)
	}
	return f.writes
}

func (f *fixture) intact(i int) *metav1.Condition {
	f.t.Helper()
	f.Get(f.t, f.recordings[i])
	if ready := meta.FindStatusCondition(f.recordings[i].Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Reason != v1alpha1.ReasonAvailable {
		f.t.Errorf("the condition Ready became %+v", ready)
	}
	return meta.FindStatusCondition(f.recordings[i].Status.Conditions, v1alpha1.ConditionIntact)
}

// metric is the sum of a metric over everything that it says of the store.
func (f *fixture) metric(name string) (sum float64) {
	f.t.Helper()
	families, err := metrics.Registry.(prometheus.Gatherer).Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if family.GetName() == name && label.GetName() == "store" && label.GetValue() == f.store.Name {
					sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

func (f *fixture) put(key string, content []byte) {
	f.t.Helper()
	if _, err := f.objects.Put(f.t.Context(), f.store.Name, key, bytes.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
		f.t.Fatal(err)
	}
}

func TestEverythingIsReadOnceADayAtItsPaceAndNothingWrittenWhenAllIsWell(t *testing.T) {
	f := newFixture(t, 20)
	if writes := f.day(); len(writes) > 0 || len(f.Events.Take()) > 0 {
		t.Errorf("written although all is well: %v", writes)
	}
	checked := f.metric("reelkeeper_scrubbed_recordings_total")
	if checked < 20 || checked > 24 { // the hours before and after the day have some twice
		t.Errorf("%v checks of 20 recordings in a day", checked)
	}
	var media int
	for _, stored := range f.stored {
		media += len(stored.Media)
	}
	if bytes := f.metric("reelkeeper_scrubbed_bytes_total"); bytes < float64(media) {
		t.Errorf("%v bytes read of %d", bytes, media)
	}
	// Everything at once is not faster: a new process finds all of the last days due.
	f.reconciler.at = map[string]time.Time{f.store.Name: f.clock.Now().Add(-48 * time.Hour)}
	began := f.clock.Now()
	if err := f.reconciler.work(t.Context(), f.store, planOf(f.store)); err != nil {
		t.Fatal(err)
	}
	if took, least := f.clock.Now().Sub(began), time.Duration(media-(1<<16))*time.Second/(64<<10); took < least {
		t.Errorf("%d bytes took %s, less than %s", media, took, least)
	}
}

func TestR7DamageIsShownAndGoesWhenItIsMended(t *testing.T) {
	f := newFixture(t, 5)
	owner := func(i int) objectstore.Recording { return f.stored[i].Owner }
	flipped := slices.Clone(f.stored[0].Media)
	flipped[5000] ^= 1
	f.put(owner(0).MediaKey(1), flipped)
	if err := f.objects.Delete(t.Context(), f.store.Name, owner(1).MediaKey(1)); err != nil {
		t.Fatal(err)
	}
	f.put(owner(2).ManifestKey(1), f.stored[3].Stored)
	writes := f.day()
	if len(writes) != 3 {
		t.Errorf("written: %v, want one condition each of three", writes)
	}
	wants := []struct{ reason, says string }{
		{v1alpha1.ReasonDamaged, "segment 0 (bytes 4096 to 8191)"}, {v1alpha1.ReasonMediaMissing, owner(1).MediaKey(1) + " is gone"}, {v1alpha1.ReasonDamaged, owner(2).ManifestKey(1) + " is damaged"},
	}
	for i, want := range wants {
		if c := f.intact(i); c == nil || c.Status != metav1.ConditionFalse || c.Reason != want.reason || !strings.Contains(c.Message, want.says) || !strings.Contains(c.Message, "put it back") {
			t.Errorf("recording %d: %+v, want %s with %q and how to put it back", i, c, want.reason, want.says)
		}
	}
	if f.intact(3) != nil || f.intact(4) != nil {
		t.Error("whole recordings have the condition")
	}
	if events := f.Events.Take(); len(events) != 3 || !strings.HasPrefix(events[0], "Warning ") {
		t.Errorf("events %q", events)
	}
	if writes := f.day(); len(writes) > 0 {
		t.Errorf("written again: %v", writes)
	}
	if n := f.metric("reelkeeper_damaged_recordings"); n != 3 {
		t.Errorf("the metric counts %v damaged recordings, want 3", n)
	}
	for _, stored := range f.stored {
		if err := stored.Put(t.Context(), f.objects, f.store.Name); err != nil {
			t.Fatal(err)
		}
	}
	if writes := f.day(); len(writes) != 3 {
		t.Errorf("written after mending: %v", writes)
	}
	for i := range f.recordings {
		if c := f.intact(i); c != nil {
			t.Errorf("recording %d is whole and says %+v", i, c)
		}
	}
}

// say writes into the bucket what a recording is, and into its status that it was written.
func (f *fixture) say(i int, change func(*archive.State)) {
	f.t.Helper()
	recording := f.recordings[i]
	to := archive.Archive{Objects: f.objects, Keys: f.keyset, Bucket: recording.Status.Storage.Bucket, Names: f.stored[i].Owner}
	sealed, err := to.Manifest(f.t.Context(), 1)
	if err != nil {
		f.t.Fatal(err)
	}
	state, err := archive.StateOf(recording, &recording.Status, 1)
	if err != nil {
		f.t.Fatal(err)
	}
	hash, err := state.Hash()
	if err != nil {
		f.t.Fatal(err)
	}
	f.UpdateStatus(f.t, recording, func() { recording.Status.Storage.StateHash = hash })
	if change != nil {
		change(&state)
	}
	if err := to.WriteState(f.t.Context(), sealed.StateKey, state); err != nil {
		f.t.Fatal(err)
	}
}

// R27: a hold that is lost from the bucket would be lost with the cluster.
func TestR27WhatTheBucketSaysOfARecordingIsChecked(t *testing.T) {
	f := newFixture(t, 5)
	f.say(0, nil)
	f.say(1, func(s *archive.State) { s.TrashedAt = f.clock.Now() }) // by a process that died then
	f.say(2, nil)
	if err := f.objects.Delete(t.Context(), f.store.Name, f.stored[2].Owner.StateKey()); err != nil {
		t.Fatal(err)
	}
	f.say(3, nil)
	f.put(f.stored[3].Owner.StateKey(), []byte(`{"reelkeeperState":1,"hmacSHA256":"no"}`))
	f.say(4, nil)
	f.UpdateStatus(t, f.recordings[4], func() {
		meta.SetStatusCondition(&f.recordings[4].Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionRecoverable, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonStateNotWritten})
	})
	if writes := f.day(); len(writes) > 0 {
		t.Errorf("the check writes %v", writes)
	}
	slices.SortFunc(f.doubted, func(a, b client.ObjectKey) int { return strings.Compare(a.Name, b.Name) })
	var want []client.ObjectKey
	for _, recording := range f.recordings[1:] {
		want = append(want, client.ObjectKeyFromObject(recording))
	}
	slices.SortFunc(want, func(a, b client.ObjectKey) int { return strings.Compare(a.Name, b.Name) })
	if got := slices.Compact(f.doubted); !slices.Equal(got, want) { // the hours before and after the day have some twice
		t.Errorf("the state is doubted of %v, want %v", got, want)
	}
}

func TestNeverReadsNothing(t *testing.T) {
	f := newFixture(t, 1)
	f.Update(t, f.store, func() { f.store.Spec.Integrity = v1alpha1.IntegritySpec{ScrubEvery: v1alpha1.Never} })
	result, err := f.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)})
	if err != nil || result.RequeueAfter != 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if n := f.metric("reelkeeper_scrubbed_bytes_total"); n != 0 {
		t.Errorf("%v bytes were read", n)
	}
}

// R7: what the server cannot read for one recording keeps no other from being checked.
func TestR7OneThatCannotBeReadDoesNotStopTheOthers(t *testing.T) {
	f := newFixture(t, 4)
	now := f.clock.Now()
	first := f.reconciler.dueIn(f.store.Name, planOf(f.store), now, now.Add(24*time.Hour))[0].key
	unlucky := slices.IndexFunc(f.recordings, func(r *v1alpha1.MeetingRecording) bool { return client.ObjectKeyFromObject(r) == first })
	behind, err := url.Parse(f.store.Spec.S3.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, f.stored[unlucky].Owner.MediaKey(1)) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(broken.Close)
	f.Update(t, f.store, func() { f.store.Spec.S3.Endpoint = broken.URL })
	for _, stored := range f.stored {
		f.put(stored.Owner.MediaKey(1), []byte("damaged"))
	}
	for end := f.clock.Now().Add(30 * time.Hour); f.clock.Now().Before(end); {
		result, err := f.reconciler.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)})
		if err != nil && !objectstore.IsTransient(err) {
			t.Fatal(err)
		}
		f.clock.Step(max(result.RequeueAfter, 10*time.Minute))
	}
	for i := range f.recordings {
		if c := f.intact(i); (c == nil) != (i == unlucky) {
			t.Errorf("recording %d: %+v", i, c)
		}
	}
}
