package importers

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/ponimayu/opora/internal/tenancy"
)

// address is the part of RFC 5321 that mail systems agree on; ASCII only.
var address = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// longestAddress is the limit of RFC 5321 for a path, without its brackets.
const longestAddress = 254

// parseEmail returns the first address of a cell in lower case; code says why
// there is none.
func parseEmail(text string) (email string, code tenancy.ProblemCode) {
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == ',' || r == ' ' })
	code = EmailInvalid
	for _, part := range parts {
		part = strings.TrimPrefix(strings.ToLower(strings.Trim(part, "<>()\"'")), "mailto:")
		switch {
		case !strings.Contains(part, "@"):
		case mixedScripts(part):
			code = EmailSuspect
		case len(part) <= longestAddress && strings.IndexByte(part, '@') <= 64 && address.MatchString(part):
			return part, ""
		}
	}
	return "", code
}

// mixedScripts reports whether a text has letters of the Latin and of the
// Cyrillic script: one that looks like another's.
func mixedScripts(s string) bool {
	latin, cyrillic := false, false
	for _, r := range s {
		latin = latin || unicode.Is(unicode.Latin, r)
		cyrillic = cyrillic || unicode.Is(unicode.Cyrillic, r)
	}
	return latin && cyrillic
}

// phone is a valid number and the country it belongs to.
type phone struct {
	e164    string
	country tenancy.CountryCode
}

// parsePhone reads the numbers of a cell and returns the best: a mobile of the
// region, then a valid number of the region, then a valid one of another country.
func parsePhone(text, region string) (phone, bool) {
	if p, ok := plainMobile(text, region); ok {
		return p, true
	}
	best, most := phone{}, 0
	for _, part := range splitPhones(text) {
		p, weight := onePhone(part, region)
		if weight > most {
			best, most = p, weight
		}
	}
	return best, most > 0
}

// plainMobile is the fast way for the usual number, +7 9xx xxx-xx-xx of Russia
// in any of its spellings; a test holds it against the library.
func plainMobile(text, region string) (phone, bool) {
	var digits [11]byte
	n := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			if n == len(digits) {
				return phone{}, false
			}
			digits[n] = c
			n++
		case c == '+' && i == 0, c == ' ', c == '-', c == '(', c == ')':
		default:
			return phone{}, false
		}
	}
	d := digits[:n]
	if n == 11 && (d[0] == '7' || d[0] == '8') {
		d = d[1:]
	}
	if region != "RU" || len(d) != 10 || d[0] != '9' {
		return phone{}, false
	}
	return phone{"+7" + string(d), "RU"}, true
}

var (
	phoneGlue  = regexp.MustCompile(`[;,/\n]|\s+и\s+|\s+или\s+`)
	phoneStart = regexp.MustCompile(`\s+(\+7|8[ (-]?[ (]?[79]\d\d)`)
)

// splitPhones parts the numbers of a cell: by signs, and where after a blank
// another number begins as numbers do here.
func splitPhones(text string) []string {
	var all []string
	for _, part := range phoneGlue.Split(text, -1) {
		from := 0
		for _, at := range phoneStart.FindAllStringIndex(part, -1) {
			if countDigits(part[from:at[0]]) >= 10 {
				all = append(all, part[from:at[0]])
				from = at[0]
			}
		}
		all = append(all, part[from:])
	}
	return all
}

func countDigits(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}

// onePhone reads one number; weight is 0 for what is none.
func onePhone(text, region string) (p phone, weight int) {
	if countDigits(text) < 7 {
		return phone{}, 0
	}
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "+8"); ok && countDigits(rest) == 10 {
		text = "+7" + rest // 8 is dialled inside the country, never after a plus
	}
	number, err := phonenumbers.Parse(text, region)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return phone{}, 0
	}
	number.Extension = nil
	own := phonenumbers.GetRegionCodeForNumber(number)
	p = phone{phonenumbers.Format(number, phonenumbers.E164), tenancy.CountryCode(own)}
	if own != region {
		return p, 1
	}
	if kind := phonenumbers.GetNumberType(number); kind == phonenumbers.MOBILE || kind == phonenumbers.FIXED_LINE_OR_MOBILE {
		return p, 3
	}
	return p, 2
}
