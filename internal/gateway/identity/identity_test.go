// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

const issuer = "https://id.example.com"

var names = config.Claims{Email: "email", EmailVerified: "email_verified", Name: "name", Departments: "department", Groups: "realm.groups", Labels: "https://example.com/labels"}

func TestClaimsBecomeAPerson(t *testing.T) {
	many := make([]any, 65)
	for i := range many {
		many[i] = fmt.Sprint("group", i)
	}
	cases := map[string]struct {
		claims  map[string]any
		keep    []string
		want    *identity.Person
		wantErr error
	}{
		"everything": {
			claims: map[string]any{
				"sub": "1", "email": "Alice@Example.com", "email_verified": true, "name": "Alice", "department": "finance",
				"realm": map[string]any{"groups": []any{"a", "b", "a"}}, "https://example.com/labels": []any{"manager"},
			},
			want: &identity.Person{
				Issuer: issuer, Subject: "1", Email: "alice@example.com", Verified: true, Name: "Alice",
				Departments: []string{"finance"}, Groups: []string{"a", "b"}, Labels: []string{"manager"},
			},
		},
		"a provider that writes true as text": {
			claims: map[string]any{"sub": "1", "email": "a@b.example", "email_verified": "true"},
			want:   &identity.Person{Issuer: issuer, Subject: "1", Email: "a@b.example", Verified: true},
		},
		"an address that nobody verified": {
			claims: map[string]any{"sub": "1", "email": "a@b.example", "email_verified": "yes"},
			want:   &identity.Person{Issuer: issuer, Subject: "1", Email: "a@b.example"},
		},
		"two addresses in one": {
			claims: map[string]any{"sub": "1", "email": "a@example.com,b@evil.example", "email_verified": true},
			want:   &identity.Person{Issuer: issuer, Subject: "1", Verified: true},
		},
		"a letter that only looks like one in lower case": {
			claims: map[string]any{"sub": "1", "email": "mi\u212ae@example.com", "email_verified": true},
			want:   &identity.Person{Issuer: issuer, Subject: "1", Email: "mi\u212ae@example.com", Verified: true},
		},
		"claims of another kind than expected": {
			claims: map[string]any{"sub": "1", "email": 7, "department": map[string]any{}, "realm": "x"},
			want:   &identity.Person{Issuer: issuer, Subject: "1"},
		},
		"only the groups that matter": {
			claims: map[string]any{"sub": "1", "realm": map[string]any{"groups": many}},
			keep:   []string{"group1", "group?4"},
			want:   &identity.Person{Issuer: issuer, Subject: "1", Groups: []string{"group1", "group14", "group24", "group34", "group44", "group54", "group64"}},
		},
		"too many groups": {claims: map[string]any{"sub": "1", "realm": map[string]any{"groups": many}}, wantErr: identity.ErrTooMany},
		"nobody":          {claims: map[string]any{"email": "a@b.example"}, wantErr: identity.ErrNoSubject},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			names := names
			names.KeepGroups = tc.keep
			got, err := identity.FromClaims(issuer, tc.claims, names)
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("error %v, want %v", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("person (-want +got):\n%s", diff)
			}
		})
	}
}

func TestR12WhoseWordIsTakenForAnAddress(t *testing.T) {
	organisation := config.Organisation{Domains: []string{"Example.com"}}
	cases := map[string]struct {
		provider config.Provider
		email    string
		want     bool
	}{
		"the organisation's own":                {config.Provider{People: config.Members}, "a@example.com", true},
		"a partner about its people":            {config.Provider{People: config.Guests}, "eve@partner.example", true},
		"a partner about a member":              {config.Provider{People: config.Guests}, "a@example.com", false},
		"a partner kept to its domain":          {config.Provider{People: config.Guests, Domains: []string{"Partner.example"}}, "eve@partner.example", true},
		"a partner about another partner":       {config.Provider{People: config.Guests, Domains: []string{"partner.example"}}, "x@other.example", false},
		"a partner that claims our domain":      {config.Provider{People: config.Guests, Domains: []string{"example.com"}}, "a@example.com", false},
		"a company that was bought, about ours": {config.Provider{People: config.Members, Domains: []string{"bought.example"}}, "a@example.com", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := identity.Believed(&identity.Person{Email: tc.email}, &tc.provider, organisation); got != tc.want {
				t.Errorf("believed: %v, want %v", got, tc.want)
			}
		})
	}
}

func TestR12WhoIsAMemberOfTheOrganisation(t *testing.T) {
	organisation := config.Organisation{Domains: []string{"Example.com"}, Issuers: []string{issuer}}
	cases := map[string]struct {
		person *identity.Person
		want   bool
	}{
		"a member":                         {&identity.Person{Issuer: issuer, Email: "a@example.com", Verified: true}, true},
		"an address that nobody verified":  {&identity.Person{Issuer: issuer, Email: "a@example.com"}, false},
		"another provider's word":          {&identity.Person{Issuer: "https://evil.example", Email: "a@example.com", Verified: true}, false},
		"another domain":                   {&identity.Person{Issuer: issuer, Email: "a@partner.example", Verified: true}, false},
		"a domain that ends the same":      {&identity.Person{Issuer: issuer, Email: "a@notexample.com", Verified: true}, false},
		"a domain below":                   {&identity.Person{Issuer: issuer, Email: "a@mail.example.com", Verified: true}, false},
		"the domain before another":        {&identity.Person{Issuer: issuer, Email: "a@example.com.evil.example", Verified: true}, false},
		"nobody":                           {nil, false},
		"somebody without an address":      {&identity.Person{Issuer: issuer, Verified: true}, false},
		"a domain with a letter like an e": {&identity.Person{Issuer: issuer, Email: "a@exampl\u0435.com", Verified: true}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := identity.Internal(tc.person, organisation); got != tc.want {
				t.Errorf("internal: %v, want %v", got, tc.want)
			}
		})
	}
}
