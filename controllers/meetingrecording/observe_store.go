// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// observeStore opens the recording's store and sums up what its namespace has in it.
func (r *Reconciler) observeStore(ctx context.Context, o *observation) error {
	open, err := r.options.Stores.Open(ctx, o.recording.StoreName())
	switch reason := stores.Reason(err); {
	case reason == v1alpha1.ReasonStoreNotFound:
		o.store.problem = problem{reason, err.Error()}
		return nil
	case reason != "":
		o.store.problem = problem{v1alpha1.ReasonStoreNotReady, fmt.Sprintf("RecordingStore %s cannot be used: %v", o.recording.StoreName(), err)}
		return nil
	case err != nil:
		return err
	}
	if o.store.problem = notReady(open.Object); o.store.problem.found() {
		return nil
	}
	o.store.open = open
	namespace, err := r.namespace(ctx, o.recording.Namespace)
	if err != nil {
		return err
	}
	o.store.labels = namespace.Labels
	if o.stage == incoming {
		return r.observeQuota(ctx, o, false)
	}
	return nil
}

func notReady(store *v1alpha1.RecordingStore) problem {
	condition := meta.FindStatusCondition(store.Status.Conditions, v1alpha1.ConditionReady)
	if condition != nil && condition.Status == metav1.ConditionTrue {
		return problem{}
	}
	why := "its controller has not looked yet"
	if condition != nil && condition.Message != "" {
		why = condition.Message
	}
	return problem{v1alpha1.ReasonStoreNotReady, fmt.Sprintf("RecordingStore %s is not ready: %s", store.Name, why)}
}
