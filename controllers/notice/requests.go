// SPDX-License-Identifier: Apache-2.0

package notice

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// conditionOwner owns the condition Notified and nothing else, so that the rest of the status stays its own controller's.
const conditionOwner = client.FieldOwner("reelkeeper-notice")

// Requests tells people about AccessRequests.
type Requests struct {
	// Client is the manager's, which reads from the cache.
	Client client.Client
	// Courier takes the messages.
	Courier *Courier
	// Events tells who looks at a request that a message cannot be delivered.
	Events events.EventRecorder
	// Clock is the time that notices grow old by.
	Clock clock.PassiveClock
}

// SetupWithManager adds the controller to a manager.
func (r *Requests) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("notice-requests").
		For(&v1alpha1.AccessRequest{}).
		WithOptions(controller.Options{RateLimiter: pauses()}).
		Complete(r)
}

// Reconcile sends the message that is due about one request, and writes down that it was taken. One that was not is tried again,
// until it is too old.
func (r *Requests) Reconcile(ctx context.Context, key reconcile.Request) (reconcile.Result, error) {
	request := &v1alpha1.AccessRequest{}
	if err := r.Client.Get(ctx, key.NamespacedName, request); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("read AccessRequest %s: %w", key, err))
	}
	if !request.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	link, err := r.link(ctx, request)
	if err != nil {
		return reconcile.Result{}, err
	}
	due := noticeOf(request, link)
	told := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionNotified)
	tried := due != nil && told != nil && told.Reason == due.mark
	if due == nil || tried && (told.Status == metav1.ConditionTrue || told.Message == givenUp) {
		return reconcile.Result{}, nil
	}
	if !r.Clock.Now().Before(due.message.Time.Add(giveUpAfter)) {
		if !tried {
			// From before there was a webhook.
			return reconcile.Result{}, nil
		}
		return reconcile.Result{}, r.note(ctx, request, metav1.ConditionFalse, due, givenUp)
	}
	if err := r.Courier.deliver(ctx, due.message); err != nil {
		r.Events.Eventf(request, nil, corev1.EventTypeWarning, v1alpha1.ReasonNoticeFailed, "Notify", "A message could not be delivered and will be tried again: %v", err)
		if noted := r.note(ctx, request, metav1.ConditionFalse, due, trying); noted != nil {
			return reconcile.Result{}, noted
		}
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, r.note(ctx, request, metav1.ConditionTrue, due, "The webhook has taken the message for "+names(due.message.Data.(requestData).Recipients))
}

// What the condition says of a message that was not taken. It does not say why: that would be a write for every try. Events do.
const (
	trying  = "The webhook did not take the message; it is tried again for a day: see the events of this request"
	givenUp = "The webhook did not take the message within a day: see the manager's log, and tell them yourself"
)

// link is the link of the request's recording, empty where there is none.
func (r *Requests) link(ctx context.Context, request *v1alpha1.AccessRequest) (string, error) {
	var recording v1alpha1.MeetingRecording
	key := client.ObjectKey{Namespace: request.Namespace, Name: request.Spec.RecordingRef.Name}
	if err := client.IgnoreNotFound(r.Client.Get(ctx, key, &recording)); err != nil {
		return "", fmt.Errorf("read MeetingRecording %s: %w", key, err)
	}
	return recording.Status.Link, nil
}

// note writes the condition Notified, if it says anything else.
func (r *Requests) note(ctx context.Context, request *v1alpha1.AccessRequest, status metav1.ConditionStatus, due *notice, message string) error {
	wanted := []metav1.Condition{{
		Type: v1alpha1.ConditionNotified, Status: status, Reason: due.mark, Message: message, ObservedGeneration: request.Generation,
	}}
	wanted = kube.Transitions(request.Status.Conditions, wanted, r.Clock.Now())
	if told := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionNotified); told != nil && kube.EqualConditions([]metav1.Condition{*told}, wanted) {
		return nil
	}
	err := effect.Do(ctx, "notice: write the condition Notified", func() error {
		return r.Client.Status().Apply(ctx, ac.AccessRequest(request.Name, request.Namespace).WithUID(request.UID).
			WithStatus(ac.AccessRequestStatus().WithConditions(kube.ApplyConditions(wanted)...)), conditionOwner, client.ForceOwnership)
	})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		// It was deleted, and perhaps made again: that is another request.
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the condition Notified of AccessRequest %s/%s: %w", request.Namespace, request.Name, err)
	}
	return nil
}

// names is for people.
func names(list []recipient) string {
	if len(list) == 0 {
		return "nobody in particular"
	}
	var texts []string
	for i, one := range list {
		switch {
		case i == shown:
			return fmt.Sprintf("%s and %d more", strings.Join(texts, ", "), len(list)-shown)
		case one.Kind == v1alpha1.SubjectUser:
			texts = append(texts, one.Name)
		default:
			texts = append(texts, string(one.Kind)+" "+one.Name)
		}
	}
	return strings.Join(texts, ", ")
}

// shown is how many recipients a condition names.
const shown = 8
