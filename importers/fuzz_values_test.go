package importers

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

func country(russian bool) tenancy.Country {
	if russian {
		return russia
	}
	return kazakhstan
}

var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

func FuzzPhone(f *testing.F) {
	for _, text := range []string{
		"8 (916) 123-45-67", "+7 701 111 22 33; 8 495 1234567", "доб. 12", "89161234567 89171234567", "8 (495) 123-45-67, доб. 12", "тел.: 8-916-1234567 WhatsApp", "8/916/1234567",
		"+375 29 123-45-67", "00375291234567", "79161234567.0", "7,91612E+10", "+ 7 (___) ___-__-__", "1111111111", "+79161234567+79171234567", "8 777 123 45 67 #5",
	} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, russian bool) {
		region := country(russian).PhoneRegion
		p, ok := parsePhone(book.Clean(text), region)
		if ok != (p.e164 != "") || ok && !e164.MatchString(p.e164) {
			t.Fatalf("%q: %+v %v", text, p, ok)
		}
		if again, _ := parsePhone(p.e164, region); ok && again != p {
			t.Fatalf("%q gives %q, and that %q", text, p, again)
		}
	})
}

func FuzzEmail(f *testing.F) {
	for _, text := range []string{
		"Ivan@Firm.example", "a@b.example; c@d.example", "Иван <a@b.example>", "mailto:a@b.example", "ivаn@firm.example", "a @ b.example", "a@b.example/c@d.example", "a@b..example", "«a@b.example».", "no@no.ru",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		email, code := parseEmail(book.Clean(text))
		if (email == "") == (code == "") || email != "" && !isAddress(email) || email != strings.ToLower(email) {
			t.Fatalf("%q: %q %q", text, email, code)
		}
		if again, _ := parseEmail(email); again != email {
			t.Fatalf("%q gives %q, and that %q", text, email, again)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, text := range []string{
		"01.02.2024", "1.2.24", "2024-02-01T10:00:00Z", "5 марта 2024 г.", "«05» наурыз 2024", "2024 жылғы 5 наурыз", "45292", "20240301", "31.12.9999", "01.01.0001 0:00:00", "25/03/2024", "29.02.2023", "05-Mar-24",
	} {
		f.Add(text, false, false)
	}
	f.Fuzz(func(t *testing.T, text string, birth, mac bool) {
		field := FieldHiredOn
		if birth {
			field = FieldBirthDate
		}
		c := calendar{testDay, book.Epoch(mac)}
		date, ok := c.parse(book.Clean(text), field)
		if !ok && !date.IsZero() {
			t.Fatalf("%q: %s, and not ok", text, date)
		}
		for _, layout := range []string{date.String(), date.In(time.UTC).Format("02.01.2006"), date.In(time.UTC).Format("2006-01-02T15:04:05Z07:00")} {
			if again, ok := c.parse(layout, field); !date.IsZero() && (!ok || again != date) {
				t.Fatalf("%q gives %s, and %q gives %s", text, date, layout, again)
			}
		}
	})
}

// sound are the parts of a name that has a surname and no signs but its own.
var sound = regexp.MustCompile(`^\pL[\pL\pM]*([ '’-]\pL[\pL\pM]*)*(\|(\pL[\pL\pM]*([ '’-]\pL[\pL\pM]*)*)?){2}$`)

func FuzzName(f *testing.F) {
	for _, text := range []string{
		"Иванов Иван Иванович", "Иван Петров", "Мамедов Рашид Али оглы", "Айгуль Ерлан қызы Ахметова", "И.И.Иванов", "Сухово Кобылин Александр", "Smith, John", "г-н фон Штерн А. - декрет", "Петрова (Сидорова) Анна*",
		"ИВАНОВ ИВАН", "1. Иванов Иван, таб. 17", "Ivanoв Иван", "Асан уулу Бакыт", "О'КОННОР ДЖОН", "Шарль де Голль",
	} {
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, givenFirst bool) {
		text = book.Undirected(book.Clean(text))
		n := splitName(text, givenFirst)
		for _, part := range []string{n.last, n.first, n.middle} {
			if part != strings.TrimSpace(part) || strings.Contains(part, "  ") {
				t.Fatalf("%q: %+v", text, n)
			}
			if again := cased(cased(part)); again != cased(part) {
				t.Fatalf("%q: %q is cased as %q, and that as %q", text, part, cased(part), again)
			}
		}
		last, first, middle := cased(n.last), cased(n.first), cased(n.middle)
		if m := nameOfColumns(last, first, middle); !n.suspect() && sound.MatchString(last+"|"+first+"|"+middle) && (cased(m.last) != last || cased(m.first) != first || cased(m.middle) != middle) {
			t.Fatalf("%q is read as %q %q %q, and from columns as %+v", text, last, first, middle, m)
		}
		letters := map[rune]int{}
		for _, r := range text {
			letters[unicode.ToLower(r)]++
		}
		for _, r := range n.last + n.first + n.middle {
			if letters[unicode.ToLower(r)]--; unicode.IsLetter(r) && letters[unicode.ToLower(r)] < 0 {
				t.Fatalf("%q: %+v has a letter more", text, n)
			}
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, text := range []string{"000123", "123.0", "К-00123", "АВ 17", "1.00", "'0001", "№ 5", ".0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key := KeyOf(tenancy.EmployeeNo(text))
		if again := KeyOf(tenancy.EmployeeNo(key)); again != key {
			t.Fatalf("%q gives %q, and that %q", text, key, again)
		}
		if padded := KeyOf(tenancy.EmployeeNo(" " + text + "\u00a0")); padded != key {
			t.Fatalf("%q gives %q, and among blanks %q", text, key, padded)
		}
	})
}

func FuzzIDs(f *testing.F) {
	for _, text := range []string{"112-233-445 95", "500100732259", "101500011", "000000000000", "9-1", "900101300007.0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind, shape := range idShapes {
			digits, _, ok := parseNationalID(shape, text)
			if !ok {
				continue
			}
			again, repaired, okAgain := parseNationalID(shape, digits)
			if len(digits) != shape.digits || again != digits || repaired || !okAgain || !shape.valid(digits) {
				t.Fatalf("%s %q gives %q, and that %q", kind, text, digits, again)
			}
		}
	})
}

func FuzzCountry(f *testing.F) {
	for _, text := range []string{"РФ", "г. Алматы, Казахстан", "Russian Federation", "398", "Қазақстан / Казахстан"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		code, ok := parseCountry(book.Clean(text))
		if again, _ := parseCountry(string(code)); ok != (code != "") || ok && again != code {
			t.Fatalf("%q: %q %v, and that %q", text, code, ok, again)
		}
	})
}

