// SPDX-License-Identifier: Apache-2.0

// Package accessgrant lets grants begin and end: it asks the policies, makes the Secret with a grant's link, and records what
// was granted, refused and revoked.
//
// The order of the steps is what a crash at any point is safe by. The Secret comes first: its hashes can be made again. Then
// the record, under a key that is the same at every try. The status comes last, and it is what makes a grant count.
package accessgrant

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// Reconciler lets AccessGrants begin and end.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Direct reads recordings, and reads and writes Secrets of tenants, none of which are cached.
	Direct client.Client
	// Governance asks the policies.
	Governance governance.Reader
	// Recorder records what was granted and revoked.
	Recorder audit.Recorder
	// GatewayURL is the public address that links start with, without a slash at the end.
	GatewayURL string
	// Events tells people what happened.
	Events events.EventRecorder
	// Deadlines wake the grants that begin and end.
	Deadlines *deadline.Queue[reconcile.Request]
	// Clock is the time that grants begin and end by.
	Clock clock.PassiveClock
}

// Reconcile brings one grant to where it should be now, and returns when that changes by itself.
func (r *Reconciler) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	grant := &v1alpha1.AccessGrant{}
	if err := r.Client.Get(ctx, request.NamespacedName, grant); err != nil {
		if apierrors.IsNotFound(err) {
			r.Deadlines.Set(request, time.Time{})
		}
		return reconcile.Result{}, client.IgnoreNotFound(wrap(err, "read AccessGrant", request.NamespacedName))
	}
	if !grant.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, r.end(ctx, grant)
	}
	if err := r.ensureFinalizer(ctx, grant); err != nil {
		return reconcile.Result{}, err
	}
	o, secret, err := r.observe(ctx, grant)
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := r.perform(ctx, o, secret); err != nil {
		if audit.NamespaceGone(err) {
			// Nothing new can be made in a namespace that is being deleted. The grant goes with it, and that is its end.
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, err
	}
	r.Deadlines.Set(request, nextDate(o))
	return reconcile.Result{RequeueAfter: nextPoll(o)}, nil
}

// perform makes what the state asks for, records the step and writes the status. At rest, none of this writes anything.
func (r *Reconciler) perform(ctx context.Context, o *observation, secret *corev1.Secret) error {
	is, made := stateOf(o), hashes{}
	if linkedElsewhere(o.grant) {
		made = hashes{token: o.grant.Spec.Link.TokenHash, password: o.grant.Spec.Link.PasswordHash}
	} else if is.linked {
		minted, err := r.mint(ctx, o.grant, secret, o.password)
		if err != nil {
			return err
		}
		if made, err = hash(o.grant, minted, o); err != nil {
			return fmt.Errorf("hash the password of AccessGrant %s/%s: %w", o.grant.Namespace, o.grant.Name, err)
		}
	}
	if err := r.record(ctx, o.grant, transition(o.grant, is)); err != nil {
		return err
	}
	if is.over() && secret != nil {
		if err := r.deleteSecret(ctx, secret); err != nil {
			return err
		}
	}
	return r.report(ctx, o.grant, is, deriveStatus(o, is, made))
}

// record records a fact, if there is one, about the recording that the grant names.
func (r *Reconciler) record(ctx context.Context, grant *v1alpha1.AccessGrant, step *audit.Event) error {
	if step == nil {
		return nil
	}
	recording := &v1alpha1.MeetingRecording{}
	if name := grant.Spec.RecordingRef.Name; name != "" {
		step.Recording.Name = name
		key := client.ObjectKey{Namespace: grant.Namespace, Name: name}
		switch err := r.Direct.Get(ctx, key, recording); {
		case err == nil && governance.Concerns(grant, recording):
			step.Recording = audit.RecordingOf(recording)
		case err == nil || apierrors.IsNotFound(err) && grant.Status.RecordingUID != "":
			step.Recording.UID = grant.Status.RecordingUID
		case !apierrors.IsNotFound(err):
			return wrap(err, "read MeetingRecording", key)
		}
	}
	return r.Recorder.Record(ctx, *step)
}

// report writes the status if it differs, and tells people if the state does.
func (r *Reconciler) report(ctx context.Context, grant *v1alpha1.AccessGrant, is state, status v1alpha1.AccessGrantStatus) error {
	if sameStatus(grant.Status, status) {
		return nil
	}
	applied := ac.AccessGrantStatus().
		WithConditions(kube.ApplyConditions(status.Conditions)...).
		WithObservedGeneration(status.ObservedGeneration)
	if status.SecretRef.Name != "" {
		applied.WithSecretRef(ac.LocalSecretReference().WithName(status.SecretRef.Name))
	}
	if status.TokenHash != "" {
		applied.WithTokenHash(status.TokenHash)
	}
	if status.RecordingUID != "" {
		applied.WithRecordingUID(status.RecordingUID)
	}
	if status.PasswordHash != "" {
		applied.WithPasswordHash(status.PasswordHash)
	}
	err := effect.Do(ctx, "grant: write the status", func() error {
		return r.Client.Status().Apply(ctx, ac.AccessGrant(grant.Name, grant.Namespace).WithUID(grant.UID).WithStatus(applied), client.ForceOwnership)
	})
	if err != nil {
		return wrap(err, "write the status of AccessGrant", client.ObjectKeyFromObject(grant))
	}
	if readyBefore(grant).Reason != is.reason {
		kind := corev1.EventTypeWarning
		if is.linked || is.over() {
			kind = corev1.EventTypeNormal
		}
		r.Events.Eventf(grant, nil, kind, is.reason, "Grant", "%s", is.message)
	}
	return nil
}

// ensureFinalizer adds the finalizer where admission has not done so.
func (r *Reconciler) ensureFinalizer(ctx context.Context, grant *v1alpha1.AccessGrant) error {
	before := grant.DeepCopy()
	if !controllerutil.AddFinalizer(grant, v1alpha1.FinalizerGrant) {
		return nil
	}
	err := effect.Do(ctx, "grant: add the finalizer", func() error {
		return r.Client.Patch(ctx, grant, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	return wrap(err, "add the finalizer to AccessGrant", client.ObjectKeyFromObject(grant))
}

// end revokes a grant that is being deleted. It has given nothing since the deletion began; here this is recorded and the
// link is removed. A namespace that is being deleted takes no records, and is not kept from going.
func (r *Reconciler) end(ctx context.Context, grant *v1alpha1.AccessGrant) error {
	if !controllerutil.ContainsFinalizer(grant, v1alpha1.FinalizerGrant) {
		return nil
	}
	written, err := r.revokedInPage(ctx, grant)
	if err != nil {
		return err
	}
	if !written {
		err = r.record(ctx, grant, deletion(grant))
	}
	if err != nil && !audit.NamespaceGone(err) {
		return err
	}
	secret, _, err := r.findSecret(ctx, grant)
	if err == nil && secret != nil {
		err = r.deleteSecret(ctx, secret)
	}
	if err != nil {
		return err
	}
	before := grant.DeepCopy()
	controllerutil.RemoveFinalizer(grant, v1alpha1.FinalizerGrant)
	err = effect.Do(ctx, "grant: release the finalizer", func() error {
		return r.Client.Patch(ctx, grant, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		// Somebody else has changed or removed it in between, which brings the next pass.
		return nil
	}
	return wrap(err, "remove the finalizer of AccessGrant", client.ObjectKeyFromObject(grant))
}
