// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
	"github.com/reelkeeper/reelkeeper/internal/audit"
)

func TestR29AddressKeepsWhatThePolicyAllows(t *testing.T) {
	cases := map[string]struct {
		address string
		detail  v1alpha1.AddressDetail
		want    string
	}{
		"full IPv4":                     {"192.0.2.7", v1alpha1.AddressesFull, "192.0.2.7"},
		"full IPv6":                     {"2001:db8:1:2::7", v1alpha1.AddressesFull, "2001:db8:1:2::7"},
		"full address without its zone": {"fe80::1%eth0", v1alpha1.AddressesFull, "fe80::1"},
		"truncated IPv4":                {"192.0.2.7", v1alpha1.AddressesTruncated, "192.0.2.0/24"},
		"truncated IPv6":                {"2001:db8:1:2::7", v1alpha1.AddressesTruncated, "2001:db8:1::/48"},
		"IPv4 that a dual-stack listener reports": {"::ffff:192.0.2.7", v1alpha1.AddressesTruncated, "192.0.2.0/24"},
		"link-local address with a zone":          {"fe80::1%eth0", v1alpha1.AddressesTruncated, "fe80::/48"},
		"no address":                              {"192.0.2.7", v1alpha1.AddressesNone, ""},
		"no detail said truncates":                {"192.0.2.7", "", "192.0.2.0/24"},
		"detail of a later version truncates":     {"192.0.2.7", "Hashed", "192.0.2.0/24"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := audit.Address(netip.MustParseAddr(tc.address), tc.detail); got != tc.want {
				t.Errorf("Address(%s, %q) = %q, want %q", tc.address, tc.detail, got, tc.want)
			}
		})
	}
	if got := audit.Address(netip.Addr{}, v1alpha1.AddressesFull); got != "" {
		t.Errorf("Address of nothing = %q, want nothing", got)
	}
}

func TestTruncatedAddressesHideTheHost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		b := append([]byte{}, a...)
		b[15] ^= byte(rapid.IntRange(1, 255).Draw(t, "other host"))
		addressA, addressB := netip.AddrFrom16([16]byte(a)), netip.AddrFrom16([16]byte(b))
		if audit.Address(addressA, v1alpha1.AddressesTruncated) != audit.Address(addressB, v1alpha1.AddressesTruncated) {
			t.Fatalf("%s and %s can be told apart", addressA, addressB)
		}
	})
}

func TestUserAgentIsOneBoundedPrintableLine(t *testing.T) {
	if got, want := audit.Client(netip.Addr{}, "", "Mozilla/5.0\r\n\x1b[31m(evil\u202e)").UserAgent, "Mozilla/5.0 [31m(evil)"; got != want {
		t.Errorf("user agent = %q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringN(250, 300, -1)).Draw(t, "text")
		if rapid.Bool().Draw(t, "invalid UTF-8") {
			text += "\xff\xfe"
		}
		got := audit.Client(netip.Addr{}, "", text).UserAgent
		if utf8.RuneCountInString(got) > 256 || !utf8.ValidString(got) {
			t.Fatalf("user agent %q is too long or not UTF-8", got)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Fatalf("user agent %q holds something that does not print", got)
		}
	})
}
