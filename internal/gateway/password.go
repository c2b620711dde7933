// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reelkeeper/reelkeeper/internal/credentials"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// linkPassword checks the password of a link. The same is done for links that lead nowhere, or to somebody else: a hash is
// computed and tries are counted.
func (s *Server) linkPassword(w http.ResponseWriter, r *http.Request) {
	i, current := s.arrive(w, r)
	if i == nil {
		return
	}
	keys := s.tryKeys(r, current)
	if wait := s.passwords.Try(keys...); wait > 0 {
		s.waitPage(w, r, current, wait)
		return
	}
	right, err := s.verify(r.Context(), i, r.PostFormValue("password"))
	if err != nil {
		return // nobody is there any more
	}
	admitted, refused := s.gate.enter(i.visit)
	needed := refused == nil && i.needsPassword(admitted.dossier)
	var wait time.Duration
	if needed {
		wait, err = s.countTry(r, i, right, keys)
	}
	switch {
	case refused != nil:
		s.refusePage(w, r, current, refused, r.URL.Path)
	case err != nil:
		s.refusePage(w, r, current, &refusal{kind: broken, err: err}, r.URL.Path)
	case wait > 0:
		s.waitPage(w, r, current, wait)
	case needed && !right:
		s.wrongPassword(w, r, current, i, admitted)
	default:
		s.passwords.Right(keys...)
		s.open(w, r, current, i)
	}
}

// countTry counts a try for all replicas together. Where it returns a wait, nobody is told whether the password was right: there were too
// many tries before, here or elsewhere.
func (s *Server) countTry(r *http.Request, i *invitation, right bool, keys []string) (wait time.Duration, err error) {
	count := s.tries.Wrong
	if right {
		count = s.tries.Right
	}
	return count(r.Context(), i.grant.Namespace, i.grant.Name, s.clock.Now(), hidden(chi.URLParam(r, "token"), keys)...)
}

// tryKeys are what tries are counted by: the link together with the address, and together with who is signed in. By the link
// alone, anybody could lock out everybody.
func (s *Server) tryKeys(r *http.Request, current *session.Session) []string {
	link := credentials.HashToken(chi.URLParam(r, "token"))
	keys := []string{link + " from " + neighbourhood(clientAddress(r, s.gate.proxies))}
	if !nobody(current) {
		keys = append(keys, link+" by "+current.Person.Issuer+" "+current.Person.Subject)
	}
	return keys
}

// verify compares the password with the grant's, or with one that nobody has.
func (s *Server) verify(ctx context.Context, i *invitation, password string) (bool, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if i.grant == nil || i.grant.Status.PasswordHash == "" {
		credentials.VerifyPassword(s.nobodysHash, password)
		return false, nil
	}
	return credentials.VerifyPassword(i.grant.Status.PasswordHash, password), nil
}

// wrongPassword writes the try down and asks again.
func (s *Server) wrongPassword(w http.ResponseWriter, r *http.Request, current *session.Session, i *invitation, admitted *admission) {
	without := admitted.withoutLink(i.grant.Name)
	if err := s.gate.write(r.Context(), without, i.visit, without.decide(i.visit.permission)); err != nil {
		s.refusePage(w, r, current, &refusal{kind: unrecorded, err: err}, r.URL.Path)
		return
	}
	s.page(w, r, http.StatusForbidden, pages.Password, current, pages.PasswordContent{Message: language(r).T("passwordWrong")})
}

// inSeconds is a wait in whole seconds, and never too short.
func inSeconds(wait time.Duration) string { return strconv.Itoa(int(math.Ceil(wait.Seconds()))) }

func (s *Server) waitPage(w http.ResponseWriter, r *http.Request, current *session.Session, wait time.Duration) {
	seconds := inSeconds(wait)
	w.Header().Set("Retry-After", seconds)
	message := fmt.Sprintf(language(r).T("passwordWait"), seconds)
	s.page(w, r, http.StatusTooManyRequests, pages.Password, current, pages.PasswordContent{Message: message})
}
