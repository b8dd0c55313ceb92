package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Policy says which addresses may be called. Its zero value allows https to
// port 443 of public addresses and nothing else.
type Policy struct{ rules []rule }

// rule is an entry of an operator's list: the addresses of a network, or a name.
type rule struct {
	network netip.Prefix
	host    string // in lower case; "" for a network
	port    uint16 // 0: any
}

// ParsePolicy reads an operator's list: networks (10.20.0.0/16), addresses
// (10.20.1.5, fd00::5) and names (booking.internal), each with or without a
// port (booking.internal:8080, [fd00::/8]:8443), divided by commas or blanks.
// What it names may be private and may be called by plain http, on any port
// when none is given; a link-local address only when its network is named.
func ParsePolicy(list string) (Policy, error) {
	var p Policy
	for _, entry := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		r, ok := parseRule(entry)
		if !ok {
			return Policy{}, fmt.Errorf("%.60q is not a network, an address or a name, with or without a port", entry)
		}
		p.rules = append(p.rules, r)
	}
	return p, nil
}

func parseRule(entry string) (r rule, ok bool) {
	name, port := splitPort(entry)
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return r, false
		}
		r.port = uint16(n)
	}
	if network, err := netip.ParsePrefix(name); err == nil {
		r.network = network.Masked()
		return r, network.Bits() > 0
	}
	if a, err := netip.ParseAddr(name); err == nil && a.Zone() == "" {
		a = a.Unmap()
		r.network = netip.PrefixFrom(a, a.BitLen())
		return r, true
	}
	r.host = plainName(name)
	return r, nameIsOne(r.host)
}

// splitPort divides "name:port". An IPv6 address has its port outside of brackets.
func splitPort(entry string) (name, port string) {
	if inside, ok := strings.CutPrefix(entry, "["); ok {
		name, port, _ = strings.Cut(inside, "]")
		return name, strings.TrimPrefix(port, ":")
	}
	if strings.Count(entry, ":") == 1 {
		name, port, _ = strings.Cut(entry, ":")
		return name, port
	}
	return entry, ""
}

// plainName is a host name as names are compared.
func plainName(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }

// nameIsOne reports whether a host is a name of the DNS. One that ends in a
// number is an address in some spelling (127.1, 0x7f.1, 2130706433), which
// resolvers read in different ways.
func nameIsOne(host string) bool {
	if host == "" || len(host) > 253 {
		return false
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" {
		return false
	}
	hex, ok := strings.CutPrefix(last, "0x")
	return !ok || strings.Trim(hex, "0123456789abcdef") != ""
}

// maxURL bounds an address, in bytes.
const maxURL = 2048

// Check refuses an address that could never be called: url_invalid, or
// address_refused when the policy does not allow it. Where a name leads is
// seen when it is called.
func (p Policy) Check(address string) error {
	_, err := p.parse(address)
	return err
}

// endpoint is an address, taken apart.
type endpoint struct {
	url   *url.URL
	host  string
	port  uint16
	plain bool // http
}

// parse takes an address apart and judges what can be judged without asking anybody.
func (p Policy) parse(address string) (e endpoint, err error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > maxURL || u.Opaque != "" || u.Hostname() == "" || strings.ContainsAny(address, " \\\t\r\n") || !ascii(address):
		return e, urlInvalid("url is an address such as https://booking.example/opora, in ASCII and at most 2048 bytes")
	case u.Scheme != "https" && u.Scheme != "http":
		return e, urlInvalid("url begins with https://")
	case u.User != nil:
		return e, urlInvalid("url holds no name and password; messages are signed instead")
	case u.Fragment != "" || strings.Contains(address, "#"):
		return e, urlInvalid("url has no fragment")
	}
	e = endpoint{url: u, host: plainName(u.Hostname()), port: 443, plain: u.Scheme == "http"}
	if e.plain {
		e.port = 80
	}
	if text := u.Port(); text != "" || strings.HasSuffix(u.Host, ":") {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return e, urlInvalid("url names a port that is none")
		}
		e.port = uint16(n)
	}
	return e, p.judge(e)
}

// judge refuses what is refused wherever a name leads.
func (p Policy) judge(e endpoint) error {
	if a, err := netip.ParseAddr(e.host); err == nil {
		return p.permit(e, a)
	}
	switch {
	case !nameIsOne(e.host):
		return refused("its host is neither a name nor an address in the usual spelling")
	case p.names(e):
		return nil
	case e.host == "localhost" || strings.HasSuffix(e.host, ".localhost"):
		return p.permit(e, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	case (e.plain || e.port != 443) && !p.hasNetwork(e.port):
		return p.permit(e, netip.Addr{})
	}
	return nil
}

// permit decides about the very address that is about to be called.
func (p Policy) permit(e endpoint, a netip.Addr) error {
	if a.IsValid() {
		if never(a.Unmap()) {
			return refused("it leads to an address that is nobody's")
		}
		a = a.Unmap()
		// A name in the list stands for its owner's own network, but never for
		// what a machine is told about itself at a link-local address.
		if p.contains(e, a) || (p.names(e) && !a.IsLinkLocalUnicast()) {
			return nil
		}
	}
	switch {
	case e.plain:
		return refused("plain http is for the operator's own network: use https")
	case e.port != 443:
		return refused("only port 443 is called")
	case !public(a):
		return refused("it does not lead to a public address")
	}
	return nil
}

// names reports whether the list names the host.
func (p Policy) names(e endpoint) bool {
	for _, r := range p.rules {
		if r.host != "" && r.host == e.host && (r.port == 0 || r.port == e.port) {
			return true
		}
	}
	return false
}

// contains reports whether the list names a network with the address.
func (p Policy) contains(e endpoint, a netip.Addr) bool {
	for _, r := range p.rules {
		if r.host == "" && r.network.Contains(a) && (r.port == 0 || r.port == e.port) {
			return true
		}
	}
	return false
}

func (p Policy) hasNetwork(port uint16) bool {
	for _, r := range p.rules {
		if r.host == "" && (r.port == 0 || r.port == port) {
			return true
		}
	}
	return false
}

// codeRefused is the code of every refusal by the policy.
const codeRefused = "address_refused"

func refused(why string) error {
	return tenancy.E(tenancy.Invalid, codeRefused, "this address may not be called: "+why+" (OPORA_WEBHOOK_ALLOW is the operator's list of what else may be)")
}

// isRefused reports whether the policy refused it.
func isRefused(err error) bool {
	e, ok := errors.AsType[*tenancy.Error](err)
	return ok && e.Code == codeRefused
}

func urlInvalid(rule string) error { return tenancy.E(tenancy.Invalid, "url_invalid", rule) }

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
