// SPDX-License-Identifier: Apache-2.0

package session

import (
	"net/http"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/moment"
)

// renewals is in how many parts Idle is divided: the time of the last request is written down once in each, and not with every segment of a film.
const renewals = 12

// activity is the content of a cookie of its own. In the session's, an answer that comes late could put back what another tab has changed
// meanwhile: a link that was opened there, or who is signed in.
type activity struct {
	// Session is the fingerprint of the session. Of another one, it tells nothing.
	Session string `json:"s"`
	// At is when a request came, in seconds since 1970.
	At int64 `json:"a"`
}

// Touch writes down that somebody uses their session, where that was not done within a twelfth of Idle. It never makes a session longer than it is,
// nor another one.
func (s *Store) Touch(w http.ResponseWriter, r *http.Request) error {
	session := s.Get(r)
	now := s.clock.Now()
	if s.Idle <= 0 || session == nil || now.Sub(s.used(r, session)) < s.Idle/renewals {
		return nil
	}
	return s.write(w, activeCookie, activity{Session: session.Fingerprint(), At: now.Unix()}, time.Unix(session.Ends, 0))
}

// idle says whether nobody has used the session for too long.
func (s *Store) idle(r *http.Request, session *Session) bool {
	return s.Idle > 0 && s.clock.Since(s.used(r, session)) >= s.Idle
}

// used is when the session was used last, as far as its browser can show: when it began, at the least.
func (s *Store) used(r *http.Request, session *Session) time.Time {
	began := time.UnixMilli(session.Began)
	var seen activity
	if s.read(r, activeCookie, &seen) != nil || seen.Session != session.Fingerprint() {
		return began
	}
	return moment.Later(began, time.Unix(seen.At, 0))
}
