// SPDX-License-Identifier: Apache-2.0

package accessrequest

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// deriveStatus says what the state of a request means for its status. The answer in it is not the controller's and is left out.
func deriveStatus(o *observation, is state) v1alpha1.AccessRequestStatus {
	wanted := []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: is.status, Reason: is.reason, Message: is.message}}
	if is.over {
		wanted = append(wanted, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: is.reason, Message: is.message})
	}
	for i := range wanted {
		wanted[i].ObservedGeneration = o.request.Generation
	}
	status := v1alpha1.AccessRequestStatus{
		Conditions:         kube.Transitions(o.request.Status.Conditions, wanted, o.now),
		ObservedGeneration: o.request.Generation,
		GrantRef:           o.request.Status.GrantRef,
		GrantedUntil:       o.request.Status.GrantedUntil,
	}
	if end := endedAt(o, is); !end.IsZero() {
		status.EndedAt = metav1.NewTime(end)
	}
	if o.grant != nil {
		status.GrantRef.Name, status.GrantedUntil = o.grant.Name, o.grant.Spec.ExpiresAt
	}
	if is.turn != nil {
		status.WaitingFor = v1alpha1.RequestTurn{
			Line: is.turn.Line, Subjects: is.turn.Subjects, Since: metav1.NewTime(is.turn.Since), Until: metav1.NewTime(is.turn.Until),
		}
	}
	return status
}

// own is the part of a status that the controller writes.
func own(status v1alpha1.AccessRequestStatus) v1alpha1.AccessRequestStatus {
	var conditions []metav1.Condition
	for _, c := range status.Conditions {
		if c.Type == v1alpha1.ConditionReady || c.Type == v1alpha1.ConditionStalled {
			conditions = append(conditions, c)
		}
	}
	status.Conditions, status.DecidedBy = conditions, v1alpha1.RequestParty{}
	return status
}

func sameStatus(a, b v1alpha1.AccessRequestStatus) bool {
	same := kube.EqualConditions(a.Conditions, b.Conditions)
	a.Conditions, b.Conditions = nil, nil
	return same && apiequality.Semantic.DeepEqual(a, b)
}

// report writes the status if it differs, and tells people if the state, or whose turn it is, does.
func (r *Reconciler) report(ctx context.Context, o *observation, is state) error {
	status := deriveStatus(o, is)
	if sameStatus(own(o.request.Status), status) {
		return nil
	}
	request := o.request
	err := effect.Do(ctx, "accessrequest: write the status of the request", func() error {
		return r.Client.Status().Apply(ctx, ac.AccessRequest(request.Name, request.Namespace).WithUID(request.UID).WithStatus(applied(status)), client.ForceOwnership)
	})
	if err != nil {
		return wrap(err, "write the status of AccessRequest", client.ObjectKeyFromObject(request))
	}
	if readyBefore(request).Reason != is.reason || request.Status.ObservedGeneration == 0 || is.turn != nil && escalated(o, is) {
		r.tell(o, is)
	}
	return nil
}

// tell makes Kubernetes Events about the request, and about the recording, where its people look.
func (r *Reconciler) tell(o *observation, is state) {
	kind := corev1.EventTypeNormal
	if is.code != "" || is.reason == v1alpha1.ReasonExpired {
		kind = corev1.EventTypeWarning
	}
	if o.recording == nil {
		r.Events.Eventf(o.request, nil, kind, is.reason, "Request", "%s", is.message)
		return
	}
	r.Events.Eventf(o.request, o.recording, kind, is.reason, "Request", "%s", is.message)
	r.Events.Eventf(o.recording, o.request, kind, "AccessRequest"+is.reason, "Request", "%s asks for access (AccessRequest %s). %s",
		o.request.Spec.Requester.Name, o.request.Name, is.message)
}

// applied is the status as server-side apply takes it.
func applied(status v1alpha1.AccessRequestStatus) *ac.AccessRequestStatusApplyConfiguration {
	into := ac.AccessRequestStatus().
		WithConditions(kube.ApplyConditions(status.Conditions)...).
		WithObservedGeneration(status.ObservedGeneration)
	if turn := status.WaitingFor; turn.Line != "" {
		waiting := ac.RequestTurn().WithLine(turn.Line).WithSince(turn.Since).WithUntil(turn.Until)
		for _, s := range turn.Subjects {
			waiting.WithSubjects(ac.GrantSubject().WithKind(s.Kind).WithName(s.Name))
		}
		into.WithWaitingFor(waiting)
	}
	if status.GrantRef.Name != "" {
		into.WithGrantRef(ac.GrantReference().WithName(status.GrantRef.Name))
	}
	if !status.GrantedUntil.IsZero() {
		into.WithGrantedUntil(status.GrantedUntil)
	}
	if !status.EndedAt.IsZero() {
		into.WithEndedAt(status.EndedAt)
	}
	return into
}
