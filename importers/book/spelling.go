package book

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Clean makes two spellings that look alike to a reader the same: NFC, no
// invisible characters, every run of blanks one space, none at the ends. Signs
// that turn the direction of writing stay, so that they can be told (Undirected
// drops them).
func Clean(s string) string {
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
		case Invisible(r) && !Turns(r):
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

// Invisible reports whether r is a format or control character, which nobody
// sees.
func Invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsControl(r)
}

// Fold makes words comparable: clean, lower case, ё as е.
func Fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(Undirected(Clean(s))), "ё", "е")
}

// Undirected drops the signs that turn the direction of writing: they hide what
// a text says, and come with contacts copied from a telephone.
func Undirected(s string) string {
	if !strings.ContainsFunc(s, Turns) {
		return s
	}
	return Clean(strings.Map(func(r rune) rune {
		if Turns(r) {
			return -1
		}
		return r
	}, s))
}

// Turns reports whether r embeds, overrides or isolates a direction.
func Turns(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }
