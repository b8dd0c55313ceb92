package importers

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"

	"github.com/ponimayu/opora/internal/tenancy"
)

// address is the part of RFC 5321 that mail systems agree on; ASCII only.
var address = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$`)

// longestAddress is the limit of RFC 5321 for a path, without its brackets.
const longestAddress = 254

// parseEmail returns the first address of a cell in lower case; code says why
// there is none. Addresses are parted by blanks, commas, semicolons and slashes;
// what stands around one (a name, brackets, "mailto:", a full stop) is not part
// of it. Addresses with letters other than Latin ones are not taken: a Cyrillic
// letter in one is a slip of the keyboard far more often than a domain.
func parseEmail(text string) (email string, code tenancy.ProblemCode) {
	if email := strings.ToLower(text); isAddress(email) {
		return email, ""
	}
	if m := spacedAddress.FindStringSubmatch(text); m != nil {
		text = m[1] + "@" + m[2] // ivan @ firm.example
	}
	separators := " ;,<>()[]|\"«»“”"
	if strings.Count(text, "@") > 1 {
		separators += "/\\"
	}
	code = EmailInvalid
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
	for i, part := range parts {
		if !strings.Contains(part, "@") || !strings.ContainsAny(text, separators[1:]) && broken(parts, i) {
			continue
		}
		part = strings.ToLower(strings.TrimRight(strings.Trim(part, "'’:"), "."))
		if i := strings.LastIndexByte(part, ':'); i >= 0 && i < strings.IndexByte(part, '@') {
			part = part[i+1:] // mailto:, e-mail:
		}
		switch {
		case mixedScripts(part):
			code = EmailSuspect
		case isAddress(part):
			return part, ""
		}
	}
	return "", code
}

// broken reports whether a blank may have been typed inside the address at i:
// a small Latin word stands beside it, and no other sign.
func broken(parts []string, i int) bool {
	return i > 0 && pieceOfAddress.MatchString(parts[i-1]) || i+1 < len(parts) && pieceOfAddress.MatchString(parts[i+1])
}

var pieceOfAddress = regexp.MustCompile(`^[a-z0-9._-]+$`)

// spacedAddress is one address with blanks around its sign.
var spacedAddress = regexp.MustCompile(`^([^\s@]+) ?@ ?([^\s@]+)$`)

// isAddress reports whether s, in lower case, is an address that mail may be
// sent to.
func isAddress(s string) bool {
	at := strings.IndexByte(s, '@')
	return at > 0 && at <= 64 && len(s) <= longestAddress && address.MatchString(s) && !madeUp(s)
}

// madeUp reports whether an address was typed only to fill the cell: no@no.ru.
func madeUp(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	first, _, _ := strings.Cut(domain, ".")
	switch local {
	case "no", "net", "none", "nomail", "noemail", "test", "xxx", "aaa":
		return first == local
	}
	return false
}

// mixedScripts reports whether a text has letters of more than one of the
// scripts whose letters look alike: Latin, Cyrillic, Greek.
func mixedScripts(s string) bool {
	latin, cyrillic, greek := 0, 0, 0
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			if r|0x20 >= 'a' && r|0x20 <= 'z' {
				latin = 1
			}
		case unicode.Is(unicode.Cyrillic, r):
			cyrillic = 1
		case unicode.Is(unicode.Latin, r):
			latin = 1
		case unicode.Is(unicode.Greek, r):
			greek = 1
		}
	}
	return latin+cyrillic+greek > 1
}

// phone is a valid number and the country it belongs to.
type phone struct {
	e164    string
	country tenancy.CountryCode
}

// parsePhone reads the numbers of a cell and returns the best: a mobile of the
// region, then a valid number of the region, then a valid one of another
// country; of several equally good ones the first.
func parsePhone(text, region string) (phone, bool) {
	if p, ok := plainMobile(text, region); ok {
		return p, true
	}
	best, most := phone{}, 0
	for _, digits := range phonesIn(text) {
		p, weight := onePhone(digits, region)
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
	if region != "RU" || len(d) != 10 || d[0] != '9' || strings.Count(string(d), "9") == len(d) {
		return phone{}, false
	}
	return phone{"+7" + string(d), "RU"}, true
}

var (
	phoneGlue = regexp.MustCompile(`[;,/|\\\n]|\pL`)
	extension = regexp.MustCompile(`(?i)[,;( ]*(?:доб|вн|внутр|ext|extn|доп|ішкі)[.:а-яa-z]* *(?:№|#)? *\d{1,6}\)?|[#*] *\d{1,6}\b`)
	wholeTail = regexp.MustCompile(`^(\d{10,12})[.,]0+$`)
)

// phonesIn returns the numbers that a cell may hold, as digits with the plus
// that one begins with: parted by signs and words, and by blanks where a number
// is complete and another begins. When no part is long enough, the signs belong
// to one number (8/916/1234567).
func phonesIn(text string) []string {
	if m := wholeTail.FindStringSubmatch(text); m != nil {
		return []string{m[1]} // a number of a data frame: 79161234567.0
	}
	text = strings.ReplaceAll(extension.ReplaceAllString(text, ";"), "＋", "+")
	var all []string
	for _, part := range phoneGlue.Split(text, -1) {
		all = append(all, numbersIn(part)...)
	}
	if len(all) == 0 && !hasLetters(text) {
		all = numbersIn(strings.NewReplacer("/", " ", "|", " ", "\\", " ").Replace(text))
	}
	return all
}

// Lengths of numbers: the shortest here with its area code, the shortest and
// the longest of any country with its code.
const (
	fewestDigits = 10
	fewestAbroad = 8
	longestE164  = len("+") + 15
)

// numbersIn cuts a run of groups of digits into numbers that are long enough.
func numbersIn(part string) []string {
	var all []string
	number := ""
	keep := func() {
		if has := countDigits(number); has >= fewestDigits || has >= fewestAbroad && number[0] == '+' {
			all = append(all, number)
		}
		number = ""
	}
	for _, group := range digitGroups(part) {
		if group[0] == '+' || complete(number, group) {
			keep()
		}
		number += group
	}
	keep()
	return all
}

// complete reports whether a number needs no further digits, or cannot take
// those of the next group: in Russia and Kazakhstan numbers have ten digits, or
// eleven with the 7 or 8 before them.
func complete(number, group string) bool {
	has, most := countDigits(number), 11
	switch {
	case number == "":
		return false
	case number[0] == '+' && !strings.HasPrefix(number, "+7"):
		most = 15
	case number[0] != '+' && number[0] != '7' && number[0] != '8':
		most = 10
	}
	return has >= most || has >= fewestDigits && has+countDigits(group) > most
}

// digitGroups returns the runs of digits of a text, with a plus before them.
func digitGroups(s string) []string {
	var groups []string
	plus, inside := false, false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			if !inside {
				groups = append(groups, "")
				if plus {
					groups[len(groups)-1] = "+"
				}
			}
			groups[len(groups)-1] += string(r)
			inside, plus = true, false
		default:
			inside = false
			plus = r == '+' || plus && (r == ' ' || r == '(')
		}
	}
	return groups
}

