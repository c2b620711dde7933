// SPDX-License-Identifier: Apache-2.0

//go:build unix

package stage

import (
	"context"

	"github.com/reelkeeper/reelkeeper/internal/testenv/oidctest"
)

func (s *Stage) startOIDC(ctx context.Context) error {
	provider, err := oidctest.Start(ctx, oidctest.Options{
		Accounts: s.options.Accounts, RedirectURL: s.URL + "/signin/callback", Log: s.Logfile("oidc"),
	})
	if err != nil {
		return err
	}
	s.oidc, s.Issuer = provider, provider.Issuer
	return nil
}
