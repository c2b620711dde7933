// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

const (
	// takeOverPatience is how long the manager is waited for where nobody said so.
	takeOverPatience = 2 * time.Minute
	takeOverGlance   = 500 * time.Millisecond
)

// takeOver has a store take its bucket over from a cluster that is lost, and waits until the manager has done so. A store that is ready
// needs nobody's leave.
func (f *storeFlags) takeOver(ctx context.Context, writer client.Client, patience time.Duration, progress io.Writer) error {
	store, err := f.recordingStore(ctx, writer)
	if err != nil || meta.IsStatusConditionTrue(store.Status.Conditions, v1alpha1.ConditionReady) {
		return err
	}
	resolver := stores.NewResolver(elsewhere{writer, f.endpoint}, store.Spec.Encryption.KeySecretRef.Namespace)
	claim, err := resolver.Claim(ctx, store)
	if err != nil {
		return fmt.Errorf("reading which cluster RecordingStore %s works for: %w", f.name, err)
	}
	if claim.ID != "" && claim.ID != store.Annotations[v1alpha1.AnnotationTakeOver] {
		before := store.DeepCopy()
		if store.Annotations == nil {
			store.Annotations = map[string]string{}
		}
		store.Annotations[v1alpha1.AnnotationTakeOver] = claim.ID
		if err := writer.Patch(ctx, store, client.MergeFrom(before)); err != nil {
			return fmt.Errorf("taking RecordingStore %s over: %w", f.name, err)
		}
		fmt.Fprintf(progress, "RecordingStore %s is taken over from the cluster whose namespace kube-system has the UID %s\n", f.name, claim.Cluster)
	}
	return f.awaitReady(ctx, writer, cmp.Or(patience, takeOverPatience))
}

// awaitReady waits until the store can be used, or says what is wrong with it.
func (f *storeFlags) awaitReady(ctx context.Context, reader client.Reader, patience time.Duration) error {
	why := "its controller has not looked at it"
	err := wait.PollUntilContextTimeout(ctx, takeOverGlance, patience, true, func(ctx context.Context) (bool, error) {
		store, err := f.recordingStore(ctx, reader)
		if err != nil {
			return false, err
		}
		ready := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionReady)
		if ready != nil {
			why = ready.Message
		}
		return meta.IsStatusConditionTrue(store.Status.Conditions, v1alpha1.ConditionReady), nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("RecordingStore %s is not ready: %s", f.name, why)
	}
	return err
}
