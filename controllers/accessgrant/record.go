// SPDX-License-Identifier: Apache-2.0

package accessgrant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

// controllerName is what the controller is called in logs, events and audit events.
const controllerName = "accessgrant"

// reasonDeleted is the reason of the audit event of a grant that somebody deleted.
const reasonDeleted = "Deleted"

// transition returns the fact that the step from the state in the status to the new one is, or nil if it is none:
//
//	counts, for the first time or with another spec   Granted
//	does not count because a policy forbids it        Granted, refused
//	counted and does no more                          Revoked
//
// That somebody made a grant in the gateway's pages, the gateway has written down before it did.
//
// Its key depends only on what stays the same until the status is written (the version of the grant among others), so that
// it is recorded once.
func transition(grant *v1alpha1.AccessGrant, is state) *audit.Event {
	before := readyBefore(grant)
	counted := before.Status == metav1.ConditionTrue
	since := before.LastTransitionTime.Time
	if since.Before(grant.CreationTimestamp.Time) {
		since = grant.CreationTimestamp.Time
	}
	switch {
	case linkedElsewhere(grant) && before.Reason == v1alpha1.ReasonPending && is.counts():
		return nil
	case is.counts() && (!counted || before.ObservedGeneration != grant.Generation):
		if begin := grant.Spec.NotBefore; since.Before(begin.Time) {
			since = begin.Time
		}
		return fact(grant, v1alpha1.AuditGranted, is, since, "granted/"+grant.ResourceVersion)
	case !is.counts() && counted:
		if is.reason == v1alpha1.ReasonExpired {
			return expired(grant, is)
		}
		return fact(grant, v1alpha1.AuditRevoked, is, since, "revoked/"+grant.ResourceVersion)
	case is.reason == v1alpha1.ReasonForbiddenByPolicy && (before.Reason != is.reason || before.ObservedGeneration != grant.Generation || before.Message != is.message):
		refused := fact(grant, v1alpha1.AuditGranted, is, grant.CreationTimestamp.Time, fmt.Sprint("refused/", grant.Generation, "/", is.rule))
		refused.Outcome = v1alpha1.OutcomeRefused
		return refused
	}
	return nil
}

// revokedInPage says that the gateway has written down who revokes the grant, before it deleted it.
func (r *Reconciler) revokedInPage(ctx context.Context, grant *v1alpha1.AccessGrant) (bool, error) {
	if !linkedElsewhere(grant) {
		return false, nil
	}
	list := &v1alpha1.AuditEventList{}
	err := r.Direct.List(ctx, list, client.InNamespace(grant.Namespace), client.MatchingLabels{
		v1alpha1.LabelAuditAction: string(v1alpha1.AuditRevoked), v1alpha1.LabelAuditOutcome: string(v1alpha1.OutcomeAllowed),
		v1alpha1.LabelRecordingUID: grant.Status.RecordingUID,
	})
	if err != nil {
		return false, fmt.Errorf("read who revoked AccessGrant %s/%s: %w", grant.Namespace, grant.Name, err)
	}
	return slices.ContainsFunc(list.Items, func(event v1alpha1.AuditEvent) bool {
		return event.Spec.Grant == grant.Name && event.Spec.Actor.Kind == v1alpha1.ActorUser
	}), nil
}

// deletion returns the fact that a grant was deleted, or nil if it gave nothing any more. One that had ended before, and whose
// end was not recorded yet, is recorded as ended.
func deletion(grant *v1alpha1.AccessGrant) *audit.Event {
	if readyBefore(grant).Status != metav1.ConditionTrue {
		return nil
	}
	if end := grant.Spec.ExpiresAt; !end.IsZero() && !grant.DeletionTimestamp.Before(&end) {
		return expired(grant, state{reason: v1alpha1.ReasonExpired})
	}
	return fact(grant, v1alpha1.AuditRevoked, state{reason: reasonDeleted}, grant.DeletionTimestamp.Time, "deleted")
}

func expired(grant *v1alpha1.AccessGrant, is state) *audit.Event {
	return fact(grant, v1alpha1.AuditRevoked, is, grant.Spec.ExpiresAt.Time, fmt.Sprint("expired/", grant.Spec.ExpiresAt.Unix()))
}

func fact(grant *v1alpha1.AccessGrant, action v1alpha1.AuditAction, is state, since time.Time, step string) *audit.Event {
	return &audit.Event{
		Namespace: grant.Namespace,
		Key:       fmt.Sprintf("accessgrant/%s/%s", grant.UID, step),
		Since:     since,
		Action:    action,
		Outcome:   v1alpha1.OutcomeAllowed,
		Actor:     audit.Controller(controllerName),
		Grant:     grant.Name,
		Reason:    is.reason,
		Rule:      is.rule,
		Evidence:  evidence(grant),
	}
}

// evidence tells who was given what, also after the grant is gone.
func evidence(grant *v1alpha1.AccessGrant) []string {
	var permissions []string
	for _, permission := range grant.Spec.Permissions {
		permissions = append(permissions, string(permission))
	}
	proofs := []string{"permissions: " + strings.Join(permissions, ", ")}
	for _, subject := range grant.Spec.Subjects {
		proofs = append(proofs, fmt.Sprintf("subject: %s %s", subject.Kind, subject.Name))
	}
	return proofs
}
