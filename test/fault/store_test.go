// SPDX-License-Identifier: Apache-2.0

package fault

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// What happens to stores and policies.

// probe tries the world's bucket out, as the program does. What it can do it can do still when the world is at rest: there, a new process takes what
// was found last. To try it all out anew, some forty requests each time, took a third of the processor time of these lives.
func (w *world) probe(ctx context.Context, objects *objectstore.Client, bucket string) (objectstore.Capabilities, error) {
	if w.rests && w.can != nil {
		return *w.can, nil
	}
	can, err := objects.Probe(ctx, bucket)
	if err == nil {
		w.can = &can
	}
	return can, err
}

func storeReady() step {
	return step{
		name: "set up the store", do: func(context.Context, *world) error { return nil },
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return meta.IsStatusConditionTrue(store.Status.Conditions, v1alpha1.ConditionReady), err
		},
	}
}

// abandoned leaves an upload unfinished, and lets the time pass after which nobody can be at it any more.
func abandoned() step {
	return step{
		name: "time passes until an unfinished upload is discarded",
		do: func(ctx context.Context, w *world) error {
			_, err := w.objects.CreateMultipart(ctx, w.bucket(), objectstore.StagingRoot+w.namespace+"/uid-1/raw", "")
			w.clock.Step(9 * day)
			return err
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			for _, err := range w.objects.Uploads(ctx, w.bucket(), objectstore.StagingRoot) {
				return false, err
			}
			return true, nil
		},
	}
}

// rotated asks for a new key and waits until everything is wrapped with it.
func rotated() step {
	return step{
		name: "rotate the keys", do: changeStore(`{"spec":{"encryption":{"keyGeneration":2}}}`),
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return store.Status.Keys.Generation == 2, err
		},
	}
}

// retired waits until the old key is gone from the keyset.
func retired() step {
	return step{
		name: "time passes until the old key is removed",
		do: func(_ context.Context, w *world) error {
			w.clock.Step(8 * day)
			return nil
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var store v1alpha1.RecordingStore
			err := w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &store)
			return len(store.Status.Keys.Keys) == 1, err
		},
	}
}

func changeStore(change string) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		store := &v1alpha1.RecordingStore{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
		return w.admin.Patch(ctx, store, client.RawPatch("application/merge-patch+json", []byte(change)))
	}
}

func policiesAccepted() step {
	return step{
		name: "apply policies",
		do: func(ctx context.Context, w *world) error {
			cluster := &v1alpha1.ClusterRecordingPolicy{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}}
			// Only this plan's namespace: the others share the cluster.
			cluster.Spec.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: w.namespace}}
			cluster.Spec.Defaults.Retention.ExpireAfter = "90d"
			own := &v1alpha1.RecordingPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "own"}}
			own.Spec.Retention.ExpireAfter = "30d"
			return errors.Join(w.admin.Create(ctx, cluster), w.admin.Create(ctx, own))
		},
		reached: func(ctx context.Context, w *world, _ *v1alpha1.MeetingRecording) (bool, error) {
			var cluster v1alpha1.ClusterRecordingPolicy
			var own v1alpha1.RecordingPolicy
			err := errors.Join(w.admin.Get(ctx, client.ObjectKey{Name: w.namespace}, &cluster),
				w.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: "own"}, &own))
			return meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady) &&
				meta.IsStatusConditionTrue(own.Status.Conditions, v1alpha1.ConditionReady), err
		},
	}
}

// readyStore writes what the store's controller would, where the life is not about that.
func (w *world) readyStore(ctx context.Context, store *v1alpha1.RecordingStore) error {
	keyset, err := keys.NewKeyset()
	if err != nil {
		return err
	}
	err = w.admin.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "kek-" + w.namespace},
		Data:       map[string][]byte{stores.KeysetKey: keyset},
	})
	if err != nil {
		return err
	}
	store.Status = v1alpha1.RecordingStoreStatus{
		Conditions:   []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable, LastTransitionTime: metav1.Now()}},
		Capabilities: []v1alpha1.StoreCapability{v1alpha1.CapabilityVersioning, v1alpha1.CapabilityChecksums, v1alpha1.CapabilityObjectLock},
	}
	return w.admin.Status().Update(ctx, store)
}
