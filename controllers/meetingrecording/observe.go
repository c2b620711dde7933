// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// regard reads what every stage needs, from caches only.
func (r *Reconciler) regard(ctx context.Context, recording *v1alpha1.MeetingRecording) (*observation, error) {
	o := &observation{
		now:       r.options.Clock.Now(),
		recording: recording,
		stage:     stageOf(recording),
		watched:   r.watched.last(recording),
		doubted:   r.doubts.are(client.ObjectKeyFromObject(recording)),
		link:      fmt.Sprintf("%s/r/%s/%s", r.options.GatewayURL, recording.Namespace, recording.Name),
	}
	var err error
	if o.rules, err = r.options.Governance.Rules(ctx, recording); err != nil {
		return nil, fmt.Errorf("resolve the policies: %w", err)
	}
	namespace, err := r.namespace(ctx, recording.Namespace)
	if err != nil {
		return nil, err
	}
	o.namespace = namespaceView{going: !namespace.DeletionTimestamp.IsZero(), uid: namespace.UID}
	return o, r.observeJobs(ctx, r.options.Client, o)
}

// observe reads what the recording's stage needs. A recording at rest costs reads from the cache only.
func (r *Reconciler) observe(ctx context.Context, recording *v1alpha1.MeetingRecording) (*observation, error) {
	o, err := r.regard(ctx, recording)
	if err != nil {
		return nil, err
	}
	switch o.stage {
	case incoming:
		err = r.observeIncoming(ctx, o)
	case shelved:
		err = r.observeShelved(ctx, o)
	case kept:
		err = r.observeKept(ctx, o)
	case adopting:
		err = r.observeAdopting(ctx, o)
	case erased:
		err = r.observeLocks(ctx, o)
	case leaving:
		err = r.observeLeaving(ctx, o)
	case stalled:
	}
	return o, err
}

// observeJobs lists the recording's Jobs, from the cache or from the API server itself.
func (r *Reconciler) observeJobs(ctx context.Context, reader client.Reader, o *observation) error {
	var jobs batchv1.JobList
	if err := reader.List(ctx, &jobs, client.InNamespace(r.options.OperatorNamespace), client.MatchingLabels(jobLabels(o.recording))); err != nil {
		return fmt.Errorf("list the Jobs: %w", err)
	}
	o.attempts = attemptsOf(jobs.Items)
	if last := o.newestAttempt(); last != nil {
		o.highest = max(o.highest, last.number)
	}
	return nil
}

func (r *Reconciler) observeIncoming(ctx context.Context, o *observation) error {
	if o.inTrash() {
		return nil // it is being taken back; the next pass looks
	}
	if err := r.observeStore(ctx, o); err != nil {
		return err
	}
	if job := o.running(); job != nil {
		return r.observeRunning(ctx, o, job)
	}
	if o.store.open == nil {
		return nil
	}
	if err := r.observeBucket(ctx, o); err != nil {
		return err
	}
	if (o.raw.found || fetches(o)) && o.result == nil {
		// How large it is, is known only now. Who passes all the gates takes the room.
		if err := r.observeQuota(ctx, o, false); err != nil || closedGate(o).found() {
			return err
		}
		if err := r.observeQuota(ctx, o, true); err != nil {
			return err
		}
		return r.confirm(ctx, o)
	}
	return nil
}

// observeRunning looks whether the Job has its Secret, and how far it is.
func (r *Reconciler) observeRunning(ctx context.Context, o *observation, job *attempt) (err error) {
	if !job.armed {
		if job.armed, err = r.secretExists(ctx, r.options.OperatorNamespace, jobName(o.recording.UID, job.number)); err != nil {
			return err
		}
	}
	if o.store.open == nil {
		return nil
	}
	if !job.armed && fetches(o) {
		return r.observeFetch(ctx, o)
	}
	if !job.armed {
		return r.observeRaw(ctx, o)
	}
	if !job.started.IsZero() && !o.now.Before(job.started.Add(showAfter)) {
		o.progress = r.readProgress(ctx, o)
		o.progressWritten = r.progress.lastWritten(o)
	}
	return nil
}

// confirm asks the API server itself before an attempt is started, because a cache that has not seen the last one yet would
// start it twice.
func (r *Reconciler) confirm(ctx context.Context, o *observation) error {
	if err := r.observeStale(ctx, o); err != nil || o.stale {
		return err
	}
	if err := r.observeJobs(ctx, r.options.Direct, o); err != nil {
		return err
	}
	last := o.newestAttempt()
	if last == nil || last.outcome == running {
		return nil
	}
	return r.observeFailure(ctx, o, last)
}

// observeStale compares with what the API server has now.
func (r *Reconciler) observeStale(ctx context.Context, o *observation) error {
	var live metav1.PartialObjectMetadata
	live.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("MeetingRecording"))
	switch err := r.options.Direct.Get(ctx, client.ObjectKeyFromObject(o.recording), &live); {
	case apierrors.IsNotFound(err):
		o.stale = true
	case err != nil:
		return fmt.Errorf("read the recording again: %w", err)
	default:
		o.stale = live.UID != o.recording.UID || live.ResourceVersion != o.recording.ResourceVersion
	}
	return nil
}

