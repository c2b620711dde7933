// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// MaxLifetime is how long a session lasts at most, however it is configured.
const MaxLifetime = 24 * time.Hour

// Bounds of the durations.
const (
	minLifetime                      = 5 * time.Minute
	minViewLifetime, maxViewLifetime = time.Minute, 4 * time.Hour
)

func (c *Config) validate() field.ErrorList {
	errs := c.SignIn.validate(field.NewPath("signIn"))
	errs = append(errs, c.validateOthers(field.NewPath("otherSignIns"))...)
	errs = append(errs, c.Organisation.validate(field.NewPath("organisation"))...)
	errs = append(errs, c.Administrators.validate(field.NewPath("administrators"), c.SignIn.Claims.KeepGroups)...)
	errs = append(errs, c.Session.validate(field.NewPath("session"))...)
	for i, cidr := range c.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			errs = append(errs, field.Invalid(field.NewPath("trustedProxies").Index(i), cidr, "write a network, such as 10.0.0.0/8"))
		}
	}
	return errs
}

func (s *SignIn) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if err := CheckURL(s.Issuer); err != "" {
		errs = append(errs, field.Invalid(at.Child("issuer"), s.Issuer, err))
	}
	if s.ClientID == "" {
		errs = append(errs, field.Required(at.Child("clientID"), "the name under which the identity provider knows the gateway"))
	}
	errs = append(errs, s.Claims.validate(at.Child("claims"))...)
	if slices.Contains(s.Scopes, "offline_access") {
		errs = append(errs, field.Forbidden(at.Child("scopes"), "offline_access: the gateway keeps no tokens"))
	}
	return errs
}

func (c *Claims) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, claim := range []struct {
		name, path string
		list       bool
	}{
		{"email", c.Email, false}, {"emailVerified", c.EmailVerified, false}, {"name", c.Name, false},
		{"departments", c.Departments, true}, {"groups", c.Groups, true}, {"labels", c.Labels, true},
	} {
		if problem := checkClaim(claim.path, claim.list); problem != "" {
			errs = append(errs, field.Invalid(at.Child(claim.name), claim.path, problem))
		}
	}
	for i, pattern := range c.KeepGroups {
		if _, err := path.Match(pattern, ""); err != nil {
			errs = append(errs, field.Invalid(at.Child("keepGroups").Index(i), pattern, "write a shell pattern, such as recordings-*"))
		}
	}
	return errs
}

// maxClaim bounds the path of a claim, in bytes.
const maxClaim = 256

// checkClaim says what is wrong with the path of a claim, or nothing. URLs are names of claims too.
func checkClaim(claim string, list bool) string {
	switch {
	case len(claim) > maxClaim:
		return "a path of at most 256 characters"
	case strings.Contains(claim, "://"):
		return ""
	case slices.Contains(strings.Split(strings.ReplaceAll(claim, "[]", ""), "."), ""):
		return "write names with one dot between them, such as realm_access.roles; departments[].name leads into a list of objects"
	case strings.ContainsAny(strings.ReplaceAll(claim, "[]", ""), "[]"):
		return "write [] with nothing in it: departments[].name takes the name of each"
	case !list && strings.Contains(claim, "[]"):
		return "there can be only one of it: name a claim that is not in a list"
	}
	return ""
}

func (o *Organisation) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(o.Domains) == 0 {
		errs = append(errs, field.Required(at.Child("domains"), "the domains of members' e-mail addresses, such as example.com; without one nobody is internal"))
	}
	return append(errs, validateDomains(at.Child("domains"), o.Domains)...)
}

func validateDomains(at *field.Path, domains []string) field.ErrorList {
	var errs field.ErrorList
	for i, domain := range domains {
		if problems := validation.IsDNS1123Subdomain(strings.ToLower(domain)); len(problems) > 0 {
			errs = append(errs, field.Invalid(at.Index(i), domain, "write what stands behind the @, such as example.com"))
		}
	}
	return errs
}

