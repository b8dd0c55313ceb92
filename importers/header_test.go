package importers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestTheDictionaryReads(t *testing.T) {
	d, err := readDictionary()
	if err != nil {
		t.Fatal(err)
	}
	for field := range knownFields {
		if !slices.ContainsFunc(d.list, func(k known) bool { return k.field == field }) {
			t.Errorf("no column's name means %s", field)
		}
	}
	for _, k := range d.list {
		if !knownFields[k.field] {
			t.Errorf("%q means %s, which is no field", string(k.letters), k.field)
		}
	}
	for name := range d.givenFirst {
		if d.names[name].field != FieldFullName {
			t.Errorf("%q is no full name", name)
		}
	}
	for name := range d.weak {
		if d.names[name].field == "" && !d.ignored[name] {
			t.Errorf("%q is weak and means nothing", name)
		}
	}
}

func TestColumnNames(t *testing.T) {
	for name, want := range map[string]Field{
		"Табельный номер": FieldEmployeeNo, "Таб. №": FieldEmployeeNo, "ТАБ.№*": FieldEmployeeNo, "Табельный\n№": FieldEmployeeNo, "Табельный  номер ": FieldEmployeeNo, "№ таб.": FieldEmployeeNo,
		"Табельдік нөмірі": FieldEmployeeNo, "Табель №": FieldEmployeeNo, "Employee ID": FieldEmployeeNo, "employee_no": FieldEmployeeNo, "ID": FieldEmployeeNo,
		"Ф.И.О.": FieldFullName, "ФИО сотрудника": FieldFullName, "Аты-жөні": FieldFullName, "Т.А.Ә.": FieldFullName, "Тегі, аты, әкесінің аты": FieldFullName,
		"Фамилия имя отчество /Тегі, аты, әкесінің аты": FieldFullName, "Full name": FieldFullName, "Фамилия, имя, отчество": FieldFullName,
		"Фамилия": FieldLastName, "Тегі / Фамилия": FieldLastName, "Surname": FieldLastName, "Имя (Аты)": FieldFirstName, "Отчество (при наличии)": FieldMiddleName, "Әкесінің аты": FieldMiddleName,
		"E-mail": FieldEmail, "e-mail": FieldEmail, "Эл. почта": FieldEmail, "Адрес электронной почты": FieldEmail, "Электрондық пошта": FieldEmail, "Электоронды пошта": FieldEmail, "Email (рабочий)": FieldEmail,
		"Моб. телефон": FieldPhone, "Телефон рабочий": FieldPhone, "Ұялы телефон": FieldPhone, "Phone": FieldPhone, "Телефон (мобильный)": FieldPhone, "Телефон нөмірі": FieldPhone,
		"Подразделение": FieldDepartment, "Структурное подразделение": FieldDepartment, "Бөлімі": FieldDepartment, "Подразделенеи": FieldDepartment, "Department": FieldDepartment,
		"Должность": FieldPosition, "Должность по штатному расписанию": FieldPosition, "Лауазымы": FieldPosition, "Атқаратын қызметі": FieldPosition, "Должнсть": FieldPosition,
		"Юр. лицо": FieldLegalEntity, "Организация": FieldLegalEntity, "Ұйым": FieldLegalEntity, "Legal entity": FieldLegalEntity,
		"Дата приёма": FieldHiredOn, "Дата приема на работу": FieldHiredOn, "Дата приема (дд.мм.гггг)": FieldHiredOn, "Жұмысқа қабылданған күні": FieldHiredOn, "Hire date": FieldHiredOn,
		"Дата увольнения": FieldLeftOn, "Уволен": FieldLeftOn, "Termination date": FieldLeftOn, "Дата рождения": FieldBirthDate, "Туған күні": FieldBirthDate, "Дата рожденя": FieldBirthDate,
		"Страна проживания": FieldCountry, "СНИЛС": FieldSNILS, "ИНН": FieldINN, "ИИН": FieldIIN, "ЖСН / ИИН": FieldIIN, "ЖСН": FieldIIN, "Сегмент": FieldSegment,
		"№": "", "№ п/п": "", "Пол": "", "Стаж": "", "Дата": "", "Телефон руководителя": "", "ФИО руководителя": "", "Гражданство": "", "Дата перевода": "", "БИН": "", "Логин": "", "": "", "Имя пользователя": "", "Оклад": "", "Иванов Иван": "",
	} {
		v := theDictionary().understand(book.Clean(name))
		if len(v.fits) > 0 || v.field != want || v.ok != (want != "") {
			t.Errorf("%q: got %q (%v), want %q", name, v.field, v.fits, want)
		}
	}
	for _, name := range []string{"Телефон / E-mail", "ФИО, должность", "Телефон\nE-mail", "Имя / Фамилия / Отдел"} {
		if v := theDictionary().understand(book.Clean(name)); len(v.fits) < 2 {
			t.Errorf("%q: got %q, want two fields", name, v.field)
		}
	}
}

