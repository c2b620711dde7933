// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/purgeguard"
	"github.com/reelkeeper/reelkeeper/internal/quota"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// Stores opens stores by name. *stores.Resolver is one.
type Stores interface {
	Open(ctx context.Context, name string) (*stores.Store, error)
}

// Governance resolves the rules of a recording. governance.Reader is one.
type Governance interface {
	Rules(ctx context.Context, recording *v1alpha1.MeetingRecording) (*policy.Rules, error)
}

// Tombstones is told when a tombstone was written. *trash.Sweeper is one.
type Tombstones interface {
	Note(purgeAt time.Time)
}

// PurgeGuard says whether one more recording of a store may be purged. *purgeguard.Guard is one.
type PurgeGuard interface {
	Ask(ctx context.Context, store, uid string) (purgeguard.Answer, error)
}

// Options are what the controller needs. All fields are required.
type Options struct {
	// Client reads Jobs and namespaces from the cache, and writes Jobs.
	Client client.Client
	// Direct reads from the API server: recordings, Secrets of tenants, Pods of failed Jobs, and whatever must not be an old view. It
	// writes recordings too: nobody reads them from the cache, which a write of the other client waits for.
	Direct client.Client
	// Cards are those of all recordings, by which they are counted and chosen.
	Cards catalog.Reader
	// Stores opens the stores of recordings, Governance resolves their rules.
	Stores     Stores
	Governance Governance
	// Audit records what happens to recordings.
	Audit audit.Recorder
	// Claims are shared with the sweeper of the trash.
	Claims *archive.Claims
	// Tombstones hears of recordings that leave media behind.
	Tombstones Tombstones
	// Ledger remembers what quotas count and no object says; it is shared with the controller of stores.
	Ledger *quota.Ledger
	// PurgeGuard is asked before anything is purged because its time is over.
	PurgeGuard PurgeGuard
	// Events tells people.
	Events events.EventRecorder
	// Clock tells the time; a test steps it.
	Clock clock.Clock
	// OperatorNamespace is where processing Jobs run.
	OperatorNamespace string
	// WorkerImage is the image that they run.
	WorkerImage string
	// WorkerScheduler is the schedulerName of their Pods; empty is the cluster's own.
	WorkerScheduler string
	// GatewayURL is what links start with, without a slash at the end.
	GatewayURL string
}

// Reconciler leads recordings through their life.
type Reconciler struct {
	options  Options
	progress progressLog
	watched  watchLog
	own      ownWrites
	doubts   doubts
	start    headStart
	ahead    preparations
	// deadlines wake the recordings whose dates have come.
	deadlines *deadline.Queue[reconcile.Request]
	// wentThrough is when the cards were last gone through for dates that come near.
	wentThrough time.Time
	// edits counts what has changed that decides about recordings at rest.
	edits atomic.Int64
}

// New returns a Reconciler.
func New(options Options) *Reconciler {
	r := &Reconciler{options: options, deadlines: deadline.New[reconcile.Request](options.Clock), start: headStart{over: make(chan struct{})}}
	r.deadlines.SetDue(goingThrough)
	return r
}

// lockPoll is how soon an expiry or a deletion is tried again that an admission policy has refused: a hold's brings a pass of its own, and
// the locks' has a clock that is up to ten seconds late.
const lockPoll = 10 * time.Second

// Reconcile makes one pass over one recording.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	r.start.end()
	if request == goingThrough {
		r.goThrough()
		return reconcile.Result{}, nil
	}
	r.own.begin(request.NamespacedName)
	defer r.hearRest(request)
	edits := r.edits.Load()
	ready, err := r.read(ctx, request.NamespacedName)
	if err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(request)
			return reconcile.Result{}, r.removeOrphans(ctx, request.NamespacedName)
		}
		return reconcile.Result{}, fmt.Errorf("read the recording: %w", err)
	}
	return r.pass(ctx, ready, edits)
}

