// SPDX-License-Identifier: Apache-2.0

// Package desk is where people ask for access and answer those who ask: the gateway for whoever signed in there, and the plugin
// for whoever has the rights in Kubernetes.
package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/policy"
	"github.com/reelkeeper/reelkeeper/internal/requests"
)

// Governance gathers what a decision about a recording needs. It is governance.Reader.
type Governance interface {
	Rules(ctx context.Context, recording *v1alpha1.MeetingRecording) (*policy.Rules, error)
	Grants(ctx context.Context, recording *v1alpha1.MeetingRecording) ([]access.Grant, error)
}

// Desk is where people who signed in to the gateway ask and answer.
type Desk struct {
	// Reader reads from the gateway's cache.
	Reader client.Reader
	// Writer creates requests and writes answers, with the gateway's rights.
	Writer client.Client
	// Governance asks the policies.
	Governance Governance
	// Clock is the time of questions and answers.
	Clock clock.PassiveClock
}

// maxWaiting is how many requests of one person can wait in one namespace at a time.
const maxWaiting = 20

var (
	// ErrTooMany says that somebody asks faster than others can answer.
	ErrTooMany = errors.New("too many of your requests wait for an answer: wait until some are answered")
	// ErrOver says that a request is answered or over already.
	ErrOver = errors.New("the request is answered or over already")
)

// Wish is what somebody asks for.
type Wish struct {
	// Permissions are View, Download, or both; Reason is why; Duration for how long.
	Permissions []v1alpha1.Permission
	Reason      string
	Duration    v1alpha1.Duration
}

// Ask asks for access to a recording, in the name of somebody who signed in. It returns the request, or the verdict if the
// policies do not let it be granted, whoever approves. Who has asked the same and waits gets that request.
//
// Somebody who may not know that the recording exists may ask for it all the same: whoever was sent its link should be able to.
// What they are told about it must then not differ from what they are told about a recording that does not exist.
func (d *Desk) Ask(
	ctx context.Context, recording *v1alpha1.MeetingRecording, someone *access.Subject, device v1alpha1.AuditClient, wish Wish,
) (*v1alpha1.AccessRequest, access.Verdict, error) {
	request := &v1alpha1.AccessRequest{
		ObjectMeta: metav1.ObjectMeta{Namespace: recording.Namespace},
		Spec: v1alpha1.AccessRequestSpec{
			RecordingRef: v1alpha1.RecordingReference{Name: recording.Name},
			Requester:    requests.PartyOf(someone, device),
			Permissions:  wish.Permissions, Reason: wish.Reason, Duration: wish.Duration,
		},
	}
	verdict, err := d.check(ctx, request, recording, someone.Links)
	if err != nil || !verdict.Allowed() {
		return nil, verdict, err
	}
	earlier, err := d.requestsOf(ctx, recording.Namespace, someone.Name)
	if err != nil {
		return nil, verdict, err
	}
	attempt, waiting := 0, 0
	for _, other := range earlier {
		if !requests.Over(other) {
			waiting++
		}
		if sameWish(other, request) {
			if !requests.Over(other) {
				return other, verdict, nil
			}
			attempt++
		}
	}
	if waiting >= maxWaiting {
		return nil, verdict, ErrTooMany
	}
	request.Name = nameOf(recording, someone.Name, wish.Permissions, attempt)
	err = d.Writer.Create(ctx, request)
	if apierrors.IsAlreadyExists(err) {
		// Another replica has just made it for the same person.
		return request, verdict, nil
	}
	if err != nil {
		return nil, verdict, fmt.Errorf("create an AccessRequest for MeetingRecording %s/%s: %w", recording.Namespace, recording.Name, err)
	}
	return request, verdict, nil
}

func (d *Desk) check(ctx context.Context, request *v1alpha1.AccessRequest, recording *v1alpha1.MeetingRecording, links []string) (access.Verdict, error) {
	rules, err := d.Governance.Rules(ctx, recording)
	if err != nil {
		return access.Verdict{}, err
	}
	grants, err := d.Governance.Grants(ctx, recording)
	if err != nil {
		return access.Verdict{}, err
	}
	ask, err := requests.AskOf(request, recording, grants, d.Clock.Now())
	if err != nil {
		return access.Verdict{}, err
	}
	ask.Requester.Links = links
	return access.CheckRequest(rules, ask), nil
}

// requestsOf returns the requests of a person in a namespace.
func (d *Desk) requestsOf(ctx context.Context, namespace, person string) ([]*v1alpha1.AccessRequest, error) {
	list := &v1alpha1.AccessRequestList{}
	if err := d.Reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the AccessRequests of namespace %s: %w", namespace, err)
	}
	var own []*v1alpha1.AccessRequest
	for i := range list.Items {
		if policy.SamePerson(list.Items[i].Spec.Requester.Name, person) {
			own = append(own, &list.Items[i])
		}
	}
	return own, nil
}

// sameWish says whether two requests of one person ask for the same.
func sameWish(a, b *v1alpha1.AccessRequest) bool {
	return a.Spec.RecordingRef == b.Spec.RecordingRef &&
		policy.Permissions(a.Spec.Permissions...) == policy.Permissions(b.Spec.Permissions...)
}

