package book_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/rostergen"
	"github.com/ponimayu/opora/internal/tenancy"
)

func in(t testing.TB, enc encoding.Encoding, text string) []byte {
	t.Helper()
	b, err := enc.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const smallList = "Таб. №;ФИО;Должность\r\n1;Иванов Иван;Кладовщик\r\n2;Петрова Анна;Водитель\r\n"

func TestEncodings(t *testing.T) {
	utf16le := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	utf16be := unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	bareLE := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	for name, c := range map[string]struct {
		content  []byte
		encoding string
	}{
		"UTF-8":                 {[]byte(smallList), "utf-8"},
		"UTF-8 with a mark":     {[]byte("\ufeff" + smallList), "utf-8"},
		"Windows-1251":          {in(t, charmap.Windows1251, smallList), "windows-1251"},
		"Windows-1251 capitals": {in(t, charmap.Windows1251, strings.ToUpper(smallList)), "windows-1251"},
		"IBM866":                {in(t, charmap.CodePage866, strings.ReplaceAll(smallList, "№", "номер")), "ibm866"},
		"KOI8-R":                {in(t, charmap.KOI8R, strings.ReplaceAll(smallList, "№", "номер")), "koi8-r"},
		"UTF-16 of Excel":       {in(t, utf16le, strings.ReplaceAll(smallList, ";", "\t")), "utf-16le"},
		"UTF-16 big-endian":     {in(t, utf16be, smallList), "utf-16be"},
		"UTF-16 without a mark": {in(t, bareLE, "employee no;full name\r\n1;Ivanov Ivan\r\n2;Petrova Anna\r\n"), "utf-16le"},
		"bare UTF-16, Russian":  {in(t, bareLE, smallList), "utf-16le"},
		"bare big-endian":       {in(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), smallList), "utf-16be"},
		"KOI8-R capitals":       {in(t, charmap.KOI8R, strings.ToUpper(strings.ReplaceAll(smallList, "№", "номер"))), "koi8-r"},
		"IBM866 capitals":       {in(t, charmap.CodePage866, strings.ToUpper(strings.ReplaceAll(smallList, "№", "номер"))), "ibm866"},
		"Latin header":          {in(t, charmap.Windows1251, "employee no;full name\r\n1;Ёжик Ян\r\n2;Петрова Анна\r\n"), "windows-1251"},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, c.content, russianList())
			if p.summary.Encoding != c.encoding || p.summary.OK != 2 {
				t.Errorf("encoding %s, %d rows; want %s, 2", p.summary.Encoding, p.summary.OK, c.encoding)
			}
			if got := p.rows()[1].Row.LastName; got != "Петрова" && got != "Petrova" {
				t.Errorf("last name %q", got)
			}
		})
	}
}

