package importers

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Signs with which a number, a phone or a date may begin although formulas do.
const dialSigns = "+-＋－"

// Lengths of texts, in letters. What is longer is no name, number or department
// but several cells run into one; Keycloak and PostgreSQL's keys have limits too.
const (
	longestNumber = 100
	longestPerson = 200
	longestText   = 500
)

// value returns the text of a field, or "" when there is none or it cannot be
// taken: then the reason is noted. signs are those of formulas that the field
// may begin with.
func (r *rowReader) value(field Field, signs string) string {
	column, ok := r.fields[field]
	if !ok {
		return ""
	}
	text, code := takeText(r.line.At(column), signs)
	if code != "" {
		r.add(code, field)
	}
	return text
}

// takeText returns what a cell says, or the reason why that is not known.
func takeText(c book.Cell, signs string) (text string, code tenancy.ProblemCode) {
	text = book.Undirected(c.Text)
	if strings.IndexByte(text, fullWidth) >= 0 {
		text = strings.Map(narrowDigit, text)
	}
	if c.Kind == book.TextCell && !startsWithLetter(text) {
		text = unwrapped(text)
	}
	switch {
	case c.Kind == book.LostCell, c.Kind == book.BoolCell, c.Kind == book.TextCell && isLost(text), strings.ContainsRune(text, utf8.RuneError):
		return "", ValueLost
	case startsWithLetter(text):
		return text, ""
	case strings.Trim(text, "-–—−_. ") == "":
		return "", "" // a dash stands for nothing
	case c.Kind == book.TextCell && beginsAsFormula(text) && !startsWithOneOf(text, signs):
		return "", FormulaText
	}
	return text, ""
}

// fullWidth begins every full-width sign in UTF-8.
const fullWidth = 0xef

// narrowDigit makes a digit of full width, as East Asian keyboards write it, a
// plain one.
func narrowDigit(r rune) rune {
	if r >= '０' && r <= '９' {
		return r - '０' + '0'
	}
	return r
}

// unwrapped takes a text out of what keeps a spreadsheet from changing it:
// SafeText's apostrophe, an apostrophe before a digit, ="000123".
func unwrapped(text string) string {
	text = unprotected(text)
	if m := quotedValue.FindStringSubmatch(text); m != nil {
		text = book.Clean(m[1])
	}
	if rest, ok := strings.CutPrefix(text, "'"); ok && startsWithDigit(rest) {
		return rest
	}
	return text
}

// startsWithLetter is true for a text that begins with an ASCII letter or digit
// or a Cyrillic letter, as nearly all do.
func startsWithLetter(s string) bool {
	return s != "" && (s[0] >= '0' && s[0] <= '9' || s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z' || s[0] >= 0xd0 && s[0] <= 0xd3)
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func startsWithOneOf(s, signs string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return strings.ContainsRune(signs, first)
}

// wordValue is value for a field that is no date: a date in it is a number that
// a spreadsheet has turned into one.
func (r *rowReader) wordValue(field Field, longest int) string {
	if column, ok := r.fields[field]; ok && r.line.At(column).Kind == book.DateCell {
		r.add(ValueLost, field)
		return ""
	}
	text := r.value(field, "")
	if len(text) > longest && utf8.RuneCountInString(text) > longest {
		r.add(ValueLost, field)
		return ""
	}
	return text
}

// textValue is wordValue for a department and the like: a question mark before a
// letter is a letter that a conversion could not keep, most often a Kazakh one.
func (r *rowReader) textValue(field Field) string {
	text := r.wordValue(field, longestText)
	if strings.Contains(text, "?") && lostLetter.MatchString(text) {
		r.add(ValueLost, field)
		return ""
	}
	if isNone(text) {
		return ""
	}
	return text
}

var (
	quotedValue = regexp.MustCompile(`^="([^"]*)"$`)
	exponent    = regexp.MustCompile(`^\d([.,]\d+)?[EeЕе]\+\d+$`)
	someNumber  = regexp.MustCompile(`^\d+([.,]\d+)?[EeЕе][+-]?\d+$`)
	errorText   = regexp.MustCompile(`^##+$|^#[\pL/0]+[!?]$|^#(?i:n/a|н/д)`)
	errorNo     = regexp.MustCompile(`^(?i:err|ошибка):\d+$`)
	lostLetter  = regexp.MustCompile(`\?\pL|\?\?`)
)

// isLost reports whether a text stands where a value was: the error of a
// formula, the exponent form of a long number, the signs of a column that was
// too narrow when it was saved, 1C's broken reference.
func isLost(text string) bool {
	if text == "" {
		return false
	}
	switch c := text[0]; {
	case c == '#':
		return errorText.MatchString(text)
	case startsWithDigit(text):
		return strings.Contains(text, "+") && exponent.MatchString(text)
	case c == '<':
		return strings.HasPrefix(book.Fold(text), "<объект не найден")
	}
	return strings.Contains(text, ":") && errorNo.MatchString(text)
}

// isNone reports whether a text says that there is nothing.
func isNone(text string) bool {
	if len(text) > 2*len("отсутствует") {
		return false
	}
	switch strings.ToLower(text) {
	case "нет", "отсутствует", "н/д", "не указан", "не указана", "не указано", "жоқ", "no", "none", "n/a", "null", "nan", "nat", "б/н", "без номера", "0":
		return true
	}
	return false
}
