// SPDX-License-Identifier: Apache-2.0

// Package activity counts what the recent part of the access log says of all recordings together. It watches the labels of audit
// events and keeps nothing but the counts: a cache of the events would hold many thousands for a page that few people open.
package activity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Counts are what the access log says, as far back as the cluster keeps it.
type Counts struct {
	// Refused counts refused attempts by the day when they were written down, in UTC: 2026-07-01.
	Refused map[string]int
	// Downloads counts how often downloads began, by the recording's UID.
	Downloads map[string]int
}

// Log counts audit events. It begins when somebody first asks: until then, it costs nothing.
type Log struct {
	client     metadata.Interface
	namespaces []string
	asked      chan struct{}
	ask        sync.Once

	refused, downloads []*counter
}

// New returns a log of the namespaces; of all, where there are none.
func New(config *rest.Config, namespaces []string) (*Log, error) {
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the API server at %s: %w", config.Host, err)
	}
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	log := &Log{client: client, namespaces: namespaces, asked: make(chan struct{})}
	for range namespaces {
		log.refused, log.downloads = append(log.refused, newCounter(dayOf)), append(log.downloads, newCounter(recordingOf))
	}
	return log, nil
}

func dayOf(event *metav1.PartialObjectMetadata) string {
	return event.CreationTimestamp.UTC().Format(time.DateOnly)
}

func recordingOf(event *metav1.PartialObjectMetadata) string {
	return event.Labels[v1alpha1.LabelRecordingUID]
}

// Run counts from when somebody first asks until ctx ends.
func (l *Log) Run(ctx context.Context) error {
	select {
	case <-l.asked:
	case <-ctx.Done():
		return nil
	}
	refused := labels.Set{v1alpha1.LabelAuditOutcome: string(v1alpha1.OutcomeRefused)}.String()
	downloaded := labels.Set{v1alpha1.LabelAuditAction: string(v1alpha1.AuditDownloaded), v1alpha1.LabelAuditOutcome: string(v1alpha1.OutcomeAllowed)}.String()
	group, ctx := errgroup.WithContext(ctx)
	for i, namespace := range l.namespaces {
		group.Go(func() error { return l.follow(ctx, namespace, refused, l.refused[i]) })
		group.Go(func() error { return l.follow(ctx, namespace, downloaded, l.downloads[i]) })
	}
	return group.Wait()
}

func (l *Log) follow(ctx context.Context, namespace string, which string, into *counter) error {
	events := l.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("auditevents")).Namespace(namespace)
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = which
			return events.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = which
			return events.Watch(ctx, options)
		},
	}
	cache.NewReflectorWithOptions(source, &metav1.PartialObjectMetadata{}, into, cache.ReflectorOptions{Name: "activity"}).RunWithContext(ctx)
	return nil
}

// firstCount is how long the first who asks may have to wait for the log to be counted.
const firstCount = 10 * time.Second

// ErrNotCounted says that the access log is still being counted.
var ErrNotCounted = errors.New("the access log is still being counted: check that the API server answers and that the gateway's ServiceAccount may list and watch auditevents")

// Counts returns the counts as they are now. It waits for the log to be counted once.
func (l *Log) Counts(ctx context.Context) (Counts, error) {
	l.ask.Do(func() { close(l.asked) })
	ctx, cancel := context.WithTimeout(ctx, firstCount)
	defer cancel()
	counts := Counts{Refused: map[string]int{}, Downloads: map[string]int{}}
	for i := range l.namespaces {
		if err := errors.Join(l.refused[i].addTo(ctx, counts.Refused), l.downloads[i].addTo(ctx, counts.Downloads)); err != nil {
			return Counts{}, err
		}
	}
	return counts, nil
}

// counter counts events by a key. It is the store of a reflector, which tells it of every event once.
type counter struct {
	key    func(*metav1.PartialObjectMetadata) string
	mutex  sync.Mutex
	counts map[string]int
	filled chan struct{}
	fill   sync.Once
}

func newCounter(key func(*metav1.PartialObjectMetadata) string) *counter {
	return &counter{key: key, counts: map[string]int{}, filled: make(chan struct{})}
}

// addTo adds the counts, once there are any to add.
func (c *counter) addTo(ctx context.Context, sums map[string]int) error {
	select {
	case <-c.filled:
	case <-ctx.Done():
		return ErrNotCounted
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for key, count := range c.counts {
		sums[key] += count
	}
	return nil
}

// Add counts an event. It implements cache.ReflectorStore, as the methods below do.
func (c *counter) Add(object any) error { return c.change(object, 1) }

// Delete counts an event that the cluster keeps no longer.
func (c *counter) Delete(object any) error { return c.change(object, -1) }

// Update does nothing: what is written down does not change.
func (c *counter) Update(any) error { return nil }

// Resync does nothing: there is nothing to compare with.
func (c *counter) Resync() error { return nil }

// Replace counts anew.
func (c *counter) Replace(events []any, _ string) error {
	counts := map[string]int{}
	for _, object := range events {
		if event, is := object.(*metav1.PartialObjectMetadata); is {
			counts[c.key(event)]++
		}
	}
	c.mutex.Lock()
	c.counts = counts
	c.mutex.Unlock()
	c.fill.Do(func() { close(c.filled) })
	return nil
}

func (c *counter) change(object any, by int) error {
	event, is := object.(*metav1.PartialObjectMetadata)
	if !is {
		return fmt.Errorf("count an audit event: it is %T", object)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	key := c.key(event)
	c.counts[key] += by
	if c.counts[key] <= 0 {
		delete(c.counts, key)
	}
	return nil
}
