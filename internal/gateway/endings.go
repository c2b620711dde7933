// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/ended"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/signin"
	"github.com/reelkeeper/reelkeeper/internal/gateway/throttle"
	"github.com/reelkeeper/reelkeeper/internal/moment"
)

const (
	// endingsPerHour is how often one person can end sessions, in each replica: each is a write, and is kept until the session would have ended by itself.
	endingsPerHour = 60
	// badTokensPerMinute is how many logout tokens that are none one address can have looked at: the keys of some have to be asked for.
	badTokensPerMinute = 300
	// endingTimeout bounds writing down that a session is over. Who has closed the page meanwhile has signed out all the same.
	endingTimeout = 5 * time.Second
	// heardEvery and heardWithin are how it is waited for that the replica's own watch has it.
	heardEvery, heardWithin = 5 * time.Millisecond, time.Second
)

var errTooManyEndings = errors.New("the person has ended more sessions within an hour than are written down")

// endings end sessions, for all replicas.
type endings struct {
	*ended.Ledger
	clock              clock.PassiveClock
	persons, badTokens *throttle.Allowance
}

func newEndings(ledger *ended.Ledger, clock clock.PassiveClock, perHour int) *endings {
	return &endings{
		Ledger: ledger, clock: clock,
		persons: throttle.NewAllowance(clock, perHour, time.Hour), badTokens: throttle.NewAllowance(clock, badTokensPerMinute, time.Minute),
	}
}

// namesOf are the names by which a session can be ended.
func namesOf(current *session.Session) []ended.Name {
	person := current.Person
	names := []ended.Name{ended.Session(current.ID), ended.Account(person.Issuer, person.Subject)}
	if person.Login != "" {
		names = append(names, ended.Login(person.Issuer, person.Login))
	}
	if person.Email != "" {
		names = append(names, ended.Address(person.Email, ""), ended.Address(person.Email, person.Issuer))
	}
	return names
}

// over says whether a session was ended before its time. Those of nobody never are: they give what a link gives to anybody who has it, and nobody
// is bound by how many of them they make.
func (g *gate) over(ctx context.Context, current *session.Session) (bool, error) {
	if nobody(current) {
		return false, nil
	}
	return g.ended.Over(ctx, time.UnixMilli(current.Began), namesOf(current)...)
}

// over is that of the gate, for the cookie of a request: what cannot be found out counts as over.
func (s *Server) over(r *http.Request, current *session.Session) bool {
	over, err := s.gate.over(r.Context(), current)
	if err != nil {
		s.log.Error(err, "Taking a session for over")
	}
	return over || err != nil
}

// active keeps the session of whoever asks for something. What a page asks by itself while it waits does not count: nobody may be there.
func (s *Server) active(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if chi.RouteContext(r.Context()).RoutePattern() != statePattern {
			if err := s.sessions.Touch(w, r); err != nil {
				s.log.Error(err, "Keeping a session failed")
			}
		}
		next.ServeHTTP(w, r)
	})
}

// endSession ends the session of somebody who signs out, or with everywhere all of theirs that have begun.
func (s *Server) endSession(r *http.Request, current *session.Session, everywhere bool) error {
	person, now := current.Person, s.clock.Now()
	if _, wait := s.endings.persons.Take(person.Issuer + " " + person.Subject); wait > 0 {
		return errTooManyEndings
	}
	ends := time.Unix(current.Ends, 0)
	name, entry := ended.Session(current.ID), ended.Entry{Before: ends, Until: ends}
	if everywhere {
		name, entry = ended.Account(person.Issuer, person.Subject), entryOf(now, current)
	}
	client := s.deviceOf(r)
	err := s.endings.write(r.Context(), name, entry)
	if err == nil {
		s.log.Info("Signed out", "issuer", person.Issuer, "subject", person.Subject, "everywhere", everywhere, "address", client.Address, "device", client.UserAgent)
	}
	return err
}

// entryOf ends all sessions that have begun. The one that it is asked in has, whatever the clock of the replica says at which it did.
func entryOf(now time.Time, current *session.Session) ended.Entry {
	now = moment.Later(now, time.UnixMilli(current.Began))
	return ended.Entry{Before: now, Until: now.Add(config.MaxLifetime)}
}

