package importers

import (
	"regexp"
	"strings"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// lookAlikes are the Cyrillic capitals that cannot be told from Latin ones on
// paper or on a screen.
var lookAlikes = strings.NewReplacer(
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "У", "Y", "Х", "X",
	"І", "I", "Ј", "J", "Ѕ", "S", "Ү", "Y", "Ԛ", "Q", "Ԝ", "W", "Ӏ", "I",
)

// KeyOf returns the canonical form of a personnel number: NFC, trimmed, upper
// case, Cyrillic look-alikes as Latin letters, ".0" dropped and, when the rest
// is all digits, leading zeros dropped.
func KeyOf(no tenancy.EmployeeNo) tenancy.EmployeeKey {
	if s := string(no); allDigits(s) && s[0] != '0' {
		return tenancy.EmployeeKey(s)
	}
	key := lookAlikes.Replace(strings.ToUpper(book.Undirected(book.Clean(string(no)))))
	for strings.HasSuffix(key, ".0") {
		key = strings.TrimSpace(strings.TrimSuffix(key, ".0"))
	}
	if whole := strings.TrimRight(key, "0"); strings.HasSuffix(whole, ".") && allDigits(whole[:len(whole)-1]) {
		key = whole[:len(whole)-1] // 123.00
	}
	if allDigits(key) {
		if short := strings.TrimLeft(key, "0"); short != "" {
			return tenancy.EmployeeKey(short)
		}
		return "0"
	}
	return tenancy.EmployeeKey(key)
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

var (
	someDay   = regexp.MustCompile(`^\d{1,2}\.\d{1,2}\.\d{4}$`)
	someMonth = regexp.MustCompile(`^(?i)(\d{1,2}[.-])?(янв|фев|мар|апр|май|мая|июн|июл|авг|сен|окт|ноя|дек|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)([.-]\d{2})?$`)
)

// numberLost reports whether a text is what a spreadsheet makes of a personnel
// number that looked like a date (12-05 becomes 12.май), or has letters that a
// conversion could not keep.
func numberLost(text string) bool {
	switch {
	case strings.Contains(text, "?"):
		return true
	case strings.Contains(text, "."):
		return someDay.MatchString(text) || someMonth.MatchString(text)
	}
	return strings.Contains(text, "-") && someMonth.MatchString(text)
}