// asLines makes lines of texts: one line of the file each, fields parted by "|".
func asLines(texts ...string) []book.Line {
	var lines []book.Line
	for i, text := range texts {
		l := book.Line{No: i + 1}
		for column, field := range strings.Split(text, "|") {
			if field != "" {
				l.Cells = append(l.Cells, book.Cell{Column: column, Text: field})
			}
		}
		lines = append(lines, l)
	}
	return lines
}

func TestWhereTheHeaderIs(t *testing.T) {
	for name, c := range map[string]struct {
		lines   []book.Line
		at      int
		rows    int
		mapping string
	}{
		"first line":           {asLines("Таб. №|ФИО", "1|Иванов Иван"), 1, 1, "A=employee_no B=full_name"},
		"under titles":         {asLines("ООО «Ромашка»", "Список сотрудников", "", "№|Таб. №|ФИО|Телефон", "1|5|Иванов Иван|12"), 4, 1, "B=employee_no C=full_name D=phone"},
		"two lines":            {asLines("Таб. №|Сотрудник||Контакты|", "|Фамилия|Имя|Телефон|E-mail", "1|Иванов|Иван|12|"), 2, 2, "A=employee_no B=last_name C=first_name D=phone E=email"},
		"groups that complete": {asLines("Табельный|ФИО|Дата||", "номер||приема|увольнения|рождения", "1|Иванов Иван|01.01.2024||"), 2, 2, "A=employee_no B=full_name C=hired_on D=left_on E=birth_date"},
		"a title that sounds":  {asLines("Сотрудник", "Таб. №|Фамилия|Имя", "1|Иванов|Иван"), 2, 1, "A=employee_no B=last_name C=first_name"},
		"mobile before work":   {asLines("Таб. №|ФИО|Рабочий телефон|Мобильный телефон", "1|Иванов Иван||"), 1, 1, "A=employee_no B=full_name D=phone"},
		"number before id":     {asLines("ID|Табельный номер|ФИО", "77|1|Иванов Иван"), 1, 1, "B=employee_no C=full_name"},
		"unit before division": {asLines("Таб. №|ФИО|Департамент|Отдел|Подразделение", "1|Иванов Иван|||"), 1, 1, "A=employee_no B=full_name E=department"},
		"right beside wrong":   {asLines("Таб. №|ФИО|Должность|Должностьь", "1|Иванов Иван||"), 1, 1, "A=employee_no B=full_name C=position"},
		"all misspelt":         {asLines("Табелный номер|Фамилиия|Долшность", "1|Иванов|x"), 1, 1, "A=employee_no B=last_name C=position"},
		"Kazakh":               {asLines("Табельдік нөмірі|Тегі|Аты|Әкесінің аты|Лауазымы|ЖСН", "1|Қасымов|Нұрлан|||"), 1, 1, "A=employee_no B=last_name C=first_name D=middle_name E=position F=iin"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := findHeader(c.lines, settlement{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, column := range slices.Sorted(maps.Keys(h.columns)) {
				got = append(got, fmt.Sprintf("%s=%s", book.ColumnLetter(column), h.columns[column]))
			}
			if strings.Join(got, " ") != c.mapping || h.line != c.at || h.lines != c.rows {
				t.Errorf("line %d of %d: %v\nwant line %d of %d: %s", h.line, h.lines, got, c.at, c.rows, c.mapping)
			}
		})
	}
}

func TestHeadersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		lines []book.Line
		code  tenancy.ProblemCode
		says  string
	}{
		"only people":      {asLines("1|Иванов Иван", "2|Петров Пётр"), HeaderNotFound, "Табельный номер"},
		"no numbers":       {asLines("ФИО|Телефон", "Иванов Иван|12"), HeaderNotFound, "personnel numbers"},
		"no names":         {asLines("Таб. №|Телефон", "1|12"), HeaderNotFound, "names"},
		"two names":        {asLines("Таб. №|ФИО|Сотрудник", "1|Иванов Иван|"), HeaderAmbiguous, "«Сотрудник»"},
		"two numbers":      {asLines("Таб. №|Табельный номер|ФИО", "1|2|Иванов Иван"), HeaderAmbiguous, "employee_no"},
		"two misspellings": {asLines("Таб. №|ФИО|Должнсть|Должнасть", "1|Иванов Иван||"), HeaderAmbiguous, "«Должнасть»"},
		"a column of two":  {asLines("Таб. №|ФИО|Должность / Подразделение", "1|Иванов Иван|"), HeaderAmbiguous, "department"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := findHeader(c.lines, settlement{})
			p, _ := book.ProblemOf(err)
			if p.Code != c.code || !strings.Contains(p.Message, c.says) {
				t.Errorf("got %v, want %s that says %q", err, c.code, c.says)
			}
		})
	}
}

