// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// never are the addresses that are not called whatever a store allows: those of the machine's own link, and those where clouds
// hand out a node's credentials. That some of them are public addresses, or lie in private ranges, is why they stand here.
var never = prefixes(
	"169.254.0.0/16",     // link-local; the metadata services of most clouds
	"100.100.100.200/32", // Alibaba Cloud's metadata
	"168.63.129.16/32",   // Azure's host agent
	"fe80::/10",          // link-local
	"fd00:ec2::/32",      // AWS's metadata, and the credentials of EKS's Pods
	"fd20:ce::254/128",   // Google Cloud's metadata
	"fd00:c1::/32",       // Oracle Cloud's metadata
	"fd00:42::42/128",    // Scaleway's metadata
)

// private are the addresses that a store can open.
var (
	privateIPv4 = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")
	privateIPv6 = prefixes("fc00::/7", "::1/128")
)

// nat64 is how networks without IPv4 write the IPv4 addresses outside; the last four bytes are the address that is meant.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func prefixes(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

// guard says which addresses are called. It is asked for every connection, after the name was resolved and before anything is
// sent, so that no name and no redirect gets around it.
type guard struct {
	public *ssrf.Guardian
}

// newGuard takes from the library what IANA's registries say of special addresses.
func newGuard(privateToo bool) guard {
	options := []ssrf.Option{ssrf.WithAnyPort()}
	if privateToo {
		options = append(options, ssrf.WithAllowedV4Prefixes(privateIPv4...), ssrf.WithAllowedV6Prefixes(privateIPv6...))
	}
	return guard{ssrf.New(options...)}
}

// control is for net.Dialer.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !g.allows(target.Addr()) {
		return errAddress
	}
	return nil
}

func (g guard) allows(address netip.Addr) bool {
	address = meant(address)
	if slices.ContainsFunc(never, func(p netip.Prefix) bool { return p.Contains(address) }) {
		return false
	}
	return g.public.SafeAddr(address) == nil
}

// meant is the IPv4 address that an IPv6 address stands for, where it stands for one. Other ways of writing one address inside
// another (6to4, Teredo, IPv4-compatible) lead nowhere any more, and are refused as they are.
func meant(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if nat64.Contains(address) {
		bytes := address.As16()
		return netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return address
}

// HostAllowed reports whether a host is one of the patterns; no patterns allow all of them.
func HostAllowed(patterns []string, host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		pattern = strings.ToLower(pattern)
		if domain, below := strings.CutPrefix(pattern, "*"); below {
			return len(host) > len(domain) && strings.HasSuffix(host, domain)
		}
		return host == pattern
	})
}
