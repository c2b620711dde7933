// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/requests/desk"
)

// How access is asked for and granted.

const (
	requestName = "please"
	// The API server holds requests against who sends them: asker asks, and approver is an administrator.
	asker    = "dave@example.com"
	approver = "reelkeeper-admin"
)

func asked() step {
	return step{
		name: "ask",
		do: func(ctx context.Context, w *world) error {
			return w.asker.Create(ctx, &v1alpha1.AccessRequest{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: requestName},
				Spec: v1alpha1.AccessRequestSpec{
					RecordingRef: v1alpha1.RecordingReference{Name: recordingName},
					Requester:    v1alpha1.RequestParty{Name: asker},
					Permissions:  []v1alpha1.Permission{v1alpha1.PermissionView},
					Reason:       "I could not attend", Duration: "3d",
				},
			})
		},
		reached:  request(v1alpha1.ReasonPending),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditRequested},
	}
}

func answered() step {
	return step{
		name: "approve the request",
		do: func(ctx context.Context, w *world) error {
			request := &v1alpha1.AccessRequest{}
			if err := w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: requestName}, request); err != nil {
				return err
			}
			return desk.Write(ctx, w.admin, request, v1alpha1.RequestParty{Name: approver}, v1alpha1.ConditionApproved, "as discussed", w.clock.Now())
		},
		reached:  request(v1alpha1.ReasonGranted),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditApproved, v1alpha1.AuditGranted},
	}
}

// ended lets the grant end, and the request be collected, with whatever belongs to it.
func ended() step {
	return step{
		name: "time passes until the request is collected",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(4 * day)
			return nil
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var requests v1alpha1.AccessRequestList
			if err := w.admin.List(ctx, &requests, client.InNamespace(w.namespace)); err != nil || len(requests.Items) > 0 {
				return false, err
			}
			grants, err := w.grants(ctx)
			return len(grants) == 0, err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditRevoked},
	}
}

func request(reason string) func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error) {
	return func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
		var request v1alpha1.AccessRequest
		err := w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: requestName}, &request)
		found := meta.FindStatusCondition(request.Status.Conditions, v1alpha1.ConditionReady)
		return found != nil && found.Reason == reason, err
	}
}

// grants are those of the world.
func (w *world) grants(ctx context.Context) ([]v1alpha1.AccessGrant, error) {
	var list v1alpha1.AccessGrantList
	err := w.admin.List(ctx, &list, client.InNamespace(w.namespace))
	return list.Items, err
}

// eachGrant has the controller of grants look at all that the process sees.
func (w *world) eachGrant(pass func(context.Context, client.ObjectKey) (time.Duration, error)) func(context.Context) (time.Duration, error) {
	return func(ctx context.Context) (look time.Duration, err error) {
		var list v1alpha1.AccessGrantList
		if err := w.view.List(ctx, &list); err != nil {
			return 0, err
		}
		for i := range list.Items {
			next, err := pass(ctx, client.ObjectKeyFromObject(&list.Items[i]))
			if err != nil {
				return 0, err
			}
			if next > 0 && (look == 0 || next < look) {
				look = next
			}
		}
		return look, nil
	}
}

func granted() step {
	return step{
		name: "grant",
		do: func(ctx context.Context, w *world) error {
			grant := &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: grantName}}
			grant.Spec.RecordingRef.Name = recordingName
			grant.Spec.Subjects = []v1alpha1.GrantSubject{{Kind: v1alpha1.SubjectUser, Name: "dave@example.com"}}
			grant.Spec.Permissions = []v1alpha1.Permission{v1alpha1.PermissionView}
			grant.Spec.ExpiresAt = metav1.NewTime(w.clock.Now().Add(5 * day))
			return w.admin.Create(ctx, grant)
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var grant v1alpha1.AccessGrant
			err := w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: grantName}, &grant)
			return meta.IsStatusConditionTrue(grant.Status.Conditions, v1alpha1.ConditionReady), err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditGranted},
	}
}

func revoked() step {
	return step{
		name: "revoke",
		do: func(ctx context.Context, w *world) error {
			return w.admin.Delete(ctx, &v1alpha1.AccessGrant{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: grantName}})
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			grants, err := w.grants(ctx)
			return len(grants) == 0, err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditRevoked},
	}
}

// audited fills the namespace with more AuditEvents than it keeps.
func audited() step {
	s := trashed()
	s.do = func(ctx context.Context, w *world) error { return trashed().do(ctx, w) }
	reached := s.reached
	s.reached = func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
		counts, err := w.auditCounts(ctx)
		total := 0
		for _, n := range counts {
			total += n
		}
		there, _ := reached(ctx, w, r)
		return there && total == auditCount, err
	}
	return s
}
