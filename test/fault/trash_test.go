// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// How recordings go, and come back while they can.

func trashed() step {
	return step{name: "trash", hurried: true, do: patch(`{"spec":{"state":"Trashed"}}`), reached: ready(v1alpha1.ReasonTrashed), recorded: []v1alpha1.AuditAction{v1alpha1.AuditTrashed}}
}

// trashedUnseen trashes what has not arrived: nothing is stored yet.
func trashedUnseen() step {
	s := trashed()
	s.name = "trash before it arrives"
	return s
}

func restored() step {
	return step{name: "restore", hurried: true, do: patch(`{"spec":{"state":"Active"}}`), reached: ready(v1alpha1.ReasonAvailable), recorded: []v1alpha1.AuditAction{v1alpha1.AuditRestored}}
}

// stripped takes the finalizer away, as a careless script does.
func stripped() step {
	return step{
		name: "strip the finalizer", do: patch(`{"metadata":{"finalizers":null}}`),
		reached: func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
			return r != nil && slices.Contains(r.Finalizers, v1alpha1.FinalizerMedia), nil
		},
	}
}

func policyShortens() step {
	const keep = 30 * day
	return step{
		name: "a policy shortens",
		do: func(ctx context.Context, w *world) error {
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "short"}}
			policy.Spec.Retention.ExpireAfter = "30d"
			return w.admin.Create(ctx, policy)
		},
		reached: func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
			return r != nil && r.Status.ExpiresAt.Time.Equal(r.Status.AvailableAt.Add(keep)), nil
		},
	}
}

func expires() step {
	return step{
		name:     "time passes until it expires",
		patient:  true,
		do:       until(func(r *v1alpha1.MeetingRecording) metav1.Time { return r.Status.ExpiresAt }),
		reached:  ready(v1alpha1.ReasonTrashed),
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditExpired},
	}
}

// expiresActive is for a recording of which somebody has said that it is Active.
func expiresActive() step {
	s := expires()
	s.recorded = append(s.recorded, v1alpha1.AuditTrashed)
	return s
}

func purges() step {
	return step{
		name:     "time passes until it is purged",
		patient:  true,
		do:       until(func(r *v1alpha1.MeetingRecording) metav1.Time { return r.Status.PurgeAt }),
		reached:  isGone,
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditPurged},
	}
}

func deleted() step {
	return step{
		name: "delete",
		do: func(ctx context.Context, w *world) error {
			recording := &v1alpha1.MeetingRecording{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: recordingName}}
			return client.IgnoreNotFound(w.admin.Delete(ctx, recording))
		},
		reached: isGone, recorded: []v1alpha1.AuditAction{v1alpha1.AuditDeleted},
	}
}

// misspelt makes a policy whose selector nobody understands.
func misspelt() step {
	return step{
		name: "a policy is misspelt",
		do: func(ctx context.Context, w *world) error {
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "misspelt"}}
			policy.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"kind of": "training"}}
			policy.Spec.Retention.TrashFor = "10d"
			return w.admin.Create(ctx, policy)
		},
		reached: func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
			if r == nil {
				return false, nil
			}
			retained := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionRetained)
			return retained != nil && retained.Reason == v1alpha1.ReasonPaused, nil
		},
	}
}

// understood puts the policy right after a while in the trash.
func understood() step {
	return step{
		name: "the policy is mended",
		do: func(ctx context.Context, w *world) error {
			w.clock.Step(day)
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "misspelt"}}
			return w.admin.Patch(ctx, policy, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"selector":null}}`)))
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			keys, err := w.stored(ctx)
			tombstones := under(keys, objectstore.TrashRoot)
			if err != nil || len(tombstones) != 1 {
				return false, err
			}
			_, purgeAt, err := objectstore.ParseTombstone(tombstones[0])
			return purgeAt.After(w.clock.Now()), err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditReleased},
	}
}

func swept() step {
	return step{
		name: "time passes until the trash is emptied",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(31 * day)
			return nil
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			keys, err := w.stored(ctx)
			return len(keys) == 0, err
		},
		recorded: []v1alpha1.AuditAction{v1alpha1.AuditPurged},
	}
}

// stops lets the purge date come while the purge guard lets nothing pass.
func stops() step {
	return step{
		name: "time passes, and purges stop",
		do: func(ctx context.Context, w *world) error {
			if err := changeStore(`{"spec":{"purgeGuard":{"percentPerHour":1,"alwaysAllowed":0}}}`)(ctx, w); err != nil {
				return err
			}
			return purges().do(ctx, w)
		},
		reached: func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return r != nil && meta.IsStatusConditionFalse(store.Status.Conditions, v1alpha1.ConditionPurgesAllowed), err
		},
		patient: true,
	}
}

// approved has a person let the purges go on.
func approved() step {
	return step{
		name: "approve the purges",
		do: func(ctx context.Context, w *world) error {
			return changeStore(fmt.Sprintf(`{"spec":{"purgeGuard":{"approvedUntil":%q}}}`, w.clock.Now().Add(day).UTC().Format(time.RFC3339)))(ctx, w)
		},
		reached: isGone, recorded: []v1alpha1.AuditAction{v1alpha1.AuditPurged},
	}
}
