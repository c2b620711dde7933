// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

// logoutEvent is the claim events of a logout token.
var logoutEvent = map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}

// signer is a provider that signs what it is told to.
type signer struct {
	issuer     string
	key, other *ecdsa.PrivateKey
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{}
	var err error
	if s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if s.other, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	provider := &oidctest.Server{
		PublicKeys: []oidctest.PublicKey{{PublicKey: s.key.Public(), KeyID: "k", Algorithm: oidc.ES256}}, Algorithms: []string{oidc.ES256},
	}
	server := httptest.NewServer(provider)
	t.Cleanup(server.Close)
	provider.SetIssuer(server.URL)
	s.issuer = server.URL
	return s
}

func (s *signer) sign(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return oidctest.SignIDToken(key, "k", oidc.ES256, string(text))
}

func TestWhichLogoutTokensCount(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	provider := newSigner(t)
	own, err := NewProvider(config.Provider{Name: "partner", SignIn: config.SignIn{Issuer: provider.issuer, ClientID: "reelkeeper"}}, config.Organisation{}, "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	flow := &Flow{Providers: []*Provider{own}, Clock: clocktesting.NewFakePassiveClock(now)}
	good := map[string]any{
		"iss": provider.issuer, "aud": "reelkeeper", "sub": "alice", "sid": "login-1", "jti": "token-1",
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "events": logoutEvent,
	}
	with := func(name string, value any) map[string]any {
		claims := maps.Clone(good)
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return claims
	}
	taken := func(change func(*Logout)) *Logout {
		out := &Logout{Issuer: provider.issuer, Subject: "alice", Login: "login-1", ID: "token-1", Forget: now.Add(logoutAge + clockSkew).UTC()}
		change(out)
		return out
	}
	signed := func(claims map[string]any) string { return provider.sign(t, provider.key, claims) }
	unsigned := func() string {
		parts := strings.Split(signed(good), ".")
		return "eyJhbGciOiJub25lIn0." + parts[1] + "."
	}
	cases := map[string]struct {
		name, token string
		want        *Logout // nil for one that does not count
	}{
		"about a sign-in of somebody":         {"partner", signed(good), taken(func(*Logout) {})},
		"about all of somebody's":             {"partner", signed(with("sid", nil)), taken(func(out *Logout) { out.Login = "" })},
		"about a sign-in alone":               {"partner", signed(with("sub", nil)), taken(func(out *Logout) { out.Subject = "" })},
		"for several, us among them":          {"partner", signed(with("aud", []string{"other", "reelkeeper"})), taken(func(*Logout) {})},
		"about nobody":                        {"partner", signed(without(good, "sub", "sid")), nil},
		"signed by somebody else":             {"partner", provider.sign(t, provider.other, good), nil},
		"signed by nobody":                    {"partner", unsigned(), nil},
		"of another issuer":                   {"partner", signed(with("iss", "https://other.example")), nil},
		"for another client":                  {"partner", signed(with("aud", "other")), nil},
		"an ID token":                         {"partner", signed(with("events", nil)), nil},
		"about another event":                 {"partner", signed(with("events", map[string]any{"https://other.example": map[string]any{}})), nil},
		"with a nonce, as ID tokens have":     {"partner", signed(with("nonce", "n")), nil},
		"without a name":                      {"partner", signed(with("jti", nil)), nil},
		"without an end":                      {"partner", signed(with("exp", nil)), nil},
		"whose time is over":                  {"partner", signed(with("exp", now.Add(-time.Second).Unix())), nil},
		"that does not say when it was made":  {"partner", signed(with("iat", nil)), nil},
		"that was made long ago":              {"partner", signed(with("iat", now.Add(-time.Hour).Unix())), nil},
		"that is to be made":                  {"partner", signed(with("iat", now.Add(time.Hour).Unix())), nil},
		"at the address of another provider":  {config.OwnProvider, signed(good), nil},
		"changed on the way":                  {"partner", strings.Replace(signed(good), ".", ".e30", 1), nil},
		"no token":                            {"partner", "hello", nil},
		"nothing":                             {"partner", "", nil},
		"made by a clock that is a bit early": {"partner", signed(with("iat", now.Add(time.Minute).Unix())), taken(func(out *Logout) { out.Forget = now.Add(time.Minute + logoutAge + clockSkew).UTC() })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			form := url.Values{"logout_token": {tc.token}}
			request := httptest.NewRequest(http.MethodPost, BackChannelPath+"/"+tc.name, strings.NewReader(form.Encode()))
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			got, err := flow.LoggedOut(request, tc.name)
			if tc.want == nil {
				if !errors.Is(err, ErrLogoutToken) {
					t.Errorf("it is taken: %+v, %v", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got.Forget = got.Forget.UTC()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("what it says (-want +got):\n%s", diff)
			}
		})
	}
}

func without(claims map[string]any, names ...string) map[string]any {
	claims = maps.Clone(claims)
	for _, name := range names {
		delete(claims, name)
	}
	return claims
}
