// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"k8s.io/utils/clock"

	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// CallbackPath is where the identity provider sends people back to.
const CallbackPath = "/signin/callback"

// Flow signs people in and out of sessions.
type Flow struct {
	Provider *Provider
	Sessions *session.Store
	Clock    clock.PassiveClock
	// Lifetime is how long a session lasts.
	Lifetime time.Duration
	// Failed answers when signing in did not work. The error is for the log, not for the page.
	Failed func(w http.ResponseWriter, r *http.Request, status int, err error)
}

// Begin sends the browser to the identity provider and remembers where to go on to afterwards.
func (f *Flow) Begin(w http.ResponseWriter, r *http.Request, next string, options ...oauth2.AuthCodeOption) {
	discovered, err := f.Provider.discover(r.Context())
	if err != nil {
		f.Failed(w, r, http.StatusServiceUnavailable, err)
		return
	}
	flow := session.Flow{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Next: SafeNext(next)}
	if err := f.Sessions.PutFlow(w, flow); err != nil {
		f.Failed(w, r, http.StatusInternalServerError, err)
		return
	}
	options = append(options, oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier))
	http.Redirect(w, r, f.Provider.oauth(discovered).AuthCodeURL(flow.State, options...), http.StatusSeeOther)
}

// SignIn begins a sign-in. ?next= is the page to go on to, ?switch=1 lets the person choose another account.
func (f *Flow) SignIn(w http.ResponseWriter, r *http.Request) {
	var options []oauth2.AuthCodeOption
	if r.URL.Query().Get("switch") != "" {
		// login, not select_account: not every provider can show a choice, all can ask again.
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	f.Begin(w, r, r.URL.Query().Get("next"), options...)
}

// Callback takes the identity provider's answer and begins a session.
func (f *Flow) Callback(w http.ResponseWriter, r *http.Request) {
	flow, err := f.Sessions.TakeFlow(w, r)
	if err != nil {
		f.Failed(w, r, http.StatusBadRequest, err)
		return
	}
	query := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(flow.State)) != 1 {
		f.Failed(w, r, http.StatusBadRequest, errors.New("the identity provider's answer belongs to another sign-in: start again"))
		return
	}
	if refusal := query.Get("error"); refusal != "" {
		f.Failed(w, r, http.StatusForbidden, fmt.Errorf("the identity provider refused: %.64q", refusal))
		return
	}
	person, err := f.Provider.exchange(r.Context(), query.Get("code"), flow.Verifier, flow.Nonce)
	if err != nil {
		f.Failed(w, r, http.StatusBadGateway, err)
		return
	}
	if err := f.Sessions.Put(w, session.New(person, f.Clock.Now().Add(f.Lifetime))); err != nil {
		f.Failed(w, r, http.StatusInternalServerError, err)
		return
	}
	http.Redirect(w, r, flow.Next, http.StatusSeeOther)
}

// SignOut ends the session in this browser. The identity provider's own session goes on.
func (f *Flow) SignOut(w http.ResponseWriter, r *http.Request) {
	f.Sessions.Clear(w)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func random() string {
	value := make([]byte, 24)
	_, _ = rand.Read(value)
	return base64.RawURLEncoding.EncodeToString(value)
}
