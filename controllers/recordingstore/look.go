// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/catalog"
	"github.com/reelkeeper/reelkeeper/internal/effect"
	"github.com/reelkeeper/reelkeeper/internal/kube"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// look finds out how a store is, and when to look again.
func (r *Reconciler) look(ctx context.Context, store *v1alpha1.RecordingStore) (findings, time.Time, error) {
	found, next, err := r.lookCompleted(ctx, store)
	if err != nil {
		return findings{}, time.Time{}, err
	}
	if found.buckets.reason == v1alpha1.ReasonClaimedElsewhere {
		return found, next, nil // a keyset made now would be in the way of the one that is to be restored
	}
	keyID, err := r.ensureKeyset(ctx, store, found.buckets.verdict == good)
	if errors.Is(err, stores.ErrNoKeyset) {
		return found, next, nil // what the buckets hold has to be seen first
	}
	if found.keyset, err = judge(err); err != nil {
		return findings{}, time.Time{}, err
	}
	found.keyID = keyID
	return found, next, nil
}

// lookCompleted looks at a store as its BucketInfo Secret completes it, where it has one.
func (r *Reconciler) lookCompleted(ctx context.Context, store *v1alpha1.RecordingStore) (findings, time.Time, error) {
	completed, err := r.Stores.Complete(ctx, store)
	if err != nil {
		// A changed Secret or spec brings the next pass; there is nothing to be retried.
		endpoint, err := judge(err)
		return findings{endpoint: endpoint}, r.Clock.Now().Add(probeEvery), err
	}
	return r.lookOutside(ctx, completed)
}

// lookOutside probes the server if that is due, and else returns what the last probe has found.
func (r *Reconciler) lookOutside(ctx context.Context, store *v1alpha1.RecordingStore) (findings, time.Time, error) {
	objects, err := r.Stores.Client(ctx, store)
	if err != nil {
		// A changed Secret or spec brings the next pass; there is nothing to be retried.
		endpoint, err := judge(err)
		return findings{endpoint: endpoint}, r.Clock.Now().Add(probeEvery), err
	}
	namespaces, err := r.namespaces(ctx, store)
	if err != nil {
		buckets, err := judge(err)
		return findings{endpoint: finding{verdict: unknown}, buckets: buckets}, r.Clock.Now().Add(probeEvery), err
	}
	of, last := inputs{store.UID, store.Generation, store.Annotations[v1alpha1.AnnotationTakeOver], objects, namespaces}, r.last(store.Name)
	if !last.due(of, r.Clock.Now()) {
		return last.found, last.next(), nil
	}
	now := probed{of: of, at: r.Clock.Now(), cleared: last.cleared}
	if !last.of.equal(of) || !now.at.Before(last.cleared.Add(clearEvery)) {
		now.cleared = now.at
	}
	if now.found, err = r.probe(ctx, store, of); err != nil || ctx.Err() != nil {
		// A pass that was broken off, by the end of the program for one, says nothing about the store.
		return findings{}, time.Time{}, errors.Join(err, ctx.Err())
	}
	if now.found.endpoint.verdict != good || now.found.buckets.verdict != good {
		now.failures = 1
		if last.of.equal(of) {
			now.failures += last.failures
		}
	}
	r.remember(store.Name, now)
	return now.found, now.next(), nil
}

