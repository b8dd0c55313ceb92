package importers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestKeyOf(t *testing.T) {
	for no, want := range map[tenancy.EmployeeNo]tenancy.EmployeeKey{
		"000123": "123", "123": "123", "123.0": "123", " 00123.0 ": "123", "0": "0", "000": "0",
		"ab-12": "AB-12", "АВ-12": "AB-12", "ав-12": "AB-12", "ЦБ-007": "ЦБ-007", "00А1": "00A1", "С\u200b17": "C17", "123.00": "123", "1.10": "1.10", "\u202e17": "17", "АВЕКМНОРСТУХІЅЈ": "ABEKMHOPCTYXISJ", "К-00123": "K-00123", "к-00123": "K-00123", "1\u00a07": "1 7",
	} {
		if got := KeyOf(no); got != want {
			t.Errorf("KeyOf(%q) = %q, want %q", no, got, want)
		}
	}
}

// The canonical form is one: making it of itself changes nothing, and neither
// case, outer blanks nor look-alikes matter.
func TestTheKeyIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		no := rapid.StringOfN(rapid.SampledFrom([]rune("0123456789АВСавсABCabc-/ .")), 1, 10, -1).Draw(t, "no")
		key := KeyOf(tenancy.EmployeeNo(no))
		if lower := KeyOf(tenancy.EmployeeNo(strings.ToLower(" " + no + " "))); lower != key {
			t.Fatalf("KeyOf(%q) is %q, in small letters %q", no, key, lower)
		}
		if again := KeyOf(tenancy.EmployeeNo(key)); again != key {
			t.Fatalf("KeyOf(%q) is %q, and of that %q", no, key, again)
		}
	})
}

func TestNationalIDs(t *testing.T) {
	for _, c := range []struct {
		kind     tenancy.NationalIDKind
		text     string
		digits   string
		repaired bool
		ok       bool
	}{
		{tenancy.SNILS, "112-233-445 95", "11223344595", false, true},
		{tenancy.SNILS, "112-233-445 96", "", false, false}, // as a README on the web has it
		{tenancy.SNILS, "087654303 00", "08765430300", false, true},
		{tenancy.SNILS, "02600238900", "02600238900", false, true},
		{tenancy.SNILS, "03021488400", "03021488400", false, true},
		{tenancy.SNILS, "54354636800", "54354636800", false, true},
		{tenancy.SNILS, "57889923400", "57889923400", false, true},
		{tenancy.SNILS, "93689846700", "93689846700", false, true},
		{tenancy.SNILS, "99999998900", "99999998900", false, true},
		{tenancy.SNILS, "99999999800", "99999999800", false, true},
		{tenancy.SNILS, "12345678964", "12345678964", false, true},
		{tenancy.SNILS, "001-001-998 77", "00100199877", false, true}, // below the first number with control digits
		{tenancy.SNILS, "000-000-000 00", "", false, false},
		{tenancy.SNILS, "8765430300", "08765430300", true, true},
		{tenancy.SNILS, "8765430301", "", false, false},
		{tenancy.SNILS, "100199877", "", false, false}, // nothing speaks for the zeros
		{tenancy.SNILS, "1122334459", "", false, false},
		{tenancy.SNILS, "112-233-445 9О", "", false, false}, // a letter
		{tenancy.INN, "500100732259", "500100732259", false, true},
		{tenancy.INN, "500100732258", "", false, false},
		{tenancy.INN, "770000000300", "770000000300", false, true}, // a remainder of ten counts as nought
		{tenancy.INN, "000000000000", "", false, false},
		{tenancy.INN, "7707083893", "", false, false}, // a company's
		{tenancy.INN, "7830002293", "", false, false},
		{tenancy.IIN, "061211600012", "061211600012", false, true}, // by the second row of weights
		{tenancy.IIN, "900101300007", "900101300007", false, true},
		{tenancy.IIN, "900101300811", "900101300811", false, true},
		{tenancy.IIN, "000101500011", "000101500011", false, true},
		{tenancy.IIN, "101500011", "000101500011", true, true},
		{tenancy.IIN, "503156-00121", "", false, false}, // written with its signs: nothing was eaten
		{tenancy.IIN, "900101300007.0", "900101300007", false, true},
		{tenancy.IIN, "000000000000", "", false, false},
		{tenancy.IIN, "50315600121", "050315600121", true, true},
		{tenancy.IIN, "900101300008", "", false, false},
		{tenancy.IIN, "990140000017", "", false, false}, // a company's
	} {
		t.Run(fmt.Sprint(c.kind, c.text), func(t *testing.T) {
			digits, repaired, ok := parseNationalID(idShapes[c.kind], c.text)
			if ok != c.ok || ok && (digits != c.digits || repaired != c.repaired) {
				t.Errorf("got %q %v %v", digits, repaired, ok)
			}
		})
	}
	for last := range 10 {
		if id := fmt.Sprintf("90010130080%d", last); validIIN(id) {
			t.Errorf("%s passes, but numbers that begin so are never issued", id)
		}
	}
}

