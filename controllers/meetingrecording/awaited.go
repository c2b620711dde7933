// SPDX-License-Identifier: Apache-2.0

package meetingrecording

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/archive"
	"github.com/reelkeeper/reelkeeper/internal/keys"
	"github.com/reelkeeper/reelkeeper/internal/objectstore"
	"github.com/reelkeeper/reelkeeper/internal/stores"
)

// What fails because a store cannot be used is not tried again by ten thousand recordings, each by itself. They say what they wait for, and
// the store's status wakes them. That only goes for what its status says already: whatever puts it right changes the status then. Until
// it does, a pass that fails is tried again as any other.

// awaited says what a pass that failed with err waits for; none where it has to be tried again.
func (r *Reconciler) awaited(ctx context.Context, o *observation, err error) (problem, error) {
	if what := awaitedKey(o, err); what.found() {
		return what, nil
	}
	if stores.Reason(err) == "" {
		return problem{}, nil
	}
	store := &v1alpha1.RecordingStore{}
	switch missing := r.options.Client.Get(ctx, client.ObjectKey{Name: o.recording.StoreName()}, store); {
	case apierrors.IsNotFound(missing) && stores.Reason(err) == v1alpha1.ReasonStoreNotFound:
		return problem{v1alpha1.ReasonStoreNotFound, err.Error()}, nil
	case missing != nil:
		return problem{}, client.IgnoreNotFound(missing)
	}
	_, unusable := errors.AsType[*stores.Error](err)
	if !unusable && verdictOf(store, v1alpha1.ConditionEndpointReachable) == metav1.ConditionTrue {
		return problem{}, nil // what is wrong with the store is something else
	}
	return notReady(store), nil
}

// awaitedKey is awaited for a manifest whose key the keyset lacks, and none for another error.
func awaitedKey(o *observation, err error) problem {
	if !errors.Is(err, archive.ErrKeyMissing) {
		return problem{}
	}
	store, keyset := o.store.open.Object, o.store.open.Keys
	if !slices.Equal(usableKeys(store), enabledKeys(keyset)) {
		return problem{}
	}
	ref := store.Spec.Encryption.KeySecretRef
	return problem{v1alpha1.ReasonKeyMissing, fmt.Sprintf("RecordingStore %s: %v. Its Secret %s/%s holds another keyset, or an older one: put back a backup that has the key",
		store.Name, err, ref.Namespace, ref.Name)}
}

// usableKeys are the IDs of the keys that a store's keyset opens something with, as its status says.
func usableKeys(store *v1alpha1.RecordingStore) []string {
	var ids []string
	for _, key := range store.Status.Keys.Keys {
		if key.State == v1alpha1.KeyPrimary || key.State == v1alpha1.KeyEnabled {
			ids = append(ids, key.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// enabledKeys are the IDs of the keys that a keyset opens something with.
func enabledKeys(keyset *keys.Keyset) []string {
	var ids []string
	for _, key := range keyset.Keys() {
		if key.Enabled {
			ids = append(ids, key.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// waitInstead is what a pass does in place of the rest of its steps where one of them has failed for something that has to be waited for; nil
// where it is to be tried again.
func waitInstead(o *observation, what step, err error) *decision {
	if (what == purgeMedia || what == destroyKey) && objectstore.Reason(err) == objectstore.ReasonLocked {
		return new(waitForBucket(o, what, err))
	}
	if key := awaitedKey(o, err); key.found() && what == mirrorState && o.stage == leaving {
		o.store.problem = key
		return new(decideStranded(o).withHolds(o))
	}
	return nil
}
