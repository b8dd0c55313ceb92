package importers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// idShape is what is fixed about a kind of national id.
type idShape struct {
	field    Field
	digits   int
	least    int // digits that remain when a spreadsheet has eaten leading zeros
	valid    func(digits string) bool
	checksum tenancy.ProblemCode
}

var idShapes = map[tenancy.NationalIDKind]idShape{
	tenancy.SNILS: {FieldSNILS, 11, 9, validSNILS, SNILSChecksum},
	tenancy.INN:   {FieldINN, 12, 11, validINN, INNChecksum},
	tenancy.IIN:   {FieldIIN, 12, 9, validIIN, IINChecksum},
}

// idKinds is the order in which the kinds are preferred beside the country's own.
var idKinds = []tenancy.NationalIDKind{tenancy.SNILS, tenancy.IIN, tenancy.INN}

// parseNationalID returns the digits of a valid id; repaired says that leading
// zeros were put back, which is done only where a spreadsheet can have eaten
// them (nothing but digits) and when the checksum then holds.
func parseNationalID(shape idShape, text string) (digits string, repaired, ok bool) {
	text = strings.TrimSuffix(text, ".0") // a number of a data frame
	bare := allDigits(text)
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -–—\u2011.'", r) {
			return -1
		}
		return r
	}, text)
	if !allDigits(text) || len(text) > shape.digits || len(text) < shape.least {
		return "", false, false
	}
	if repaired = len(text) < shape.digits; repaired && !bare {
		return "", false, false // written with its signs: nothing was eaten
	}
	text = strings.Repeat("0", shape.digits-len(text)) + text
	if repaired && text[:9] <= uncheckedSNILS && shape.field == FieldSNILS {
		return "", false, false // without a checksum nothing speaks for the zeros
	}
	return text, repaired, shape.valid(text)
}

// uncheckedSNILS is the last number without control digits.
const uncheckedSNILS = "001001998"

// weigh returns the sum of the digits times their weights.
func weigh(digits string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(digits[i]-'0') * w
	}
	return sum
}

// validSNILS checks the control number by the rule of the Pension Fund: nine
// digits weighed 9…1, modulo 101, 100 as 00; numbers up to 001-001-998 have none.
func validSNILS(d string) bool {
	if d[:9] == "000000000" {
		return false
	}
	if d[:9] <= uncheckedSNILS {
		return true
	}
	return weigh(d, 9, 8, 7, 6, 5, 4, 3, 2, 1)%101%100 == int(d[9]-'0')*10+int(d[10]-'0')
}

// validINN checks a person's tax number: two control digits, modulo 11 and 10.
// A company's number has ten digits and never gets here.
func validINN(d string) bool {
	if d == "000000000000" {
		return false
	}
	return weigh(d, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[10]-'0') &&
		weigh(d, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 == int(d[11]-'0')
}

// validIIN checks Kazakhstan's individual number: a second row of weights when
// the first gives ten, and no number at all when the second gives ten too. A
// fifth digit of 4 and more is a company's (БИН). Birth date and sex are not
// compared: since 2013 the digits need not follow them.
func validIIN(d string) bool {
	if d[4] > '3' || d == "000000000000" {
		return false
	}
	k := weigh(d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) % 11
	if k == 10 {
		k = weigh(d, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2) % 11
	}
	return k < 10 && k == int(d[11]-'0')
}

// hashID returns the keyed hash under which people are matched, or "" without a
// key. The kind is part of it: an INN is not an IIN of the same digits.
func hashID(key []byte, kind tenancy.NationalIDKind, digits string) string {
	if len(key) == 0 {
		return ""
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(string(kind) + ":" + digits))
	return hex.EncodeToString(mac.Sum(nil))
}
