// SPDX-License-Identifier: Apache-2.0

// Package identity turns an identity provider's claims into a person, and says whether that person is a member of the
// organisation. It is pure.
package identity

import (
	"errors"
	"slices"
	"strings"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

// Bounds on what is taken from a provider. More than that fits neither a cookie nor an AccessGrant.
const (
	maxList = 64
	maxText = 254
)

// Person is somebody whom an identity provider vouches for.
type Person struct {
	// Issuer and Subject together name the account; an account may change its address but never these.
	Issuer  string `json:"i"`
	Subject string `json:"s"`
	// Login names the sign-in at the provider (sid), where it tells: by that it says later that it is over.
	Login string `json:"o,omitempty"`
	// Email is the address, with the letters A to Z in lower case.
	Email string `json:"e,omitempty"`
	// Verified says that the provider has checked the address. One that it has not counts for nothing.
	Verified bool `json:"v,omitempty"`
	// Name is what pages call the person.
	Name string `json:"n,omitempty"`
	// Departments, Groups and Labels are what policies and grants can name.
	Departments []string `json:"d,omitempty"`
	Groups      []string `json:"g,omitempty"`
	Labels      []string `json:"l,omitempty"`
}

var (
	// ErrNoSubject says that the provider broke OpenID Connect.
	ErrNoSubject = errors.New("the identity provider sent no claim sub: it does not speak OpenID Connect; check signIn.issuer")
	// ErrTooMany says that a list of claims does not fit.
	ErrTooMany = errors.New("the account has more groups, departments or labels than fit: name the groups that matter in signIn.claims.keepGroups")
	// ErrElsewhere says that the provider keeps a list to itself, as Entra ID does with more than 200 groups.
	ErrElsewhere = errors.New("the identity provider did not send a list because it is too long (_claim_names): have it send only the groups assigned to the application, or application roles")
)

// FromClaims reads a person out of verified claims.
func FromClaims(issuer string, claims map[string]any, names config.Claims) (*Person, error) {
	person := &Person{
		Issuer:      issuer,
		Subject:     text(claims, "sub"),
		Login:       text(claims, "sid"),
		Email:       Address(text(claims, names.Email)),
		Verified:    verified(claims, names.EmailVerified),
		Name:        text(claims, names.Name),
		Departments: list(claims, names.Departments),
		Groups:      keep(list(claims, names.Groups), names.KeepGroups),
		Labels:      list(claims, names.Labels),
	}
	if person.Subject == "" {
		return nil, ErrNoSubject
	}
	if elsewhere(claims, names) {
		return nil, ErrElsewhere
	}
	if max(len(person.Departments), len(person.Groups), len(person.Labels)) > maxList {
		return nil, ErrTooMany
	}
	return person, nil
}

// Internal reports whether a person is a member of the organisation: a verified address in one of its domains, from one of
// its issuers. It is asked at every decision, so that a change of the configuration counts at once.
func Internal(person *Person, organisation config.Organisation) bool {
	if person == nil || !person.Verified || !slices.Contains(organisation.Issuers, person.Issuer) {
		return false
	}
	_, domain, found := strings.Cut(person.Email, "@")
	return found && slices.ContainsFunc(organisation.Domains, func(member string) bool { return domain == lower(member) })
}

// Believed reports whether a provider is believed about the person's address: one of guests never about the organisation's own
// domains, so that no partner can speak for a member, and one that is kept to domains about no others.
func Believed(person *Person, provider *config.Provider, organisation config.Organisation) bool {
	_, domain, _ := strings.Cut(person.Email, "@")
	within := func(domains []string) bool {
		return slices.ContainsFunc(domains, func(one string) bool { return domain == lower(one) })
	}
	if provider.People != config.Members && within(organisation.Domains) {
		return false
	}
	return len(provider.Domains) == 0 || within(provider.Domains)
}

// Display is what a page calls the person.
func (p *Person) Display() string {
	for _, name := range []string{p.Name, p.Email} {
		if name != "" {
			return name
		}
	}
	return p.Subject
}

// elsewhere says whether a list that is asked for was left out of the claims for being too long. What somebody belongs to is
// then not known. Going on as if it were nothing would refuse them without a reason that they could do something about.
func elsewhere(claims map[string]any, names config.Claims) bool {
	distributed, _ := claims["_claim_names"].(map[string]any)
	for _, path := range []string{names.Departments, names.Groups, names.Labels} {
		if _, found := distributed[path]; found && lookup(claims, path) == nil {
			return true
		}
	}
	return false
}

// lookup finds a claim, along dots and into lists of objects. A claim whose own name has dots, as providers like to namespace
// them, comes first.
func lookup(claims map[string]any, name string) any {
	if value, found := claims[name]; found {
		return value
	}
	head, rest, nested := strings.Cut(name, ".")
	if key, isList := strings.CutSuffix(head, "[]"); isList {
		return lookupEach(claims[key], rest, nested)
	}
	inner, isObject := claims[head].(map[string]any)
	if !nested || !isObject {
		return nil
	}
	return lookup(inner, rest)
}

// lookupEach finds a claim in each object of a list. One object counts as a list of one; what has no such claim is left out.
func lookupEach(value any, rest string, nested bool) any {
	objects, isList := value.([]any)
	if !isList {
		objects = []any{value}
	}
	if !nested {
		return objects
	}
	var found []any
	for _, object := range objects {
		inner, _ := object.(map[string]any)
		switch value := lookup(inner, rest).(type) {
		case nil:
		case []any:
			found = append(found, value...)
		default:
			found = append(found, value)
		}
	}
	return found
}

func text(claims map[string]any, name string) string {
	value, _ := lookup(claims, name).(string)
	return clean(value)
}

// list reads one string or a list of strings, without repetitions.
func list(claims map[string]any, name string) []string {
	var values []string
	add := func(value any) {
		if s, isText := value.(string); isText && clean(s) != "" && !slices.Contains(values, s) {
			values = append(values, s)
		}
	}
	switch found := lookup(claims, name).(type) {
	case []any:
		for _, value := range found {
			add(value)
		}
	default:
		add(found)
	}
	return values
}

// clean drops what is longer than any name in a policy can be; shortening it could make it somebody else's.
func clean(value string) string {
	if len(value) > maxText {
		return ""
	}
	return value
}

// verified is strict on purpose: true, or "true" as some providers write it, and nothing else. A provider that is trusted with
// every address can still say of one that it has not checked it.
func verified(claims map[string]any, name string) bool {
	if name == config.Trusted {
		value, said := claims["email_verified"]
		return !said || value == true || value == "true"
	}
	value := lookup(claims, name)
	return value == true || value == "true"
}

// Address accepts one plain address, and returns it with the letters A to Z in lower case; empty for what is none. Two @, or a space, could be read
// differently elsewhere.
func Address(email string) string {
	if strings.Count(email, "@") != 1 || strings.ContainsAny(email, " \t\r\n<>,;\"") || strings.HasPrefix(email, "@") || strings.HasSuffix(email, "@") {
		return ""
	}
	return lower(email)
}

// lower changes the letters A to Z only. Unicode has letters that become an ASCII letter in lower case without looking like
// it (the Kelvin sign), and whoever registers such an address must not become somebody else.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

func keep(groups, patterns []string) []string {
	if len(patterns) == 0 {
		return groups
	}
	return slices.DeleteFunc(groups, func(group string) bool { return !config.Kept(group, patterns) })
}