func (e *endings) write(ctx context.Context, name ended.Name, entry ended.Entry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingTimeout)
	defer cancel()
	if err := e.End(ctx, e.clock.Now(), name, entry); err != nil {
		return err
	}
	// Who is told that they are signed out is so here at least, and the others hear of it at the same time.
	_ = wait.PollUntilContextTimeout(ctx, heardEvery, heardWithin, true, func(ctx context.Context) (bool, error) {
		heard, found, err := e.Find(ctx, name)
		return err == nil && found && !heard.Before.Before(entry.Before.Truncate(time.Millisecond)), nil
	})
	return nil
}

// unended tells somebody honestly that signing out did not do what it should. Where it was about one browser, that is signed out by now.
func (s *Server) unended(w http.ResponseWriter, r *http.Request, current *session.Session, everywhere bool, err error) {
	status := http.StatusServiceUnavailable
	if errors.Is(err, errTooManyEndings) {
		status = http.StatusTooManyRequests
	}
	s.log.Error(err, "Ending a session failed", "issuer", current.Person.Issuer, "subject", current.Person.Subject, "everywhere", everywhere)
	lang := language(r)
	if everywhere {
		s.page(w, r, status, pages.Refusal, current, pages.RefusalContent{
			Title: lang.T("unendedAllTitle"), Message: lang.T("unendedAllText"), Remedies: []string{lang.T("unendedRemedy")},
		})
		return
	}
	ends := time.Unix(current.Ends, 0).UTC().Format("15:04 MST")
	s.page(w, r, status, pages.Refusal, nil, pages.RefusalContent{
		Title: lang.T("unendedTitle"), Message: lang.Fill("unendedText", ends), Remedies: []string{lang.T("unendedRemedy")},
	})
}

// backChannel takes the word of a provider that somebody is signed out.
func (s *Server) backChannel(w http.ResponseWriter, r *http.Request) {
	address := neighbourhood(clientAddress(r, s.gate.proxies))
	if wait := s.endings.badTokens.Spent(address); wait > 0 {
		w.Header().Set("Retry-After", inSeconds(wait))
		answerPlainly(w, http.StatusTooManyRequests, "too many logout tokens that are none came from there")
		return
	}
	out, err := s.flow.LoggedOut(r, providerIn(r))
	if err == nil {
		err = s.endings.takeToken(r.Context(), out)
	}
	client := s.deviceOf(r)
	switch {
	case err == nil:
		s.log.Info("Signed out by the identity provider", "issuer", out.Issuer, "subject", out.Subject, "address", client.Address)
		answerPlainly(w, http.StatusOK, "ok")
	case errors.Is(err, signin.ErrLogoutToken):
		s.endings.badTokens.Take(address)
		s.log.Error(err, "Refusing a logout token", "address", client.Address, "device", client.UserAgent)
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "the logout token does not count here; why is in the gateway's log"})
	default:
		s.log.Error(err, "Ending a session for the identity provider failed")
		writeJSON(w, http.StatusServiceUnavailable, map[string]string{"error": "temporarily_unavailable", "error_description": "nothing was ended for sure: try again"})
	}
}

// takeToken ends what a logout token is about: the sessions of one sign-in at the provider, or where it names none all of the account. Each token is
// good once; to die between the two writes makes it good once more, for the same.
func (e *endings) takeToken(ctx context.Context, out *signin.Logout) error {
	used, now := ended.Token(out.Issuer, out.ID), e.clock.Now()
	if _, found, err := e.Find(ctx, used); err != nil {
		return err
	} else if found {
		return fmt.Errorf("%w: it was taken before", signin.ErrLogoutToken)
	}
	name := ended.Account(out.Issuer, out.Subject)
	if out.Login != "" {
		name = ended.Login(out.Issuer, out.Login)
	}
	if err := e.write(ctx, name, ended.Entry{Before: now, Until: now.Add(config.MaxLifetime)}); err != nil {
		return err
	}
	return e.write(ctx, used, ended.Entry{Before: now, Until: out.Forget})
}