func TestHashOfANationalID(t *testing.T) {
	a := hashID([]byte("k"), tenancy.INN, "500100732259")
	switch {
	case len(a) != 64, strings.Contains(a, "500100732259"):
		t.Errorf("hash %q", a)
	case a == hashID([]byte("other"), tenancy.INN, "500100732259"), a == hashID([]byte("k"), tenancy.IIN, "500100732259"):
		t.Error("the hash does not depend on the key and the kind")
	case hashID(nil, tenancy.INN, "500100732259") != "":
		t.Error("a hash was made without a key")
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		text  string
		birth bool
		want  string // "" is invalid, "-" is none
	}{
		{"01.02.2024", false, "2024-02-01"}, {"1.2.2024", false, "2024-02-01"}, {"2024-02-01", false, "2024-02-01"}, {"2024/2/1", false, "2024-02-01"},
		{"01-02-2024", false, "2024-02-01"}, {"01.02.2024 0:00:00", false, "2024-02-01"}, {"2024-02-01T00:00:00Z", false, "2024-02-01"},
		{"2024-02-01 10:20:30.5", false, "2024-02-01"}, {"01.02.2024 г.", false, "2024-02-01"}, {"01.02.2024г", false, "2024-02-01"},
		{"1 февраля 2024 г.", false, "2024-02-01"}, {"1 ақпан 2024", false, "2024-02-01"}, {"45352", false, "2024-03-01"}, {"45352.5", false, "2024-03-01"},
		{"01.02.24", false, "2024-02-01"}, {"01.02.99", false, "1999-02-01"}, {"01.02.30", false, "2030-02-01"}, {"01.02.85", true, "1985-02-01"}, {"01.02.05", true, "2005-02-01"}, {"01.02.30", true, "1930-02-01"},
		{"29.02.2024", false, "2024-02-29"}, {"13/02/2024", false, "2024-02-13"}, {"02/02/2024", false, "2024-02-02"},
		{"01.01.0001", false, "-"}, {"01.01.0001 0:00:00", false, "-"}, {"0001-01-01", false, "-"},
		{"03/04/2024", false, ""}, {"02/13/2024", false, ""}, {"29.02.2023", false, ""}, {"31.04.2024", false, ""}, {"32.01.2024", false, ""}, {"01.13.2024", false, ""},
		{"01.01.1800", false, ""}, {"01.01.2999", false, ""}, {"вчера", false, ""}, {"2024", false, ""}, {"00.00.0000", false, "-"}, {"123456", false, ""},
		{"01.01.2027", true, ""}, {"1 января 2024 утром", false, ""},
		{"5 наурыз 2024", false, "2024-03-05"}, {"2024 жылғы 5 наурыз", false, "2024-03-05"}, {"5 кантар 2024", false, "2024-01-05"}, {"05-мар-24", false, "2024-03-05"}, {"«05» марта 2024 г.", false, "2024-03-05"},
		{"5 Sept 2024", false, "2024-09-05"}, {"5 ма 2024", false, ""}, {"5 марсель 2024", false, ""}, {"20240301", false, "2024-03-01"}, {"01032024", false, ""}, {"01,02,2024", false, "2024-02-01"}, {"01 02 2024", false, "2024-02-01"},
		{"2024-02-01T10:00:00.000+0300", false, "2024-02-01"}, {"01.02.2024, 10:30", false, "2024-02-01"}, {"01.02.2024 12:00 AM", false, "2024-02-01"}, {"01.02.2024 жылы", false, "2024-02-01"},
		{"30.12.1899", false, "-"}, {"00.01.1900", false, "-"}, {"01.01.1900", true, "-"}, {"00000000", false, "-"}, {"0000-00-00", false, "-"}, {"31.12.9999", false, ""}, {"01.09.2030", false, "2030-09-01"},
		{"13/25/2024", false, ""}, {"25/13/2024", false, ""}, {"с 01.02.2024", false, ""}, {"01.02.2024-05.02.2024", false, ""}, {"01.02.20", true, ""}, {"01.02.12", true, "2012-02-01"}, {"12.12.1949", true, "1949-12-12"},
	} {
		field := FieldHiredOn
		if c.birth {
			field = FieldBirthDate
		}
		date, ok := calendar{testDay, book.Epoch1900}.parse(c.text, field)
		got := date.String()
		switch {
		case !ok:
			got = ""
		case date.IsZero():
			got = "-"
		}
		if got != c.want {
			t.Errorf("%q (birth %v): got %q, want %q", c.text, c.birth, got, c.want)
		}
	}
}

