// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	applyv1alpha1 "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// expiryOwner owns, in server-side apply, spec.state and nothing else.
const expiryOwner = "reelkeeper-expiry"

// perform carries out one step. Each can be repeated: it finds its own work done.
func (r *Reconciler) perform(ctx context.Context, o *observation, d *decision, what step) error {
	steps := map[step]func() error{
		addFinalizer:       func() error { return r.addFinalizer(ctx, o) },
		offerUpload:        func() error { return r.offerUpload(ctx, o) },
		withdrawUpload:     func() error { return r.withdrawUpload(ctx, o) },
		recordHolds:        func() error { return r.recordHolds(ctx, o) },
		lockObjects:        func() error { return r.lockObjects(ctx, o, d) },
		destroyKey:         func() error { return r.destroyKey(ctx, o) },
		startJob:           func() error { return r.startJob(ctx, o, d.attempt) },
		armJob:             func() error { return r.armJob(ctx, o, d.attempt) },
		removeJobs:         func() error { return r.removeJobs(ctx, o) },
		clearStaging:       func() error { return r.clearStaging(ctx, o) },
		clearOtherAttempts: func() error { return r.clearOtherAttempts(ctx, o) },
		expire:             func() error { return r.expire(ctx, o) },
		deleteObject:       func() error { return r.deleteObject(ctx, o) },
		discard:            func() error { return r.discard(ctx, o) },
		purgeMedia:         func() error { return r.purgeMedia(ctx, o) },
		bury:               func() error { return r.bury(ctx, o, d.purgeAt) },
		mirrorState:        func() error { return r.mirrorState(ctx, o, d) },
		unbury:             func() error { return r.unbury(ctx, o, d.purgeAt) },
		releaseFinalizer:   func() error { return r.releaseFinalizer(ctx, o) },
	}
	do, known := steps[what]
	if !known {
		do = func() error { return r.record(ctx, o, d, what) }
	}
	return do()
}

// addFinalizer is for clusters whose API server does not do so at admission.
func (r *Reconciler) addFinalizer(ctx context.Context, o *observation) error {
	base := o.recording.DeepCopy()
	controllerutil.AddFinalizer(o.recording, v1alpha1.FinalizerMedia)
	// The answer brings the new resourceVersion, which the status write of this pass then carries.
	return effect.Do(ctx, "recording: add the finalizer", func() error {
		return r.options.Direct.Patch(ctx, o.recording, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}))
	})
}

// startJob makes the Job. Its Pod waits for the Secret that armJob makes.
func (r *Reconciler) startJob(ctx context.Context, o *observation, number int) error {
	err := effect.Do(ctx, "recording: start the Job", func() error {
		return r.options.Client.Create(ctx, newJob(&r.options, o.recording, number, incomingSize(o)))
	})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// armJob begins the attempt's upload and hands the worker its URLs and key. An upload that was begun without anybody having
// been told of it is discarded.
func (r *Reconciler) armJob(ctx context.Context, o *observation, number int) error {
	names, err := namesOf(o)
	if err != nil {
		return err
	}
	var job batchv1.Job
	key := client.ObjectKey{Namespace: r.options.OperatorNamespace, Name: jobName(o.recording.UID, number)}
	switch err := r.options.Direct.Get(ctx, key, &job); {
	case apierrors.IsNotFound(err):
		return nil // somebody has deleted it, which brings the next pass
	case err != nil:
		return fmt.Errorf("read the Job: %w", err)
	}
	if armed, err := r.secretExists(ctx, key.Namespace, key.Name); armed || err != nil {
		return err
	}
	bucket, objects := o.store.open.Bucket(o.recording.Namespace), o.store.open.Objects
	err = effect.Do(ctx, "recording: abort forgotten uploads of the attempt", func() error {
		_, err := objects.AbortUploads(ctx, bucket, names.MediaKey(number))
		return err
	})
	if err != nil {
		return err
	}
	var upload objectstore.Upload
	err = effect.Do(ctx, "recording: begin the attempt's upload", func() (err error) {
		upload, err = objects.CreateMultipart(ctx, bucket, names.MediaKey(number), "application/octet-stream")
		return err
	})
	if err != nil {
		return err
	}
	spec, err := newWorkerSpec(ctx, o, number, upload)
	if err != nil {
		return err
	}
	secret, err := newWorkerSecret(&job, spec)
	if err != nil {
		return err
	}
	err = effect.Do(ctx, "recording: arm the Job", func() error { return r.options.Direct.Create(ctx, secret) })
	if apierrors.IsAlreadyExists(err) {
		return effect.Do(ctx, "recording: abort the upload that another pass has begun as well", func() error {
			return objects.AbortUpload(ctx, upload)
		})
	}
	return err
}

// removeJobs deletes the Jobs that were observed.
func (r *Reconciler) removeJobs(ctx context.Context, o *observation) error {
	r.progress.forget(client.ObjectKeyFromObject(o.recording))
	for _, attempt := range o.attempts {
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: r.options.OperatorNamespace, Name: jobName(o.recording.UID, attempt.number)}}
		if err := r.deleteJob(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// deleteJob lets a Job go after its Pod: as long as the Job is there, a worker may be writing. Its Secret goes with it.
func (r *Reconciler) deleteJob(ctx context.Context, job *batchv1.Job) error {
	err := effect.Do(ctx, "recording: remove a Job", func() error {
		return r.options.Client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationForeground))
	})
	return client.IgnoreNotFound(err)
}

