// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/pacing"
	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
)

const (
	// Patience is how long a replica may take to answer another. A player that waits so long once in a while does not notice.
	Patience = 200 * time.Millisecond
	// toldEvery is how often it is said in the log that a replica does not answer.
	toldEvery = time.Minute
)

// Where something was counted.
const (
	// Here is by this replica, which is the viewer's home.
	Here = "Here"
	// Home is by another one, which is.
	Home = "Home"
	// Alone is by this replica, because the home did not answer.
	Alone = "Alone"
)

// Options are what a Ledger is made of.
type Options struct {
	// Ring are the replicas.
	Ring *Ring
	// Secrets are what they know each other by.
	Secrets Secrets
	// Local counts for those whose home is this replica.
	Local *pacing.Ledger
	// Counted is told where something was counted: Here, Home or Alone.
	Counted func(where string)
	Clock   clock.PassiveClock
	Log     logr.Logger
}

// Ledger is what viewers were given by all replicas together. It is safe for concurrent use. Its errors are nobody's: where another replica does not
// answer, this one counts by itself.
type Ledger struct {
	Options
	circle    *circle
	transport *http.Transport
	// told is how often silence may be told in the log.
	told *throttle.Allowance
}

// New returns a Ledger that asks others. Serve lets it answer them too.
func New(options Options) *Ledger {
	trusted := &circle{secrets: options.Secrets}
	return &Ledger{Options: options, circle: trusted, transport: newTransport(trusted), told: throttle.NewAllowance(options.Clock, 1, toldEvery)}
}

const (
	// connections is how many a replica keeps to each of the others. A question takes less than a millisecond.
	connections = 32
	// connectWithin is how long to connect may take. Who asked has not waited for that, but the next one finds a connection.
	connectWithin = 5 * time.Second
)

// newTransport speaks HTTP/1.1, of which such a question takes three quarters of the time of HTTP/2, and which gives up a connection that does not answer.
func newTransport(trusted *circle) *http.Transport {
	return &http.Transport{
		TLSClientConfig: trusted.config(), DialContext: (&net.Dialer{Timeout: connectWithin}).DialContext, TLSHandshakeTimeout: connectWithin,
		MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: idleTimeout / 2, MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
	}
}

// Admit is pacing.Ledger.Admit, by the viewer's home.
func (l *Ledger) Admit(viewer string, visit pacing.Visit) pacing.Admission {
	viewer = anonymous(viewer)
	var answer admitAnswer
	if home := l.homeOf(viewer); home != nil && l.ask(home, admitPath, &admitMessage{
		Viewer: viewer, Player: visit.Player, Began: visit.Began, MaxRequests: visit.MaxRequests, MaxPlayers: visit.MaxPlayers,
	}, &answer) {
		return pacing.Admission{Wait: answer.Wait, Crowded: answer.Crowded}
	}
	return l.Local.Admit(viewer, visit)
}

// Take is pacing.Ledger.Take, by the viewer's home. What is given back goes to who sold it.
func (l *Ledger) Take(viewer, recording string, terms pacing.Terms, units []pacing.Unit) (*pacing.Purchase, time.Duration) {
	viewer = anonymous(viewer)
	var answer takeAnswer
	home := l.homeOf(viewer)
	if home == nil || !l.ask(home, takePath, newUnits(viewer, recording, terms, units), &answer) {
		return l.Local.Take(viewer, recording, terms, units)
	}
	if !answer.Sold {
		return nil, answer.Wait
	}
	return pacing.NewPurchase(answer.Wait, units, func(unsent []pacing.Unit) {
		// What is not heard stays paid.
		l.ask(home, giveBackPath, newUnits(viewer, recording, terms, unsent), &giveBackAnswer{})
	}), answer.Wait
}

// anonymous stands for a viewer, so that no replica tells another who it is.
func anonymous(viewer string) string {
	sum := sha256.Sum256([]byte(viewer))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

func (l *Ledger) homeOf(viewer string) *member {
	home := l.Ring.home(viewer)
	if home == nil {
		l.Counted(Here)
	}
	return home
}

// ask asks a replica, and says whether it answered. It takes no context of who wants to know: a question that is broken off may have been
// heard, and its purchase could not be given back.
func (l *Ledger) ask(home *member, path string, question any, answer message) bool {
	now := l.Clock.Now()
	if !home.mayAsk(now) {
		l.Counted(Alone)
		return false
	}
	err := l.post("https://"+home.address+path, question, answer)
	home.heard(err == nil, now)
	if err == nil {
		l.Counted(Home)
		return true
	}
	l.Counted(Alone)
	if _, wait := l.told.Take(""); wait == 0 {
		l.Log.Info("Counting what some people watch without another gateway, which does not answer: this one may be giving them more than their policy allows",
			"gateway", home.address, "reason", err.Error())
	}
	return false
}

func (l *Ledger) post(url string, question any, answer message) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.Ring.patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := l.transport.RoundTrip(request)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("no answer within %s", l.Ring.patience)
		}
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %s: do both run the same version?", response.Status)
	}
	if err := decode(response.Body, answer); err != nil {
		return errors.Join(errors.New("the answer is not understood: do both run the same version?"), err)
	}
	return nil
}