func TestTheEndOfAllTimeIsNoLastDay(t *testing.T) {
	for _, text := range []string{"31.12.9999", "9999-12-31", "01.01.3999", "31.12.3999 23:59:59", "99991231"} {
		if date, ok := (calendar{testDay, book.Epoch1900}).parse(text, FieldLeftOn); !ok || !date.IsZero() {
			t.Errorf("%q: %s %v", text, date, ok)
		}
	}
}

func TestPhones(t *testing.T) {
	for _, c := range []struct{ text, region, want, country string }{
		{"8 (916) 123-45-67", "RU", "+79161234567", "RU"}, {"+7 916 123 45 67", "RU", "+79161234567", "RU"}, {"9161234567", "RU", "+79161234567", "RU"},
		{"79161234567", "RU", "+79161234567", "RU"}, {"+8 916 123-45-67", "RU", "+79161234567", "RU"}, {"8-916-123-45-67 доб. 12", "RU", "+79161234567", "RU"},
		{"(495) 123-45-67", "RU", "+74951234567", "RU"}, {"8 495 123-45-67; 8 916 123-45-67", "RU", "+79161234567", "RU"},
		{"8 495 123-45-67, 8 495 765-43-21", "RU", "+74951234567", "RU"}, {"8 916 123 45 67 8 917 123 45 67", "RU", "+79161234567", "RU"},
		{"89161234567/89171234567", "RU", "+79161234567", "RU"}, {"8 916 123-45-67 и 8 917 123-45-67", "RU", "+79161234567", "RU"},
		{"12; 8 916 123-45-67", "RU", "+79161234567", "RU"}, {"+7 701 111 22 33", "RU", "+77011112233", "KZ"},
		{"8 701 111 22 33", "KZ", "+77011112233", "KZ"}, {"7011112233", "KZ", "+77011112233", "KZ"}, {"+77011112233", "KZ", "+77011112233", "KZ"},
		{"8 916 123-45-67", "KZ", "+79161234567", "RU"}, {"8 (7172) 12-34-56", "KZ", "+77172123456", "KZ"}, {"+375 29 123-45-67", "RU", "+375291234567", "BY"},
		{"8 (495) 123-45-67, доб. 12", "RU", "+74951234567", "RU"}, {"8(495)1234567#12", "RU", "+74951234567", "RU"}, {"8(495)1234567 вн.12", "RU", "+74951234567", "RU"}, {"тел.: 8-916-123-45-67", "RU", "+79161234567", "RU"},
		{"8 916 123-45-67 WhatsApp", "RU", "+79161234567", "RU"}, {"89161234567abc", "RU", "+79161234567", "RU"}, {"моб.: 8 916 123-45-67; раб.: 8 495 123-45-67", "RU", "+79161234567", "RU"},
		{"раб. 84951234567 моб. 89161234567", "RU", "+79161234567", "RU"}, {"9161234567 9171234567", "RU", "+79161234567", "RU"}, {"+79161234567+79171234567", "RU", "+79161234567", "RU"},
		{"8/916/1234567", "RU", "+79161234567", "RU"}, {"8.916.123.45.67", "RU", "+79161234567", "RU"}, {"(8) 916 123-45-67", "RU", "+79161234567", "RU"}, {"+ 7 916 123 45 67", "RU", "+79161234567", "RU"},
		{"8‑916‑123‑45‑67", "RU", "+79161234567", "RU"}, {"79161234567.0", "RU", "+79161234567", "RU"}, {"＋79161234567", "RU", "+79161234567", "RU"}, {"00375291234567", "RU", "+375291234567", "BY"}, {"+996 555 123456", "RU", "+996555123456", "KG"},
		{"7771234567", "RU", "+77771234567", "KZ"}, {"7771234567", "KZ", "+77771234567", "KZ"}, {"8 777 123 45 67, 8 701 111 22 33", "KZ", "+77771234567", "KZ"}, {"8 (7172) 12-34-56; 8 701 111 22 33", "KZ", "+77011112233", "KZ"},
		{"1111111111", "RU", "", ""}, {"9999999999", "RU", "", ""}, {"89999999999", "RU", "", ""}, {"7777777777", "KZ", "", ""}, {"8 916 123-45-678", "RU", "", ""}, {"375291234567", "RU", "", ""}, {"доб. 1234", "RU", "", ""}, {"+7 (___) ___-__-__", "RU", "", ""},
		{"12-34", "RU", "", ""}, {"нет", "RU", "", ""}, {"0000000000", "RU", "", ""}, {"8 916 123-45", "RU", "", ""}, {"", "RU", "", ""}, {"+7", "RU", "", ""},
	} {
		p, ok := parsePhone(c.text, c.region)
		if p.e164 != c.want || string(p.country) != c.country || ok != (c.want != "") {
			t.Errorf("%q in %s: got %q of %q, want %q of %q", c.text, c.region, p.e164, p.country, c.want, c.country)
		}
	}
}

