// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"context"
	"net/url"
	"time"
)

// endTimeout is how long signing out waits for a provider that this replica has not spoken with yet.
const endTimeout = 2 * time.Second

// endSession is where somebody of that issuer signs out at the provider (OpenID Connect RP-Initiated Logout), or empty: it is another's, has no
// such place, or does not answer. There is no id_token_hint: it would have to be kept in a cookie and be shown in an address, with all that
// it says about the person. Without it a provider may ask whether they mean it.
func (p *Provider) endSession(ctx context.Context, issuer string) string {
	if issuer != p.settings.Issuer {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	discovered, err := p.discover(ctx)
	if err != nil {
		return "" // the session here has ended all the same, and signing in again says what is wrong
	}
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := discovered.Claims(&metadata); err != nil {
		return ""
	}
	to, err := url.Parse(metadata.EndSession)
	if err != nil || !to.IsAbs() || to.Host == "" {
		return ""
	}
	query := to.Query()
	query.Set("client_id", p.settings.ClientID)
	query.Set("post_logout_redirect_uri", p.home)
	to.RawQuery = query.Encode()
	return to.String()
}
