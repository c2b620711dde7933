// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"net/netip"
	"strings"
	"unicode"

	"github.com/reelkeeper/reelkeeper/api/v1alpha1"
)

// How much of an address AddressesTruncated keeps, in bits: a provider's neighbourhood, not a household.
const (
	keptBitsIPv4 = 24
	keptBitsIPv6 = 48
)

// maxUserAgent is the schema's bound on spec.client.userAgent, in characters.
const maxUserAgent = 256

// Client describes a device by its address, in the detail that the policy allows, and by what it calls itself.
func Client(address netip.Addr, detail v1alpha1.AddressDetail, userAgent string) v1alpha1.AuditClient {
	return v1alpha1.AuditClient{Address: Address(address, detail), UserAgent: plain(userAgent, maxUserAgent)}
}

// Address writes as much of an address as detail allows: all of it (192.0.2.7), its network (192.0.2.0/24, 2001:db8::/48), or
// nothing. An unknown detail keeps the network only, the zero address is nothing.
func Address(address netip.Addr, detail v1alpha1.AddressDetail) string {
	if !address.IsValid() || detail == v1alpha1.AddressesNone {
		return ""
	}
	// An IPv4 client of a dual-stack listener, and the zone of a link-local address, must not escape the truncation.
	address = address.Unmap().WithZone("")
	if detail == v1alpha1.AddressesFull {
		return address.String()
	}
	bits := keptBitsIPv6
	if address.Is4() {
		bits = keptBitsIPv4
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}

// plain makes foreign text fit for people who read it in a terminal: one line, at most limit characters, nothing that is
// not printed, such as control characters or marks that change the direction of writing.
func plain(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar || unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	return clip(strings.Join(strings.Fields(text), " "), limit)
}

// clip cuts text to limit characters, the last of which then shows that something is missing.
func clip(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