// The fast way for plain mobiles says exactly what the library says.
func TestPlainMobilesAreTheLibrarys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`9[0-9]{9}`).Draw(t, "digits")
		text := rapid.SampledFrom([]string{"+7", "8", "7", "", "8 ", "+7 ("}).Draw(t, "prefix") + digits[:3] + " " + digits[3:6] + "-" + digits[6:]
		fast, ok := plainMobile(text, "RU")
		number, err := phonenumbers.Parse(text, "RU")
		if err != nil || !ok || fast.e164 != phonenumbers.Format(number, phonenumbers.E164) || !phonenumbers.IsValidNumberForRegion(number, "RU") {
			t.Fatalf("%q: fast %v %v, library %v %v", text, fast, ok, number, err)
		}
	})
}

func TestEmails(t *testing.T) {
	for text, want := range map[string]string{
		"Ivan.Petrov@Firm.example": "ivan.petrov@firm.example", "a@b.example; c@d.example": "a@b.example", "<a@b.example>": "a@b.example", "mailto:a@b.example": "a@b.example",
		"a+tag@b-c.example": "a+tag@b-c.example", "x; a@b.example": "a@b.example",
		"Иван <a@b.example>": "a@b.example", "Иван<a@b.example>": "a@b.example", "a@b.example/c@d.example": "a@b.example", "a@b.example,": "a@b.example", "\"a@b.example\"": "a@b.example", "«a@b.example»": "a@b.example",
		"a @ b.example": "a@b.example", "e-mail:a@b.example": "a@b.example", "a@b.example (личный)": "a@b.example", "o'brien@b.example": "o'brien@b.example", "work: a@b.example": "a@b.example",
		"ivan petr@b.example": "email_invalid", "ivan .petr@b.example": "email_invalid", "a@b.exam ple": "email_invalid", "a@b,example": "email_invalid", "no@no.ru": "email_invalid", "test@test.example": "email_invalid", "a@127.0.0.1": "email_invalid",
		"иван@firm.example": "email_suspect", "ivan@почта.рф": "email_suspect", "ivan@firm.сom": "email_suspect",
		"a@b": "email_invalid", "a at b.example": "email_invalid", "@b.example": "email_invalid", "a@@b.example": "email_invalid", "a..b@c.example": "email_invalid",
		"a@-b.example": "email_invalid", "a@b.example.": "a@b.example", "иван@пример.рф": "email_invalid", strings.Repeat("a", 65) + "@b.example": "email_invalid",
		"ivаn@firm.example": "email_suspect", "ivan@firм.example": "email_suspect",
	} {
		email, code := parseEmail(text)
		if email+string(code) != want {
			t.Errorf("%q: got %q %q, want %q", text, email, code, want)
		}
	}
}

