package importers

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/importers/book"
)

func TestSafeText(t *testing.T) {
	for text, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+79161234567": "'+79161234567", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n+1": "'\n+1", "\x00=1": "'\x00=1",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", " =1": "' =1", "\u00a0=1": "'\u00a0=1", "\u200b=1": "'\u200b=1", "\ufeff@a": "'\ufeff@a", "\u202e=1": "'\u202e=1",
		"": "", "Иванов": "Иванов", "О'Коннор": "О'Коннор", "'=1": "'=1", "a=b": "a=b", "a@b.example": "a@b.example", "8-800": "8-800", " a": " a", "–": "–", "'": "'",
	} {
		if got := SafeText(text); got != want {
			t.Errorf("SafeText(%q) = %q, want %q", text, got, want)
		}
	}
}

// What SafeText has protected is read as the text itself would be, in every
// kind of field; and nothing that we write begins like a formula.
func TestSafeTextIsReadAsTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.OneOf(
			rapid.StringOfN(rapid.SampledFrom([]rune("=+-@＝＋\t '\u200b19Яя7")), 1, 12, -1),
			rapid.SampledFrom([]string{"+7 916 123-45-67", "=\"000123\"", "=1+1", "-", "'+79161234567", "Иванов Иван"}),
		), 6, 6).Draw(t, "texts")
		var safe []string
		for _, s := range texts {
			once := SafeText(s)
			if first := strings.TrimSpace(once); first != "" && strings.ContainsAny(first[:1], "=+-@") || SafeText(once) != once {
				t.Fatalf("SafeText(%q) = %q", s, once)
			}
			safe = append(safe, once)
		}
		if want, got := readBack(t, texts), readBack(t, safe); got != want {
			t.Fatalf("%q: protected it is read as %s, else as %s", texts, got, want)
		}
	})
}

// readBack writes one record and says how it is read.
func readBack(t *rapid.T, fields []string) string {
	b := bytes.NewBufferString("Таб. №;ФИО;Должность;Телефон;E-mail;Подразделение\n")
	w := csv.NewWriter(b)
	w.Comma = ';'
	if err := w.Write(fields); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	p, err := parseReader(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%+v", p.records)
}

func TestRecordsWrittenAreRecordsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringOfN(rapid.SampledFrom([]rune("aя;,\t\" '\n«")), 0, 8, -1), 0, 20).Draw(t, "values")
		var b strings.Builder
		b.WriteString("Таб. №;ФИО;Должность;Код\n")
		for i, v := range values {
			fmt.Fprintf(&b, "%d;Иванов Иван;\"%s\";x\n", i+1, strings.ReplaceAll(v, `"`, `""`))
		}
		p, err := parseReader([]byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		rows := p.rows()
		if len(rows) != len(values) {
			t.Fatalf("%d records written, %d read", len(values), len(rows))
		}
		for i, v := range values {
			if want := unprotected(book.Clean(v)); rows[i].Row.Position != want && strings.Trim(want, "-–—_. ") != "" {
				t.Fatalf("record %d: %q written, %q read", i, want, rows[i].Row.Position)
			}
		}
	})
}
