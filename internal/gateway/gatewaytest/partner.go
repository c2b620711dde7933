// SPDX-License-Identifier: Apache-2.0

//go:build unix

package gatewaytest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway"
	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

// WithPartner serves a gateway with two OpenID providers: the organisation's own, with a host and a colleague in it, and a partner's, with a
// guest and who else is named. It ends with the test. issuers are the
// addresses of the two.
func (w *World) WithPartner(t testing.TB, partners ...Person) (address string, issuers []string) {
	t.Helper()
	address = w.ServeAt(t, func(address string, options *gateway.Options) {
		changed := *w.Config
		changed.SignIn = providerAt(t, changed.SignIn, address+"/signin/callback", People["host"], People["internal"])
		changed.SignIn.Title = "Example Ltd"
		settings := providerAt(t, changed.SignIn, address+"/signin/callback/partner", append(partners, People["guest"])...)
		settings.Title = "Partner Inc"
		changed.OtherSignIns = []config.Provider{{SignIn: settings, Name: "partner", People: config.Guests}}
		changed.Organisation.Issuers = []string{changed.SignIn.Issuer}
		options.Config, options.PublicURL = &changed, address
		issuers = []string{changed.SignIn.Issuer, settings.Issuer}
	})
	return address, issuers
}

// providerAt starts a provider and returns the settings for it.
func providerAt(t testing.TB, settings config.SignIn, redirectURL string, people ...Person) config.SignIn {
	t.Helper()
	provider, err := StartProvider(t.Context(), t.TempDir(), redirectURL, people...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(provider.Stop)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(provider.ClientSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	settings.Issuer, settings.ClientID, settings.ClientSecretFile = provider.Issuer, provider.ClientID, file
	return settings
}