func TestCountries(t *testing.T) {
	for text, want := range map[string]tenancy.CountryCode{
		"Россия": "RU", "РФ": "RU", "Российская Федерация": "RU", "ru": "RU", "RUS": "RU", "Russia": "RU", "Ресей": "RU",
		"Казахстан": "KZ", "Қазақстан": "KZ", "РК": "KZ", "Kazakhstan": "KZ", "Беларусь": "BY", "Узбекистан": "UZ", "Армения": "AM", "Марс": "", "ҚР": "KZ", "KZ": "KZ", "KAZ": "KZ", "398": "KZ", "643": "RU", "Russian Federation": "RU",
		"Россия, Москва": "RU", "г. Алматы, Казахстан": "KZ", "Қазақстан / Казахстан": "KZ", "Россия / Казахстан": "", "Москва": "", "Р.Ф.": "RU",
	} {
		if got, ok := parseCountry(text); got != want || ok != (want != "") {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// The same number twice is one person's only when nothing that the rows say of
// him differs; what one of them leaves out, and how it is spelled, is no
// difference. Who shares an address with somebody else loses it.
func TestWhoIsTheSame(t *testing.T) {
	const head = "Таб. №;Фамилия;Имя;Отчество;Дата рождения;E-mail;СНИЛС;ИНН\n"
	for name, c := range map[string]struct {
		a, b string
		want string
	}{
		"twice the same":             {"1;Иванов;Иван;Иванович;01.02.1980;;;", "1;Иванов;Иван;Иванович;01.02.1980;;;", "contact_missing"},
		"two people":                 {"1;Иванов;Иван;;;;;", "1;Петров;Пётр;;;;;", "contact_missing employee_no_duplicate"},
		"two births":                 {"1;Иванов;Иван;;01.02.1980;;;", "1;Иванов;Иван;;01.02.1981;;;", "contact_missing employee_no_duplicate"},
		"two patronymics":            {"1;Иванов;Иван;Иванович;;;;", "1;Иванов;Иван;Петрович;;;;", "contact_missing employee_no_duplicate"},
		"one patronymic":             {"1;Иванов;Иван;Иванович;;;;", "1;Иванов;Иван;;;;;", "contact_missing"},
		"an initial":                 {"1;Иванов;Иван;Иванович;;;;", "1;Иванов;Иван;И.;;;;", "contact_missing"},
		"ё and capitals":             {"1;Королёв;Пётр;;;;;", "1;КОРОЛЕВ;ПЕТР;;;;;", "contact_missing"},
		"two numbers of one kind":    {"1;Иванов;Иван;;;;112-233-445 95;", "1;Иванов;Иван;;;;123-456-789 64;", "contact_missing employee_no_duplicate"},
		"numbers of different kinds": {"1;Иванов;Иван;;;;112-233-445 95;", "1;Иванов;Иван;;;;;500100732259", "contact_missing"},
		"another spelling":           {"001;Иванов;Иван;;;;;", "1;Иванов;Иван;;;;;", "contact_missing employee_no_similar"},
		"letters that look alike":    {"А1;Иванов;Иван;;;;;", "A1;Иванов;Иван;;;;;", "contact_missing employee_no_similar"},
		"another number and address": {"1;Иванов;Иван;;;i@firm.example;;", "2;Иванов;Иван;;;I@firm.example;;", ""},
		"one address of two":         {"1;Иванов;Иван;;;i@firm.example;;", "2;Петров;Пётр;;;i@firm.example;;", "email_duplicate contact_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := mustParse(t, []byte(head+c.a+"\n"+c.b+"\n"), russianList()).rows()
			for _, r := range rows {
				if got := strings.Trim(fmt.Sprint(codes(r)), "[]"); got != c.want {
					t.Errorf("line %d: %s, want %s", r.Line, got, c.want)
				}
				if r.Row.NationalIDHash != "" {
					t.Error("a hash was made without a key")
				}
				if dropped := strings.Contains(c.want, "email_duplicate"); dropped && r.Row.Email != "" {
					t.Errorf("line %d keeps %s", r.Line, r.Row.Email)
				}
			}
		})
	}
}

func TestSerialNumbersOfBothEpochs(t *testing.T) {
	for text, want := range map[string][2]string{"45292": {"2024-01-01", "2028-01-02"}, "43830": {"2019-12-31", "2024-01-01"}, "29221.75": {"1980-01-01", "1984-01-02"}} {
		for i, day0 := range []book.Epoch{book.Epoch1900, book.Epoch1904} {
			if date, ok := (calendar{testDay, day0}).parse(text, FieldHiredOn); !ok || date.String() != want[i] {
				t.Errorf("%s in epoch %d: %s %v, want %s", text, i, date, ok, want[i])
			}
		}
	}
}
