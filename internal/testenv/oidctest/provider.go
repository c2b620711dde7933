// SPDX-License-Identifier: Apache-2.0

//go:build unix

// Package oidctest starts the OpenID provider of hack/oidc, for tests and the demo.
package oidctest

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
	"sync"

	"github.com/reelkeeper/reelkeeper/internal/testenv/controlplane"
)

// Options say what to start.
type Options struct {
	// Accounts is the file of people; hack/oidc says what stands in it. Empty is the example company there.
	Accounts string
	// RedirectURL is where the provider sends people back to. Required.
	RedirectURL string
	// Log is the file that takes what it writes. Required.
	Log string
}

// Provider is a running OpenID provider, with what it said of itself when it was ready. It lasts until Stop, and no longer than
// this program: it ends when its standard input does.
type Provider struct {
	Issuer       string `json:"issuer"`
	ClientID     string `json:"clientID"`
	ClientSecret string `json:"clientSecret"`

	cmd   *exec.Cmd
	stdin io.Closer
}

// running holds on to the providers that run. Their standard input ends when nobody does, which the garbage collector must not
// bring about.
var running sync.Map

// Start returns when the provider has said that it is ready. ctx bounds the start alone.
func Start(ctx context.Context, options Options) (*Provider, error) {
	root, err := controlplane.Root()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, "hack", "oidc")
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		return nil, errors.New("the OpenID provider is not installed: run `make oidc`")
	}
	if options.Accounts == "" {
		options.Accounts = filepath.Join(dir, "accounts.json")
	}
	provider := &Provider{cmd: exec.Command("node", filepath.Join(dir, "server.mjs"),
		"--accounts", options.Accounts, "--redirect-uri", options.RedirectURL, "--exit-with-stdin")}
	ready, err := provider.start(options.Log)
	if err != nil {
		return nil, fmt.Errorf("start the OpenID provider (it needs Node.js 20): %w", err)
	}
	stopAtTimeout := context.AfterFunc(ctx, func() { _ = provider.cmd.Process.Kill() })
	defer stopAtTimeout()
	line, err := bufio.NewReader(ready).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, provider)
	}
	if err != nil {
		provider.Stop()
		return nil, fmt.Errorf("the OpenID provider did not start (its log is %s): %w", options.Log, err)
	}
	running.Store(provider, struct{}{})
	return provider, nil
}

// start starts the program and returns what it says when it is ready.
func (p *Provider) start(logfile string) (ready io.Reader, err error) {
	log, err := os.Create(logfile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr = log
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if ready, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return ready, p.cmd.Start()
}

// Stop stops the provider. Stopping twice does nothing.
func (p *Provider) Stop() {
	running.Delete(p)
	_ = p.stdin.Close()
	_ = p.cmd.Wait()
}
