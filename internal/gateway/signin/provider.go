// SPDX-License-Identifier: Apache-2.0

// Package signin signs people in with OpenID Connect: authorization code flow with PKCE, state and nonce.
package signin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

// providerTimeout bounds one request to the identity provider.
const providerTimeout = 10 * time.Second

// Provider is the identity provider. It is asked for its endpoints when they are first needed, so that a gateway starts, and
// shows what needs no signing in, while the provider is down.
type Provider struct {
	settings config.Provider
	// organisation is whose domains guests do not have.
	organisation config.Organisation
	secret       string
	callback     string
	// home is where the provider sends people back to who have signed out.
	home   string
	client *http.Client

	flight     singleflight.Group
	discovered atomic.Pointer[oidc.Provider]
}

// NewProvider returns the provider of the settings. public is the gateway's own address, without a slash at the end.
func NewProvider(settings config.Provider, organisation config.Organisation, public string) (*Provider, error) {
	secret, err := readSecret(settings.ClientSecretFile)
	if err != nil {
		return nil, err
	}
	client, err := newClient(settings.CAFile)
	if err != nil {
		return nil, err
	}
	return &Provider{
		settings: settings, organisation: organisation, secret: secret, callback: public + callbackPath(settings.Name), home: public + "/", client: client,
	}, nil
}

// callbackPath is where a provider sends people back to. Each has its own, so that none can pass off another's answer as its.
func callbackPath(name string) string {
	if name == config.OwnProvider {
		return CallbackPath
	}
	return CallbackPath + "/" + name
}

// Name is the provider's in addresses.
func (p *Provider) Name() string { return p.settings.Name }

// Host is where the provider is, for people who know it by no other name.
func (p *Provider) Host() string {
	issuer, err := url.Parse(p.settings.Issuer)
	if err != nil {
		return p.settings.Issuer
	}
	return issuer.Host
}

// Title is what people call the provider.
func (p *Provider) Title() string { return p.settings.Title }

func readSecret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read signIn.clientSecretFile: %w", err)
	}
	secret := strings.TrimSpace(string(data))
	if secret == "" {
		return "", fmt.Errorf("signIn.clientSecretFile %s is empty: put the secret into it that the identity provider gave the client, or leave the field out", path)
	}
	return secret, nil
}

func newClient(caFile string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read signIn.caFile: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("signIn.caFile %s holds no certificate in PEM form", caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, Timeout: providerTimeout}, nil
}

// discover asks the provider for its endpoints, once it answers. Whoever wants to sign in meanwhile waits for the same answer,
// and not each for their own after that of everybody before.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	if known := p.discovered.Load(); known != nil {
		return known, nil
	}
	asked := p.flight.DoChan("", func() (any, error) {
		// The provider keeps the context's HTTP client for fetching keys later, so it must not end with the request.
		discovered, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.settings.Issuer)
		if err != nil {
			return nil, fmt.Errorf("ask the identity provider %s for its endpoints: %w", p.settings.Issuer, err)
		}
		p.discovered.Store(discovered)
		return discovered, nil
	})
	select {
	case answer := <-asked:
		discovered, _ := answer.Val.(*oidc.Provider)
		return discovered, answer.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *Provider) oauth(discovered *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: p.secret, Endpoint: discovered.Endpoint(), RedirectURL: p.callback,
		Scopes: append([]string{oidc.ScopeOpenID}, p.settings.Scopes...),
	}
}

// exchange turns the provider's answer into a person.
func (p *Provider) exchange(ctx context.Context, code, verifier, nonce string) (*identity.Person, error) {
	discovered, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.oauth(discovered).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, fmt.Errorf("exchange the code at the identity provider: %w", withoutBody(err))
	}
	raw, isText := token.Extra("id_token").(string)
	if !isText {
		return nil, errors.New("the identity provider sent no ID token: it does not speak OpenID Connect; check signIn.issuer")
	}
	idToken, err := discovered.Verifier(&oidc.Config{ClientID: p.settings.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, fmt.Errorf("verify the ID token: %w", err)
	}
	if nonce == "" || idToken.Nonce != nonce {
		return nil, errors.New("the ID token was made for another sign-in: start again")
	}
	claims, err := p.claims(ctx, discovered, idToken, token)
	if err != nil {
		return nil, err
	}
	person, err := identity.FromClaims(idToken.Issuer, claims, p.settings.Claims)
	if err == nil && !identity.Believed(person, &p.settings, p.organisation) {
		person.Verified = false
	}
	return person, err
}

// claims are those of the ID token and, where it lacks the e-mail address, those of the userinfo endpoint: the standard
// lets a provider choose.
func (p *Provider) claims(ctx context.Context, discovered *oidc.Provider, idToken *oidc.IDToken, token *oauth2.Token) (map[string]any, error) {
	var claims map[string]any
	if err := idToken.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the ID token's claims: %w", err)
	}
	if _, found := claims[p.settings.Claims.Email]; found || discovered.UserInfoEndpoint() == "" {
		return claims, nil
	}
	info, err := discovered.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("ask the identity provider about the person: %w", err)
	}
	if info.Subject != idToken.Subject {
		return nil, errors.New("the identity provider told of another person than the ID token names")
	}
	var more map[string]any
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("read what the identity provider tells about the person: %w", err)
	}
	maps.Copy(more, claims)
	return more, nil
}

// withoutBody leaves out what the provider wrote beside its error code: it may repeat the code or the secret.
func withoutBody(err error) error {
	if refused, isRefusal := errors.AsType[*oauth2.RetrieveError](err); isRefusal {
		return fmt.Errorf("it answered %s %q: check signIn.clientID, signIn.clientSecretFile and the redirect URL that it knows", refused.Response.Status, refused.ErrorCode)
	}
	return err
}
