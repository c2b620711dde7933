// SPDX-License-Identifier: Apache-2.0

package scrub

import (
	"context"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// failing is a recording that cannot be read, although the server does not say why for good.
type failing struct {
	key   client.ObjectKey
	since time.Time
}

// unread counts a recording of which nothing is known, and is true: its turn comes again.
func unread(ctx context.Context, store string, key client.ObjectKey, err error) bool {
	log.FromContext(ctx).Info("A recording cannot be checked", "recording", key, "reason", err.Error())
	scrubbedRecordings.WithLabelValues(store, "Unread").Inc()
	return true
}

// givesUp says that a recording has failed for long enough, which may be the one that the server cannot read: the others are not to wait for
// it for ever. In an outage, one an hour is given up.
func (r *Reconciler) givesUp(store string, key client.ObjectKey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failing == nil {
		r.failing = map[string]failing{}
	}
	now := r.Clock.Now()
	if r.failing[store].key != key {
		r.failing[store] = failing{key, now}
	}
	return now.Sub(r.failing[store].since) >= shift
}