func TestTextThatIsRefusedWhole(t *testing.T) {
	win := func(s string) string { return string(in(t, charmap.Windows1251, s)) }
	wide := func(s string) string {
		return string(in(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), s))
	}
	for name, c := range map[string]struct {
		content string
		code    tenancy.ProblemCode
		line    int
	}{
		"no bytes":                      {"", book.FileEmpty, 0},
		"a mark alone":                  {"\ufeff", book.FileEmpty, 0},
		"blank lines":                   {"\r\n;;;\r\n\r\n", book.FileEmpty, 0},
		"a PDF":                         {"%PDF-1.7\n%âãÏÓ", book.FileFormat, 0},
		"a web page":                    {"\n<HTML><p>Список</p></html>", book.FileFormat, 0},
		"a picture":                     {"\x89PNG\r\n\x1a\n", book.FileFormat, 0},
		"binary rubbish":                {"\x01\x02\x03\x04\x05\x06\x07;\x08", book.FileFormat, 0},
		"two binary bytes":              {"\x00\x01", book.FileFormat, 0},
		"binary pairs":                  {"\x01\x00\x02\x00;\x00\x03\x00", book.FileFormat, 0},
		"half a container":              {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), book.FileDamaged, 0},
		"half an archive":               {"PK\x03\x04" + strings.Repeat("x", 200), book.FileDamaged, 0},
		"no header":                     {"1;Иванов Иван;12\n2;Петров Пётр;13\n", importers.HeaderNotFound, 0},
		"a title alone":                 {"Список сотрудников\n", importers.HeaderNotFound, 0},
		"names without numbers":         {"ФИО;Должность\nИванов Иван;Слесарь\n", importers.HeaderNotFound, 0},
		"two e-mails":                   {"Таб. №;ФИО;E-mail;Почта\n1;Иванов Иван;a@b.example;c@d.example\n", importers.HeaderAmbiguous, 1},
		"the same name twice":           {"x\nТаб. №;ФИО;Должность;Должность\n1;Иванов Иван;;\n", importers.HeaderAmbiguous, 2},
		"one column for two fields":     {"Таб. №;ФИО;Телефон / E-mail\n1;Иванов Иван;\n", importers.HeaderAmbiguous, 1},
		"cut in a quoted field":         {"Таб. №;ФИО;Должность\n1;Иванов Иван;\"Ст. кладов", book.FileDamaged, 2},
		"cut in a record":               {"Таб. №;ФИО;Должность\n1;Иванов Иван;x\n2;Петр", book.FileDamaged, 3},
		"cut in the first field":        {"Таб. №;ФИО;Должность\n1;Иванов Иван;x\n2", book.FileDamaged, 3},
		"cut in a letter":               {"Таб. №;ФИО;Должность\n1;Иванов Иван;x\n2;Пет\xd1", book.FileDamaged, 3},
		"cut in half a wide letter":     {"\xff\xfeA\x00;", book.FileDamaged, 0},
		"a separator too many":          {"Таб. №;ФИО;Должность\n1;Иванов;Иван;Слесарь\n", book.FileDamaged, 2},
		"a separator too few":           {"Таб. №;ФИО;Должность\n1;Иванов Иван\n2;Петров Пётр;x\n", book.FileDamaged, 2},
		"marks around a separator":      {"Таб. №;ФИО;Должность\n1;Иванов Иван;ст. \"спец; 1 разряда\"\n", book.FileDamaged, 2},
		"text after a closing mark":     {"Таб. №;ФИО;Должность\n1;Иванов Иван;\"ст.;\" спец\n", book.FileDamaged, 2},
		"an unclosed mark, quoted text": {"Таб. №;ФИО;Должность\n1;Иванов Иван;\"ст. спец\n2;Петров Пётр;x\n3;Сидоров Сидор;\n", book.FileDamaged, 2},
		"a carriage return alone":       {"Таб. №;ФИО;Должность\n1;Иванов Иван;x\r2;Петров Пётр;x\n", book.FileDamaged, 2},
		"a line half in marks":          {"\"Таб. №;ФИО\"\r\n\"1;Иванов Иван\"\r\n\"2;Петров\" Пётр\r\n", book.FileDamaged, 3},
		"a wrapped line cut":            {"\"Таб. №;ФИО\"\r\n\"1;Иванов Иван\"\r\n\"2;Петров", book.FileDamaged, 3},
		"a NUL":                         {"Таб. №;ФИО;Должность\n1;Иванов Иван;x\n2;Петров\x00Пётр;x\n" + strings.Repeat("3;Сидоров Сидор;x\n", 20), book.FileDamaged, 3},
		"letters lost before":           {"Таб. №;ФИО\n1;Сидоров\n2;Ив\ufffdнов\n", book.EncodingLossy, 3},
		"two encodings":                 {"Таб. №;ФИО\n1;Сидоров Сидор Сидорович\n2;" + win("Ив") + "\n", book.EncodingLossy, 0},
		"half of a UTF-16 pair":         {"\xff\xfe" + wide("Таб. №;ФИО\n1;Си") + "\x00\xd8" + wide("доров\n"), book.EncodingLossy, 2},
		"a NUL in UTF-16":               {"\xff\xfe" + wide("Таб. №;ФИО\n1;Си\x00доров\n"), book.FileDamaged, 2},
		"a byte of no encoding":         {win("Таб. №;ФИО\n1;Сидоров Сидор Сидорович\n") + "2;\x98\n", book.EncodingLossy, 0},
		"a value far to the right":      {"Таб. №;ФИО" + strings.Repeat(";", 511) + "x\n1;Иванов Иван\n", book.FileTooLarge, 1},
		"a field without end":           {"Таб. №;ФИО\n1;\"" + strings.Repeat("я\n", 20000) + "\"\n", book.FileTooLarge, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := wantFileProblem(t, []byte(c.content), c.code, c.line)
			if strings.Contains(p.Message, "Иванов") || strings.Contains(p.Message, "Пет") {
				t.Errorf("the message quotes a value: %s", p.Message)
			}
		})
	}
}