// Whatever stands in the cells of a row: what is kept is no formula and in its
// canonical form, what has a problem that drops it is gone, and no problem
// tells a digit of what the row holds.
func FuzzRow(f *testing.F) {
	f.Add("17", "Иванов Иван Иванович", "ivan@firm.example", "8 916 123-45-67", "Склад", "01.02.2024", "112-233-445 95", "Россия", byte(0), true)
	f.Add("=17", "=Иванов -Иван", "@b", "+7", "\t=1", "45292", "8765430300", "KZ", byte(9), false)
	f.Add("1E+05", "И?анов", "a@b.example", "7,9E+10", "#Н/Д", "31.12.9999", "112-233-445 96", "?", byte(1), true)
	f.Add("'0001", "\u202eИванов", "", "", "'=x", "", "", "", byte(200), true)
	f.Fuzz(func(t *testing.T, no, full, email, phone, department, day, id, residence string, kinds byte, russian bool) {
		fields := []Field{FieldEmployeeNo, FieldFullName, FieldEmail, FieldPhone, FieldDepartment, FieldHiredOn, FieldSNILS, FieldCountry}
		h := header{line: 1, columns: map[int]Field{}, names: map[int]string{}}
		l := book.Line{No: 2}
		for i, text := range []string{no, full, email, phone, department, day, id, residence} {
			h.columns[i] = fields[i]
			if text = book.Clean(text); text == "" {
				continue
			}
			c := book.Cell{Column: i, Text: text}
			if i == int(kinds>>4) {
				c.Kind = book.CellKind(kinds&15) % (book.LostCell + 1)
			}
			l.Cells = append(l.Cells, c)
		}
		r := newRowReader(Options{Country: country(russian), Today: testDay, IDKey: []byte("k")}, h, "").read(l)
		if r.Skipped != "" {
			return
		}
		checkRow(t, l, r)
	})
}

func checkRow(t *testing.T, l book.Line, r Record) {
	for _, text := range []string{string(r.Row.EmployeeNo), r.Row.LastName, r.Row.FirstName, r.Row.MiddleName, r.Row.Email, r.Row.Department} {
		if beginsAsFormula(text) && !isNumberIn(l, text) || text != book.Undirected(text) {
			t.Fatalf("%q is kept", text)
		}
	}
	if r.Row.Phone != "" && !e164.MatchString(r.Row.Phone) || r.Row.EmployeeKey != "" && r.Row.EmployeeKey != KeyOf(r.Row.EmployeeNo) {
		t.Fatalf("%+v", r.Row)
	}
	if hash, err := hex.DecodeString(r.Row.NationalIDHash); err != nil || len(hash) != 0 && len(hash) != 32 || (r.Row.NationalID != "") != (len(hash) == 32) {
		t.Fatalf("%s has the hash %q", r.Row.NationalID, r.Row.NationalIDHash)
	}
	kept := map[Field]bool{
		FieldEmployeeNo: r.Row.EmployeeNo != "", FieldEmail: r.Row.Email != "", FieldPhone: r.Row.Phone != "", FieldDepartment: r.Row.Department != "", FieldHiredOn: !r.Row.HiredOn.IsZero(),
		FieldSNILS: r.Row.NationalID == tenancy.SNILS, FieldFullName: r.Row.LastName+r.Row.FirstName != "",
	}
	for _, p := range r.Problems {
		if p.Message != Advice(p.Code, tenancy.English) || p.Message == "" || p.Line != l.No || p.Column == "" {
			t.Fatalf("problem %+v", p)
		}
		switch p.Code {
		case EmailInvalid, EmailSuspect, PhoneInvalid, DateInvalid, SNILSChecksum, ValueLost, FormulaText, EmployeeNoMissing, NameMissing:
			if kept[Field(p.Field)] {
				t.Fatalf("%s, and the field is kept: %+v", p.Code, r.Row)
			}
		}
	}
}

// isNumberIn reports whether a text is a number of the file, such as -5.
func isNumberIn(l book.Line, text string) bool {
	for _, c := range l.Cells {
		if c.Kind == book.NumberCell && strings.Contains(c.Text, text) {
			return true
		}
	}
	return false
}
