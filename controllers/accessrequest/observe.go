// SPDX-License-Identifier: Apache-2.0

package accessrequest

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/requests"
)

// observation is all that the state of a request follows from.
type observation struct {
	now     time.Time
	request *v1alpha1.AccessRequest
	answer  requests.Answer
	// recording is the recording, nil where there is none.
	recording *v1alpha1.MeetingRecording
	rules     *policy.Rules
	// verdict is what the policies say of the request, approver what they say of who answered through the gateway.
	verdict  access.Verdict
	approver access.Decision
	// turns are when who is asked.
	turns []access.Turn
	// grant is the request's grant, nil where there is none; taken says that one of its name is somebody else's.
	grant *v1alpha1.AccessGrant
	taken bool
}

// observe reads everything that the state of a request follows from.
func (r *Reconciler) observe(ctx context.Context, request *v1alpha1.AccessRequest) (*observation, error) {
	o := &observation{now: r.Clock.Now(), request: request, answer: requests.AnswerOf(request)}
	if err := r.findRecording(ctx, o); err != nil {
		return nil, err
	}
	if err := r.findGrant(ctx, o); err != nil {
		return nil, err
	}
	return o, r.askPolicies(ctx, o)
}

func (r *Reconciler) findRecording(ctx context.Context, o *observation) error {
	recording := &v1alpha1.MeetingRecording{}
	key := client.ObjectKey{Namespace: o.request.Namespace, Name: o.request.Spec.RecordingRef.Name}
	switch err := r.Direct.Get(ctx, key, recording); {
	case err == nil:
		o.recording = recording
	case !apierrors.IsNotFound(err):
		return wrap(err, "read MeetingRecording", key)
	}
	return nil
}

func (r *Reconciler) findGrant(ctx context.Context, o *observation) error {
	grant := &v1alpha1.AccessGrant{}
	key := client.ObjectKey{Namespace: o.request.Namespace, Name: grantName(o.request)}
	switch err := r.Client.Get(ctx, key, grant); {
	case apierrors.IsNotFound(err):
	case err != nil:
		return wrap(err, "read AccessGrant", key)
	case !metav1.IsControlledBy(grant, o.request):
		o.taken = true
	case grant.DeletionTimestamp.IsZero():
		o.grant = grant
	}
	return nil
}

// askPolicies asks who answers, and whether the request can be granted at all.
func (r *Reconciler) askPolicies(ctx context.Context, o *observation) error {
	if o.recording == nil {
		rules, err := r.Governance.RulesFor(ctx, o.request.Namespace, nil)
		o.rules = rules
		return err
	}
	rules, err := r.Governance.Rules(ctx, o.recording)
	if err != nil {
		return err
	}
	grants, err := r.Governance.Grants(ctx, o.recording)
	if err != nil {
		return err
	}
	ask, err := requests.AskOf(o.request, o.recording, grants, o.now)
	if err != nil {
		return fmt.Errorf("read spec.duration of AccessRequest %s/%s: %w", o.request.Namespace, o.request.Name, err)
	}
	o.rules, o.verdict = rules, access.CheckRequest(rules, ask)
	o.turns = access.Turns(rules, ask.Recording, o.request.Spec.Requester.Name, o.request.CreationTimestamp.Time)
	if by, throughGateway := requests.SubjectOf(&o.request.Status.DecidedBy); throughGateway {
		o.approver = access.CheckApprover(rules, ask.Recording, o.request.Spec.Requester.Name, by, o.now)
	}
	return nil
}

// end is when the request ends unanswered.
func (o *observation) end() time.Time {
	return access.RequestEnd(o.rules, o.request.CreationTimestamp.Time)
}
