// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
)

// Reasons in the audit log of how a download ended.
const (
	reasonFinished  access.Reason = "Finished"
	reasonInParts   access.Reason = "InParts"
	reasonBrokenOff access.Reason = v1alpha1.ReasonBrokenOff
)

const (
	// partsIdle is how long nothing has come of a download in parts before its end is written down: programs load one part
	// after the other.
	partsIdle = 10 * time.Second
	// deliveryTimeout ends writing it down, of which nobody waits for the outcome.
	deliveryTimeout = 5 * time.Second
)

// deliveries write down how downloads ended, and how many bytes were sent: whole ones one by one, the parts of one together.
type deliveries struct {
	gate *gate
	log  logr.Logger

	mutex sync.Mutex
	parts map[string]*delivery
	ended bool
}

// delivery is a download, or what has been sent of its parts.
type delivery struct {
	visit    visit
	dossier  *dossier
	decision access.Decision
	size     int64

	sent              int64
	requests, running int
	broken            bool
	idle              clock.Timer
}

func newDeliveries(g *gate, log logr.Logger) *deliveries {
	return &deliveries{gate: g, log: log, parts: map[string]*delivery{}}
}

func deliveryOf(admitted *admission, size int64) *delivery {
	v := admitted.again
	v.action, v.step, v.evidence, v.last, v.resumed = v1alpha1.AuditDelivered, nil, nil, false, false
	return &delivery{visit: v, dossier: admitted.dossier, decision: admitted.decision, size: size}
}

// whole writes down the end of a download of the whole file, or of all that is left of it.
func (d *deliveries) whole(admitted *admission, size, asked, sent int64) {
	one := deliveryOf(admitted, size)
	one.sent, one.requests, one.broken = sent, 1, sent < asked
	d.write(one)
}

// begin notes that a part is being sent. Call end when it was, or was not.
func (d *deliveries) begin(admitted *admission, size int64) (end func(asked, sent int64)) {
	id := admitted.again.session.Fingerprint() + "/" + string(admitted.recording.UID)
	d.mutex.Lock()
	defer d.mutex.Unlock()
	known := d.parts[id]
	if known == nil {
		known = deliveryOf(admitted, size)
		d.parts[id] = known
	}
	if known.idle != nil {
		known.idle.Stop()
	}
	known.running++
	known.requests++
	return func(asked, sent int64) { d.end(id, known, asked, sent) }
}

func (d *deliveries) end(id string, known *delivery, asked, sent int64) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	known.running--
	known.sent += sent
	known.broken = known.broken || sent < asked
	if known.running > 0 || d.parts[id] != known {
		return
	}
	wait := partsIdle
	if d.ended {
		wait = 0
	}
	known.idle = wall.AfterFunc(wait, func() { d.settle(id, known) })
}

// settle writes down what has come of the parts of a download, unless more are being sent.
func (d *deliveries) settle(id string, known *delivery) {
	d.mutex.Lock()
	due := d.parts[id] == known && known.running == 0
	if due {
		delete(d.parts, id)
	}
	d.mutex.Unlock()
	if due {
		d.write(known)
	}
}

// close writes down everything that waits.
func (d *deliveries) close() {
	d.mutex.Lock()
	d.ended = true
	waiting := maps.Clone(d.parts)
	d.mutex.Unlock()
	for id, known := range waiting {
		d.settle(id, known)
	}
}

func (d *deliveries) write(one *delivery) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(one.visit.Context()), deliveryTimeout)
	defer cancel()
	v := one.visit
	v.evidence = []string{fmt.Sprintf("%d bytes of %d in %d requests", one.sent, one.size, one.requests)}
	decision := one.decision
	decision.Reason, decision.Trial = one.reason(), access.Trial{}
	// The start has its record. Where this one cannot be written any more, as in a namespace that is gone, nothing was given out without one.
	if err := d.gate.write(ctx, one.dossier, v, decision); err != nil && !errors.Is(err, context.Canceled) {
		d.log.Error(err, "Writing down how a download ended failed", "namespace", v.namespace, "name", v.name)
	}
}

func (d *delivery) reason() access.Reason {
	switch {
	case d.broken:
		return reasonBrokenOff
	case d.sent == d.size:
		return reasonFinished
	}
	return reasonInParts
}