func TestAmbiguityNamesBothColumns(t *testing.T) {
	p := wantFileProblem(t, []byte("Таб. №;ФИО;E-mail;Телефон;Рабочая почта\n1;Иванов Иван;;;\n"), importers.HeaderAmbiguous, 1)
	for _, want := range []string{"C (", "E-mail", "E (", "Рабочая почта"} {
		if !strings.Contains(p.Message, want) {
			t.Errorf("the message does not name %q: %s", want, p.Message)
		}
	}
	if p.Field != "email" {
		t.Errorf("field %q, want email", p.Field)
	}
}

func TestDelimitersAndLines(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		lines   []int
	}{
		"semicolons":            {"Таб. №;ФИО;Должность\n1;Иванов, Иван;a,b\n", []int{2}},
		"commas":                {"Таб. №,ФИО,Должность\n1,Иванов Иван,a;b;c;d\n", []int{2}},
		"tabs":                  {"Таб. №\tФИО\tДолжность\n1\tИванов Иван\ta;b,c\n", []int{2}},
		"bars":                  {"Таб. №|ФИО|Должность\n1|Иванов Иван|x\n", []int{2}},
		"sep line":              {"sep=,\r\nТаб. №,ФИО,Должность\r\n1,Иванов Иван,x\r\n", []int{3}},
		"no newline at the end": {"Таб. №;ФИО;Должность\n1;Иванов Иван;x", []int{2}},
		"lines in a field":      {"Таб. №;ФИО;Должность\n1;Иванов Иван;\"a\nb\nc\"\n2;Петров Пётр;x\n", []int{2, 5}},
		"quotes in a field":     {"Таб. №;ФИО;Должность\n1;Иванов Иван;\"ст. \"\"спец\"\"\"\n", []int{2}},
		"marks in the middle":   {"Таб. №;ФИО;Должность\n=\"0001\";Иванов Иван;ООО \"Ромашка\"\n2;Петров Пётр;\"Ромашка\" ООО\n", []int{2, 3}},
		"lines of old Macs":     {"Таб. №;ФИО;Должность\r1;Иванов Иван;\"a\rb\"\r2;Петров Пётр;x\r", []int{2, 4}},
		"converted twice":       {"Таб. №;ФИО;Должность\r\r\n1;Иванов Иван;x\r\r\n", []int{2}},
		"lines in marks":        {"\"Таб. №,ФИО,\"\"Отдел, участок\"\"\"\r\n\"1,Иванов Иван,\"\"Склад, 1\"\"\"\r\n\r\n\"2,Петров Пётр,x\"\r\n", []int{2, 4}},
		"sep line in marks":     {"\"sep=,\"\r\nТаб. №,ФИО,Должность\r\n1,Иванов Иван,x\r\n", []int{3}},
		"empty columns after":   {"Таб. №;ФИО;;\n1;Иванов Иван\n2;Петров Пётр;;;;\n", []int{2, 3}},
		"blank lines between":   {"\nТаб. №;ФИО;Должность\n\n1;Иванов Иван;x\n\n", []int{4}},
	} {
		t.Run(name, func(t *testing.T) {
			var lines []int
			for _, r := range mustParse(t, []byte(c.content), russianList()).rows() {
				lines = append(lines, r.Line)
			}
			if fmt.Sprint(lines) != fmt.Sprint(c.lines) {
				t.Errorf("lines %v, want %v", lines, c.lines)
			}
		})
	}
}

// Cut anywhere, a list is refused or every row that is read is one that was
// written, whole: only a cut in the last field of a record cannot be seen.
func TestATextCutAnywhere(t *testing.T) {
	var b bytes.Buffer
	o := rostergen.Options{Rows: 6, Seed: 3, Country: "KZ", Dirt: 0.3}
	if _, err := rostergen.Write(&b, o, rostergen.File{Format: "csv", Titles: true}); err != nil {
		t.Fatal(err)
	}
	whole := mustParse(t, b.Bytes(), russianList()).rows()
	refused, cuts := 0, 0
	for size := 1; size < b.Len(); size++ {
		if size%7 != 0 && size < b.Len()-150 {
			continue // each takes some milliseconds
		}
		cuts++
		p, err := parseReader(b.Bytes()[:size])
		if err != nil {
			refused++
			continue
		}
		for i, r := range p.rows() {
			if r.Line != whole[i].Line || r.Row.EmployeeNo != whole[i].Row.EmployeeNo || r.Row.LastName != whole[i].Row.LastName || r.Row.Phone != whole[i].Row.Phone {
				t.Fatalf("cut at %d, line %d: read %+v, written %+v", size, r.Line, r.Row, whole[i].Row)
			}
		}
	}
	if refused < cuts/2 {
		t.Errorf("only %d of %d cuts were refused", refused, cuts)
	}
}
