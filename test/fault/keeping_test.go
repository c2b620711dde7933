// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"bytes"
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// What keeps recordings, what destroys their keys, and what looks whether they are whole.

// allowErasure has the policy let keys be destroyed.
func allowErasure() step {
	return step{
		name: "a policy allows erasure",
		do: func(ctx context.Context, w *world) error {
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "erasure"}}
			policy.Spec.Retention.Erasure = v1alpha1.ErasureDestroyKey
			return w.admin.Create(ctx, policy)
		},
		reached: ready(v1alpha1.ReasonAvailable),
	}
}

// lockAndAllowErasure has the policy lock what there is, and let keys be destroyed under the lock.
// The lock goes on: what ends it is the clock of the API server, which no plan steps.
func lockAndAllowErasure() step {
	return step{
		name: "a policy locks, and allows erasure",
		do: func(ctx context.Context, w *world) error {
			policy := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "erasure"}}
			policy.Spec.Retention = v1alpha1.RetentionRules{
				Erasure: v1alpha1.ErasureDestroyKey, Lock: v1alpha1.RetentionLock{Mode: v1alpha1.LockCompliance, For: "30d"},
			}
			return w.admin.Create(ctx, policy)
		},
		reached: func(_ context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
			return r != nil && !r.Status.LockedUntil.IsZero() && (r.Status.Storage.Lock.Mode != "") == w.with["locks"], nil
		},
	}
}

func held() step {
	return step{
		name: "hold", do: patch(`{"spec":{"holds":[{"name":"case-2026-14","reason":"litigation"}]}}`),
		reached: bucketHolds(true), recorded: []v1alpha1.AuditAction{v1alpha1.AuditHeld},
	}
}

// renewed lets a hold's retention in the bucket come near its end.
func renewed() step {
	return step{
		name: "time passes until the hold is renewed",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(16 * day)
			return nil
		},
		reached: func(_ context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
			return r != nil && r.Status.Storage.Lock.Until.After(w.clock.Now().Add(29*day)), nil
		},
	}
}

func released() step {
	return step{
		name: "lift the hold", do: patch(`{"spec":{"holds":null}}`),
		reached: bucketHolds(false), recorded: []v1alpha1.AuditAction{v1alpha1.AuditReleased},
	}
}

// bucketHolds asks the bucket, and what the status says of it.
func bucketHolds(want bool) func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error) {
	return func(ctx context.Context, w *world, r *v1alpha1.MeetingRecording) (bool, error) {
		if r == nil || (r.Status.Storage.Lock.LegalHold == v1alpha1.LegalHoldOn) != want {
			return false, nil
		}
		actual, _, err := w.objects.Protection(ctx, w.bucket(), r.Status.Storage.Key)
		return actual.LegalHold == want, err
	}
}

// erased has the key destroyed. What is left goes at once where no lock keeps it.
func erased() step {
	return step{
		name: "erase", do: patch(`{"spec":{"erasure":{"reason":"a person's request"}}}`),
		reached: isGone, recorded: []v1alpha1.AuditAction{v1alpha1.AuditErased, v1alpha1.AuditPurged},
	}
}

// erasedUnderALock has the key destroyed while the lock runs. The media stays, as noise, until the lock ends.
func erasedUnderALock() step {
	return step{
		name: "erase while the lock runs", do: patch(`{"spec":{"erasure":{"reason":"a person's request"}}}`),
		reached: ready(v1alpha1.ReasonErased), recorded: []v1alpha1.AuditAction{v1alpha1.AuditErased},
	}
}

// damaged has somebody write over the media, behind our back.
func damaged() step {
	return step{
		name: "the media is damaged",
		do: func(ctx context.Context, w *world) error {
			recording := w.recording()
			content, err := w.read(ctx, recording.Status.Storage.Key)
			if err != nil {
				return err
			}
			content[len(content)/2] ^= 1
			if _, err := w.objects.Put(ctx, w.bucket(), recording.Status.Storage.Key, bytes.NewReader(content), int64(len(content)), objectstore.PutOptions{}); err != nil {
				return err
			}
			w.clock.Step(scrubEvery)
			return nil
		},
		reached: intact(false),
	}
}

// mended takes the damaged version away, under which the whole one lies.
func mended() step {
	return step{
		name: "the media is mended",
		do: func(ctx context.Context, w *world) error {
			key := w.recording().Status.Storage.Key
			info, err := w.objects.Head(ctx, w.bucket(), key)
			if err != nil {
				return err
			}
			if err := w.objects.DeleteVersion(ctx, w.bucket(), key, info.VersionID); err != nil {
				return err
			}
			w.clock.Step(scrubEvery)
			return nil
		},
		reached: intact(true),
	}
}

// scrubEvery is within how much time everything is checked once.
const scrubEvery = time.Hour

func intact(want bool) func(context.Context, *world, *v1alpha1.MeetingRecording) (bool, error) {
	return func(_ context.Context, _ *world, r *v1alpha1.MeetingRecording) (bool, error) {
		return r != nil && meta.IsStatusConditionFalse(r.Status.Conditions, v1alpha1.ConditionIntact) != want, nil
	}
}
