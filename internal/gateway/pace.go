// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/byterange"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
	"github.com/reelkeeper/reelkeeper/internal/gateway/peers"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/policy"
)

// Reasons in the audit log of what a viewer was refused who otherwise may view.
const (
	reasonTooFast         access.Reason = "TooFast"
	reasonTooManyPlayers  access.Reason = "TooManyPlayers"
	reasonTooManyRequests access.Reason = "TooManyRequests"
)

const (
	// paceNotedEvery is how often the same excess of the same player is written down.
	paceNotedEvery = 10 * time.Minute
	// paceNoted bounds of how many that is remembered.
	paceNoted = 1 << 12
	// playersWait is when a player may try again that others have stopped.
	playersWait = time.Minute
	// crowd is how many times as much an address may, of which nobody knows how many people it stands for.
	crowd = addressFactor
)

// ledger is what viewers were given: by this replica, which is a pacing.Ledger, or by all together, which is a peers.Ledger.
type ledger interface {
	Admit(viewer string, visit pacing.Visit) pacing.Admission
	Take(viewer, recording string, terms pacing.Terms, units []pacing.Unit) (bought *pacing.Purchase, wait time.Duration)
}

// pace is what bounds how players are served.
type pace struct {
	ledger ledger
	noted  *cache.LRUExpireCache
}

// preparePace begins to count: by this replica, or, where there may be others, by all together.
func (s *Server) preparePace(options Options, keys *session.Ring) {
	local := pacing.New(options.Clock)
	s.pace = &pace{ledger: local, noted: cache.NewLRUExpireCacheWithClock(paceNoted, options.Clock)}
	if options.Peers == nil {
		return
	}
	s.peers = peers.New(peers.Options{
		Ring: options.Peers, Secrets: keys, Local: local, Clock: options.Clock, Log: options.Log,
		Counted: func(where string) { paceCounted.WithLabelValues(where).Inc() },
	})
	s.pace.ledger = s.peers
}

// ServePeers answers other replicas on the listener until ctx ends. It is for a gateway with Options.Peers.
func (s *Server) ServePeers(ctx context.Context, listener net.Listener) error {
	return s.peers.Serve(ctx, listener)
}

// viewer is whom players are counted by: the person, or the address of who has not signed in, which may stand for many people.
func (g *gate) viewer(r *http.Request, current *session.Session) (who string, people int) {
	if nobody(current) {
		return neighbourhood(clientAddress(r, g.proxies)), crowd
	}
	return current.Person.Issuer + " " + current.Person.Subject, 1
}

// admit counts a player's request, and the player.
func (s *Server) admit(w *watched) *refusal {
	who, people := s.gate.viewer(w.again.Request, w.again.session)
	rules := &w.rules.Playback
	admitted := s.pace.ledger.Admit(who, pacing.Visit{
		Player: w.view.ID, Began: w.view.Began, MaxRequests: bounded32(rules.MaxRequests, people), MaxPlayers: bounded32(rules.MaxViews, people),
	})
	if admitted.Wait > 0 {
		return s.excess(w, reasonTooManyRequests, rules.MaxRequests.Source(), admitted.Wait, fmt.Sprintf("more than %d requests in a minute", rules.MaxRequests.Value))
	}
	if admitted.Crowded {
		return s.excess(w, reasonTooManyPlayers, rules.MaxViews.Source(), playersWait, fmt.Sprintf("%d players that began later are in use", rules.MaxViews.Value))
	}
	return nil
}

func bounded32(limit policy.Field[int32], people int) int { return int(limit.Value) * people }

// buy gives a player a range of the recording at the speed of watching: it waits a little where that is enough, and refuses where
// it is not. Settle what it returns, which is nil where nothing is bounded.
func (s *Server) buy(w *watched, asked byterange.Range) (*pacing.Purchase, *refusal) {
	rules := &w.rules.Playback
	if rules.MaxAhead.Value == v1alpha1.Forever {
		return nil, nil
	}
	who, people := s.gate.viewer(w.again.Request, w.again.session)
	terms := pacing.Terms{
		MaxAhead: rules.MaxAhead.Value * time.Duration(people), Speed: speedOf(rules.MaxSpeed.Value) * float64(people),
		Length: time.Duration(w.media.Manifest.Media.DurationMillis) * time.Millisecond,
	}
	bought, wait := s.pace.ledger.Take(who, string(w.recording.UID), terms, w.media.Units(asked.Offset, asked.Length))
	if bought == nil {
		return nil, s.excess(w, reasonTooFast, rules.MaxAhead.Source(), wait,
			fmt.Sprintf("bytes %d to %d are further ahead of the speed of watching than %s", asked.Offset, asked.Offset+asked.Length-1, rules.MaxAhead.Value))
	}
	if bought.Wait == 0 {
		return bought, nil
	}
	if !waited(w.again.Context(), bought.Wait) {
		bought.Settle(0)
		panic(http.ErrAbortHandler) // nobody is there any more
	}
	if _, refused := s.gate.enter(w.again); refused != nil {
		bought.Settle(0)
		return nil, refused
	}
	return bought, nil
}

// waited waits, and says whether it was worth it: false when who asked has gone.
func waited(ctx context.Context, wait time.Duration) bool {
	timer := wall.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// speedOf reads a speed such as 1.5x. What is none is as it was recorded.
func speedOf(speed v1alpha1.PlaybackSpeed) float64 {
	value, err := strconv.ParseFloat(strings.TrimSuffix(string(speed), "x"), 64)
	if err != nil || value < 1 {
		return 1
	}
	return value
}

// excess is the refusal of too much, which is written down once in a while for each player.
func (s *Server) excess(w *watched, reason access.Reason, rule policy.Provenance, wait time.Duration, evidence string) *refusal {
	period := s.clock.Now().Truncate(paceNotedEvery)
	step := fmt.Sprintf("view/%s/%s/%d", w.view.ID, reason, period.Unix())
	if _, noted := s.pace.noted.Get(step); !noted {
		v := w.again
		v.step, v.since, v.evidence = func(*dossier) string { return step }, period, []string{evidence}
		if err := s.gate.write(v.Context(), w.dossier, v, access.Decision{Effect: access.Deny, Reason: reason, Rule: rule}); err != nil {
			return &refusal{kind: unrecorded, err: err}
		}
		s.pace.noted.Add(step, true, paceNotedEvery)
	}
	return &refusal{kind: tooMany, wait: wait}
}
