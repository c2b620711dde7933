// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// UseCounter counts uses of grants that have a limited number of them.
type UseCounter interface {
	// Count takes one use of a grant. It returns false when none is left.
	Count(ctx context.Context, namespace, name string) (bool, error)
}

// NewUseCounter returns a UseCounter that keeps the count in the grants' status. Its client must read from the API server,
// not from a cache: two replicas that count at the same time must not take the same use.
func NewUseCounter(direct client.Client) UseCounter { return &useCounter{client: direct} }

// patience is how often a count is tried again that others were faster with: a link in a large chat is followed by many at once.
var patience = wait.Backoff{Steps: 20, Duration: 10 * time.Millisecond, Factor: 1.5, Jitter: 0.5, Cap: time.Second}

type useCounter struct{ client client.Client }

func (u *useCounter) Count(ctx context.Context, namespace, name string) (bool, error) {
	left := false
	err := changeStatus(ctx, u.client, namespace, name, func(grant *v1alpha1.AccessGrant) bool {
		var uses int32
		if grant.Status.Uses != nil {
			uses = *grant.Status.Uses
		}
		if left = uses < grant.Spec.MaxUses; left {
			grant.Status.Uses = new(uses + 1)
		}
		return left
	})
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("count a use of AccessGrant %s/%s: %w", namespace, name, err)
	}
	return left && err == nil, nil
}

// changeStatus reads a grant, and writes its status if change says that it has changed it. When somebody else was faster, it begins again.
func changeStatus(ctx context.Context, direct client.Client, namespace, name string, change func(*v1alpha1.AccessGrant) bool) error {
	return retry.RetryOnConflict(patience, func() error {
		grant := &v1alpha1.AccessGrant{}
		if err := direct.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, grant); err != nil {
			return err
		}
		before := grant.DeepCopy()
		if !change(grant) {
			return nil
		}
		return direct.Status().Patch(ctx, grant, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	})
}
