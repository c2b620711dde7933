// SPDX-License-Identifier: Apache-2.0

// Package config reads the gateway's configuration file: strictly, and checked as a whole before anything starts.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Config is the gateway's configuration file. docs/gateway.md shows a whole one.
type Config struct {
	// SignIn says which identity provider vouches for people, and how its claims are read.
	SignIn SignIn `json:"signIn"`
	// OtherSignIns are further providers, such as those of partners, to choose from: at most 16.
	OtherSignIns []Provider `json:"otherSignIns,omitempty"`
	// Organisation says who is a member of it.
	Organisation Organisation `json:"organisation"`
	// Administrators are who sees the overview of all recordings. Empty is nobody.
	Administrators Administrators `json:"administrators,omitzero"`
	// Session says how long people stay signed in.
	Session Session `json:"session"`
	// TrustedProxies are the networks of the proxies in front of the gateway, in CIDR notation. Only they are believed
	// when they say, in X-Forwarded-For, whom a request comes from. Empty is none.
	TrustedProxies []string `json:"trustedProxies,omitempty"`
}

// SignIn is an OpenID provider and the client that the gateway is to it.
type SignIn struct {
	// Issuer is the provider's URL: https, or http on this machine for development.
	Issuer string `json:"issuer"`
	// ClientID is the name under which the provider knows the gateway.
	ClientID string `json:"clientID"`
	// ClientSecretFile holds the client's secret. Empty for a public client, which PKCE alone protects.
	ClientSecretFile string `json:"clientSecretFile,omitempty"`
	// CAFile holds PEM certificates that the provider is checked against, in place of the system's.
	CAFile string `json:"caFile,omitempty"`
	// Scopes are asked for besides openid. Empty is email and profile.
	Scopes []string `json:"scopes,omitempty"`
	// Claims says where in the provider's claims things stand.
	Claims Claims `json:"claims,omitzero"`
	// Title is what people call it, for the choice between several. Empty is the issuer's host name.
	Title string `json:"title,omitempty"`
}

// Provider is one of the providers to choose from.
type Provider struct {
	SignIn `json:",inline"`

	// Name stands in addresses: the redirect URL of the client is <public-url>/signin/callback/<name>. Small letters, digits and
	// dashes; "organisation" is signIn itself.
	Name string `json:"name"`
	// People says whether its people can be members of the organisation. Empty is Guests.
	People People `json:"people,omitempty"`
	// Domains are those whose e-mail addresses it is believed about. Empty is all, for a provider of guests all but the
	// organisation's own, which guests never have.
	Domains []string `json:"domains,omitempty"`
}

// People are whom a provider vouches for.
type People string

const (
	// Members are the organisation's own people, where their address says so too.
	Members People = "Members"
	// Guests are other people: never members, whatever their address.
	Guests People = "Guests"
)

// OwnProvider is the name of the provider that is signIn.
const OwnProvider = "organisation"

// Trusted is what Claims.EmailVerified is where the provider vouches for every address that it sends, and has no claim for it.
const Trusted = "trusted"

// Claims are the names of claims. A dot leads into an object: realm_access.roles. Two brackets lead into each of a list of
// objects: departments[].name. A claim whose own name has dots or brackets is found before either is tried.
type Claims struct {
	// Email is the claim with the e-mail address. Empty is email.
	Email string `json:"email,omitempty"`
	// EmailVerified is the claim that says true when the provider has checked the address. Empty is email_verified. Without
	// it, a person has no e-mail address as far as access is concerned.
	//
	// "trusted" takes every address of signIn.issuer for checked. It is for providers that send no such claim and let nobody but
	// an administrator set the address: where people can set their own, whoever does can be anybody.
	EmailVerified string `json:"emailVerified,omitempty"`
	// Name is the claim with the name that pages show. Empty is name.
	Name string `json:"name,omitempty"`
	// Departments is the claim with one department or a list of them. Empty is department.
	Departments string `json:"departments,omitempty"`
	// Groups is the claim with a list of groups. Empty is groups.
	Groups string `json:"groups,omitempty"`
	// Labels is the claim with a list of role labels. Empty is labels.
	Labels string `json:"labels,omitempty"`
	// KeepGroups are shell patterns of the groups that matter here; others are forgotten at sign-in, because a cookie holds
	// no long list. Empty keeps all.
	KeepGroups []string `json:"keepGroups,omitempty"`
}