func TestAConfirmedMapping(t *testing.T) {
	list := []byte("Номер;Кто;Почта 1;Почта 2\n1;Иванов Иван;a@b.example;c@d.example\n")
	o := russianList()
	o.HeaderLine = 1
	o.Mapping = Mapping{FieldEmployeeNo: "A", FieldFullName: "b", FieldEmail: "D"}
	p := mustParse(t, list, o)
	if r := p.rows()[0].Row; r.EmployeeNo != "1" || r.LastName != "Иванов" || r.Email != "c@d.example" {
		t.Errorf("got %+v", r)
	}
	two := russianList()
	two.Mapping = Mapping{FieldEmployeeNo: "A", FieldFullName: "B", FieldEmail: "C"}
	ambiguous := []byte("x\nТаб. №;ФИО;E-mail;Почта\n1;Иванов Иван;a@b.example;c@d.example\n")
	if r := mustParse(t, ambiguous, two).rows()[0].Row; r.Email != "a@b.example" {
		t.Errorf("the confirmed mapping did not settle the ambiguity: %+v", r)
	}
	for _, bad := range []Mapping{{FieldEmployeeNo: "A"}, {FieldEmployeeNo: "A", FieldFullName: "A"}, {FieldEmployeeNo: "1", FieldFullName: "B"}, {"salary": "C", FieldEmployeeNo: "A", FieldFullName: "B"}} {
		o.Mapping = bad
		if _, err := parseBytes(t, list, o); tenancy.KindOf(err) != tenancy.Invalid {
			t.Errorf("mapping %v: got %v", bad, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("Таб. №|ФИО|Телефон / E-mail", "1|Иванов")
	f.Add("||Дата|", "Табельный|Имя|приема|")
	f.Add("Тегі / Фамилия|ID|Аты", "")
	f.Fuzz(func(t *testing.T, first, second string) {
		lines := asLines(book.Clean(first), book.Clean(second))
		h, err := findHeader(lines, settlement{})
		if err != nil {
			if p, ok := book.ProblemOf(err); !ok || p.Code != HeaderNotFound && p.Code != HeaderAmbiguous {
				t.Fatal(err)
			}
			return
		}
		seen := map[Field]bool{}
		for column, field := range h.columns {
			if seen[field] || column > h.lastColumn || h.names[column] == "" {
				t.Fatalf("header %+v", h)
			}
			seen[field] = true
		}
		if !h.complete() || h.line < 1 || h.line > 2 {
			t.Fatalf("header %+v", h)
		}
	})
}
