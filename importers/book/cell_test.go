package book

import (
	"testing"

	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"  a  b\u00a0\n c ": "a b c", "й": "й", "a\u200bb\ufeff\u00ad": "ab", "\u202eabc": "\u202eabc", "a\tb": "a b", "е\u0308": "ё", "Ｉ": "Ｉ", "": "", " ": "", "Әлия  ": "Әлия", "a\x00b": "ab",
	} {
		if got := Clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		if once := Clean(s); Clean(once) != once {
			t.Fatalf("clean(%q) = %q, and again %q", s, once, Clean(once))
		}
	})
}

func TestColumnLetters(t *testing.T) {
	for column, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 511: "SR", 701: "ZZ", 702: "AAA", 16383: "XFD"} {
		if got := ColumnLetter(column); got != want {
			t.Errorf("columnLetter(%d) = %s, want %s", column, got, want)
		}
		if back, ok := ColumnOf(want); back != column || !ok {
			t.Errorf("columnOf(%s) = %d %v", want, back, ok)
		}
	}
	for _, bad := range []string{"", "XFE", "AAAA", "a", "1", "Ж"} {
		if _, ok := ColumnOf(bad); ok {
			t.Errorf("columnOf(%q) is a column", bad)
		}
	}
}

func TestFormatsThatAreDates(t *testing.T) {
	for code, want := range map[string]style{
		"dd.mm.yyyy": {date: true}, `dd\.mm\.yyyy\ "г."`: {date: true}, "[$-419]d mmm yyyy;@": {date: true}, "mmm-yy": {date: true}, "h:mm": {date: true},
		"General": {}, "0.00": {}, "#,##0": {}, `#,##0" дн."`: {}, "[Red]0": {}, "@": {}, `0"d"`: {}, "000000": {digits: 6}, "000-000-000 00": {digits: 11}, "0": {}, `\d0`: {},
	} {
		if got := styleOf(code); got != want {
			t.Errorf("styleOf(%q) = %+v, want %+v", code, got, want)
		}
	}
}
