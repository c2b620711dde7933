// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/reelkeeper/reelkeeper/internal/access"
	"github.com/reelkeeper/reelkeeper/internal/gateway/pages"
)

func TestWhomARequestComesFrom(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	cases := map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"nobody in between":                    {"192.0.2.1:1", nil, "192.0.2.1"},
		"somebody who claims to be another":    {"192.0.2.1:1", []string{"198.51.100.9"}, "192.0.2.1"},
		"a trusted proxy":                      {"10.0.0.1:1", []string{"198.51.100.9"}, "198.51.100.9"},
		"two trusted proxies":                  {"10.0.0.1:1", []string{"198.51.100.9, 10.0.0.2"}, "198.51.100.9"},
		"a claim passed on by a trusted proxy": {"10.0.0.1:1", []string{"203.0.113.5", "198.51.100.9"}, "198.51.100.9"},
		"a trusted proxy that says nothing":    {"10.0.0.1:1", nil, "10.0.0.1"},
		"a trusted proxy that says nonsense":   {"10.0.0.1:1", []string{"unknown"}, "10.0.0.1"},
		"IPv4 written as IPv6":                 {"[::ffff:10.0.0.1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			request.RemoteAddr, request.Header["X-Forwarded-For"] = tc.peer, tc.forwarded
			if got := clientAddress(request, proxies).String(); got != tc.want {
				t.Errorf("address %s, want %s", got, tc.want)
			}
		})
	}
}

func TestANetworkIsNoWayAroundCounting(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1":             "192.0.2.1",
		"2001:db8:1:2::1":       "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::99": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":       "2001:db8:1:3::/64",
		"fe80::1%eth0":          "fe80::/64",
	} {
		if got := neighbourhood(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is counted as %s, want %s", address, got, want)
		}
	}
	if got := neighbourhood(netip.Addr{}); got == "" {
		t.Error("an unknown address is not counted")
	}
}

func TestR33EveryRefusalIsTranslated(t *testing.T) {
	chinese := pages.Choose("zh-CN")
	for reason := range maps.Keys(access.Explanations) {
		explanation := access.Explanations[reason]
		if strings.HasPrefix(string(reason), "Permitted") {
			continue
		}
		if chinese.Or("why."+string(reason), "") == "" {
			t.Errorf("%s: no translation of %q", reason, explanation.Message)
		}
		if explanation.Remedy != "" && chinese.Or("todo."+string(reason), "") == "" {
			t.Errorf("%s: no translation of %q", reason, explanation.Remedy)
		}
	}
}
