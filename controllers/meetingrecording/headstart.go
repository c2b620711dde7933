// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// Reading a hundred thousand recordings takes a manager that starts half a minute and more. Who lays a hold meanwhile does not wait
// for that, nor who did so a moment before: a small controller watches what changes, and gives recordings with a new hold their pass. It
// ends when the cards are there.

// headStartName is what the controller is called in logs and metrics.
const headStartName = controllerName + "-held"

// headStart keeps the passes of the two controllers apart.
type headStart struct {
	once sync.Once
	over chan struct{}
	// passing is held by the early pass that is under way, and in the end for good.
	passing sync.Mutex
}

// end returns when no early pass is under way and none will be.
func (h *headStart) end() {
	h.once.Do(func() {
		close(h.over)
		h.passing.Lock()
	})
}

// early makes a pass over a held recording, before there are cards.
func (r *Reconciler) early(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	if !r.start.passing.TryLock() {
		return reconcile.Result{}, nil
	}
	defer r.start.passing.Unlock()
	edits := r.edits.Load()
	recording := &v1alpha1.MeetingRecording{}
	if err := r.options.Direct.Get(ctx, request.NamespacedName, recording); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if !needsNoCards(recording) {
		return reconcile.Result{}, nil
	}
	return r.pass(ctx, prepared{recording: recording}, edits)
}

// needsNoCards says whether a pass counts nothing over other recordings: quotas count before there is media, and the purge guard
// is not asked for what is held.
func needsNoCards(r *v1alpha1.MeetingRecording) bool {
	return len(r.Spec.Holds) > 0 && r.Status.Storage.ManifestKey != "" && r.DeletionTimestamp.IsZero()
}

// isUrgent says whether an early pass is worth making: others change too while a manager starts, by the thousand where they are loaded.
func isUrgent(r *v1alpha1.MeetingRecording) bool {
	return needsNoCards(r) && r.Status.ObservedGeneration != r.Generation
}

// setupHeadStart adds the small controller to a manager.
func (r *Reconciler) setupHeadStart(mgr ctrl.Manager) error {
	watcher, err := client.NewWithWatch(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("make a client that watches: %w", err)
	}
	changes := source.Func(func(ctx context.Context, work queue) error {
		go func() {
			if err := r.hearChanges(ctx, watcher, work); err != nil {
				// A manager that may read some namespaces only gets here, and its start is short.
				log.FromContext(ctx).V(1).Info("Holds wait until all recordings are read", "reason", err.Error())
			}
		}()
		return nil
	})
	return ctrl.NewControllerManagedBy(mgr).Named(headStartName).WatchesRawSource(changes).
		// A replica that stands by has its cards when it begins.
		WithOptions(controller.Options{MaxConcurrentReconciles: 1, EnableWarmup: new(false)}).
		Complete(reconcile.Func(r.early))
}

// The cluster's writes before the start are listened to as well, where the API server remembers so many.
const (
	justBefore = 200
	longBefore = 10_000
)

// hearChanges puts urgent recordings into the queue, of those that change from now on and of those that changed before, until the head
// start is over. An API server that is busy with the list takes a minute to tell of ten thousand changes, such as of recordings that
// somebody loads: a watch of its own tells of the last ones.
func (r *Reconciler) hearChanges(ctx context.Context, c client.WithWatch, work queue) error {
	list := &v1alpha1.MeetingRecordingList{}
	if err := c.List(ctx, list, client.Limit(1)); err != nil {
		return fmt.Errorf("read the version of the recordings: %w", err)
	}
	now, err := strconv.ParseInt(list.ResourceVersion, 10, 64)
	if err != nil {
		return fmt.Errorf("read the version of the recordings: %w", err)
	}
	var group errgroup.Group
	for _, writes := range []int64{justBefore, longBefore} {
		group.Go(func() error { return r.hearFrom(ctx, c, now, writes, work) })
	}
	return group.Wait()
}

// hearFrom is hearSince for so many writes before a version, or as many as the API server remembers.
func (r *Reconciler) hearFrom(ctx context.Context, c client.WithWatch, now, writes int64, work queue) error {
	for ; ; writes /= 4 {
		err := r.hearSince(ctx, c, max(now-writes, 1), work)
		if forgotten := apierrors.IsResourceExpired(err) || apierrors.IsGone(err); !forgotten || writes == 0 {
			return err
		}
	}
}

// hearSince puts what is urgent of what has changed since a version into the queue, until the head start is over.
func (r *Reconciler) hearSince(ctx context.Context, c client.WithWatch, version int64, work queue) error {
	options := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: strconv.FormatInt(version, 10)}}
	changes, err := c.Watch(ctx, &v1alpha1.MeetingRecordingList{}, options)
	if err != nil {
		return fmt.Errorf("watch the recordings: %w", err)
	}
	defer changes.Stop()
	for {
		select {
		case <-r.start.over:
			return nil
		case change, more := <-changes.ResultChan():
			if !more {
				return nil
			}
			changed, is := change.Object.(*v1alpha1.MeetingRecording)
			if !is {
				return fmt.Errorf("watch the recordings: %w", apierrors.FromObject(change.Object))
			}
			if isUrgent(changed) {
				work.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(changed)})
			}
		}
	}
}
