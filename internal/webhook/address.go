package webhook

import "net/netip"

// special are the ranges that lead into a machine, a private network or nowhere
// (IANA's registries of special-purpose addresses), and those that carry an
// IPv4 address inside, through which any of them could be meant.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)

// global is the part of IPv6 that is given out as public unicast. What lies
// outside is loopback, link-local, unique local, multicast, NAT64 or nothing.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

// public reports whether the address is public unicast. An IPv4 address in
// IPv6 clothes is judged as what it is.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && (!global.Contains(a) || isatap(a)) {
		return false
	}
	for _, range_ := range special {
		if range_.Contains(a) {
			return false
		}
	}
	return true
}

// isatap reports an interface identifier that carries an IPv4 address (RFC 5214, 6.1).
func isatap(a netip.Addr) bool {
	b := a.As16()
	return b[8]&^0x03 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// never reports an address that no operator's list opens: it names nobody.
func never(a netip.Addr) bool {
	return !a.IsValid() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
