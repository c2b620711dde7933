// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// TestWhichAddressesAreCalled has one of every kind. What is public is called always, what is private where a store allows it, and the
// rest never.
func TestWhichAddressesAreCalled(t *testing.T) {
	t.Parallel()
	const never, private, public = "never", "where it is allowed", "always"
	cases := map[string]struct{ address, want string }{
		"public":                                  {"93.184.216.34", public},
		"public IPv6":                             {"2606:2800:220:1:248:1893:25c8:1946", public},
		"public, mapped into IPv6":                {"::ffff:93.184.216.34", public},
		"public, behind NAT64":                    {"64:ff9b::5db8:d822", public},
		"10/8":                                    {"10.0.0.7", private},
		"172.16/12":                               {"172.31.255.255", private},
		"just after 172.16/12":                    {"172.32.0.1", public},
		"192.168/16":                              {"192.168.1.1", private},
		"carriers' shared space":                  {"100.64.0.1", private},
		"loopback":                                {"127.0.0.1", private},
		"loopback, another":                       {"127.99.0.1", private},
		"IPv6 loopback":                           {"::1", private},
		"unique local IPv6":                       {"fd12:3456::1", private},
		"private, mapped into IPv6":               {"::ffff:10.0.0.7", private},
		"private, behind NAT64":                   {"64:ff9b::a00:7", private},
		"link-local":                              {"169.254.10.20", never},
		"cloud metadata":                          {"169.254.169.254", never},
		"cloud metadata, mapped into IPv6":        {"::ffff:169.254.169.254", never},
		"cloud metadata, behind NAT64":            {"64:ff9b::a9fe:a9fe", never},
		"cloud metadata, by local NAT64":          {"64:ff9b:1::a9fe:a9fe", never},
		"cloud metadata, by 6to4":                 {"2002:a9fe:a9fe::1", never},
		"cloud metadata, IPv4-compatible":         {"::169.254.169.254", never},
		"AWS's IPv6 metadata":                     {"fd00:ec2::254", never},
		"the credentials of Pods in EKS":          {"fd00:ec2::23", never},
		"Google Cloud's IPv6 metadata":            {"fd20:ce::254", never},
		"Oracle Cloud's IPv6 metadata":            {"fd00:c1::a9fe:a9fe", never},
		"Scaleway's IPv6 metadata":                {"fd00:42::42", never},
		"Azure's host agent, a public address":    {"168.63.129.16", never},
		"Alibaba Cloud's, in the shared space":    {"100.100.100.200", never},
		"Oracle Cloud's":                          {"192.0.0.192", never},
		"link-local IPv6":                         {"fe80::1", never},
		"link-local IPv6 with a zone":             {"fe80::1%eth0", never},
		"site-local IPv6":                         {"fec0::1", never},
		"this network":                            {"0.0.0.0", never},
		"this network, another":                   {"0.1.2.3", never},
		"unspecified IPv6":                        {"::", never},
		"multicast":                               {"224.0.0.1", never},
		"multicast IPv6":                          {"ff02::1", never},
		"broadcast":                               {"255.255.255.255", never},
		"reserved":                                {"240.0.0.1", never},
		"documentation":                           {"192.0.2.1", never},
		"documentation IPv6":                      {"2001:db8::1", never},
		"benchmarks":                              {"198.18.0.1", never},
		"Teredo":                                  {"2001:0:a9fe:a9fe::1", never},
		"6to4 of a public address, which is past": {"2002:5db8:d822::1", never},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := netip.MustParseAddr(tc.address)
			got := never
			if newGuard(false).allows(address) {
				got = public
			} else if newGuard(true).allows(address) {
				got = private
			}
			if got != tc.want {
				t.Errorf("%s is called %s, want %s", tc.address, got, tc.want)
			}
		})
	}
}

func TestOnlyTCPIsSpoken(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp4", "udp6", "unix", "tcp", ""} {
		if err := newGuard(true).control(network, "93.184.216.34:443", nil); !errors.Is(err, errAddress) {
			t.Errorf("network %q: %v", network, err)
		}
	}
	if err := newGuard(false).control("tcp4", "93.184.216.34:443", nil); err != nil {
		t.Error(err)
	}
	if err := newGuard(true).control("tcp4", "no address", nil); !errors.Is(err, errAddress) {
		t.Errorf("an address that is none: %v", err)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	patterns := []string{"media.example.com", "*.Example.org", "10.0.0.7"}
	for host, want := range map[string]bool{
		"media.example.com": true, "MEDIA.example.com": true, "media.example.com.": true, "a.example.org": true, "a.b.example.org": true,
		"10.0.0.7": true, "example.com": false, "example.org": false, "evil-media.example.com": false, "evilexample.org": false,
		"media.example.com.evil.net": false, "": false, "10.0.0.70": false,
	} {
		if got := HostAllowed(patterns, host); got != want {
			t.Errorf("%q allowed = %v, want %v", host, got, want)
		}
	}
	if !HostAllowed(nil, "anything.example") {
		t.Error("no patterns allow every host")
	}
}

// FuzzRedirects looks at every redirect that a server can think of: it is followed to https alone, to hosts that are allowed alone, and
// with credentials inside the first origin alone, also when it comes back there.
func FuzzRedirects(f *testing.F) {
	for _, to := range []string{
		"/other", "//evil.example/", "http://media.example.com/", "https://169.254.169.254/latest", "https://media.example.com:444/",
		"https://media.example.com@evil.example/", "https://bob:secret@media.example.com/", `https:\\evil.example`, "https://MEDIA.example.com/x",
		"ftp://media.example.com/", "https://[::1]/", "javascript:alert(1)", "https:///nowhere", "?q", "https://media.example.com:443/y",
	} {
		f.Add(to, "https://media.example.com/again")
		f.Add("https://elsewhere.example.org/", to)
	}
	hosts := []string{"media.example.com", "*.example.org"}
	f.Fuzz(func(t *testing.T, first, second string) {
		start, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://media.example.com/q3.mp4?secret=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		via := []*http.Request{start}
		left := false
		for _, location := range []string{first, second} {
			last := via[len(via)-1]
			to, err := last.URL.Parse(location)
			if err != nil {
				return
			}
			// net/http copies the headers of the first request, and tells where it comes from.
			next := &http.Request{URL: to, Header: http.Header{"Authorization": {"Bearer x"}, "Referer": {last.URL.String()}}}
			if redirect(hosts, next, via) != nil {
				return
			}
			left = left || !strings.EqualFold(to.Hostname(), "media.example.com") || to.Port() != "" && to.Port() != "443"
			check(t, to, next.Header, left)
			via = append(via, next)
		}
	})
}

func check(t *testing.T, to *url.URL, header http.Header, left bool) {
	t.Helper()
	if to.Scheme != "https" || to.User != nil {
		t.Errorf("followed to %q", to)
	}
	if host := strings.TrimSuffix(strings.ToLower(to.Hostname()), "."); host != "media.example.com" && !strings.HasSuffix(host, ".example.org") {
		t.Errorf("followed to the host %q", host)
	}
	if left && header.Get("Authorization") != "" {
		t.Errorf("the credentials go to %q", to)
	}
	if header.Get("Referer") != "" {
		t.Error("the address that it came from goes along")
	}
}
