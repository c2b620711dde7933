// SPDX-License-Identifier: Apache-2.0

package governance

import (
	"context"
	"fmt"
	"sync"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Policies keeps the index of all policies between decisions. It asks the caches of both kinds how far they have come, which
// takes no reading, and lists policies only when one of them has heard something. So a decision sees exactly what reading the
// caches would have shown it.
//
// It can be shared between goroutines, and has to be where the index is meant to be kept.
type Policies struct {
	reader client.Reader
	caches []versioned

	mu       sync.Mutex
	versions []string
	index    *policy.Index
}

// versioned is the part of an informer's store that says how far it has come.
type versioned interface {
	LastStoreSyncResourceVersion() string
}

// NewPolicies returns policies that are read from c. It starts the watches on both kinds, and does not wait for them.
func NewPolicies(ctx context.Context, c cache.Cache) (*Policies, error) {
	p := &Policies{reader: c}
	for _, kind := range []client.Object{&v1alpha1.ClusterRecordingPolicy{}, &v1alpha1.RecordingPolicy{}} {
		informer, err := c.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", kind, err)
		}
		// A cache that is confined to namespaces is made of several and has no store of its own: policies are then listed each
		// time, and only what changed is read.
		if stored, ok := informer.(interface{ GetStore() toolscache.Store }); ok {
			p.caches = append(p.caches, stored.GetStore())
		}
	}
	return p, nil
}

// kinds is how many kinds of policies there are.
const kinds = 2

// Index returns the index of the policies as the cache has them now.
func (p *Policies) Index(ctx context.Context) (*policy.Index, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	// The versions are read before the policies: what comes in between is read now and once more the next time.
	versions := p.seen()
	if p.index != nil && p.sameVersions(versions) {
		return p.index, nil
	}
	var cluster v1alpha1.ClusterRecordingPolicyList
	if err := p.reader.List(ctx, &cluster, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the organisation's recording policies: %w", err)
	}
	var namespaced v1alpha1.RecordingPolicyList
	if err := p.reader.List(ctx, &namespaced, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing the recording policies: %w", err)
	}
	p.index, p.versions = policy.NewIndex(cluster.Items, namespaced.Items, p.index), versions
	return p.index, nil
}

// seen returns how far the caches have come; empty where a cache does not say.
func (p *Policies) seen() []string {
	versions := make([]string, len(p.caches))
	for i, c := range p.caches {
		versions[i] = c.LastStoreSyncResourceVersion()
	}
	return versions
}

// sameVersions says whether no cache has heard anything since the index was made. One that does not say how far it has come
// may have.
func (p *Policies) sameVersions(versions []string) bool {
	if len(versions) < kinds || len(p.versions) < kinds {
		return false
	}
	for i := range versions {
		if versions[i] == "" || versions[i] != p.versions[i] {
			return false
		}
	}
	return true
}
