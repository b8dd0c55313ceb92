package importers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ponimayu/opora/importers/book"
)

// formulaSigns begin a formula, or what a spreadsheet may take for one: in East
// Asian versions the full-width forms too.
const formulaSigns = "=+-@＝＋－＠"

// SafeText returns s so that it may stand in a cell or a CSV field that we
// write: what a spreadsheet could take for a formula gets an apostrophe before
// it, and is shown and never evaluated. That is a text whose first sign, behind
// blanks, line ends and invisible characters, is one of = + - @ or their
// full-width forms, and any text that begins with a tab or a line end. Every
// other text comes back as it is, and SafeText of a safe text is that text.
//
// Our own import drops the apostrophe again and reads what it would have read
// of s (a phone, for one), so that export and import are a round trip. It
// applies to text cells of workbooks as well: they are not evaluated where they
// stand, but are when somebody saves the sheet as CSV. Quoting (of delimiters,
// quotation marks, line ends) remains the writer's.
func SafeText(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if first == '\t' || first == '\r' || first == '\n' || first == 0 || beginsAsFormula(s) {
		return "'" + s
	}
	return s
}

// beginsAsFormula reports whether the first visible sign is a formula's.
func beginsAsFormula(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !book.Invisible(r) {
			return strings.ContainsRune(formulaSigns, r)
		}
	}
	return false
}

// unprotected drops the apostrophe that SafeText has put before a text, which
// was cleaned since: a tab or a line end after it is a blank now, or gone.
func unprotected(text string) string {
	for {
		rest, ok := strings.CutPrefix(text, "'")
		if !ok || rest != "" && rest[0] != ' ' && !beginsAsFormula(rest) {
			return text
		}
		text = strings.TrimLeft(rest, " ")
	}
}