// maxProviders bounds what people have to choose from.
const maxProviders = 16

func (c *Config) validateOthers(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(c.OtherSignIns) > maxProviders {
		errs = append(errs, field.TooMany(at, len(c.OtherSignIns), maxProviders))
	}
	names, issuers := map[string]bool{OwnProvider: true}, map[string]bool{c.SignIn.Issuer: true}
	for i := range c.OtherSignIns {
		other, at := &c.OtherSignIns[i], at.Index(i)
		errs = append(errs, other.validate(at)...)
		if names[other.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), other.Name))
		}
		if issuers[other.Issuer] {
			errs = append(errs, field.Duplicate(at.Child("issuer"), other.Issuer))
		}
		names[other.Name], issuers[other.Issuer] = true, true
	}
	return errs
}

func (p *Provider) validate(at *field.Path) field.ErrorList {
	errs := p.SignIn.validate(at)
	if problems := validation.IsDNS1123Label(p.Name); len(problems) > 0 {
		errs = append(errs, field.Invalid(at.Child("name"), p.Name, "write small letters, digits and dashes, such as partner"))
	}
	if p.People != Members && p.People != Guests {
		errs = append(errs, field.NotSupported(at.Child("people"), p.People, []People{Members, Guests}))
	}
	return append(errs, validateDomains(at.Child("domains"), p.Domains)...)
}

// maxNames bounds a list of names, maxName a name, in bytes: no more than that fits a session.
const maxNames, maxName = 64, 254

func (a *Administrators) validate(at *field.Path, keepGroups []string) field.ErrorList {
	var errs field.ErrorList
	for _, list := range []struct {
		at    *field.Path
		names []string
	}{{at.Child("groups"), a.Groups}, {at.Child("labels"), a.Labels}} {
		if len(list.names) > maxNames {
			errs = append(errs, field.TooMany(list.at, len(list.names), maxNames))
		}
		for i, name := range list.names {
			if strings.TrimSpace(name) == "" || len(name) > maxName {
				errs = append(errs, field.Invalid(list.at.Index(i), name, "write a name as the identity provider spells it, of at most 254 characters"))
			}
		}
	}
	for i, group := range a.Groups {
		if len(keepGroups) > 0 && !Kept(group, keepGroups) {
			errs = append(errs, field.Invalid(at.Child("groups").Index(i), group, "signIn.claims.keepGroups forgets this group at sign-in: add it there"))
		}
	}
	return errs
}

// Kept says whether a group is among those that patterns keep.
func Kept(group string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, group)
		return err == nil && matched
	})
}

func (s *Session) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	if s.KeyFile == "" {
		errs = append(errs, field.Required(at.Child("keyFile"), "make one with `reelkeeper gateway session-key`"))
	}
	if l := s.Lifetime.Duration; l < minLifetime || l > MaxLifetime {
		errs = append(errs, field.Invalid(at.Child("lifetime"), l.String(), "choose 5m to 24h"))
	}
	if i := s.Idle.Duration; i < minLifetime || i > s.Lifetime.Duration {
		errs = append(errs, field.Invalid(at.Child("idle"), i.String(), "choose 5m to session.lifetime"))
	}
	if l := s.ViewLifetime.Duration; l < minViewLifetime || l > maxViewLifetime {
		errs = append(errs, field.Invalid(at.Child("viewLifetime"), l.String(), "choose 1m to 4h"))
	}
	return errs
}

// CheckURL says what is wrong with an address that people's secrets go to, or nothing. Without TLS it has to be on this
// machine: browsers decrypt media nowhere else either.
func CheckURL(address string) string {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "":
		return "write a URL, such as https://id.example.com"
	case parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return "leave out user, query and fragment"
	case parsed.Scheme == "https":
		return ""
	case parsed.Scheme == "http" && isLoopback(parsed.Hostname()):
		return ""
	}
	return "use https; http is accepted for localhost only"
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
