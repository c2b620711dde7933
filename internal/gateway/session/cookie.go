// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

// Names of the cookies and, sealed into them, of their purpose.
const (
	sessionCookie = "reelkeeper"
	activeCookie  = "reelkeeper-active"
	flowCookie    = "reelkeeper-signin"
	leftCookie    = "reelkeeper-left"
	viewPurpose   = "view"
)

// flowLifetime is how long somebody may take at the identity provider.
const flowLifetime = 15 * time.Minute

// leftFor is how long a browser remembers that somebody signed out.
const leftFor = 30 * 24 * time.Hour

// Store keeps sessions in cookies.
type Store struct {
	keys   keySource
	clock  clock.PassiveClock
	secure bool
	// Vouched, where it is set, says whether somebody's identity provider still is one: the sessions of others are over.
	Vouched func(*identity.Person) bool
	// Over, where it is set, says whether a session was ended before its time.
	Over func(*http.Request, *Session) bool
	// Idle, where it is set, is after how long without a request a session is over.
	Idle time.Duration
}

// NewStore returns a Store. Secure says that browsers reach the gateway by https: cookies then are sent over nothing else and
// carry the prefix __Host-, so that no neighbouring host can set them.
func NewStore(keys keySource, clock clock.PassiveClock, secure bool) *Store {
	return &Store{keys: keys, clock: clock, secure: secure}
}

// Get returns the session of a request, or nil where there is none that counts.
func (s *Store) Get(r *http.Request) *Session {
	var session Session
	if s.read(r, sessionCookie, &session) != nil || session.ID == "" || session.Ended(s.clock.Now()) {
		return nil
	}
	if session.Person != nil && s.Vouched != nil && !s.Vouched(session.Person) {
		return nil
	}
	if s.idle(r, &session) || s.Over != nil && s.Over(r, &session) {
		return nil
	}
	return &session
}

// Put sends the session to the browser. It fails when the person's claims are too many for a cookie.
func (s *Store) Put(w http.ResponseWriter, session *Session) error {
	if err := s.write(w, sessionCookie, session, time.Unix(session.Ends, 0)); err != nil {
		return fmt.Errorf("the account's groups, departments and labels do not fit a cookie: name the groups that matter in signIn.claims.keepGroups: %w", err)
	}
	return nil
}

// Clear ends the session in the browser, and remembers that somebody left it.
func (s *Store) Clear(w http.ResponseWriter) {
	s.clear(w, sessionCookie)
	s.clear(w, activeCookie)
	s.set(w, leftCookie, "1", int(leftFor.Seconds()))
}

// Left says that the last one to sign in has signed out.
func (s *Store) Left(r *http.Request) bool {
	_, err := r.Cookie(s.name(leftCookie))
	return err == nil
}

// Return forgets that somebody signed out.
func (s *Store) Return(w http.ResponseWriter, r *http.Request) {
	if s.Left(r) {
		s.clear(w, leftCookie)
	}
}

// Flow is a sign-in that has begun.
type Flow struct {
	// Provider is the name of the identity provider that was asked.
	Provider string `json:"p"`
	// State and Nonce bind the provider's answer to this browser and this try; Verifier is the secret of PKCE.
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	// Next is the page to go on to.
	Next string `json:"t"`
	// Ends is when it is too late, in seconds since 1970.
	Ends int64 `json:"x"`
}

// PutFlow remembers a sign-in that has begun.
func (s *Store) PutFlow(w http.ResponseWriter, flow Flow) error {
	ends := s.clock.Now().Add(flowLifetime)
	flow.Ends = ends.Unix()
	return s.write(w, flowCookie, flow, ends)
}

var errNoFlow = errors.New("no sign-in has begun in this browser in the last minutes, or it refuses cookies: start again")

// TakeFlow returns the sign-in that has begun, and forgets it: each is good for one answer.
func (s *Store) TakeFlow(w http.ResponseWriter, r *http.Request) (Flow, error) {
	var flow Flow
	err := s.read(r, flowCookie, &flow)
	s.clear(w, flowCookie)
	if err != nil || flow.State == "" || s.clock.Now().Unix() >= flow.Ends {
		return Flow{}, errNoFlow
	}
	return flow, nil
}

func (s *Store) name(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

func (s *Store) read(r *http.Request, name string, into any) error {
	cookie, err := r.Cookie(s.name(name))
	if err != nil {
		return err
	}
	return s.keys.current().open(name, cookie.Value, into)
}

func (s *Store) write(w http.ResponseWriter, name string, value any, ends time.Time) error {
	sealed, err := s.keys.current().seal(name, value)
	if err != nil {
		return err
	}
	s.set(w, name, sealed, int(ends.Sub(s.clock.Now()).Seconds()))
	return nil
}

func (s *Store) clear(w http.ResponseWriter, name string) { s.set(w, name, "", -1) }

func (s *Store) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure wherever browsers come by https
		Name: s.name(name), Value: value, Path: "/", MaxAge: maxAge,
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
