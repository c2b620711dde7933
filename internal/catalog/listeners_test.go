// SPDX-License-Identifier: Apache-2.0

package catalog

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// heard is what one handler was told, in that order.
type heard struct {
	mu      sync.Mutex
	changed *sync.Cond
	said    []string
}

func newHeard() *heard {
	h := &heard{}
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *heard) note(what string, object any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.said = append(h.said, what+" "+object.(*Card).GetName())
	h.changed.Broadcast()
}

func (h *heard) OnAdd(object any, initial bool) {
	h.note(map[bool]string{true: "there is", false: "new is"}[initial], object)
}
func (h *heard) OnUpdate(_, after any) { h.note("changed is", after) }
func (h *heard) OnDelete(object any)   { h.note("gone is", object) }

// after returns what the handler heard, once that is so much.
func (h *heard) after(n int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.said) < n {
		h.changed.Wait()
	}
	return h.said
}

// follow starts an informer over recordings that are there at the start, and returns it with what the test can make happen.
func follow(t *testing.T, names ...string) (toolscache.SharedIndexInformer, *watch.FakeWatcher) {
	t.Helper()
	events := watch.NewFake()
	from := &toolscache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			list := &v1alpha1.MeetingRecordingList{ListMeta: metav1.ListMeta{ResourceVersion: "10"}}
			for _, name := range names {
				list.Items = append(list.Items, *named(name, "5"))
			}
			return list, nil
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return events, nil },
	}
	informer := (&Catalog{}).NewInformer(from, &v1alpha1.MeetingRecording{}, 0, toolscache.Indexers{})
	if err := informer.SetTransform(Transform); err != nil {
		t.Fatal(err)
	}
	return informer, events
}

func named(name, version string) *v1alpha1.MeetingRecording {
	return &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: "finance", Name: name, ResourceVersion: version, UID: types.UID(name)}}
}

func listen(t *testing.T, to toolscache.SharedIndexInformer) (*heard, toolscache.ResourceEventHandlerRegistration) {
	t.Helper()
	h := newHeard()
	registration, err := to.AddEventHandler(h)
	if err != nil {
		t.Fatal(err)
	}
	return h, registration
}

func TestEveryHandlerHearsEverythingWheneverItComes(t *testing.T) {
	t.Parallel()
	informer, events := follow(t, "review")
	early, registered := listen(t, informer)
	if registered.HasSynced() {
		t.Error("a handler of an informer that has not started says that it has heard everything")
	}
	go informer.Run(t.Context().Done())
	<-registered.HasSyncedChecker().Done()
	events.Add(named("budget", "11"))
	early.after(2)
	late, registered := listen(t, informer)
	if !registered.HasSynced() {
		t.Error("a handler that was told of everything at once says that it was not")
	}
	events.Modify(named("budget", "12"))
	events.Delete(named("budget", "13"))
	want := map[string][]string{
		"early": {"there is review", "new is budget", "changed is budget", "gone is budget"},
		"late":  {"there is budget", "there is review", "changed is budget", "gone is budget"},
	}
	got := map[string][]string{"early": early.after(4), "late": late.after(4)}
	if got["late"][0] == "there is review" { // the store has no order
		got["late"][0], got["late"][1] = got["late"][1], got["late"][0]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
}

func TestAHandlerThatWasRemovedHearsNothing(t *testing.T) {
	t.Parallel()
	informer, events := follow(t)
	stays, _ := listen(t, informer)
	goes, registered := listen(t, informer)
	go informer.Run(t.Context().Done())
	<-registered.HasSyncedChecker().Done()
	for range 2 { // once more changes nothing
		if err := informer.RemoveEventHandler(registered); err != nil {
			t.Fatal(err)
		}
	}
	events.Add(named("budget", "11"))
	stays.after(1)
	if said := goes.after(0); len(said) > 0 {
		t.Errorf("heard %q after it was removed", said)
	}
}