// Organisation says who is a member: whoever has a verified address in one of its domains, from a provider of members.
type Organisation struct {
	// Domains are the parts behind the @ of members' e-mail addresses.
	Domains []string `json:"domains"`
	// Issuers are the providers of members: signIn.issuer, and those of otherSignIns with people: Members.
	Issuers []string `json:"-"`
}

// Administrators are members of the organisation who are in one of the groups, or have one of the labels. It gives them numbers
// about all recordings, and no right to any of them.
type Administrators struct {
	// Groups are names of groups, as the identity provider spells them: at most 64.
	Groups []string `json:"groups,omitempty"`
	// Labels are role labels, as the identity provider spells them: at most 64.
	Labels []string `json:"labels,omitempty"`
}

// Session says how long people stay signed in.
type Session struct {
	// KeyFile holds the keys that protect cookies and view sessions, one a line, as `reelkeeper gateway session-key` prints
	// them. The first one is used, the others are still accepted. The file is read again when it changes, and a new first line is used
	// when it has been there for five minutes: by then every replica knows it, so changing keys signs nobody out.
	KeyFile string `json:"keyFile"`
	// Lifetime is how long after signing in somebody has to sign in again, 5m to 24h. Empty is 8h.
	Lifetime metav1.Duration `json:"lifetime,omitzero"`
	// Idle is after how long without any request somebody has to sign in again, 5m to Lifetime. Watching is asking for something all the time. Empty
	// is 1h, or Lifetime where that is less.
	Idle metav1.Duration `json:"idle,omitzero"`
	// ViewLifetime is how long a view session is good for before the player has to ask for a new one, 1m to 4h. Empty is 1h.
	ViewLifetime metav1.Duration `json:"viewLifetime,omitzero"`
}

// Load reads, completes and validates the file. Its errors name the fields to change.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's configuration (--config): %w", err)
	}
	config, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	return config, nil
}

// Parse decodes, completes and validates a configuration in YAML.
func Parse(data []byte) (*Config, error) {
	// Not yaml.UnmarshalStrict: it takes clientId for clientID.
	encoded, err := yaml.YAMLToJSONStrict(data)
	if err != nil {
		return nil, fmt.Errorf("it is not YAML: %w", err)
	}
	var config Config
	unknown, err := json.UnmarshalStrict(encoded, &config)
	if err := errors.Join(append(unknown, err)...); err != nil {
		return nil, fmt.Errorf("it is not as docs/gateway.md says: %w", err)
	}
	config.complete()
	if err := config.validate().ToAggregate(); err != nil {
		return nil, err
	}
	return &config, nil
}

func (c *Config) complete() {
	c.SignIn.complete()
	c.Organisation.Issuers = []string{c.SignIn.Issuer}
	for i := range c.OtherSignIns {
		other := &c.OtherSignIns[i]
		other.complete()
		other.People = cmp.Or(other.People, Guests)
		if other.People == Members {
			c.Organisation.Issuers = append(c.Organisation.Issuers, other.Issuer)
		}
	}
	if c.Session.Lifetime.Duration == 0 {
		c.Session.Lifetime.Duration = 8 * time.Hour
	}
	if c.Session.Idle.Duration == 0 {
		c.Session.Idle.Duration = min(time.Hour, c.Session.Lifetime.Duration)
	}
	if c.Session.ViewLifetime.Duration == 0 {
		c.Session.ViewLifetime.Duration = time.Hour
	}
}

// Providers are all providers: that of the organisation first, then the others in their order.
func (c *Config) Providers() []Provider {
	return append([]Provider{{SignIn: c.SignIn, Name: OwnProvider, People: Members}}, c.OtherSignIns...)
}

func (s *SignIn) complete() {
	if host, err := url.Parse(s.Issuer); s.Title == "" && err == nil {
		s.Title = host.Hostname()
	}
	claims := &s.Claims
	for _, claim := range []struct {
		name     *string
		standard string
	}{
		{&claims.Email, "email"},
		{&claims.EmailVerified, "email_verified"},
		{&claims.Name, "name"},
		{&claims.Departments, "department"},
		{&claims.Groups, "groups"},
		{&claims.Labels, "labels"},
	} {
		if *claim.name == "" {
			*claim.name = claim.standard
		}
	}
	if len(s.Scopes) == 0 {
		s.Scopes = []string{"email", "profile"}
	}
}

// Proxies are the trusted proxies' networks. The configuration has to be valid.
func (c *Config) Proxies() []netip.Prefix {
	proxies := make([]netip.Prefix, 0, len(c.TrustedProxies))
	for _, cidr := range c.TrustedProxies {
		proxies = append(proxies, netip.MustParsePrefix(cidr))
	}
	return proxies
}
