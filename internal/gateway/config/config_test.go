// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

const smallest = `
signIn: {issuer: https://id.example.com, clientID: reelkeeper}
organisation: {domains: [example.com]}
session: {keyFile: /keys}
`

func TestTheSmallestConfigurationIsCompleted(t *testing.T) {
	got, err := config.Parse([]byte(smallest))
	if err != nil {
		t.Fatal(err)
	}
	if got.SignIn.Claims.Email != "email" || got.SignIn.Claims.Departments != "department" || got.SignIn.Claims.EmailVerified != "email_verified" {
		t.Errorf("claims: %+v", got.SignIn.Claims)
	}
	if got.Session.Lifetime.Duration != 8*time.Hour || got.Session.Idle.Duration != time.Hour || got.Session.ViewLifetime.Duration != time.Hour {
		t.Errorf("session: %+v", got.Session)
	}
	if len(got.Organisation.Issuers) != 1 || got.Organisation.Issuers[0] != "https://id.example.com" {
		t.Errorf("issuers: %v", got.Organisation.Issuers)
	}
}

func TestASessionThatIsShortEndsNoLaterForWhoDoesNothing(t *testing.T) {
	got, err := config.Parse([]byte(strings.Replace(smallest, "keyFile: /keys", "keyFile: /keys, lifetime: 30m", 1)))
	if err != nil || got.Session.Idle.Duration != 30*time.Minute {
		t.Errorf("session: %+v, %v", got, err)
	}
}

func TestOnlyProvidersOfMembersVouchForThem(t *testing.T) {
	others := "otherSignIns:\n- {name: partner, issuer: https://p.example, clientID: r}\n- {name: bought, title: Bought, issuer: https://b.example, clientID: r, people: Members}\n"
	got, err := config.Parse([]byte(smallest + others))
	if err != nil {
		t.Fatal(err)
	}
	if issuers := strings.Join(got.Organisation.Issuers, " "); issuers != "https://id.example.com https://b.example" {
		t.Errorf("members come from %s", issuers)
	}
	var names []string
	for _, provider := range got.Providers() {
		names = append(names, provider.Name+" "+provider.Title+" "+string(provider.People)+" "+provider.Claims.Email)
	}
	want := "organisation id.example.com Members email, partner p.example Guests email, bought Bought Members email"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("providers %s, want %s", got, want)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	cases := map[string]struct{ change, into, want string }{
		"an unknown field":                {"clientID: reelkeeper", "clientId: reelkeeper", `unknown field "signIn.clientId"`},
		"no issuer":                       {"issuer: https://id.example.com, ", "", "signIn.issuer"},
		"an issuer without TLS":           {"https://id.example.com", "http://id.example.com", "use https; http is accepted for localhost only"},
		"an issuer with a secret in it":   {"https://id.example.com", "https://me:secret@id.example.com", "leave out user, query and fragment"},
		"no client":                       {", clientID: reelkeeper", "", "signIn.clientID: Required"},
		"no domain":                       {"domains: [example.com]", "domains: []", "organisation.domains: Required"},
		"an address for a domain":         {"[example.com]", "['@example.com']", "organisation.domains[0]"},
		"no key file":                     {"keyFile: /keys", "lifetime: 1h", "session.keyFile: Required"},
		"a session that is too long":      {"keyFile: /keys", "keyFile: /keys, lifetime: 999h", "session.lifetime"},
		"idleness that is too short":      {"keyFile: /keys", "keyFile: /keys, idle: 1m", "session.idle"},
		"idleness beyond the lifetime":    {"keyFile: /keys", "keyFile: /keys, lifetime: 30m, idle: 31m", "session.idle"},
		"a view session that is too long": {"keyFile: /keys", "keyFile: /keys, viewLifetime: 5h", "session.viewLifetime"},
		"a proxy that is no network":      {"session:", "trustedProxies: [10.0.0.1]\nsession:", "trustedProxies[0]"},
		"a scope that asks for tokens":    {"clientID: reelkeeper", "clientID: reelkeeper, scopes: [offline_access]", "signIn.scopes: Forbidden"},
		"a claim with two dots":           {"clientID: reelkeeper", "clientID: reelkeeper, claims: {groups: realm_access..roles}", "signIn.claims.groups"},
		"a claim that ends in a dot":      {"clientID: reelkeeper", "clientID: reelkeeper, claims: {labels: realm_access.}", "signIn.claims.labels"},
		"a claim with a number in []":     {"clientID: reelkeeper", "clientID: reelkeeper, claims: {departments: 'departments[0].name'}", "write [] with nothing in it"},
		"a list of addresses":             {"clientID: reelkeeper", "clientID: reelkeeper, claims: {email: 'emails[].value'}", "there can be only one of it"},
		"an administrator without a name": {"session:", "administrators: {labels: ['']}\nsession:", "administrators.labels[0]"},
		"an administrator by name":        {"session:", "administrators: {people: [a]}\nsession:", `unknown field "administrators.people"`},
		"administrators who are forgotten": {
			"clientID: reelkeeper}", "clientID: reelkeeper, claims: {keepGroups: [rec-*]}}\nadministrators: {groups: [admins]}", "administrators.groups[0]",
		},
		"another provider without a name": {"organisation:", "otherSignIns: [{issuer: https://p.example, clientID: r}]\norganisation:", "otherSignIns[0].name"},
		"another provider with our name":  {"organisation:", "otherSignIns: [{name: organisation, issuer: https://p.example, clientID: r}]\norganisation:", "otherSignIns[0].name: Duplicate"},
		"the same provider twice":         {"organisation:", "otherSignIns: [{name: p, issuer: https://id.example.com, clientID: r}]\norganisation:", "otherSignIns[0].issuer: Duplicate"},
		"people who are neither":          {"organisation:", "otherSignIns: [{name: p, issuer: https://p.example, clientID: r, people: Friends}]\norganisation:", "otherSignIns[0].people"},
		"a partner's mistake":             {"organisation:", "otherSignIns: [{name: p, issuer: http://p.example, clientID: r}]\norganisation:", "otherSignIns[0].issuer: Invalid"},
		"issuers of old":                  {"domains: [example.com]", "domains: [example.com], issuers: [https://p.example]", `unknown field "organisation.issuers"`},
		"a pattern that is none":          {"clientID: reelkeeper", "clientID: reelkeeper, claims: {keepGroups: ['[']}", "signIn.claims.keepGroups[0]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(smallest, tc.change, tc.into, 1)
			if text == smallest {
				t.Fatal("the case changes nothing")
			}
			_, err := config.Parse([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestHTTPIsForThisMachineOnly(t *testing.T) {
	for address, want := range map[string]bool{
		"http://localhost:8080": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "https://a.example": true,
		"http://localhost.evil.example": false, "http://127.0.0.1.evil.example": false, "ftp://localhost": false, "localhost": false, "": false,
	} {
		if got := config.CheckURL(address) == ""; got != want {
			t.Errorf("%q accepted: %v, want %v", address, got, want)
		}
	}
}

func TestTheDocumentedConfigurationIsValid(t *testing.T) {
	documentation, err := os.ReadFile("../../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(signIn:.*?)```").FindSubmatch(documentation)
	if example == nil {
		t.Fatal("docs/gateway.md shows no configuration")
	}
	if _, err := config.Parse(example[1]); err != nil {
		t.Error(err)
	}
}
