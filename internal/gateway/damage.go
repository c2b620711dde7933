// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/media"
)

const (
	// damageEvery is how often a replica writes down that the same recording is damaged: players ask again and again.
	damageEvery = time.Hour
	// damageKept bounds for how many recordings that is remembered.
	damageKept = 1024
	// damageTimeout ends writing it down, of which nobody waits for the outcome.
	damageTimeout = 5 * time.Second
)

// damage writes down which recordings were broken off because what is stored is not what was packaged, so that those who keep them
// learn of it before the next check of everything comes round.
type damage struct {
	gate *gate
	log  logr.Logger
	told *cache.LRUExpireCache
}

func newDamage(g *gate, log logr.Logger, clock clock.PassiveClock) *damage {
	return &damage{gate: g, log: log, told: cache.NewLRUExpireCacheWithClock(damageKept, clock)}
}

// report writes an audit event about a segment that was compared and differs. Other errors may be the network's.
func (d *damage) report(ctx context.Context, err error, v visit) {
	found, ok := errors.AsType[*media.DamageError](err)
	id := v.namespace + "/" + v.name
	if _, told := d.told.Get(id); !ok || told {
		return
	}
	d.told.Add(id, true, damageEvery)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), damageTimeout)
	defer cancel()
	recording := &v1alpha1.MeetingRecording{}
	if err := d.gate.find(ctx, client.ObjectKey{Namespace: v.namespace, Name: v.name}, recording); err != nil {
		return // it is gone
	}
	err = d.gate.recorder.Record(ctx, audit.Event{
		Namespace: v.namespace, Action: v.action, Outcome: v1alpha1.OutcomeRefused, Actor: audit.Controller("gateway"),
		Recording: audit.RecordingOf(recording), Reason: v1alpha1.ReasonDamaged,
		Evidence: []string{found.Error(), "sending " + recording.Status.Storage.Bucket + "/" + recording.Status.Storage.Key + " was broken off"},
	})
	if err != nil {
		d.log.Error(err, "Writing down that a recording is damaged failed", "namespace", v.namespace, "name", v.name)
	}
}
