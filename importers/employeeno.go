package importers

import (
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// lookAlikes are the Cyrillic capitals that cannot be told from Latin ones on
// paper or on a screen.
var lookAlikes = strings.NewReplacer(
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "У", "Y", "Х", "X",
	"І", "I", "Ј", "J", "Ѕ", "S",
)

// KeyOf returns the canonical form of a personnel number: NFC, trimmed, upper
// case, Cyrillic look-alikes as Latin letters, ".0" dropped and, when the rest
// is all digits, leading zeros dropped.
func KeyOf(no tenancy.EmployeeNo) tenancy.EmployeeKey {
	key := lookAlikes.Replace(strings.ToUpper(clean(string(no))))
	for strings.HasSuffix(key, ".0") {
		key = strings.TrimSpace(strings.TrimSuffix(key, ".0"))
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
