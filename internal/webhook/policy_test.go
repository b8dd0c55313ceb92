package webhook

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
)

func codeOf(err error) string {
	if e, ok := errors.AsType[*tenancy.Error](err); ok {
		return e.Code
	}
	return ""
}

// TestCheck holds the spellings by which an address of the inside is smuggled
// past a check that reads texts.
func TestCheck(t *testing.T) {
	listed, err := ParsePolicy("10.20.0.0/16:8080, booking.internal, [fd00:1::/32]:8443 hooks.example:8443,127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	const refused, invalid = "address_refused", "url_invalid"
	for address, want := range map[string]struct{ plain, listed string }{
		"https://booking.example/opora":        {"", ""},
		"https://booking.example:443/":         {"", ""},
		"https://93.184.216.34/":               {"", ""},
		"https://[2606:2800:220:1::1]/":        {"", ""},
		"https://BOOKING.example./x":           {"", ""},
		"https://xn--e1afmkfd.example/":        {"", ""},
		"https://booking.example:8443/":        {refused, ""}, // a network of the list may hold it
		"https://booking.example:9443/":        {refused, ""}, // 127.0.0.1 is listed with every port
		"https://hooks.example:8443/":          {refused, ""},
		"http://booking.example/":              {refused, ""},
		"http://93.184.216.34/":                {refused, refused},
		"http://booking.internal:8080/opora":   {refused, ""},
		"https://booking.internal/opora":       {"", ""},
		"http://10.20.3.4:8080/":               {refused, ""},
		"http://10.20.3.4:8081/":               {refused, refused},
		"https://10.20.3.4/":                   {refused, refused},
		"https://10.21.3.4/":                   {refused, refused},
		"https://[fd00:1::9]:8443/":            {refused, ""},
		"https://[fd00:2::9]:8443/":            {refused, refused},
		"http://127.0.0.1:9/":                  {refused, ""},
		"http://[::ffff:127.0.0.1]:9/":         {refused, ""},
		"https://localhost/":                   {refused, ""},
		"https://a.localhost/":                 {refused, ""},
		"https://127.0.0.2/":                   {refused, refused},
		"https://127.1/":                       {refused, refused},
		"https://127.0.1/":                     {refused, refused},
		"https://0/":                           {refused, refused},
		"https://0.0.0.0/":                     {refused, refused},
		"https://[::]/":                        {refused, refused},
		"https://[::1]/":                       {refused, refused},
		"https://[::127.0.0.1]/":               {refused, refused},
		"https://[::ffff:10.0.0.1]/":           {refused, refused},
		"https://[::ffff:0:10.0.0.1]/":         {refused, refused},
		"https://[64:ff9b::7f00:1]/":           {refused, refused},
		"https://[64:ff9b:1::7f00:1]/":         {refused, refused},
		"https://[2002:7f00:1::]/":             {refused, refused},
		"https://[2001:0:1::1]/":               {refused, refused},
		"https://[2606:2800::5efe:127.0.0.1]/": {refused, refused},
		"https://[fe80::1]/":                   {refused, refused},
		"https://[fe80::1%25eth0]/":            {refused, refused},
		"https://[fd12::1]/":                   {refused, refused},
		"https://[ff02::1]/":                   {refused, refused},
		"https://2130706433/":                  {refused, refused},
		"https://0x7f000001/":                  {refused, refused},
		"https://0x7f.1/":                      {refused, refused},
		"https://017700000001/":                {refused, refused},
		"https://0177.0.0.1/":                  {refused, refused},
		"https://1.2.3.0x4/":                   {refused, refused},
		"https://169.254.169.254/latest":       {refused, refused},
		"https://192.168.1.1/":                 {refused, refused},
		"https://172.31.0.1/":                  {refused, refused},
		"https://100.64.0.1/":                  {refused, refused},
		"https://198.18.0.1/":                  {refused, refused},
		"https://224.0.0.1/":                   {refused, refused},
		"https://255.255.255.255/":             {refused, refused},
		"https://a..example/":                  {refused, refused},
		"https://a,b.example/":                 {refused, refused},
		"https://user:pw@booking.example/":     {invalid, invalid},
		"https://127.0.0.1@booking.example/":   {invalid, invalid},
		"https://booking.example/#x":           {invalid, invalid},
		"https://booking.example/#":            {invalid, invalid},
		"https://booking.example:0/":           {invalid, invalid},
		"https://booking.example:/":            {invalid, invalid},
		"https://booking.example:99999/":       {invalid, invalid},
		"https://booking.example\\@127.0.0.1/": {invalid, invalid},
		"https://бронь.example/":               {invalid, invalid},
		"https://①②⑦.0.0.1/":                   {invalid, invalid},
		"https://booking.example/a b":          {invalid, invalid},
		"https:///opora":                       {invalid, invalid},
		"https:booking.example":                {invalid, invalid},
		"//booking.example/":                   {invalid, invalid},
		"gopher://booking.example/":            {invalid, invalid},
		"file:///etc/passwd":                   {invalid, invalid},
		"ftp://booking.example/":               {invalid, invalid},
		"":                                     {invalid, invalid},
		"https://%31%32%37.0.0.1/":             {invalid, invalid},
	} {
		if got := codeOf((Policy{}).Check(address)); got != want.plain {
			t.Errorf("%s: %q, want %q", address, got, want.plain)
		}
		if got := codeOf(listed.Check(address)); got != want.listed {
			t.Errorf("%s with a list: %q, want %q", address, got, want.listed)
		}
	}
}

// TestPermit is about where names lead: what a list opens by name or network.
func TestPermit(t *testing.T) {
	p, err := ParsePolicy("10.20.0.0/16 booking.internal:8080 169.254.10.0/24")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]struct {
		to string
		ok bool
	}{
		"https://a.example/":              {"93.184.216.34", true},
		"https://b.example/":              {"::ffff:93.184.216.34", true},
		"https://c.example/":              {"::ffff:10.0.0.1", false},
		"https://d.example/":              {"10.20.0.1", true},
		"http://e.example/":               {"10.20.0.1", true},
		"http://f.example/":               {"93.184.216.34", false},
		"http://booking.internal:8080/":   {"192.168.7.7", true},
		"http://booking.internal:8080/x":  {"93.184.216.34", true},
		"http://booking.internal:8080/y":  {"169.254.169.254", false},
		"http://booking.internal:8080/y6": {"fe80::1", false},
		"http://booking.internal:8080/z":  {"0.0.0.0", false},
		"http://booking.internal:8080/m":  {"224.0.0.1", false},
		"https://booking.internal/":       {"192.168.7.7", false},
		"http://g.example/":               {"169.254.10.9", true},
		"https://h.example/":              {"::1", false},
	} {
		e, err := p.parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if err := p.permit(e, netip.MustParseAddr(want.to)); (err == nil) != want.ok {
			t.Errorf("%s at %s: %v", address, want.to, err)
		}
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	for _, list := range []string{"0.0.0.0/0", "::/0", "10.0.0.0/33", "booking.internal:0", "booking.internal:http", "booking..internal", "http://booking.internal", "*.internal", "127.1", "fe80::1%eth0", "10.0.0.0/8:99999"} {
		if _, err := ParsePolicy(list); err == nil {
			t.Errorf("%q was taken", list)
		}
	}
	if p, err := ParsePolicy(" , "); err != nil || len(p.rules) != 0 {
		t.Errorf("an empty list: %v %v", p, err)
	}
}

// A refusal says what it has to say once, also to an operator who is shown the
// causes of an error.
func TestARefusalIsToldOnce(t *testing.T) {
	err := Policy{}.Check("http://10.20.3.4:8080/")
	if err == nil || !strings.HasSuffix(err.Error(), "what else may be) (address_refused)") {
		t.Error(err)
	}
}
