// SPDX-License-Identifier: Apache-2.0

//go:build unix

package oidctest_test

import (
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reelkeeper/reelkeeper/internal/testenv/oidctest"
)

func start(t *testing.T) *oidctest.Provider {
	t.Helper()
	provider, err := oidctest.Start(t.Context(), oidctest.Options{
		RedirectURL: "http://localhost:1/signin/callback", Log: filepath.Join(t.TempDir(), "oidc.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return provider
}

func TestTheProviderTellsWhereItIsAndStops(t *testing.T) {
	provider := start(t)
	configuration := provider.Issuer + "/.well-known/openid-configuration"
	answer, err := http.Get(configuration)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || provider.ClientID == "" || provider.ClientSecret == "" {
		t.Errorf("status %d from %+v", answer.StatusCode, provider)
	}
	provider.Stop()
	provider.Stop()
	if answer, err := http.Get(configuration); err == nil {
		answer.Body.Close()
		t.Error("it answers after it was stopped")
	}
}

// A form on a connection that the provider closes meanwhile is lost, and no client may send it twice.
func TestTheProviderKeepsConnectionsLongerThanItsClients(t *testing.T) {
	answer, err := http.Get(start(t).Issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	seconds, err := strconv.Atoi(strings.TrimPrefix(answer.Header.Get("Keep-Alive"), "timeout="))
	if clients := http.DefaultTransport.(*http.Transport).IdleConnTimeout; err != nil || time.Duration(seconds)*time.Second <= clients {
		t.Errorf("connections are kept for %q, want more than the %s of clients", answer.Header.Get("Keep-Alive"), clients)
	}
}

func TestAProviderThatNobodyHoldsOnToGoesOn(t *testing.T) {
	issuer := start(t).Issuer
	for range 3 { // the first collection finds it, a later one would close its standard input
		runtime.GC()
	}
	answer, err := http.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
}
