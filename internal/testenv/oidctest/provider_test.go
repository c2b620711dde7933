// SPDX-License-Identifier: Apache-2.0

//go:build unix

package oidctest_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/testenv/oidctest"
)

func TestTheProviderTellsWhereItIsAndStops(t *testing.T) {
	provider, err := oidctest.Start(t.Context(), oidctest.Options{
		RedirectURL: "http://localhost:1/signin/callback", Log: filepath.Join(t.TempDir(), "oidc.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
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
