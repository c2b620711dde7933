// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/reelkeeper/reelkeeper/internal/testenv/oidctest"
)

// Person is an account of the OpenID provider.
type Person struct {
	Email      string   `json:"email"`
	Verified   *bool    `json:"emailVerified,omitempty"`
	Name       string   `json:"name,omitempty"`
	Department string   `json:"department,omitempty"`
	Groups     []string `json:"groups,omitempty"`
	Labels     []string `json:"labels,omitempty"`
	Password   string   `json:"password"`
}

// People are who can sign in, by what they are to the recordings that Recording makes.
var People = map[string]Person{
	"creator":       {Email: "alice@example.com", Name: "Alice", Department: "finance"},
	"host":          {Email: "bob@example.com", Name: "Bob", Department: "finance"},
	"participant":   {Email: "carol@example.com", Name: "Carol", Department: "finance"},
	"internal":      {Email: "dave@example.com", Name: "Dave", Department: "sales", Groups: []string{"auditors"}},
	"administrator": {Email: "olga@example.com", Name: "Olga", Department: "it", Groups: []string{"recording-admins"}},
	// Who leaves ends all of their sessions, which would be in the way of other tests: of each there is one test.
	"leaver":     {Email: "quinn@example.com", Name: "Quinn", Department: "finance"},
	"dismissed":  {Email: "rita@example.com", Name: "Rita", Department: "finance"},
	"logged out": {Email: "sven@example.com", Name: "Sven", Department: "finance"},
	"guest":      {Email: "eve@partner.example", Name: "Eve"},
	"external":   {Email: "mallory@elsewhere.example", Name: "Mallory"},
	"unverified": {Email: "alice@example.com.evil.example", Name: "Not Alice", Verified: new(false)},
}

// startProvider starts an OpenID provider with People in it. It lasts as long as this process.
func startProvider(ctx context.Context, dir, redirectURL string) (*oidctest.Provider, error) {
	return StartProvider(ctx, dir, redirectURL, slices.Collect(maps.Values(People))...)
}

// StartProvider starts an OpenID provider with these people in it, whose passwords are "secret of" their address. It lasts as long
// as this process, and leaves its files in dir.
func StartProvider(ctx context.Context, dir, redirectURL string, people ...Person) (*oidctest.Provider, error) {
	var accounts []Person
	for _, person := range people {
		person.Password = "secret of " + person.Email
		accounts = append(accounts, person)
	}
	encoded, err := json.Marshal(accounts)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "accounts.json")
	if err := os.WriteFile(file, encoded, 0o600); err != nil {
		return nil, err
	}
	return oidctest.Start(ctx, oidctest.Options{Accounts: file, RedirectURL: redirectURL, Log: filepath.Join(dir, "oidc.log")})
}
