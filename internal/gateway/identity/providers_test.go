// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
	"github.com/reelkeeper/reelkeeper/internal/gateway/identity"
)

// mapped completes and validates claims as the gateway does at its start.
func mapped(t *testing.T, claims string) config.Claims {
	t.Helper()
	parsed, err := config.Parse(fmt.Appendf(nil, `
signIn: {issuer: %s, clientID: reelkeeper, claims: {%s}}
organisation: {domains: [example.com]}
session: {keyFile: /keys}
`, issuer, claims))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.SignIn.Claims
}

// TestWhatProvidersSend reads claims in the forms in which these providers document and send them.
func TestWhatProvidersSend(t *testing.T) {
	t.Parallel()
	many := make([]string, 150)
	for i := range many {
		many[i] = fmt.Sprintf(`"/projects/p%03d"`, i)
	}
	alice := func(change func(*identity.Person)) *identity.Person {
		p := &identity.Person{Issuer: issuer, Subject: "1", Email: "alice@example.com", Verified: true, Name: "Alice Weber"}
		change(p)
		return p
	}
	const common = `"sub": "1", "email": "alice@example.com", "email_verified": true, "name": "Alice Weber"`
	cases := map[string]struct {
		claims  string
		mapping string
		want    *identity.Person
		wantErr error
	}{
		"Keycloak: realm roles in an object, groups as paths": {
			claims:  `{` + common + `, "realm_access": {"roles": ["manager", "offline_access"]}, "groups": ["/finance", "/finance/controlling"], "department": "finance"}`,
			mapping: `labels: realm_access.roles`,
			want: alice(func(p *identity.Person) {
				p.Departments, p.Groups, p.Labels = []string{"finance"}, []string{"/finance", "/finance/controlling"}, []string{"manager", "offline_access"}
			}),
		},
		"Keycloak: roles of one client": {
			claims:  `{` + common + `, "resource_access": {"reelkeeper": {"roles": ["intern"]}, "account": {"roles": ["view-profile"]}}}`,
			mapping: `labels: resource_access.reelkeeper.roles`,
			want:    alice(func(p *identity.Person) { p.Labels = []string{"intern"} }),
		},
		"Keycloak: an attribute with several values, and an address that nobody checked": {
			claims: `{"sub": "1", "email": "alice@example.com", "email_verified": false, "department": ["finance", "legal"]}`,
			want:   &identity.Person{Issuer: issuer, Subject: "1", Email: "alice@example.com", Departments: []string{"finance", "legal"}},
		},
		"Keycloak: many groups, of which some matter": {
			claims:  `{` + common + `, "groups": [` + strings.Join(many, ",") + `, "/finance/board"]}`,
			mapping: `keepGroups: ["/finance/*"]`,
			want:    alice(func(p *identity.Person) { p.Groups = []string{"/finance/board"} }),
		},
		"Keycloak: many groups, and all of them kept": {
			claims: `{` + common + `, "groups": [` + strings.Join(many, ",") + `]}`, wantErr: identity.ErrTooMany,
		},
		"Entra ID: no claim that an address was checked": {
			claims: `{"sub": "1", "oid": "9f0a", "tid": "72f9", "email": "alice@example.com", "preferred_username": "alice@example.com", "name": "Alice Weber"}`,
			want:   alice(func(p *identity.Person) { p.Verified = false }),
		},
		"Entra ID: the domain's owner was checked, groups by id, application roles": {
			claims:  `{"sub": "1", "email": "alice@example.com", "xms_edov": true, "name": "Alice Weber", "groups": ["2d5c0c4e-9a3b-4a53-9f0e-3b3b0e7f7f11"], "roles": ["manager"]}`,
			mapping: `emailVerified: xms_edov, labels: roles`,
			want: alice(func(p *identity.Person) {
				p.Groups, p.Labels = []string{"2d5c0c4e-9a3b-4a53-9f0e-3b3b0e7f7f11"}, []string{"manager"}
			}),
		},
		"Entra ID: the name that administrators give, trusted": {
			claims:  `{"sub": "1", "email": "anything@evil.example", "upn": "Alice@Example.com", "name": "Alice Weber"}`,
			mapping: `email: upn, emailVerified: trusted`,
			want:    alice(func(*identity.Person) {}),
		},
		"Entra ID: a guest's name is no address of the organisation": {
			claims:  `{"sub": "1", "upn": "eve_partner.example#EXT#@example.onmicrosoft.com", "name": "Eve"}`,
			mapping: `email: upn, emailVerified: trusted`,
			want:    &identity.Person{Issuer: issuer, Subject: "1", Email: "eve_partner.example#ext#@example.onmicrosoft.com", Verified: true, Name: "Eve"},
		},
		"Entra ID: more groups than it sends": {
			claims:  `{` + common + `, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.microsoft.com/v1.0/users/9f0a/getMemberObjects"}}}`,
			wantErr: identity.ErrElsewhere,
		},
		"Entra ID: more groups than it sends, where application roles are asked for instead": {
			claims:  `{` + common + `, "_claim_names": {"groups": "src1"}, "roles": ["board"]}`,
			mapping: `groups: roles`,
			want:    alice(func(p *identity.Person) { p.Groups = []string{"board"} }),
		},
		"Google: a domain, no groups": {
			claims:  `{"iss": "https://accounts.google.com", "sub": "1", "hd": "example.com", "email": "alice@example.com", "email_verified": true, "name": "Alice Weber"}`,
			mapping: `departments: hd`,
			want:    alice(func(p *identity.Person) { p.Departments = []string{"example.com"} }),
		},
		"Okta: groups by name, a custom attribute": {
			claims:  `{` + common + `, "preferred_username": "alice@example.com", "groups": ["Everyone", "Finance Board"], "costCenter": "4711", "userType": "manager"}`,
			mapping: `departments: costCenter, labels: userType`,
			want: alice(func(p *identity.Person) {
				p.Departments, p.Groups, p.Labels = []string{"4711"}, []string{"Everyone", "Finance Board"}, []string{"manager"}
			}),
		},
		"Auth0: claims with URLs for names": {
			claims:  `{` + common + `, "https://example.com/roles": ["manager"]}`,
			mapping: `labels: "https://example.com/roles"`,
			want:    alice(func(p *identity.Person) { p.Labels = []string{"manager"} }),
		},
		"DingTalk: departments and roles as objects, an organisation's address": {
			claims: `{"sub": "1", "nick": "Alice Weber", "org_email": "alice@example.com", "unionId": "u",
			  "dept_order_list": [{"dept_id": 1, "order": 1}], "role_list": [{"group_name": "职务", "id": 7, "name": "经理"}, {"group_name": "默认", "id": 8, "name": "主管"}],
			  "dept": {"name": "财务部", "ids": [1, 2]}}`,
			mapping: `email: org_email, emailVerified: trusted, name: nick, departments: dept.name, labels: "role_list[].name"`,
			want: alice(func(p *identity.Person) {
				p.Departments, p.Labels = []string{"财务部"}, []string{"经理", "主管"}
			}),
		},
		"Feishu: a list of departments as objects, and an address of the company": {
			claims: `{"sub": "1", "open_id": "ou_1", "name": "Alice Weber", "en_name": "Alice", "enterprise_email": "alice@example.com",
			  "departments": [{"name": "财务", "id": "od-1"}, {"id": "od-2"}, {"name": "法务", "id": "od-3"}, {"name": 7}, "od-4", null], "groups": {"list": [{"names": ["a", "b"]}, {"names": "c"}]}}`,
			mapping: `email: enterprise_email, emailVerified: trusted, departments: "departments[].name", groups: "groups.list[].names"`,
			want: alice(func(p *identity.Person) {
				p.Departments, p.Groups = []string{"财务", "法务"}, []string{"a", "b", "c"}
			}),
		},
		"one object where a list of them is expected": {
			claims: `{` + common + `, "departments": {"name": "finance"}}`, mapping: `departments: "departments[].name"`,
			want: alice(func(p *identity.Person) { p.Departments = []string{"finance"} }),
		},
		"nothing where a list of objects is expected": {
			claims: `{` + common + `, "departments": null}`, mapping: `departments: "departments[].name"`,
			want: alice(func(*identity.Person) {}),
		},
		"a list of texts, written with brackets": {
			claims: `{` + common + `, "departments": ["finance"]}`, mapping: `departments: "departments[]"`,
			want: alice(func(p *identity.Person) { p.Departments = []string{"finance"} }),
		},
		"trusted, but the provider says that it has not checked": {
			claims:  `{"sub": "1", "email": "alice@example.com", "email_verified": false, "name": "Alice Weber"}`,
			mapping: `emailVerified: trusted`,
			want:    alice(func(p *identity.Person) { p.Verified = false }),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var claims map[string]any
			if err := json.Unmarshal([]byte(tc.claims), &claims); err != nil {
				t.Fatal(err)
			}
			got, err := identity.FromClaims(issuer, claims, mapped(t, tc.mapping))
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("error %v, want %v", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("person (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzClaims reads claims that no provider sends. They must neither panic nor make anybody a member whose address was not
// checked.
func FuzzClaims(f *testing.F) {
	f.Add([]byte(`{"sub":"1","email":"a@example.com","email_verified":"true","departments":[{"name":[["x"]]}]}`), "departments[].name", "email_verified")
	f.Add([]byte(`{"sub":"1","a":{"b":[{"c":{"d":["e"]}}]}}`), "a.b[].c.d[]", "trusted")
	f.Add([]byte(`{"sub":"1","":{"":""},"[]":[[]]}`), "[].", "")
	f.Fuzz(func(t *testing.T, data []byte, path, checked string) {
		var claims map[string]any
		if json.Unmarshal(data, &claims) != nil {
			return
		}
		names := config.Claims{Email: "email", EmailVerified: "email_verified", Name: path, Departments: path, Groups: path + "[]", Labels: checked}
		person, err := identity.FromClaims(issuer, claims, names)
		if err != nil {
			return
		}
		said := claims["email_verified"]
		if identity.Internal(person, config.Organisation{Domains: []string{"example.com"}, Issuers: []string{issuer}}) && said != true && said != "true" {
			t.Errorf("a member by an address that nobody checked: %s", data)
		}
		for _, list := range [][]string{person.Departments, person.Groups, person.Labels} {
			if len(list) > 64 {
				t.Errorf("%d entries", len(list))
			}
		}
	})
}