// observeFailure asks the Pod why an attempt failed. A Job that succeeded although the bucket has no authentic manifest
// failed too.
func (r *Reconciler) observeFailure(ctx context.Context, o *observation, last *attempt) error {
	if last.outcome == succeeded {
		last.outcome = failed
		last.failure = failure{reason: "VerificationFailed", message: "the worker reported success, and the bucket holds no authentic manifest with its media"}
		return nil
	}
	var pods corev1.PodList
	err := r.options.Direct.List(ctx, &pods, client.InNamespace(r.options.OperatorNamespace),
		client.MatchingLabels{batchv1.JobNameLabel: jobName(o.recording.UID, last.number)})
	if err != nil {
		return fmt.Errorf("list the Pods of the Job: %w", err)
	}
	if said, ok := failureOfPods(pods.Items); ok {
		last.failure = said
	}
	return nil
}

// observeShelved opens the store, so that what was being uploaded can be withdrawn.
func (r *Reconciler) observeShelved(ctx context.Context, o *observation) error {
	if purgeDue(o) {
		return r.observePurge(ctx, o)
	}
	if o.inTrash() {
		return nil
	}
	return r.observeStore(ctx, o)
}

// observeKept looks into the bucket only when a recording is about to come back from the trash.
func (r *Reconciler) observeKept(ctx context.Context, o *observation) error {
	if purgeDue(o) {
		return r.observePurge(ctx, o)
	}
	if o.inTrash() && !o.trashRequested() {
		if err := r.observeStore(ctx, o); err != nil || o.store.problem.found() {
			return err
		}
		return r.observeMedia(ctx, o)
	}
	if err := r.observeLocks(ctx, o); err != nil || !asksForErasure(o.recording) || erasureObstacle(o) != nil {
		return err
	}
	return r.observeStale(ctx, o) // what is about to be destroyed cannot be brought back
}

// observeLocks opens the store of a recording that is held, locked or to be erased, without asking whether its server answers:
// only a change of the lock does. A recording that nothing keeps costs nothing here.
func (r *Reconciler) observeLocks(ctx context.Context, o *observation) error {
	status := &o.recording.Status
	if len(o.recording.Spec.Holds) == 0 && scheduleOf(o, status).LockedUntil.IsZero() && sameLock(status.Storage.Lock, v1alpha1.BucketLock{}) && !asksForErasure(o.recording) {
		return nil
	}
	open, err := r.options.Stores.Open(ctx, o.recording.StoreName())
	if reason := stores.Reason(err); reason != "" {
		o.store.problem = problem{reason, err.Error()}
		if what, unread := r.awaited(ctx, o, err); what.found() || unread != nil {
			o.store.problem = what
			return unread
		}
		return nil
	}
	o.store.open = open
	return err
}

// namespace reads from the cache what a recording has to know of its namespace.
func (r *Reconciler) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	namespace := kube.NamespaceMetadata()
	if err := r.options.Client.Get(ctx, client.ObjectKey{Name: name}, namespace); err != nil {
		return nil, fmt.Errorf("read namespace %s: %w", name, err)
	}
	return namespace, nil
}

// observePurge asks whether the recording may be purged, which counts it if it may. Asking again changes nothing.
func (r *Reconciler) observePurge(ctx context.Context, o *observation) (err error) {
	o.purge, err = r.options.PurgeGuard.Ask(ctx, o.recording.StoreName(), o.recording.StorageUID())
	return err
}

// purgeDue says that the time in the trash is over.
func purgeDue(o *observation) bool {
	return o.trashRequested() && o.inTrash() && scheduleOf(o, &o.recording.Status).PurgeDue(o.now)
}

// observeLeaving takes no chances with old views: what it decides cannot be taken back. What only gets a tombstone is not read a
// second time.
func (r *Reconciler) observeLeaving(ctx context.Context, o *observation) error {
	if !hasFinalizer(o.recording) {
		return nil
	}
	if stored := o.recording.Status.Storage.ManifestKey != "" && !isErased(&o.recording.Status); !stored || purgeDue(o) {
		if err := r.observeStale(ctx, o); err != nil || o.stale {
			return err
		}
	}
	if err := r.observeJobs(ctx, r.options.Direct, o); err != nil {
		return err
	}
	if err := r.observeStore(ctx, o); err != nil || o.store.problem.found() {
		return err
	}
	if adopts(o.recording) {
		return r.observeOwn(ctx, o)
	}
	if purgeDue(o) {
		if err := r.observePurge(ctx, o); err != nil {
			return err
		}
	}
	if err := r.observeRemains(ctx, o); err != nil {
		return err
	}
	return r.observeLeftovers(ctx, o)
}

func (r *Reconciler) secretExists(ctx context.Context, namespace, name string) (bool, error) {
	_, err := r.secretMeta(ctx, namespace, name)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// secretMeta reads a Secret's metadata from the API server, never its content, which the cache must not hold either.
func (r *Reconciler) secretMeta(ctx context.Context, namespace, name string) (*metav1.ObjectMeta, error) {
	var secret metav1.PartialObjectMetadata
	secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	if err := r.options.Direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &secret); err != nil {
		return nil, fmt.Errorf("read Secret %s/%s: %w", namespace, name, err)
	}
	return &secret.ObjectMeta, nil
}

// renewed is when URLs end that are signed now.
func renewed(now time.Time) time.Time { return now.Add(uploadFor).Truncate(time.Second) }
