// SPDX-License-Identifier: Apache-2.0

// Package accessrequest brings requests for access to those who may answer them, one after the other, and makes of an approval
// a grant with an end.
//
//	asked ──▶ Pending ─┬─ approved ──▶ Approved ──▶ Granted ──▶ Ended, Revoked
//	   │               ├─ denied ────▶ Denied
//	   │               └─ no answer ─▶ Expired
//	   └─ the policy never lets it be granted ──▶ NotAllowed
//
// The order of the steps is what a crash at any point is safe by: the grant comes first, under a name that follows from the
// request; then the record, under a key that is the same at every try; the status comes last.
package accessrequest

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/deadline"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/governance"
)

// Reconciler brings AccessRequests to their end.
type Reconciler struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Direct reads recordings, which are not cached.
	Direct client.Reader
	// Governance asks the policies.
	Governance governance.Reader
	// Recorder records who asked, and who answered what.
	Recorder audit.Recorder
	// Events tells people what happened.
	Events events.EventRecorder
	// Clock is the time that turns and requests end by.
	Clock clock.PassiveClock
	// Dates hands requests over when their next date has come.
	Dates *deadline.Queue[reconcile.Request]
}

// keptFor is how long a request that is over can be looked at.
const keptFor = 7 * 24 * time.Hour

// Reconcile brings one request to where it should be now, and sets the date when that changes by itself.
func (r *Reconciler) Reconcile(ctx context.Context, key reconcile.Request) (reconcile.Result, error) {
	request := &v1alpha1.AccessRequest{}
	if err := r.Client.Get(ctx, key.NamespacedName, request); err != nil {
		if apierrors.IsNotFound(err) {
			r.Dates.Set(key, time.Time{})
		}
		return reconcile.Result{}, client.IgnoreNotFound(wrap(err, "read AccessRequest", key.NamespacedName))
	}
	if !request.DeletionTimestamp.IsZero() {
		// Its grant goes with it, and says so in the access log.
		r.Dates.Set(key, time.Time{})
		return reconcile.Result{}, nil
	}
	if end := request.Status.EndedAt; !end.IsZero() && !r.Clock.Now().Before(end.Add(keptFor)) {
		return reconcile.Result{}, r.collect(ctx, request)
	}
	o, err := r.observe(ctx, request)
	if err != nil {
		return reconcile.Result{}, err
	}
	is := stateOf(o)
	if err := r.perform(ctx, o, is); err != nil {
		if audit.NamespaceGone(err) {
			// Nothing new can be made in a namespace that is being deleted. The request goes with it.
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, err
	}
	r.Dates.Set(key, nextLook(o, is))
	return reconcile.Result{}, nil
}

// perform makes the grant if the state asks for one, records the steps and writes the status. At rest, none of this writes
// anything.
func (r *Reconciler) perform(ctx context.Context, o *observation, is state) error {
	if is.grants {
		if err := r.grant(ctx, o); err != nil {
			return err
		}
	}
	for _, step := range steps(o, is) {
		if err := r.Recorder.Record(ctx, step); err != nil {
			return err
		}
	}
	return r.report(ctx, o, is)
}

// grant makes the grant of an approved request. One that is there already was made by a pass that died.
func (r *Reconciler) grant(ctx context.Context, o *observation) error {
	if o.grant != nil {
		return nil
	}
	grant := newGrant(o)
	err := effect.Do(ctx, "accessrequest: create the grant", func() error { return r.Client.Create(ctx, grant) })
	if apierrors.IsAlreadyExists(err) {
		// The cache has not seen it yet. The next pass looks whose it is.
		return fmt.Errorf("create AccessGrant %s/%s: it is there, and not in the cache yet: %w", grant.Namespace, grant.Name, err)
	}
	o.grant = grant
	return wrap(err, "create AccessGrant", client.ObjectKeyFromObject(grant))
}

// collect removes a request that has been over for long enough, and with it the grant that has ended.
func (r *Reconciler) collect(ctx context.Context, request *v1alpha1.AccessRequest) error {
	err := effect.Do(ctx, "accessrequest: collect the request", func() error {
		return r.Client.Delete(ctx, request, client.Preconditions{UID: &request.UID, ResourceVersion: &request.ResourceVersion})
	})
	if apierrors.IsConflict(err) {
		// Somebody else has changed it in between, which brings the next pass.
		return nil
	}
	return client.IgnoreNotFound(wrap(err, "delete AccessRequest", client.ObjectKeyFromObject(request)))
}

func wrap(err error, what string, key client.ObjectKey) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, key, err)
}
