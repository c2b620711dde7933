// SPDX-License-Identifier: Apache-2.0

package scrub

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

const (
	// defaultEvery and defaultRate hold where the store does not say: everything is read once in a month, at 10 MiB a second at most.
	defaultEvery = 30 * 24 * time.Hour
	defaultRate  = 10 << 20
	// leastEvery bounds how often everything is read.
	leastEvery = time.Hour
	// lookBack is how far back a new process begins, so that a restart leaves nothing out that fell due during it.
	lookBack = time.Hour
)

// plan is what a store's spec says of the check.
type plan struct {
	// every is within how much time everything is checked once; zero for never.
	every time.Duration
	// rate is in bytes a second.
	rate float64
}

func planOf(store *v1alpha1.RecordingStore) plan {
	p := plan{every: defaultEvery, rate: defaultRate}
	spec := store.Spec.Integrity
	if spec.ScrubEvery == v1alpha1.Never {
		return plan{}
	}
	if every, err := spec.ScrubEvery.Parse(); err == nil { // the schema refuses what does not parse; absent does not
		p.every = max(every, leastEvery)
	}
	if rate := spec.BytesPerSecond; rate != nil && rate.Sign() > 0 {
		p.rate = rate.AsApproximateFloat64()
	}
	return p
}

// tick is how often it is looked what has fallen due: often enough that the load is even, seldom enough that going through all
// recordings costs nothing.
func (p plan) tick() time.Duration { return min(max(p.every/720, time.Minute), time.Hour) }

// patience is how long the check of a recording with so much media may take: at its pace, with as much again for looking into earlier
// versions, and what a server may need that is slow.
func (p plan) patience(bytes int64) time.Duration {
	return shift + time.Duration(2*float64(bytes)/p.rate*float64(time.Second))
}

// due returns when a recording falls due in the time after from, until to. Each has its moment, by a hash of its UID, and falls due
// whenever a period has gone by: nothing has to be written down for that, and all are spread evenly.
func (p plan) due(uid string, from, to time.Time) (time.Time, bool) {
	sum := sha256.Sum256([]byte(uid))
	phase := time.Duration(binary.BigEndian.Uint64(sum[:8]) % uint64(p.every))
	since := time.Duration(from.UnixNano()) - phase
	next := from.Add(p.every - since%p.every)
	if since%p.every < 0 { // before 1970, or the phase is ahead of it
		next = next.Add(-p.every)
	}
	return next, !next.After(to)
}
