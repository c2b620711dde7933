// SPDX-License-Identifier: Apache-2.0

package accessrequest

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/requests"
)

// state is what a request is: the Ready condition, and what follows from it.
type state struct {
	status          metav1.ConditionStatus
	reason, message string
	// over says that nothing more becomes of the request.
	over bool
	// turn is whose turn it is to answer, nil where nobody is asked.
	turn *access.Turn
	// grants says that the approval has to become a grant.
	grants bool
	// code and rule are why the policies refuse it, where they do.
	code, rule string
}

// looks are what can be found of a request, each named by what it finds. The first that finds something decides. An answer
// comes before the end of its time: who answered was in time as long as nobody had seen it end.
var looks = []func(*observation) *state{
	overAlready, denied, granted, grantTaken, approverNotEntitled, unanswered, recordingMissing, notAllowed, approved,
}

// stateOf says what a request is.
func stateOf(o *observation) state {
	for _, look := range looks {
		if found := look(o); found != nil {
			if found.status == "" {
				found.status = metav1.ConditionFalse
			}
			return *found
		}
	}
	turn := access.TurnAt(o.turns, o.now)
	return state{status: metav1.ConditionFalse, reason: v1alpha1.ReasonPending, message: waiting(&turn), turn: &turn}
}

// waiting says who is asked to answer.
func waiting(turn *access.Turn) string {
	if turn.Line == v1alpha1.LineNobody {
		return fmt.Sprintf("By the policies nobody can answer: name people in sharing.approval.approvers, or answer with kubectl. It ends unanswered on %s", date(turn.Until))
	}
	names := make([]string, 0, len(turn.Subjects))
	for _, s := range turn.Subjects {
		if s.Kind == v1alpha1.SubjectUser {
			names = append(names, s.Name)
		} else {
			names = append(names, string(s.Kind)+" "+s.Name)
		}
	}
	return fmt.Sprintf("Waiting for %s to answer until %s", strings.Join(names, ", "), date(turn.Until))
}

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// overAlready keeps what was the end.
func overAlready(o *observation) *state {
	if !requests.Over(o.request) {
		return nil
	}
	ready := readyBefore(o.request)
	return &state{status: ready.Status, reason: ready.Reason, message: ready.Message, over: true}
}

func denied(o *observation) *state {
	if o.answer.Type != v1alpha1.ConditionDenied {
		return nil
	}
	return &state{reason: v1alpha1.ReasonDenied, message: said("Denied", o), over: true}
}

// said says who answered, and what.
func said(what string, o *observation) string {
	text := fmt.Sprintf("%s by %s", what, o.request.Status.DecidedBy.Name)
	if o.answer.Message != "" {
		text += ": " + o.answer.Message
	}
	return text
}

// granted is what became of the grant that was made before.
func granted(o *observation) *state {
	if o.answer.Type != v1alpha1.ConditionApproved || o.request.Status.GrantRef.Name == "" && o.grant == nil {
		return nil
	}
	if o.grant == nil {
		return &state{reason: v1alpha1.ReasonRevoked, message: fmt.Sprintf("Somebody has deleted AccessGrant %s: ask again", grantName(o.request)), over: true}
	}
	ready := meta.FindStatusCondition(o.grant.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil || ready.ObservedGeneration != o.grant.Generation:
		return &state{reason: v1alpha1.ReasonApproved, message: said("Approved", o)}
	case ready.Status == metav1.ConditionTrue:
		return &state{status: metav1.ConditionTrue, reason: v1alpha1.ReasonGranted, message: grantedUntil(o)}
	case ready.Reason == v1alpha1.ReasonExpired:
		return &state{reason: v1alpha1.ReasonEnded, message: "What was granted has ended: ask again", over: true}
	}
	return &state{reason: ready.Reason, message: fmt.Sprintf("AccessGrant %s does not count: %s", o.grant.Name, ready.Message)}
}

func grantedUntil(o *observation) string {
	text := fmt.Sprintf("Granted until %s", date(o.grant.Spec.ExpiresAt.Time))
	if secret := o.grant.Status.SecretRef.Name; secret != "" {
		text += fmt.Sprintf("; the link is in Secret %s", secret)
		if o.grant.Status.PasswordHash != "" {
			text += " with its password"
		}
	}
	return text
}

func grantTaken(o *observation) *state {
	if o.answer.Type != v1alpha1.ConditionApproved || !o.taken {
		return nil
	}
	return &state{reason: v1alpha1.ReasonNotAllowed, message: fmt.Sprintf("AccessGrant %s is somebody else's: ask again", grantName(o.request)), over: true}
}

// approverNotEntitled looks at answers that came through the gateway. Who used the Kubernetes API had the verb approve.
func approverNotEntitled(o *observation) *state {
	if o.recording == nil || o.request.Status.DecidedBy.Through != v1alpha1.ThroughGateway || o.approver.Allowed() {
		return nil
	}
	return &state{
		reason: v1alpha1.ReasonApproverNotEntitled, over: true, code: string(o.approver.Reason), rule: o.approver.Rule.String(),
		message: fmt.Sprintf("%s may not answer requests for this recording (%s): ask again", o.request.Status.DecidedBy.Name, o.approver.Reason),
	}
}

func unanswered(o *observation) *state {
	if o.answer.Given() && o.recording != nil || o.now.Before(o.end()) {
		return nil
	}
	return &state{reason: v1alpha1.ReasonExpired, message: fmt.Sprintf("Nobody answered until %s: ask again", date(o.end())), over: true}
}

func recordingMissing(o *observation) *state {
	if o.recording != nil {
		return nil
	}
	return &state{
		reason:  v1alpha1.ReasonRecordingNotFound,
		message: fmt.Sprintf("There is no MeetingRecording %s in this namespace: name another one in a new request", o.request.Spec.RecordingRef.Name),
	}
}

func notAllowed(o *observation) *state {
	if o.verdict.Allowed() {
		return nil
	}
	message := o.verdict.Refusal()
	if rule := o.verdict.Rule.String(); rule != "" {
		message += " Rule: " + rule + "."
	}
	return &state{
		reason: v1alpha1.ReasonNotAllowed, over: true, code: string(o.verdict.Reason), rule: o.verdict.Rule.String(),
		message: fmt.Sprintf("%s: %s", o.verdict.Reason, message),
	}
}

func approved(o *observation) *state {
	if o.answer.Type != v1alpha1.ConditionApproved {
		return nil
	}
	return &state{reason: v1alpha1.ReasonApproved, message: said("Approved", o), grants: true}
}

// nextLook returns when the state can change by itself; zero for never, or when something that is watched changes first.
func nextLook(o *observation, is state) time.Time {
	switch {
	case is.over:
		return endedAt(o, is).Add(keptFor)
	case is.turn != nil:
		return is.turn.Until
	case is.reason == v1alpha1.ReasonRecordingNotFound:
		return o.end()
	}
	return time.Time{}
}

// endedAt is when a request was over; zero while it is not.
func endedAt(o *observation, is state) time.Time {
	switch {
	case !is.over:
		return time.Time{}
	case !o.request.Status.EndedAt.IsZero():
		return o.request.Status.EndedAt.Time
	}
	return o.now.Truncate(time.Second)
}

// readyBefore is the Ready condition that the status holds.
func readyBefore(request *v1alpha1.AccessRequest) metav1.Condition {
	if ready := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		return *ready
	}
	return metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonPending}
}
