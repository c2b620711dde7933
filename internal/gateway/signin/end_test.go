// SPDX-License-Identifier: Apache-2.0

package signin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/gateway/config"
)

func TestWhereSomebodySignsOutAtAProvider(t *testing.T) {
	const said = "client_id=reelkeeper&post_logout_redirect_uri=https%3A%2F%2Frecordings.example.com%2F"
	cases := map[string]struct {
		endpoint string // as the provider says it; none for a provider that is down
		issuer   string // other than the provider's
		want     string
	}{
		"at its endpoint":              {endpoint: `"https://id.example.com/logout"`, want: "https://id.example.com/logout?" + said},
		"an endpoint with a query":     {endpoint: `"https://id.example.com/logout?realm=a"`, want: "https://id.example.com/logout?" + said + "&realm=a"},
		"no endpoint":                  {endpoint: `null`},
		"an endpoint without a host":   {endpoint: `"/logout"`},
		"an endpoint that is none":     {endpoint: `7`},
		"somebody of another provider": {endpoint: `"https://id.example.com/logout"`, issuer: "https://other.example"},
		"a provider that is down":      {},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tc.endpoint == "" {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				fmt.Fprintf(w, `{"issuer": "http://%s", "authorization_endpoint": "http://%[1]s/auth", "end_session_endpoint": %s}`, r.Host, tc.endpoint)
			}))
			defer server.Close()
			settings := config.Provider{SignIn: config.SignIn{Issuer: server.URL, ClientID: "reelkeeper"}}
			provider, err := NewProvider(settings, config.Organisation{}, "https://recordings.example.com")
			if err != nil {
				t.Fatal(err)
			}
			issuer := server.URL
			if tc.issuer != "" {
				issuer = tc.issuer
			}
			if got := provider.endSession(t.Context(), issuer); got != tc.want {
				t.Errorf("they sign out at %q, want %q", got, tc.want)
			}
		})
	}
}