func countDigits(s string) int { return len(strings.TrimPrefix(s, "+")) }

// onePhone reads one number; weight is 0 for what is none.
func onePhone(digits, region string) (p phone, weight int) {
	if rest, ok := strings.CutPrefix(digits, "00"); ok {
		digits = "+" + rest
	}
	number, err := phonenumbers.Parse(digits, region)
	if rest, ok := strings.CutPrefix(digits, "+8"); ok && len(rest) == 10 && (err != nil || !phonenumbers.IsValidNumber(number)) {
		number, err = phonenumbers.Parse("+7"+rest, region) // 8 is dialled inside the country, never after a plus
	}
	if err != nil || !phonenumbers.IsValidNumber(number) || oneDigit(strconv.FormatUint(number.GetNationalNumber(), 10)) {
		return phone{}, 0
	}
	number.Extension = nil
	own := phonenumbers.GetRegionCodeForNumber(number)
	p = phone{phonenumbers.Format(number, phonenumbers.E164), tenancy.CountryCode(own)}
	switch {
	case len(own) != 2, len(p.e164) > longestE164:
		return phone{}, 0 // of no country, as satellites are, or an inner number
	case own != region:
		return p, 1
	}
	if kind := phonenumbers.GetNumberType(number); kind == phonenumbers.MOBILE || kind == phonenumbers.FIXED_LINE_OR_MOBILE {
		return p, 3
	}
	return p, 2
}

// oneDigit reports whether a number is one digit again and again: typed only to
// fill the cell.
func oneDigit(s string) bool { return strings.Count(s, s[:1]) == len(s) }
