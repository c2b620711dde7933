// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway/activity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/gateway/freshness"
	"github.com/reelkeeper/reelkeeper/internal/governance"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// fieldOwner is who owns, in the API server's books, what the gateway writes.
const fieldOwner = "reelkeeper-gateway"

// Cluster is the gateway's view of the cluster: a cache of what decisions need, kept up to date by watches, and a client for
// the little that it writes.
type Cluster struct {
	cache      cache.Cache
	direct     client.Client
	namespaces []string
	governance governance.Reader
	activity   *activity.Log
	synced     atomic.Bool
	freshness  *freshness.Monitor
}

// Connect prepares the view. With namespaces it sees the recordings of these only.
func Connect(ctx context.Context, config *rest.Config, operatorNamespace string, namespaces []string) (*Cluster, error) {
	monitor := freshness.New(clock.RealClock{})
	config = rest.CopyConfig(config)
	// Without this, client-go would let through five writes a second, and so would everybody who begins to watch or to download wait: each is
	// written down first. The API server's priority and fairness bound what the gateway asks of it.
	config.QPS = -1
	config.Wrap(monitor.Wrap)
	options := kube.ManagerOptions(operatorNamespace, namespaces)
	options.Cache.Scheme = options.Scheme
	options.Cache.ByObject[&corev1.ConfigMap{}] = cache.ByObject{Namespaces: map[string]cache.Config{operatorNamespace: {}}, Label: ended.Selector()}
	objects, err := cache.New(config, options.Cache)
	if err != nil {
		return nil, fmt.Errorf("reach the API server at %s: %w", config.Host, err)
	}
	direct, err := client.New(config, client.Options{Scheme: options.Scheme, FieldOwner: fieldOwner})
	if err != nil {
		return nil, fmt.Errorf("reach the API server at %s: %w", config.Host, err)
	}
	reader, err := governance.NewReader(ctx, objects)
	if err != nil {
		return nil, err
	}
	log, err := activity.New(config, namespaces)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{cache: objects, direct: direct, namespaces: namespaces, governance: reader, activity: log, freshness: monitor}
	return cluster, errors.Join(AddIndexes(ctx, objects), cluster.watch(ctx))
}

// watch names everything that the gateway reads; a read of anything else is a mistake that fails.
func (c *Cluster) watch(ctx context.Context) error {
	for _, object := range []client.Object{
		&v1alpha1.MeetingRecording{}, &v1alpha1.AccessGrant{}, &v1alpha1.AccessRequest{}, &v1alpha1.RecordingPolicy{},
		&v1alpha1.ClusterRecordingPolicy{}, &v1alpha1.RecordingStore{},
		&corev1.Secret{}, &corev1.ConfigMap{}, kube.NamespaceMetadata(),
	} {
		if _, err := c.cache.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch %T: %w", object, err)
		}
	}
	return nil
}

// Run keeps the view up to date until ctx ends.
func (c *Cluster) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.cache.Start(ctx) })
	group.Go(func() error { return c.freshness.Run(ctx, c.ping) })
	group.Go(func() error { return c.activity.Run(ctx) })
	group.Go(func() error {
		c.synced.Store(c.cache.WaitForCacheSync(ctx))
		return nil
	})
	return group.Wait()
}

// ping asks the API server for one small object, as it is stored now.
func (c *Cluster) ping(ctx context.Context) error {
	return c.direct.List(ctx, &v1alpha1.RecordingStoreList{}, client.Limit(1))
}

// Age is how old the view may be.
func (c *Cluster) Age() time.Duration { return c.freshness.Age() }

// Synced reports whether everything has been read once.
func (c *Cluster) Synced() bool { return c.synced.Load() }

// Complete fills in what a gateway takes from the cluster.
func (c *Cluster) Complete(options Options) Options {
	options.Clock = clock.RealClock{}
	options.Namespaces = c.namespaces
	options.Reader = c.cache
	options.Governance = c.governance
	options.Recorder = audit.NewRecorder(c.direct, options.Clock)
	options.Writer = c.direct
	options.Activity = c.activity
	options.Ended = &ended.Ledger{Namespace: options.OperatorNamespace, Reader: c.cache, Writer: c.direct}
	options.Uses, options.Tries = NewUseCounter(c.direct), NewTryCounter(c.direct)
	options.Stores = stores.NewResolver(c.cache, options.OperatorNamespace)
	options.Synced, options.Age = c.Synced, c.Age
	return options
}