// expire asks for the trash as anybody could, owning only that field. Forced, because whoever set Active said so before
// the time was up.
func (r *Reconciler) expire(ctx context.Context, o *observation) error {
	apply := applyv1alpha1.MeetingRecording(o.recording.Name, o.recording.Namespace).
		WithUID(o.recording.UID).WithResourceVersion(o.recording.ResourceVersion).
		WithSpec(applyv1alpha1.MeetingRecordingSpec().WithState(v1alpha1.StateTrashed))
	err := effect.Do(ctx, "recording: set spec.state to Trashed", func() error {
		return r.options.Direct.Apply(ctx, apply, client.FieldOwner(expiryOwner), client.ForceOwnership)
	})
	if err == nil {
		r.own.wrote(client.ObjectKeyFromObject(o.recording), ownWrite{version: *apply.ResourceVersion})
	}
	return err
}

// deleteObject is the point of no return of a purge. It fails where the recording has changed since it was read.
func (r *Reconciler) deleteObject(ctx context.Context, o *observation) error {
	err := effect.Do(ctx, "recording: delete the MeetingRecording", func() error {
		as := client.Preconditions{UID: &o.recording.UID, ResourceVersion: &o.recording.ResourceVersion}
		return r.options.Direct.Delete(ctx, o.recording.DeepCopy(), as)
	})
	return client.IgnoreNotFound(err)
}

func (r *Reconciler) releaseFinalizer(ctx context.Context, o *observation) error {
	base := o.recording.DeepCopy()
	released := o.recording.DeepCopy()
	controllerutil.RemoveFinalizer(released, v1alpha1.FinalizerMedia)
	patch := client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})
	name := client.ObjectKeyFromObject(o.recording)
	r.own.wrote(name, ownWrite{gone: true}) // before, because the event may be quicker than the answer
	err := effect.Do(ctx, "recording: release the finalizer", func() error { return r.options.Direct.Patch(ctx, released, patch) })
	if err != nil || len(released.Finalizers) > 0 {
		r.own.heard(name, "")
	}
	return client.IgnoreNotFound(err)
}

// deleteUploadSecret removes the Secret with the presigned URLs, unless it belongs to something else.
func (r *Reconciler) deleteUploadSecret(ctx context.Context, o *observation) error {
	name := uploadSecretName(o.recording.Name)
	meta, err := r.secretMeta(ctx, o.recording.Namespace, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !metav1.IsControlledBy(meta, o.recording) {
		return nil
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: o.recording.Namespace, Name: name}}
	err = effect.Do(ctx, "recording: remove the upload's Secret", func() error {
		return r.options.Direct.Delete(ctx, secret, client.Preconditions{UID: &meta.UID})
	})
	return client.IgnoreNotFound(err)
}
