// SPDX-License-Identifier: Apache-2.0

//go:build unix

package scale

import (
	"context"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// observer watches recordings from outside and notes when they change.
type observer struct {
	stop func()

	mu      sync.Mutex
	changed *sync.Cond
	// modified counts the changes of recordings that were there already.
	modified int
	// reached are the recordings that were seen to fulfil the condition that somebody waits for.
	pending map[string]*v1alpha1.MeetingRecording
	times   map[string]time.Time
}

// sighting is a recording that fulfilled a condition, and when that was seen.
type sighting struct {
	name string
	at   time.Time
}

// observe watches the recordings with a label, from how they are now. A watch that the API server ends goes on where it ended: it
// ends those that fall behind, such as one that begins while it still learns of many recordings that were put into etcd.
func (s *scale) observe(selector string) *observer {
	s.b.Helper()
	parsed, err := labels.Parse(selector)
	if err != nil {
		s.b.Fatal(err)
	}
	selected := client.MatchingLabelsSelector{Selector: parsed}
	now := metadata()
	if err = s.admin.List(s.b.Context(), now, selected); err != nil {
		s.b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.b.Context())
	w, err := watchtools.NewRetryWatcherWithContext(ctx, now.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return s.admin.Watch(ctx, &v1alpha1.MeetingRecordingList{}, selected, &client.ListOptions{Raw: &options})
		},
	})
	if err != nil {
		cancel()
		s.b.Fatal(err)
	}
	o := &observer{stop: cancel, pending: map[string]*v1alpha1.MeetingRecording{}, times: map[string]time.Time{}}
	o.changed = sync.NewCond(&o.mu)
	go o.run(ctx, s, w.ResultChan())
	return o
}

func (o *observer) run(ctx context.Context, s *scale, events <-chan watch.Event) {
	for event := range events {
		now := time.Now()
		o.mu.Lock()
		if event.Type == watch.Modified {
			o.modified++
		}
		if recording, ok := event.Object.(*v1alpha1.MeetingRecording); ok {
			o.pending[recording.Name], o.times[recording.Name] = recording, now
		}
		o.changed.Broadcast()
		o.mu.Unlock()
	}
	if ctx.Err() == nil {
		s.b.Error("the watch ended, and what happened since was not seen")
	}
}

// version is that of all recordings now.
func (s *scale) version() int64 {
	s.b.Helper()
	list := metadata()
	if err := s.admin.List(s.b.Context(), list, client.Limit(1)); err != nil {
		s.b.Fatal(err)
	}
	return s.number(list.ResourceVersion)
}

// changedSince names the recordings that were made or changed after a version. It asks the API server, so that nothing is missed.
func (s *scale) changedSince(version int64) []string {
	s.b.Helper()
	var names []string
	for token := ""; ; {
		list := metadata()
		if err := s.admin.List(s.b.Context(), list, client.Limit(2_000), client.Continue(token)); err != nil {
			s.b.Fatal(err)
		}
		for i := range list.Items {
			if s.number(list.Items[i].ResourceVersion) > version {
				names = append(names, list.Items[i].Name)
			}
		}
		if token = list.Continue; token == "" {
			return names
		}
	}
}

func (s *scale) number(resourceVersion string) int64 {
	s.b.Helper()
	n, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		s.b.Fatal(err)
	}
	return n
}

func metadata() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("MeetingRecordingList"))
	return list
}

// count is how many changes were seen.
func (o *observer) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.modified
}

// wait returns when n recordings have fulfilled a condition, in the order in which they did.
func (o *observer) wait(s *scale, n int, patience time.Duration, condition func(*v1alpha1.MeetingRecording) bool) []sighting {
	s.b.Helper()
	timeout := time.AfterFunc(patience, func() { o.changed.Broadcast() })
	defer timeout.Stop()
	deadline := time.Now().Add(patience)
	seen := map[string]bool{}
	var found []sighting
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		for name, recording := range o.pending {
			if !seen[name] && condition(recording) {
				seen[name] = true
				found = append(found, sighting{name, o.times[name]})
			}
			delete(o.pending, name)
		}
		if len(found) >= n {
			return found
		}
		if time.Now().After(deadline) {
			s.b.Fatalf("after %v, %d of %d recordings are where they should be", patience, len(found), n)
		}
		o.changed.Wait()
	}
}
