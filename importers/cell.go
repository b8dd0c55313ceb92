package importers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// cellKind says what the file claims a value to be.
type cellKind uint8

const (
	textCell   cellKind = iota
	numberCell          // text is its shortest decimal form
	dateCell            // text is ISO
	boolCell
	lostCell // an error value, a formula that was never calculated, a number with digits cut off
)

// cell is one value as the file has it, cleaned. Cells without a value do not
// exist.
type cell struct {
	column int // 0 is A
	kind   cellKind
	text   string
}

// line is what the file holds in one row: its cells from left to right. It is
// valid until the next one is read.
type line struct {
	no     int
	cells  []cell
	hidden bool // not shown to whoever opens the sheet, perhaps by a filter
}

// at returns the cell of a column; without one, an empty text.
func (l line) at(column int) cell {
	for _, c := range l.cells {
		if c.column == column {
			return c
		}
	}
	return cell{column: column}
}

// source gives the lines of one list in order, and io.EOF after the last one:
// any other error means that lines may be missing, and is a tenancy.Problem.
type source interface {
	next() (line, error)
}

// columnLetter returns the spreadsheet's name of a column: 0 is "A", 26 "AA".
func columnLetter(column int) string {
	var b [4]byte
	i := len(b)
	for column++; column > 0 && i > 0; column = (column - 1) / 26 {
		i--
		b[i] = byte('A' + (column-1)%26)
	}
	return string(b[i:])
}

// columnOf is the inverse of columnLetter; ok is false for what is no column
// of a spreadsheet.
func columnOf(letters string) (column int, ok bool) {
	if letters == "" || len(letters) > 3 {
		return 0, false
	}
	for i := range len(letters) {
		c := letters[i]
		if c < 'A' || c > 'Z' {
			return 0, false
		}
		column = column*26 + int(c-'A') + 1
	}
	return column - 1, column <= 16384
}

// clean makes two spellings that look alike to a reader the same: NFC, no
// invisible characters, every run of blanks one space, none at the ends. Signs
// that turn the direction of writing stay, so that they can be told (undirected
// drops them).
func clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u2007' || r == '\u202f':
			space = b.Len() > 0
		case invisible(r) && !turns(r):
		default:
			if space {
				b.WriteByte(' ')
				space = false
			}
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(b.String()) // last: what was removed may have stood between a letter and its accent
}

// isClean is the fast way for the usual cell: plain ASCII or Cyrillic with
// single spaces.
func isClean(s string) bool {
	before := byte(' ')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f || c == ' ' && before == ' ' {
				return false
			}
			before = c
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		// The basic Cyrillic letters have no decomposed look-alikes before them.
		if r < 0x0410 || r > 0x04ff {
			return false
		}
		before = 0
		i += n
	}
	return before != ' ' || s == ""
}

func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r)
}

// fold makes words comparable: clean, lower case, ё as е.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(undirected(clean(s))), "ё", "е")
}
