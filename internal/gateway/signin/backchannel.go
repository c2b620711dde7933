// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// BackChannelPath is where the organisation's identity provider says that somebody is signed out (OpenID Connect Back-Channel Logout 1.0); the others add
// their name to it.
const BackChannelPath = "/signout/backchannel"

const (
	// logoutAge is how long ago a logout token may have been made: providers send it at once, some of them again when nobody answers.
	logoutAge = 10 * time.Minute
	// clockSkew is how far apart the clocks of a provider and of the gateway may be.
	clockSkew = 2 * time.Minute
)

// ErrLogoutToken says that a logout token does not count.
var ErrLogoutToken = errors.New("not a logout token for this gateway")

// Logout is the word of an identity provider that somebody is signed out.
type Logout struct {
	// Issuer is the provider, and Subject the account, which is empty where Login alone says whom it is about.
	Issuer, Subject string
	// Login names the sign-in at the provider that is over; empty for all of the account.
	Login string
	// ID names the token: each is good once.
	ID string
	// Forget is from when on the token is too old, whether or not it was taken.
	Forget time.Time
}

// LoggedOut reads the form field logout_token that a provider has sent; name is the provider's, as the address says it. Where the token does not count, the error
// is an ErrLogoutToken. Whether it came before is for who takes it to say.
func (f *Flow) LoggedOut(r *http.Request, name string) (*Logout, error) {
	provider := f.named(name)
	if provider == nil {
		return nil, fmt.Errorf("%w: there is no provider of that name", ErrLogoutToken)
	}
	return provider.loggedOut(r.Context(), r.PostFormValue("logout_token"), f.Clock.Now)
}

func (p *Provider) loggedOut(ctx context.Context, raw string, now func() time.Time) (*Logout, error) {
	if raw == "" {
		return nil, fmt.Errorf("%w: there is no logout_token", ErrLogoutToken)
	}
	discovered, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	verifier := discovered.Verifier(&oidc.Config{ClientID: p.settings.ClientID, Now: now})
	token, err := verifier.VerifyLogout(oidc.ClientContext(ctx, p.client), raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLogoutToken, err)
	}
	age := now().Sub(token.IssuedAt)
	if token.IssuedAt.IsZero() || age > logoutAge || age < -clockSkew {
		return nil, fmt.Errorf("%w: it was made at %s, which is too long ago, or to come", ErrLogoutToken, token.IssuedAt.UTC().Format(time.RFC3339))
	}
	return &Logout{
		Issuer: token.Issuer, Subject: token.Subject, Login: token.SessionID, ID: token.TokenID, Forget: token.IssuedAt.Add(logoutAge + clockSkew),
	}, nil
}
