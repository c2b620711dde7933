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

	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
)

// CallbackPath is where the organisation's identity provider sends people back to; the others add their name to it.
const CallbackPath = "/signin/callback"

// Flow signs people in and out of sessions.
type Flow struct {
	// Providers are what people can choose from: that of the organisation first.
	Providers []*Provider
	Sessions  *session.Store
	Clock     clock.PassiveClock
	// Lifetime is how long a session lasts.
	Lifetime time.Duration
	// Choose answers with a page on which somebody presses a button to sign in, for each provider one, and who then wants to go on to next. again
	// says that they want another account than they had.
	Choose func(w http.ResponseWriter, r *http.Request, next string, again bool)
	// Remember keeps the name of the provider that somebody signed in with in their browser.
	Remember func(w http.ResponseWriter, name string)
	// End ends the session of somebody who signs out, for good, or with everywhere all of theirs.
	End func(r *http.Request, current *session.Session, everywhere bool) error
	// Unended answers where End has failed. The session of this browser is taken out of it by then, but with everywhere.
	Unended func(w http.ResponseWriter, r *http.Request, current *session.Session, everywhere bool, err error)
	// Leave answers a form with a page that goes on to an identity provider, and says what for: redirects of forms stay with the gateway, by its content
	// security policy.
	Leave func(w http.ResponseWriter, r *http.Request, why Leaving, provider *Provider, to string)
	// SignedIn hears of everybody who has signed in.
	SignedIn func(r *http.Request, person *identity.Person)
	// Failed answers when signing in did not work. The error is for the log, not for the page.
	Failed func(w http.ResponseWriter, r *http.Request, status int, err error)
}

// Leaving is why somebody goes to an identity provider.
type Leaving int

// To sign in there, or to sign out.
const (
	ToSignIn Leaving = iota
	ToSignOut
)

// named returns the provider of that name, or nil.
func (f *Flow) named(name string) *Provider {
	for _, provider := range f.Providers {
		if provider.Name() == name {
			return provider
		}
	}
	return nil
}

// begin goes to a provider, and remembers where to go on to afterwards. again has it ask who somebody is even where it knows.
func (f *Flow) begin(w http.ResponseWriter, r *http.Request, provider *Provider, next string, again bool) {
	discovered, err := provider.discover(r.Context())
	if err != nil {
		f.Failed(w, r, http.StatusServiceUnavailable, err)
		return
	}
	flow := session.Flow{Provider: provider.Name(), State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Next: SafeNext(next)}
	if err := f.Sessions.PutFlow(w, flow); err != nil {
		f.Failed(w, r, http.StatusInternalServerError, err)
		return
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier)}
	if again || f.Sessions.Left(r) {
		// login, not select_account: not every provider can show a choice, all can ask again.
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
	}
	f.Leave(w, r, ToSignIn, provider, provider.oauth(discovered).AuthCodeURL(flow.State, options...))
}

// SignIn offers to sign in. ?next= is the page to go on to, ?switch=1 lets the person choose another account. It begins nothing: a link from elsewhere
// leads here as well, and who is known to their provider would be signed in without knowing.
func (f *Flow) SignIn(w http.ResponseWriter, r *http.Request) {
	f.Choose(w, r, SafeNext(r.URL.Query().Get("next")), r.URL.Query().Get("switch") != "")
}

// Chosen begins a sign-in with the provider that somebody chose: the form fields are with, its name, and next and switch as of SignIn.
func (f *Flow) Chosen(w http.ResponseWriter, r *http.Request) {
	provider := f.named(r.PostFormValue("with"))
	if provider == nil {
		f.Choose(w, r, SafeNext(r.PostFormValue("next")), false)
		return
	}
	f.begin(w, r, provider, r.PostFormValue("next"), r.PostFormValue("switch") != "")
}

// Callback takes the identity provider's answer and begins a session. name is the provider's, as the address says it.
func (f *Flow) Callback(w http.ResponseWriter, r *http.Request, name string) {
	flow, err := f.Sessions.TakeFlow(w, r)
	if err != nil {
		f.Failed(w, r, http.StatusBadRequest, err)
		return
	}
	query, provider := r.URL.Query(), f.named(name)
	if provider == nil || name != flow.Provider || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(flow.State)) != 1 {
		f.Failed(w, r, http.StatusBadRequest, errors.New("the identity provider's answer belongs to another sign-in: start again"))
		return
	}
	if refusal := query.Get("error"); refusal != "" {
		f.Failed(w, r, http.StatusForbidden, fmt.Errorf("the identity provider refused: %.64q", refusal))
		return
	}
	person, err := provider.exchange(r.Context(), query.Get("code"), flow.Verifier, flow.Nonce)
	if err != nil {
		f.Failed(w, r, http.StatusBadGateway, err)
		return
	}
	if err := f.Sessions.Put(w, session.New(person, f.Clock.Now(), f.Lifetime)); err != nil {
		f.Failed(w, r, http.StatusInternalServerError, err)
		return
	}
	f.SignedIn(r, person)
	f.Sessions.Return(w, r)
	if len(f.Providers) > 1 {
		f.Remember(w, name)
	}
	http.Redirect(w, r, flow.Next, http.StatusSeeOther)
}

// SignOut ends the session for good, takes it out of this browser, and goes on to the identity provider to end the one there, where the provider has a way
// for that. Whatever becomes of that, the provider's session is not enough to sign in again: who leaves a browser to others has left it. With the form field
// everywhere, it ends all sessions of the person.
func (f *Flow) SignOut(w http.ResponseWriter, r *http.Request) {
	current, everywhere := f.Sessions.Get(r), r.PostFormValue("everywhere") != ""
	signedIn := current != nil && current.Person != nil
	var err error
	if signedIn {
		err = f.End(r, current, everywhere)
	}
	if err == nil || !everywhere {
		f.Sessions.Clear(w)
	}
	if err != nil {
		f.Unended(w, r, current, everywhere, err)
		return
	}
	if signedIn {
		for _, provider := range f.Providers {
			if to := provider.endSession(r.Context(), current.Person.Issuer); to != "" {
				f.Leave(w, r, ToSignOut, provider, to)
				return
			}
		}
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func random() string {
	value := make([]byte, 24)
	_, _ = rand.Read(value)
	return base64.RawURLEncoding.EncodeToString(value)
}
