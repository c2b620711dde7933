// SPDX-License-Identifier: Apache-2.0

package deadline_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/internal/deadline"
)

const (
	many   = 100_000
	spread = 20 * time.Second
	ahead  = time.Second // until the first is due, so that all have been set by then
)

// BenchmarkLateness has 100,000 keys come due over 20 seconds, and prints how late they reach a worker that waits for them at a
// workqueue: from a Queue, and beside it from client-go's delaying queue.
func BenchmarkLateness(b *testing.B) {
	b.Run("deadline", func(b *testing.B) {
		lateness(b, func(ctx context.Context) (workqueue.TypedInterface[reconcile.Request], func(reconcile.Request, time.Time)) {
			queue, work := deadline.New[reconcile.Request](clock.RealClock{}), workqueue.NewTyped[reconcile.Request]()
			go queue.Run(ctx, func(key reconcile.Request, _ time.Duration) { work.Add(key) })
			return work, queue.Set
		})
	})
	b.Run("client-go", func(b *testing.B) {
		lateness(b, func(context.Context) (workqueue.TypedInterface[reconcile.Request], func(reconcile.Request, time.Time)) {
			work := workqueue.NewTypedDelayingQueue[reconcile.Request]()
			return work, func(key reconcile.Request, at time.Time) { work.AddAfter(key, time.Until(at)) }
		})
	})
}

func lateness(b *testing.B, start func(context.Context) (workqueue.TypedInterface[reconcile.Request], func(reconcile.Request, time.Time))) {
	b.Helper()
	for b.Loop() {
		work, set := start(b.Context())
		dates := make(map[reconcile.Request]time.Time, many)
		first := time.Now().Add(ahead)
		for i := range many {
			// In no order, as recordings come.
			at := first.Add(spread / many * time.Duration(i*7919%many))
			dates[keyOf(i)] = at
		}
		began := time.Now()
		for key, at := range dates {
			set(key, at)
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/many, "ns/set")
		late := make([]time.Duration, 0, many)
		for range many {
			key, _ := work.Get()
			late = append(late, time.Since(dates[key]))
			work.Done(key)
		}
		work.ShutDown()
		slices.Sort(late)
		if late[0] < 0 {
			b.Errorf("%v early", -late[0])
		}
		for name, share := range map[string]float64{"p50-ms-late": 0.5, "p99-ms-late": 0.99, "max-ms-late": 1} {
			b.ReportMetric(float64(late[int(share*(many-1))].Microseconds())/1000, name)
		}
	}
}

// BenchmarkMemory prints what a date costs, beside the key that its owner has anyway.
func BenchmarkMemory(b *testing.B) {
	keys := make([]reconcile.Request, many)
	for i := range keys {
		keys[i] = keyOf(i)
	}
	for b.Loop() {
		before := heapInUse()
		queue := deadline.New[reconcile.Request](clock.RealClock{})
		for i, key := range keys {
			queue.Set(key, time.Now().Add(time.Hour+time.Duration(i)*time.Second))
		}
		b.ReportMetric(float64(heapInUse()-before)/many, "B/date")
		runtime.KeepAlive(queue)
	}
}

func keyOf(i int) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "finance", Name: fmt.Sprintf("recording-%06d", i)}}
}

func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
