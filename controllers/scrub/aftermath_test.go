// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scrub

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// front stands before an S3 server, and tells what it is asked.
type front struct {
	mu    sync.Mutex
	asked []string
	// away says that it answers nothing but that it is not there.
	away bool
}

// before puts a front before the store's server.
func (f *fixture) before() *front {
	f.t.Helper()
	target, err := url.Parse(f.store.Spec.S3.Endpoint)
	if err != nil {
		f.t.Fatal(err)
	}
	all := &front{}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if all.takes(r) {
			pass.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	f.t.Cleanup(server.Close)
	f.Update(f.t, f.store, func() { f.store.Spec.S3.Endpoint = server.URL })
	return all
}

func (f *front) takes(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	what := r.Method + " " + r.URL.Path
	if r.URL.Query().Has("prefix") {
		what = "list " + r.URL.Query().Get("prefix")
	}
	f.asked = append(f.asked, what)
	return !f.away
}

// take returns what was asked since the last call.
func (f *front) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// starts lets a process begin, which remembers nothing, and wants it to doubt these recordings, each once.
func (f *fixture) starts(want ...int) {
	f.t.Helper()
	f.reconciler.after = nil
	f.looks(want...)
}

// looks wants a look to doubt these recordings, each once, and to leave nothing to do.
func (f *fixture) looks(want ...int) {
	f.t.Helper()
	f.doubted = nil
	if result, err := f.look(f.t.Context()); err != nil || result != (reconcile.Result{}) {
		f.t.Errorf("Aftermath = %+v, %v", result, err)
	}
	var names, got []string
	for _, i := range want {
		names = append(names, f.recordings[i].Name)
	}
	for _, key := range f.doubted {
		got = append(got, key.Name)
	}
	slices.Sort(names)
	slices.Sort(got)
	if diff := cmp.Diff(names, got); diff != "" {
		f.t.Errorf("doubted (-want +got):\n%s", diff)
	}
}

func (f *fixture) look(ctx context.Context) (reconcile.Result, error) {
	ctx = effect.With(ctx, func(name effect.Name, _ func() error) error {
		f.t.Errorf("the look has the effect %q", name)
		return nil
	})
	return f.reconciler.Aftermath(ctx, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(f.store)})
}

func never(spec *v1alpha1.RecordingStoreSpec) {
	spec.Integrity = v1alpha1.IntegritySpec{ScrubEvery: v1alpha1.Never}
}

func inTrash(s *archive.State) { s.TrashedAt = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }

// R27: who died after telling the bucket, and before the status said so, leaves nothing behind that is not true.
func TestR27WhatADeadProcessToldTheBucketIsFoundAtTheStart(t *testing.T) {
	for name, changes := range map[string][]func(*v1alpha1.RecordingStoreSpec){"once a day": nil, "never": {never}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, 3, changes...)
			namespace := f.recordings[0].Namespace
			f.record(namespace, func(r *v1alpha1.MeetingRecordingSpec) {
				r.Source = v1alpha1.MediaSource{Adopt: v1alpha1.AdoptSource{UID: "0f9c1c1e-7a53-4b0e-9a3f-000000000007"}}
			})
			f.record(namespace, func(r *v1alpha1.MeetingRecordingSpec) { r.StoreRef.Name = "another" })
			f.say(0, nil)
			f.say(1, inTrash)
			f.say(2, inTrash)
			f.Delete(t, f.recordings[2])
			f.say(3, inTrash)
			f.say(4, inTrash)
			all := f.before()

			f.starts(1, 3)
			want := []string{"list " + objectstore.ManifestsRoot}
			for _, i := range []int{0, 1, 3} { // one request for all, and two for each state
				want = append(want, "GET /"+f.store.Name+"/"+f.stored[i].Owner.StateKey(), "GET /"+f.store.Name+"/"+f.stored[i].Owner.ManifestKey(1))
			}
			got := all.take()
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the object store is asked (-want +got):\n%s", diff)
			}
			if n := f.metric("reelkeeper_scrubbed_recordings_total"); n != 2 {
				t.Errorf("the metric counts %v", n)
			}

			f.looks()
			if asked := all.take(); len(asked) > 0 {
				t.Errorf("a process that has looked asks again: %v", asked)
			}
		})
	}
}

func TestWhatWasToldLongAgoIsNotRead(t *testing.T) {
	f := newFixture(t, 1)
	f.say(0, inTrash)
	all := f.before()
	written, err := f.objects.Head(t.Context(), f.store.Name, f.stored[0].Owner.StateKey())
	if err != nil {
		t.Fatal(err)
	}
	f.clock.SetTime(written.LastModified.Add(aftermathWindow))
	f.starts(0)
	all.take()
	f.clock.Step(time.Second)
	f.starts()
	if asked := all.take(); len(asked) != 1 {
		t.Errorf("asked for what is older than a day: %v", asked)
	}
}