// nameOf is the same for whoever makes the same request at the same time, and tells nothing of the person.
func nameOf(recording *v1alpha1.MeetingRecording, person string, permissions []v1alpha1.Permission, attempt int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", recording.UID, strings.ToLower(person), policy.Permissions(permissions...), attempt))
	return "request-" + hex.EncodeToString(sum[:10])
}

// Item is a request in somebody's inbox.
type Item struct {
	// Request is the request, Recording the recording that it is about.
	Request   *v1alpha1.AccessRequest
	Recording *v1alpha1.MeetingRecording
	// Until is when it ends unanswered, or goes to the next in line.
	Until time.Time
}

// Inbox returns the requests of a namespace, or of all if it is empty, that wait and that somebody may answer; the oldest first.
func (d *Desk) Inbox(ctx context.Context, namespace string, someone *access.Subject) ([]Item, error) {
	list := &v1alpha1.AccessRequestList{}
	if err := d.Reader.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list AccessRequests: %w", err)
	}
	var inbox []Item
	for i := range list.Items {
		request := &list.Items[i]
		if requests.Over(request) || requests.AnswerOf(request).Given() {
			continue
		}
		decision, recording, err := d.mayAnswer(ctx, request, someone)
		if err != nil {
			return nil, err
		}
		if decision.Allowed() {
			inbox = append(inbox, Item{request, recording, request.Status.WaitingFor.Until.Time})
		}
	}
	slices.SortFunc(inbox, func(a, b Item) int {
		return cmp.Or(a.Request.CreationTimestamp.Compare(b.Request.CreationTimestamp.Time), cmp.Compare(a.Request.Name, b.Request.Name))
	})
	return inbox, nil
}

// mayAnswer says whether somebody may answer a request. A recording that is gone has nobody who may.
func (d *Desk) mayAnswer(ctx context.Context, request *v1alpha1.AccessRequest, someone *access.Subject) (access.Decision, *v1alpha1.MeetingRecording, error) {
	recording := &v1alpha1.MeetingRecording{}
	key := client.ObjectKey{Namespace: request.Namespace, Name: request.Spec.RecordingRef.Name}
	if err := d.Reader.Get(ctx, key, recording); apierrors.IsNotFound(err) {
		return access.Unknown(*someone, v1alpha1.PermissionApprove), nil, nil
	} else if err != nil {
		return access.Decision{}, nil, fmt.Errorf("read MeetingRecording %s: %w", key, err)
	}
	rules, err := d.Governance.Rules(ctx, recording)
	if err != nil {
		return access.Decision{}, nil, err
	}
	return access.CheckApprover(rules, access.FactsOf(recording), request.Spec.Requester.Name, *someone, d.Clock.Now()), recording, nil
}

// Approve approves a request in the name of somebody who signed in, with a message for the requester. A decision that does not
// allow it says why; then nothing was written. The controller asks once more before it grants anything.
func (d *Desk) Approve(ctx context.Context, request *v1alpha1.AccessRequest, someone *access.Subject, device v1alpha1.AuditClient, message string) (access.Decision, error) {
	return d.answer(ctx, request, someone, device, v1alpha1.ConditionApproved, message)
}

// Deny denies a request; see Approve.
func (d *Desk) Deny(ctx context.Context, request *v1alpha1.AccessRequest, someone *access.Subject, device v1alpha1.AuditClient, message string) (access.Decision, error) {
	return d.answer(ctx, request, someone, device, v1alpha1.ConditionDenied, message)
}

func (d *Desk) answer(
	ctx context.Context, request *v1alpha1.AccessRequest, someone *access.Subject, device v1alpha1.AuditClient, kind, message string,
) (access.Decision, error) {
	decision, _, err := d.mayAnswer(ctx, request, someone)
	if err != nil || !decision.Allowed() {
		return decision, err
	}
	return decision, Write(ctx, d.Writer, request, requests.PartyOf(someone, device), kind, message, d.Clock.Now())
}

// Write writes an answer with the client's rights. It fails with ErrOver where there is one already.
func Write(ctx context.Context, c client.Client, request *v1alpha1.AccessRequest, by v1alpha1.RequestParty, kind, message string, now time.Time) error {
	if requests.Over(request) || requests.AnswerOf(request).Given() {
		return ErrOver
	}
	answered := request.DeepCopy()
	answered.Status.DecidedBy = by
	answered.Status.Conditions = append(answered.Status.Conditions, metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: kind, Message: message,
		LastTransitionTime: metav1.NewTime(now).Rfc3339Copy(), ObservedGeneration: request.Generation,
	})
	err := c.Status().Patch(ctx, answered, client.MergeFromWithOptions(request, client.MergeFromWithOptimisticLock{}))
	switch {
	case apierrors.IsConflict(err):
		return fmt.Errorf("AccessRequest %s/%s has changed meanwhile: look at it again: %w", request.Namespace, request.Name, err)
	case err != nil:
		return fmt.Errorf("answer AccessRequest %s/%s: %w", request.Namespace, request.Name, err)
	}
	*request = *answered
	return nil
}
