// SPDX-License-Identifier: Apache-2.0

// Package requests is what the gateway, the controllers and the plugin share about AccessRequests: who somebody in a request
// is, and how a request was answered. The decisions are those of package access.
package requests

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
)

// SubjectOf returns who somebody in a request is to a decision. known says that the gateway has described them; else there is a
// name and no more, which the API server vouches for.
func SubjectOf(party *v1alpha1.RequestParty) (subject access.Subject, known bool) {
	return access.Subject{
		Name: party.Name, Verified: true, Issuer: party.Issuer,
		Internal:    party.Membership == v1alpha1.MembershipInternal,
		Departments: party.Departments, Groups: party.Groups, Labels: party.Labels,
	}, party.Through == v1alpha1.ThroughGateway
}

// PartyOf describes somebody who has signed in to the gateway.
func PartyOf(subject *access.Subject, device v1alpha1.AuditClient) v1alpha1.RequestParty {
	party := v1alpha1.RequestParty{
		Name: subject.Name, Through: v1alpha1.ThroughGateway, Issuer: subject.Issuer, Membership: v1alpha1.MembershipExternal,
		Departments: subject.Departments, Groups: subject.Groups, Labels: subject.Labels, Client: device,
	}
	if subject.Internal {
		party.Membership = v1alpha1.MembershipInternal
	}
	return party
}

// Answer is how a request was answered.
type Answer struct {
	// Type is the condition, Approved or Denied; empty while there is no answer.
	Type string
	// Message is what who answered says, At when that was by their clock.
	Message string
	At      time.Time
}

// Given says that there is an answer.
func (a Answer) Given() bool { return a.Type != "" }

// AnswerOf returns how a request was answered.
func AnswerOf(request *v1alpha1.AccessRequest) Answer {
	for _, kind := range []string{v1alpha1.ConditionApproved, v1alpha1.ConditionDenied} {
		if c := meta.FindStatusCondition(request.Status.Conditions, kind); c != nil {
			return Answer{kind, c.Message, c.LastTransitionTime.Time}
		}
	}
	return Answer{}
}

// Over says that nothing more becomes of a request.
func Over(request *v1alpha1.AccessRequest) bool {
	return meta.IsStatusConditionTrue(request.Status.Conditions, v1alpha1.ConditionStalled)
}

// AskOf returns the question whether a request can be granted.
func AskOf(request *v1alpha1.AccessRequest, recording *v1alpha1.MeetingRecording, grants []access.Grant, now time.Time) (access.Ask, error) {
	duration, err := request.Spec.Duration.Parse()
	subject, known := SubjectOf(&request.Spec.Requester)
	return access.Ask{
		Requester: subject, Known: known, Permissions: request.Spec.Permissions, Duration: duration,
		Recording: access.FactsOf(recording), Grants: grants, Now: now,
		Approved: AnswerOf(request).Type == v1alpha1.ConditionApproved,
	}, err
}
