// SPDX-License-Identifier: Apache-2.0

package session

import (
	"crypto/rand"
	"encoding/base64"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// View is somebody watching one recording: what the token in a player's URLs says. The token alone opens nothing; the
// cookie of the session that it was made for has to come with it, and access is decided anew at every request.
type View struct {
	// ID names the view in the audit log.
	ID string `json:"v"`
	// Session is the fingerprint of the session that it was made for.
	Session string `json:"s"`
	// Namespace, Name and UID are the recording. Another recording of the same name is another one.
	Namespace string    `json:"ns"`
	Name      string    `json:"n"`
	UID       types.UID `json:"u"`
	// Grant is the name of the grant of which a use was counted when the view began: the last use is not taken from under it.
	Grant string `json:"g,omitempty"`
	// Began is when the view began, Ends when the player has to ask for a new one, in seconds since 1970.
	Began int64 `json:"b"`
	Ends  int64 `json:"x"`
}

// Counted is the use that was counted when the view began; none where it has no grant.
func (v *View) Counted() []Counted {
	if v.Grant == "" {
		return nil
	}
	return []Counted{{Grant: v.Grant, Recording: v.UID}}
}

// NewView returns a view of a recording in this session that begins now. It ends after lifetime, or with the session.
func (s *Session) NewView(namespace, name string, uid types.UID, now time.Time, lifetime time.Duration) *View {
	id := make([]byte, 12)
	_, _ = rand.Read(id)
	return &View{
		ID: base64.RawURLEncoding.EncodeToString(id), Session: s.Fingerprint(),
		Namespace: namespace, Name: name, UID: uid, Began: now.Unix(), Ends: min(now.Add(lifetime).Unix(), s.Ends),
	}
}

// Token returns the view as a token for URLs.
func (s *Store) Token(view *View) (string, error) { return s.keys.current().seal(viewPurpose, view) }

// View returns what a token says, or nil unless it is genuine, in time, and made for this session.
func (s *Store) View(session *Session, token string) *View {
	view := s.viewOf(session, token)
	if view == nil || s.clock.Now().Unix() >= view.Ends {
		return nil
	}
	return view
}

// EndedView is View for a token whose time may be over: for a player that asks for a new one.
func (s *Store) EndedView(session *Session, token string) *View { return s.viewOf(session, token) }

func (s *Store) viewOf(session *Session, token string) *View {
	var view View
	if session == nil || s.keys.current().open(viewPurpose, token, &view) != nil || view.Session != session.Fingerprint() {
		return nil
	}
	return &view
}