// Every namespace has a bucket of its own; what lies in another's is nobody's.
func TestEveryBucketIsLookedInto(t *testing.T) {
	f := newFixture(t, 2, func(spec *v1alpha1.RecordingStoreSpec) { spec.Buckets.Layout = v1alpha1.LayoutPerNamespace })
	f.record(env.Namespace(t))
	for i := range f.recordings {
		f.say(i, inTrash)
	}
	right, wrong := f.recordings[1].Status.Storage.Bucket, f.recordings[2].Status.Storage.Bucket
	key, content := f.stored[1].Owner.StateKey(), "written into the wrong bucket"
	if err := f.objects.Delete(t.Context(), right, key); err != nil {
		t.Fatal(err)
	}
	if _, err := f.objects.Put(t.Context(), wrong, key, strings.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	all := f.before()
	f.starts(0, 2)
	if asked := all.take(); len(asked) != 2+2*2 {
		t.Errorf("asked: %v", asked)
	}
}

func TestAStoreThatIsMadeAnewIsLookedAtAgain(t *testing.T) {
	f := newFixture(t, 1)
	f.say(0, inTrash)
	again := f.store.DeepCopy()
	again.ResourceVersion, again.UID = "", ""
	f.starts(0)
	f.Delete(t, f.store)
	if f.reconciler.after[f.store.Name] != f.store.UID {
		t.Error("it does not remember the store")
	}
	f.Create(t, again) // before anybody hears that it was gone
	f.store = again
	f.looks(0)
	f.Delete(t, f.store)
	f.looks()
	if len(f.reconciler.after) > 0 {
		t.Errorf("it remembers what is gone: %v", f.reconciler.after)
	}
}

// A store that cannot be used, or does not answer, is looked at when it can.
func TestWhatCannotBeLookedAtIsLookedAtLater(t *testing.T) {
	f := newFixture(t, 1)
	f.say(0, inTrash)
	all := f.before()
	keyset := f.store.Spec.Encryption.KeySecretRef.Name
	f.Update(t, f.store, func() { f.store.Spec.Encryption.KeySecretRef.Name = "missing" })
	if result, err := f.look(t.Context()); err != nil || result.RequeueAfter != usableEvery {
		t.Errorf("with a store without a keyset: %+v, %v", result, err)
	}
	f.Update(t, f.store, func() { f.store.Spec.Encryption.KeySecretRef.Name = keyset })
	if asked := all.take(); len(asked) > 0 {
		t.Errorf("asked for with a store that cannot be used: %v", asked)
	}
	all.away = true
	if _, err := f.look(t.Context()); !objectstore.IsTransient(err) {
		t.Errorf("with a server that is away: %v", err)
	}
	all.away = false
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.look(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with a program that ends: %v", err)
	}
	f.looks(0)
}

// What was written last is what a process can have died over, and comes first, however much was written that day.
func TestTheLatestComesFirst(t *testing.T) {
	f := newFixture(t, 3)
	told := map[objectstore.Recording]time.Time{}
	for i, after := range []int{2, 3, 1} {
		told[f.stored[i].Owner] = f.clock.Now().Add(time.Duration(after) * time.Second)
	}
	var got []objectstore.Recording
	for _, one := range f.reconciler.recordingsOf(f.store.Name, told) {
		got = append(got, one.names)
	}
	if want := []objectstore.Recording{f.stored[1].Owner, f.stored[0].Owner, f.stored[2].Owner}; !slices.Equal(got, want) {
		t.Errorf("the order is %v, want %v", got, want)
	}
	for i := range f.recordings {
		f.say(i, inTrash)
	}
	began := f.clock.Now()
	f.starts(0, 1, 2)
	if took := f.clock.Now().Sub(began); took != 2*time.Second/statesPerSecond {
		t.Errorf("three take %s", took)
	}
}

// meddler changes something as soon as somebody has read.
type meddler struct {
	client.Client

	change func()
}

func (m *meddler) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := m.Client.Get(ctx, key, object, options...)
	if change := m.change; change != nil {
		m.change = nil
		change()
	}
	return err
}

// A recording may be seen by its controller in the same moment, which sees nothing wrong with it.
func TestARecordingThatChangesMeanwhileIsLookedAtAgain(t *testing.T) {
	f := newFixture(t, 1)
	f.say(0, inTrash)
	f.reconciler.Direct = &meddler{f.Direct, func() {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"example.com/seen":"now"}}}`))
		if err := f.Admin.Patch(t.Context(), f.recordings[0], patch); err != nil {
			t.Error(err)
		}
	}}
	f.starts(0)
}
