// SPDX-License-Identifier: Apache-2.0

//go:build unix

package stage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// oidcProvider is the running OpenID provider of hack/oidc, with what it said of itself when it was ready.
type oidcProvider struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"clientID"`
	ClientSecret string `json:"clientSecret"`

	cmd   *exec.Cmd
	stdin io.Closer
}

func (s *Stage) startOIDC(ctx context.Context) error {
	accounts := s.options.Accounts
	if accounts == "" {
		accounts = filepath.Join(s.root, "hack", "oidc", "accounts.json")
	}
	provider, err := startOIDCProvider(ctx, filepath.Join(s.root, "hack", "oidc"), s.Logfile("oidc"),
		"--accounts", accounts, "--redirect-uri", s.URL+"/signin/callback", "--exit-with-stdin")
	if err != nil {
		return err
	}
	s.oidc, s.Issuer = provider, provider.Issuer
	return nil
}

// startOIDCProvider returns when the provider has said that it is ready. It ends when its standard input does, and so
// with us.
func startOIDCProvider(ctx context.Context, dir, logfile string, args ...string) (*oidcProvider, error) {
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		return nil, errors.New("the OpenID provider is not installed: run `make oidc`")
	}
	log, err := os.Create(logfile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("node", append([]string{filepath.Join(dir, "server.mjs")}, args...)...)
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting node: %w", err)
	}
	stopAtTimeout := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stopAtTimeout()
	provider := &oidcProvider{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, provider)
	}
	if err != nil {
		provider.stop()
		return nil, fmt.Errorf("the OpenID provider did not start (its log is %s): %w", logfile, err)
	}
	return provider, nil
}

// stop is idempotent: a closed standard input is what the provider ends with.
func (p *oidcProvider) stop() {
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
}