// probe makes the buckets and tries the server out. With the layout PerNamespace, it does so in a bucket of the store's own,
// so that a store can be seen to work before there is a recording.
func (r *Reconciler) probe(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (findings, error) {
	log.FromContext(ctx).V(1).Info("Probing the object store", "endpoint", store.Spec.S3.Endpoint)
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	bucket := store.Spec.Buckets.Name
	identity, err := r.recognise(ctx, store, of)
	if err != nil || identity.verdict == bad {
		return identityFindings(store, identity), err
	}
	first, err := judge(r.Stores.EnsureBucket(ctx, of.client, store, bucket))
	switch {
	case err != nil:
		return findings{}, err
	case first.verdict == bad && concernsBucket(first):
		return findings{endpoint: finding{verdict: good}, buckets: first, capabilities: store.Status.Capabilities}, nil
	case first.verdict == bad:
		return findings{endpoint: first}, nil
	}
	seen, err := r.tryOut(ctx, of.client, bucket)
	tried, err := judge(err)
	if err != nil || tried.verdict == bad {
		return findings{endpoint: tried}, err
	}
	found := findings{capabilities: capabilitiesOf(seen)}
	found.endpoint, found.buckets = missing(store, seen)
	if found.buckets.verdict == bad {
		return found, nil
	}
	if found.endpoint.verdict == bad {
		found.buckets = finding{}
		return found, nil
	}
	err = r.settleIn(ctx, store, of, &found)
	return found, err
}

// tryOut finds out what a bucket can do.
func (r *Reconciler) tryOut(ctx context.Context, objects *objectstore.Client, bucket string) (seen objectstore.Capabilities, err error) {
	err = effect.Do(ctx, "store: probe the server", func() (err error) {
		if r.Probe != nil {
			seen, err = r.Probe(ctx, objects, bucket)
			return err
		}
		seen, err = objects.Probe(ctx, bucket)
		return err
	})
	return seen, err
}

// settleIn does what a store needs whose server works: the marks by which its buckets are known again, the buckets of its namespaces,
// and, now and then, clearing away what was abandoned there.
func (r *Reconciler) settleIn(ctx context.Context, store *v1alpha1.RecordingStore, of inputs, found *findings) error {
	marked, err := r.mark(ctx, store, of)
	if err == nil {
		err = r.Stores.TakeClaim(ctx, of.client, store)
	}
	if err != nil {
		found.buckets, err = judge(err)
		return err
	}
	if found.buckets, found.count, err = r.ensureBuckets(ctx, marked, of); err != nil || found.buckets.verdict == bad {
		return err
	}
	found.location = marked.Status.Location
	found.orphans = r.lookForDeleted(ctx, marked, of)
	return r.clearAbandoned(ctx, marked, of, found.capabilities)
}

// ensureBuckets makes the bucket of every namespace that has recordings in the store. They are also made on demand, when the
// first recording of a namespace needs one; this mends what has been lost since.
func (r *Reconciler) ensureBuckets(ctx context.Context, store *v1alpha1.RecordingStore, of inputs) (finding, int32, error) {
	if store.Spec.Buckets.Layout != v1alpha1.LayoutPerNamespace {
		return finding{verdict: good}, 1, nil
	}
	for _, namespace := range of.namespaces {
		result, err := judge(r.Stores.EnsureBucket(ctx, of.client, store, stores.Bucket(store, namespace)))
		if err != nil || result.verdict == bad {
			return result, 0, err
		}
	}
	return finding{verdict: good}, int32(len(of.namespaces)), nil
}

// namespaces returns those that the store allows and that have recordings in it, where they need buckets of their own.
func (r *Reconciler) namespaces(ctx context.Context, store *v1alpha1.RecordingStore) ([]string, error) {
	if _, err := stores.Allows(store, nil); err != nil || store.Spec.Buckets.Layout != v1alpha1.LayoutPerNamespace {
		return nil, err
	}
	all := kube.NamespaceMetadataList()
	if err := r.Client.List(ctx, all, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	var needed []string
	for i := range all.Items {
		namespace := &all.Items[i]
		if len(r.Namespaces) > 0 && !slices.Contains(r.Namespaces, namespace.Name) {
			continue
		}
		if allowed, err := stores.Allows(store, namespace.Labels); err != nil || !allowed {
			continue
		}
		if slices.ContainsFunc(r.Cards.Cards(namespace.Name), func(card *catalog.Card) bool { return card.Store() == store.Name }) {
			needed = append(needed, namespace.Name)
		}
	}
	slices.Sort(needed)
	return needed, nil
}
