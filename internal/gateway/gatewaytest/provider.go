// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
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
	"creator":     {Email: "alice@example.com", Name: "Alice", Department: "finance"},
	"host":        {Email: "bob@example.com", Name: "Bob", Department: "finance"},
	"participant": {Email: "carol@example.com", Name: "Carol", Department: "finance"},
	"internal":    {Email: "dave@example.com", Name: "Dave", Department: "sales", Groups: []string{"auditors"}},
	"guest":       {Email: "eve@partner.example", Name: "Eve"},
	"external":    {Email: "mallory@elsewhere.example", Name: "Mallory"},
	"unverified":  {Email: "alice@example.com.evil.example", Name: "Not Alice", Verified: new(false)},
}

// provider is a running OpenID provider.
type provider struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"clientID"`
	ClientSecret string `json:"clientSecret"`
}

// pipes are the standard inputs and outputs of the providers that run. They end when their input does, which the garbage
// collector must not bring about.
var pipes []io.Closer

// startProvider starts hack/oidc. It ends with this process, because its standard input does.
func startProvider(ctx context.Context, dir, redirectURL string) (*provider, error) {
	root, err := controlplane.Root()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(root, "hack", "oidc")
	if _, err := os.Stat(filepath.Join(program, "node_modules")); err != nil {
		return nil, fmt.Errorf("the OpenID provider is not installed: run `npm ci` in %s: %w", program, err)
	}
	var accounts []Person
	for _, person := range People {
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
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "node", filepath.Join(program, "server.mjs"),
		"--accounts", file, "--redirect-uri", redirectURL, "--exit-with-stdin")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the OpenID provider (it needs Node.js 20): %w", err)
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("the OpenID provider ended before it was ready: %w", err)
	}
	pipes = append(pipes, stdin, stdout)
	var ready provider
	return &ready, json.Unmarshal(line, &ready)
}
