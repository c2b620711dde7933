// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress is whom a request comes from: the peer, or, where that is a trusted proxy, the last address in
// X-Forwarded-For that is not one. What stands before it was written by people whom nobody has to believe.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !trusted(address, proxies) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	return address
}

// neighbourhood is what tries are counted by: an IPv4 address, or the 64 bits of an IPv6 address that are a network's. Whoever has
// one such address has the other 2⁶⁴ of its network too.
func neighbourhood(address netip.Addr) string {
	if !address.Is6() {
		return address.String()
	}
	network, _ := address.WithZone("").Prefix(64) // always fits an IPv6 address
	return network.String()
}

func trusted(address netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(proxy netip.Prefix) bool { return proxy.Contains(address) })
}

// fromProxy says that a request was sent by a trusted proxy.
func (s *Server) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && trusted(peer.Addr().Unmap(), s.gate.proxies)
}
