// SPDX-License-Identifier: Apache-2.0

package keyrotation

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	ac "github.com/reelkeeper/reelkeeper/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// fieldOwner owns, in server-side apply, status.keys and the condition KeysRotated; the rest of a store's status is written by
// another controller.
const fieldOwner = kube.FieldOwner + "-keys"

// conditionOf says how far the keys of recordings follow the keyset.
func conditionOf(v *view, d *decision) metav1.Condition {
	if d.status.Rotation.Generation > 0 || d.step == add {
		condition := rotatingCondition(&d.status)
		if d.waits {
			condition.Message += ". That waits until the store is ready"
		}
		return condition
	}
	problems := ""
	if v.pass != nil {
		problems = v.pass.summary()
	}
	switch {
	case problems != "":
		return metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRotationIncomplete, Message: problems}
	case v.pass == nil && v.incomplete:
		return metav1.Condition{} // as it was: this process has not looked yet
	}
	message := fmt.Sprintf("The keys of all recordings are wrapped with key %s, of key generation %d", d.status.PrimaryKeyID, d.status.Generation)
	if v.sharedWith != "" {
		message += fmt.Sprintf(". No older key is retired, because RecordingStore %s has the same keyset: give each store a Secret of its own, with a copy of it", v.sharedWith)
	}
	return metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable, Message: message}
}

func rotatingCondition(status *v1alpha1.KeysStatus) metav1.Condition {
	message := "A new key is being added to the keyset"
	switch rotation := status.Rotation; rotation.Stage {
	case v1alpha1.RotationDistributing:
		message = fmt.Sprintf("Key %s, of key generation %d, is in the keyset; it wraps as soon as every component has it", rotation.KeyID, rotation.Generation)
	case v1alpha1.RotationRewrapping:
		message = fmt.Sprintf("The keys of recordings are being wrapped with key %s, of key generation %d", rotation.KeyID, rotation.Generation)
	}
	return metav1.Condition{Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRotating, Message: message}
}

// reportInvalid says that nothing can be rotated. A store that never had a keyset says nothing.
func (r *Reconciler) reportInvalid(ctx context.Context, store *v1alpha1.RecordingStore, invalid *stores.Error) error {
	if len(store.Status.Keys.Keys) == 0 {
		return nil
	}
	_, err := r.report(ctx, store, store.Status.Keys, metav1.Condition{
		Status: metav1.ConditionUnknown, Reason: invalid.Reason, Message: invalid.Message + ". Rotation waits for that",
	})
	return err
}

// report writes status.keys and the condition if they differ, and tells people if the state does. A condition without a status
// stays as it is.
func (r *Reconciler) report(ctx context.Context, store *v1alpha1.RecordingStore, status v1alpha1.KeysStatus, condition metav1.Condition) (written bool, err error) {
	current := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionKeysRotated)
	wanted := []metav1.Condition{}
	if condition.Status != "" {
		condition.Type, condition.ObservedGeneration = v1alpha1.ConditionKeysRotated, store.Generation
		wanted = kube.Transitions(store.Status.Conditions, []metav1.Condition{condition}, r.Clock.Now())
	} else if current != nil {
		wanted = append(wanted, *current)
	}
	var before []metav1.Condition
	if current != nil {
		before = append(before, *current)
	}
	if kube.EqualConditions(before, wanted) && apiequality.Semantic.DeepEqual(store.Status.Keys, status) {
		return false, nil
	}
	keys, err := kube.ApplyConfiguration[ac.KeysStatusApplyConfiguration](&status)
	if err != nil {
		return false, err
	}
	applied := ac.RecordingStore(store.Name).WithUID(store.UID).
		WithStatus(ac.RecordingStoreStatus().WithKeys(keys).WithConditions(kube.ApplyConditions(wanted)...))
	err = effect.Do(ctx, "keys: write the status", func() error {
		return r.Client.Status().Apply(ctx, applied, client.ForceOwnership, client.FieldOwner(fieldOwner))
	})
	if err != nil {
		return false, fmt.Errorf("write the status of the keys of RecordingStore %s: %w", store.Name, err)
	}
	r.announce(store, current, wanted)
	return true, nil
}

// announce tells people of the end of a rotation, and of what keeps one from ending.
func (r *Reconciler) announce(store *v1alpha1.RecordingStore, before *metav1.Condition, after []metav1.Condition) {
	if len(after) == 0 || before == nil || before.Reason == after[0].Reason || after[0].Reason == v1alpha1.ReasonRotating {
		return
	}
	kind := corev1.EventTypeWarning
	if after[0].Status == metav1.ConditionTrue {
		kind = corev1.EventTypeNormal
	}
	r.Events.Eventf(store, nil, kind, after[0].Reason, "Rotate", "%s", after[0].Message)
}

func primaryOf(list []v1alpha1.KeyStatus) string {
	for _, key := range list {
		if key.State == v1alpha1.KeyPrimary {
			return key.ID
		}
	}
	return ""
}
