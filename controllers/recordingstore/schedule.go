// SPDX-License-Identifier: Apache-2.0

package recordingstore

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/reelkeeper/reelkeeper/internal/objectstore"
)

// How often the outside world is looked at, which does not say when it changes.
const (
	// probeEvery is how often a store that works is probed again.
	probeEvery = 10 * time.Minute
	// retryFirst is how soon a store that does not work is probed again; every further try takes twice as long.
	retryFirst = 2 * time.Second
	// retryMost bounds that.
	retryMost = 5 * time.Minute
	// probeTimeout ends a probe of a server that does not answer.
	probeTimeout = time.Minute
)

// inputs are what the outcome of a probe depends on, on our side. When they differ, it is time for the next one.
type inputs struct {
	store      types.UID
	generation int64
	// takeOver is the claim that may be taken over.
	takeOver string
	// client is another one whenever the credentials change.
	client *objectstore.Client
	// namespaces are those that need a bucket of their own.
	namespaces []string
}

func (i inputs) equal(other inputs) bool {
	return i.store == other.store && i.generation == other.generation && i.takeOver == other.takeOver && i.client == other.client && slices.Equal(i.namespaces, other.namespaces)
}

// probed is the last probe of a store. It lives in memory: after a restart there is a new one.
type probed struct {
	of       inputs
	found    findings
	at       time.Time
	failures int
	// cleared is when unfinished uploads were last looked for.
	cleared time.Time
}

// next returns when the store has to be probed again.
func (p probed) next() time.Time {
	if p.failures == 0 {
		return p.at.Add(probeEvery)
	}
	// 2 s · 2^8 is past the bound already; shifting further would overflow.
	return p.at.Add(min(retryFirst<<min(p.failures-1, 8), retryMost))
}

// due reports whether the store has to be probed at now.
func (p probed) due(of inputs, now time.Time) bool {
	return !p.of.equal(of) || !now.Before(p.next())
}
