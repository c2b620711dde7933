// SPDX-License-Identifier: Apache-2.0

package scrub

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/integrity"
	"github.com/reelkeeper/reelkeeper/internal/kube"
)

// show writes the condition Intact of a recording that is not, and takes it away from one that is again. In between, the recording
// may have been deleted, or have got other media: then the verdict is about nothing.
func (r *Reconciler) show(ctx context.Context, key client.ObjectKey, of integrity.Target, verdict integrity.Verdict) error {
	recording := &v1alpha1.MeetingRecording{}
	var changed bool
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := r.Direct.Get(ctx, key, recording); err != nil {
			return err
		}
		now, kept, err := integrity.TargetOf(recording, of.Bucket)
		if err != nil || !kept || now != of || !recording.DeletionTimestamp.IsZero() {
			return errors.Join(errChanged, err)
		}
		changed, err = r.write(ctx, recording, verdict)
		return err
	})
	if errors.Is(err, errChanged) || apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write the condition Intact of recording %s: %w", key, err)
	}
	if changed && verdict.Intact() {
		r.Events.Eventf(recording, nil, corev1.EventTypeNormal, v1alpha1.ConditionIntact, "Scrub", "What is stored is whole again")
	} else if changed {
		r.Events.Eventf(recording, nil, corev1.EventTypeWarning, verdict.Reason, "Scrub", "%s", short(verdict.Message))
	}
	return nil
}

// maxNote is how long the note of an event may be, in bytes.
const maxNote = 1024

func short(message string) string {
	if len(message) <= maxNote {
		return message
	}
	return message[:maxNote-3] + "..."
}

// write patches the one condition. The other conditions are those of the controller of recordings, which says this one again
// whenever it writes the status; a patch that names the version it was made from meets no other.
func (r *Reconciler) write(ctx context.Context, recording *v1alpha1.MeetingRecording, verdict integrity.Verdict) (changed bool, err error) {
	before := recording.DeepCopy()
	conditions := slices.DeleteFunc(slices.Clone(recording.Status.Conditions), func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionIntact })
	if !verdict.Intact() {
		old := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionIntact)
		if old != nil && old.Reason == verdict.Reason && old.Message == verdict.Message {
			return false, nil
		}
		conditions = append(conditions, kube.Transitions(before.Status.Conditions, []metav1.Condition{{
			Type: v1alpha1.ConditionIntact, Status: metav1.ConditionFalse, Reason: verdict.Reason, Message: verdict.Message,
			ObservedGeneration: recording.Generation,
		}}, r.Clock.Now())...)
	} else if len(conditions) == len(before.Status.Conditions) {
		return false, nil
	}
	recording.Status.Conditions = conditions
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return true, effect.Do(ctx, "scrub: write the condition Intact", func() error { return r.Direct.Status().Patch(ctx, recording, patch) })
}
