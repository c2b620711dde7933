// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

// The recent window of the audit log is bounded, so whoever could make records at will could push other people's out of it.
const (
	// refusalsPerMinute is far more than anybody meets who follows links, and less than a script that tries names.
	refusalsPerMinute = 60
	// startsPerMinute is more films and files than anybody begins.
	startsPerMinute = 120
	// addressFactor is how many times as much an address may as a person: many people can share one.
	addressFactor = 10
)

// flood bounds how many records one person, or one address where nobody signed in, makes in a minute. What goes beyond is refused
// and not written down, be it a refusal or not: there is no access without its record.
type flood struct {
	refusals, starts, refusalsAt, startsAt *throttle.Allowance
}

func newFlood(clock clock.PassiveClock, refusals, starts int) *flood {
	allow := func(limit int) *throttle.Allowance { return throttle.NewAllowance(clock, limit, time.Minute) }
	return &flood{allow(refusals), allow(starts), allow(refusals * addressFactor), allow(starts * addressFactor)}
}

// take returns how many records are left for now after this one, or how long to wait.
func (f *flood) take(current *session.Session, neighbourhood string, allowed bool) (left int, wait time.Duration) {
	switch {
	case nobody(current) && allowed:
		return f.startsAt.Take(neighbourhood)
	case nobody(current):
		return f.refusalsAt.Take(neighbourhood)
	}
	who := current.Person.Issuer + " " + current.Person.Subject
	if allowed {
		return f.starts.Take(who)
	}
	return f.refusals.Take(who)
}

// bound refuses a visit whose record would be one too many. The last record that is written says so.
func (g *gate) bound(v *visit, d *dossier) *refusal {
	allowed := d.decide(v.permission).Allowed()
	if allowed && (!v.started || v.step != nil) {
		return nil // nothing is written down, or all of it is one record
	}
	left, wait := g.flood.take(v.session, neighbourhood(clientAddress(v.Request, g.proxies)), allowed)
	if wait > 0 {
		return &refusal{kind: tooMany, wait: wait}
	}
	v.last = left == 0
	return nil
}

// lastRecord is the evidence in a record after which no more are written for a while.
const lastRecord = "more of this kind, by the same person or address within a minute, are refused without being written down"

// waitHeader says when to come back, where it makes sense to.
func (f *refusal) waitHeader(header http.Header) {
	if f.wait > 0 {
		header.Set("Retry-After", inSeconds(f.wait))
	}
}
