// SPDX-License-Identifier: Apache-2.0

package accessrequest

import (
	"fmt"
	"strings"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

// controllerName is what the controller is called in logs, events and audit events.
const controllerName = "accessrequest"

// steps returns the facts that the way from the state in the status to the new one consists of:
//
//	seen for the first time                  Requested, refused where the policy does not let it be granted
//	another turn                             Escalated
//	answered                                 Approved or Denied, refused where that does not count
//	over without an answer                   Denied
//
// Their keys depend only on the request and the step, so that each is recorded once. What becomes of the grant is for the
// grant's controller to record.
func steps(o *observation, is state) []audit.Event {
	before := &o.request.Status
	if !before.EndedAt.IsZero() {
		return nil
	}
	var facts []audit.Event
	if before.ObservedGeneration == 0 {
		facts = append(facts, asked(o, is))
	}
	switch {
	case o.answer.Given() && before.GrantRef.Name == "" && (is.over || o.grant != nil):
		facts = append(facts, answered(o, is))
	case is.over && is.reason == v1alpha1.ReasonExpired:
		facts = append(facts, fact(o, v1alpha1.AuditDenied, is, audit.Controller(controllerName), o.end(), "ended"))
	case is.turn != nil && escalated(o, is):
		facts = append(facts, fact(o, v1alpha1.AuditEscalated, is, audit.Controller(controllerName), is.turn.Since, "escalated/"+string(is.turn.Line)))
	}
	return facts
}

// escalated says whether others are asked than those in the status.
func escalated(o *observation, is state) bool {
	before := o.request.Status.WaitingFor
	return before.Line != "" && before.Line != is.turn.Line
}

func asked(o *observation, is state) audit.Event {
	event := fact(o, v1alpha1.AuditRequested, is, actor(&o.request.Spec.Requester), o.request.CreationTimestamp.Time, "requested")
	event.Client = o.request.Spec.Requester.Client
	if is.reason == v1alpha1.ReasonNotAllowed {
		event.Outcome = v1alpha1.OutcomeRefused
	}
	event.Evidence = append(event.Evidence, "reason: "+o.request.Spec.Reason)
	return event
}

func answered(o *observation, is state) audit.Event {
	action := v1alpha1.AuditApproved
	if o.answer.Type == v1alpha1.ConditionDenied {
		action = v1alpha1.AuditDenied
	}
	event := fact(o, action, is, actor(&o.request.Status.DecidedBy), o.answer.At, "answered")
	event.Client = o.request.Status.DecidedBy.Client
	if is.code != "" {
		event.Outcome = v1alpha1.OutcomeRefused
	}
	if o.answer.Message != "" {
		event.Evidence = append(event.Evidence, "message: "+o.answer.Message)
	}
	if o.grant != nil {
		event.Grant = o.grant.Name
	}
	return event
}

// actor is somebody of a request in the access log.
func actor(party *v1alpha1.RequestParty) v1alpha1.AuditActor {
	return audit.User(party.Name, party.Issuer)
}

func fact(o *observation, action v1alpha1.AuditAction, is state, by v1alpha1.AuditActor, since time.Time, step string) audit.Event {
	event := audit.Event{
		Namespace: o.request.Namespace,
		Key:       fmt.Sprintf("accessrequest/%s/%s", o.request.UID, step),
		Since:     since,
		Action:    action,
		Outcome:   v1alpha1.OutcomeAllowed,
		Actor:     by,
		Recording: v1alpha1.AuditRecording{Name: o.request.Spec.RecordingRef.Name},
		Reason:    is.reason,
		Rule:      is.rule,
		Evidence:  evidence(o.request),
	}
	if is.code != "" {
		event.Reason = is.code
	}
	if o.recording != nil {
		event.Recording = audit.RecordingOf(o.recording)
	}
	return event
}

// evidence tells who asked for what, also after the request is gone.
func evidence(request *v1alpha1.AccessRequest) []string {
	permissions := make([]string, 0, len(request.Spec.Permissions))
	for _, permission := range request.Spec.Permissions {
		permissions = append(permissions, string(permission))
	}
	return []string{
		"request: " + request.Name,
		"requester: " + request.Spec.Requester.Name,
		fmt.Sprintf("permissions: %s for %s", strings.Join(permissions, ", "), request.Spec.Duration),
	}
}
