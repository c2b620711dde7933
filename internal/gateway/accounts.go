// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
	"github.com/reelkeeper/reelkeeper/internal/gateway/session"
	"github.com/reelkeeper/reelkeeper/internal/gateway/signin"
)

// providerCookie remembers with which provider somebody signed in. It holds no secret.
const providerCookie = "reelkeeper-provider"

// prepareSignIn makes the way to the identity providers. public is the gateway's own address.
func (s *Server) prepareSignIn(public string) error {
	s.flow = &signin.Flow{
		Sessions: s.sessions, Clock: s.clock, Lifetime: s.config.Session.Lifetime.Duration, Choose: s.chooseProvider, Leave: s.leave,
		SignedIn: s.signedIn, Failed: s.signInFailed, End: s.endSession, Unended: s.unended,
		Remember: func(w http.ResponseWriter, name string) { s.rememberPreference(w, providerCookie, name) },
	}
	s.providers = s.config.Providers()
	for _, settings := range s.providers {
		provider, err := signin.NewProvider(settings, s.config.Organisation, public)
		if err != nil {
			return err
		}
		s.flow.Providers = append(s.flow.Providers, provider)
	}
	s.sessions.Vouched = func(person *identity.Person) bool { return s.providerOf(person) != nil }
	return nil
}

// providerOf is the provider that vouches for somebody; nil where it is none any more.
func (s *Server) providerOf(person *identity.Person) *config.Provider {
	for i := range s.providers {
		if s.providers[i].Issuer == person.Issuer {
			return &s.providers[i]
		}
	}
	return nil
}

// signInCallback takes the answer of a provider: of the organisation's, where the address names none.
func (s *Server) signInCallback(w http.ResponseWriter, r *http.Request) {
	s.flow.Callback(w, r, providerIn(r))
}

// providerIn is the name of the provider in an address: the organisation's has none there.
func providerIn(r *http.Request) string {
	return cmp.Or(chi.URLParam(r, "provider"), config.OwnProvider)
}

// chooseProvider asks with which account somebody wants to sign in.
func (s *Server) chooseProvider(w http.ResponseWriter, r *http.Request, next string, again bool) {
	s.page(w, r, http.StatusOK, pages.Accounts, nil, s.accounts(r, next, again))
}

// askToSignIn answers whoever wants something that takes signing in, and tells nothing of what it is. To sign in takes a press of a button: nobody has a
// session who did not mean to. next is where they go on to then.
func (s *Server) askToSignIn(w http.ResponseWriter, r *http.Request, next string) {
	// HTTP wants a scheme named with this status. Browsers know none of this name, and show the page.
	w.Header().Set("WWW-Authenticate", "Cookie")
	s.page(w, r, http.StatusUnauthorized, pages.Accounts, nil, s.accounts(r, signin.SafeNext(next), false))
}

// accounts are the ways to sign in. Where somebody goes on to stands in the form, not in an address: it can be a link.
func (s *Server) accounts(r *http.Request, next string, again bool) pages.AccountsContent {
	content, remembered := pages.AccountsContent{Next: next, Again: again}, preference(r, providerCookie)
	for _, provider := range s.flow.Providers {
		content.Providers = append(content.Providers, pages.Choice{Value: provider.Name(), Name: provider.Title(), Chosen: provider.Name() == remembered})
	}
	return content
}

// leave answers a form with a page that goes on to an identity provider. A redirect would be held up by the content security policy: in browsers,
// where a form goes to is also where its redirects lead, and providers redirect on to others.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, why signin.Leaving, provider *signin.Provider, to string) {
	lang, title := language(r), "leavingToSignIn"
	if why == signin.ToSignOut {
		title = "leavingToSignOut"
	}
	w.Header().Set("Refresh", "0; url="+to)
	s.page(w, r, http.StatusOK, pages.Leaving, nil, pages.LeavingContent{Title: lang.T(title), To: to, Provider: cmp.Or(provider.Title(), provider.Host())})
}

// accountOf says as whom, and through which of several providers, somebody is signed in: to whom another account may be of use.
func (s *Server) accountOf(lang pages.Language, current *session.Session) string {
	if nobody(current) {
		return ""
	}
	provider := s.providerOf(current.Person)
	if len(s.flow.Providers) == 1 || provider == nil {
		return lang.Fill("signedInAs", current.Person.Display())
	}
	return lang.Fill("signedInThrough", current.Person.Display(), provider.Title)
}

// signedIn writes into the log who has signed in: the account, by which their provider knows it too, and not the person's address.
func (s *Server) signedIn(r *http.Request, person *identity.Person) {
	client := s.deviceOf(r)
	s.log.Info("Signed in", "issuer", person.Issuer, "subject", person.Subject, "address", client.Address, "device", client.UserAgent)
}

// deviceOf is what the log keeps of where a request comes from. No policy has a say where there is no recording: of the address it is the network.
func (s *Server) deviceOf(r *http.Request) v1alpha1.AuditClient {
	return audit.Client(clientAddress(r, s.gate.proxies), v1alpha1.AddressesTruncated, r.UserAgent())
}

// signInFailed answers when signing in did not work. Why stands in the log: it is for whoever runs the gateway.
func (s *Server) signInFailed(w http.ResponseWriter, r *http.Request, status int, err error) {
	client := s.deviceOf(r)
	s.log.Error(err, "Signing in failed", "status", status, "address", client.Address, "device", client.UserAgent)
	lang := language(r)
	s.page(w, r, status, pages.Refusal, nil, pages.RefusalContent{
		Title: lang.T("signInTitle"), Message: lang.T("signInText"), Remedies: []string{lang.T("signInRemedy")}, SwitchPath: "/signin",
	})
}