// pass makes one pass over a recording that was just read, after so many edits.
func (r *Reconciler) pass(ctx context.Context, ready prepared, edits int64) (reconcile.Result, error) {
	if stageOf(ready.recording) == adopting {
		defer r.options.Claims.Take(ready.recording.StorageUID())()
	}
	o, err := r.observe(ctx, ready.recording)
	if what := awaitedKey(o, err); what.found() {
		o.store.problem, err = what, nil
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	o.stateKey = ready.key
	d := decide(o)
	if err := mirrored(o, &d); err != nil {
		return reconcile.Result{}, err
	}
	log.FromContext(ctx).V(1).Info("Decided", "stage", o.stage, "steps", d.steps, "after", d.after, "look", d.look.String(), "wake", d.wake)
	result, err := r.carryOut(ctx, o, &d)
	if apierrors.IsConflict(err) {
		// Somebody has changed the recording since it was read. The change is about to arrive, and with it the next pass.
		return reconcile.Result{}, nil
	}
	if err == nil && r.edits.Load() != edits {
		// A review that went on meanwhile may have found another date than this pass, which began with what held before.
		result.RequeueAfter = time.Millisecond
	}
	return result, err
}

// carryOut does what was decided: steps, status, people, the steps after.
func (r *Reconciler) carryOut(ctx context.Context, o *observation, d *decision) (reconcile.Result, error) {
	var unwritten error
	for _, what := range d.steps {
		err := r.perform(ctx, o, d, what)
		if instead := waitInstead(o, what, err); instead != nil {
			*d = *instead
			break
		}
		if what == mirrorState && err != nil {
			err, unwritten = r.mirrorFailed(ctx, o, d, err)
		}
		if err == nil {
			continue
		}
		if (what == deleteObject || what == expire) && apierrors.IsForbidden(err) {
			return waitForAdmission(ctx, what, err)
		}
		return reconcile.Result{}, fmt.Errorf("%s: %w", what, err)
	}
	written, err := r.writeStatus(ctx, o, d)
	if expires(o, d) && apierrors.IsForbidden(err) {
		return waitForAdmission(ctx, "expire by the status", err)
	}
	if err != nil {
		return reconcile.Result{}, err
	}
	if d.mirrored {
		r.doubts.end(client.ObjectKeyFromObject(o.recording))
	}
	if written != "" || len(d.steps) > 0 {
		r.tell(o, d, written != "")
	}
	// What was written is about to be heard of: first it is looked at, and then what comes after it is done.
	unsettled := r.rest(ctx, o, d, written, unwritten != nil)
	for _, what := range d.after {
		if err := r.perform(ctx, o, d, what); err != nil {
			return reconcile.Result{}, fmt.Errorf("%s: %w", what, err)
		}
	}
	return reconcile.Result{RequeueAfter: d.look}, errors.Join(unwritten, unsettled)
}

// rest has the recording wake when there will be something to do.
func (r *Reconciler) rest(ctx context.Context, o *observation, d *decision, written string, unfinished bool) error {
	if written != "" && !unfinished {
		return r.settle(ctx, o, d, written)
	}
	status := &o.recording.Status
	if written != "" {
		status = d.status
	}
	r.sleep(client.ObjectKeyFromObject(o.recording), status, d.wake)
	return nil
}

// expires says that the status alone takes the recording to the trash.
func expires(o *observation, d *decision) bool {
	return d.status != nil && d.status.TrashCause == v1alpha1.TrashCauseExpiry && !o.inTrash()
}

// waitForAdmission is for a recording that a hold or a lock keeps.
func waitForAdmission(ctx context.Context, what step, refusal error) (reconcile.Result, error) {
	log.FromContext(ctx).Info("Waiting, an admission policy refuses to let the recording go", "step", what, "reason", refusal.Error())
	return reconcile.Result{RequeueAfter: lockPoll}, nil
}

// settle looks at what a pass has written as the next one would. Where that would do nothing, there is none.
func (r *Reconciler) settle(ctx context.Context, o *observation, d *decision, version string) error {
	name, after := client.ObjectKeyFromObject(o.recording), o.recording.DeepCopy()
	after.Status, after.ResourceVersion = *d.status.DeepCopy(), version
	wake, rests, err := r.rests(ctx, after)
	if err != nil {
		return err
	}
	if !rests {
		wake = d.wake
	}
	r.sleep(name, d.status, wake)
	r.own.wrote(name, ownWrite{version: version, done: rests && d.look == 0})
	return nil
}

// forget drops what is remembered of a recording that is gone.
func (r *Reconciler) forget(request reconcile.Request) {
	r.deadlines.Set(request, time.Time{})
	r.progress.forget(request.NamespacedName)
	r.watched.forget(request.NamespacedName)
	r.doubts.end(request.NamespacedName)
}

// removeOrphans removes the Jobs of a recording whose object has vanished without its finalizer being honoured.
func (r *Reconciler) removeOrphans(ctx context.Context, name client.ObjectKey) error {
	var jobs batchv1.JobList
	err := r.options.Client.List(ctx, &jobs, client.InNamespace(r.options.OperatorNamespace),
		client.MatchingLabels{v1alpha1.LabelRecordingNamespace: name.Namespace})
	if err != nil {
		return fmt.Errorf("list the Jobs: %w", err)
	}
	for i := range jobs.Items {
		if jobs.Items[i].Annotations[v1alpha1.AnnotationRecordingName] != name.Name {
			continue
		}
		if err := r.deleteJob(ctx, &jobs.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// controllerName is what the controller is called in logs, events and audit events.
const controllerName = "meetingrecording"

// concurrency is how many recordings are worked on at once. A pass that lets a recording go, or takes one back, waits for a dozen answers one
// after the other, some of which take the API server a tenth of a second however little it has to do: lists that may not be old. And where thousands
// fall due in the same minute, it takes many passes to keep an API server busy. What bounds it is what a pass holds, a recording and its
// answers, some hundred kilobytes; and the connections to a store that are kept open, 64.
const concurrency = 32

// SetupWithManager adds the controller to a manager.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	passes := ctrl.NewControllerManagedBy(mgr).Named(controllerName).WithOptions(controller.Options{MaxConcurrentReconciles: concurrency})
	reviews := ctrl.NewControllerManagedBy(mgr).Named(reviewName).
		WatchesRawSource(kube.Loaded(mgr.GetCache(), &v1alpha1.MeetingRecording{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 1, ReconciliationTimeout: reviewTimeout})
	return errors.Join(r.watches(passes).Complete(r), r.watchesOfReviews(reviews).Complete(reconcile.Func(r.Review)), r.setupHeadStart(mgr),
		mgr.Add(manager.RunnableFunc(r.readAhead)))
}
