package importers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// fieldColumns is a list of every field, and good values for them.
var fieldColumns = []struct {
	field        Field
	header, good string
}{
	{FieldEmployeeNo, "Таб. №", "17"}, {FieldLastName, "Фамилия", "Иванов"}, {FieldFirstName, "Имя", "Иван"}, {FieldMiddleName, "Отчество", "Иванович"},
	{FieldEmail, "E-mail", "ivan@firm.example"}, {FieldPhone, "Телефон", "89161234567"}, {FieldDepartment, "Подразделение", "Склад"}, {FieldPosition, "Должность", "Кладовщик"},
	{FieldLegalEntity, "Юр. лицо", "ООО «Ромашка»"}, {FieldHiredOn, "Дата приема", "01.02.2024"}, {FieldLeftOn, "Дата увольнения", ""}, {FieldBirthDate, "Дата рождения", "01.02.1980"},
	{FieldCountry, "Страна проживания", "Россия"}, {FieldSegment, "Сегмент", "Курьеры"}, {FieldSNILS, "СНИЛС", "112-233-445 95"}, {FieldINN, "ИНН", "500100732259"}, {FieldIIN, "ИИН", ""},
}

func knownTenant() Options {
	return Options{
		Country: russia, Today: testDay, IDKey: []byte("key"),
		LegalEntities: []tenancy.LegalEntity{
			{Code: "daisy", Name: "ООО «Ромашка»", Default: true}, {Code: "daisy-ao", Name: "АО «Ромашка»"},
			{Code: "rose", Name: "Общество с ограниченной ответственностью Роза", TaxNumber: "7707083893"},
		},
		Segments: []tenancy.Segment{{ID: "couriers", Name: tenancy.Text{Ru: "Курьеры"}}},
	}
}

// theRow parses a list of all fields with good values but for those given.
func theRow(t *testing.T, opts Options, values map[Field]string) Record {
	t.Helper()
	var names, cells []string
	for _, c := range fieldColumns {
		value, ok := values[c.field]
		if !ok {
			value = c.good
		}
		names = append(names, c.header)
		cells = append(cells, `"`+strings.ReplaceAll(value, `"`, `""`)+`"`)
	}
	rows := mustParse(t, []byte(strings.Join(names, ";")+"\n"+strings.Join(cells, ";")+"\n"), opts).rows()
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	return rows[0]
}

func columnOfField(field Field) string {
	for i, c := range fieldColumns {
		if c.field == field {
			return book.ColumnLetter(i)
		}
	}
	return ""
}

// printed is a row as `opora roster parse` prints it.
func printed(t *testing.T, r Record) map[string]any {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var row map[string]any
	if err := json.Unmarshal(b, &row); err != nil {
		t.Fatal(err)
	}
	return row
}

func TestARowWithoutProblems(t *testing.T) {
	row := printed(t, theRow(t, knownTenant(), nil))
	for key, want := range map[string]any{
		"ok": true, "employee_no": "17", "employee_key": "17", "last_name": "Иванов", "first_name": "Иван", "middle_name": "Иванович", "email": "ivan@firm.example", "phone": "+79161234567",
		"department": "Склад", "position": "Кладовщик", "legal_entity": "daisy", "hired_on": "2024-02-01", "left_on": nil, "birth_date": "1980-02-01", "country": "RU", "segment": "couriers", "national_id": "snils",
	} {
		if row[key] != want {
			t.Errorf("%s is %v, want %v", key, row[key], want)
		}
	}
	if len(row["problems"].([]any)) != 0 {
		t.Errorf("problems %v", row["problems"])
	}
}

// Every code of the table in docs/design.md stands at its field with its
// column, with its severity and effect: errors reject the row, the warnings
// that drop a field leave it empty, the others leave the row as it is.
func TestProblemsAndTheirEffects(t *testing.T) {
	const dropped = "-"
	for _, c := range []struct {
		field  Field
		value  string
		want   string // codes at the field
		result string // what is printed for the field
		ok     bool
	}{
		{FieldEmployeeNo, "", "employee_no_missing", dropped, false},
		{FieldEmployeeNo, "б/н", "employee_no_missing", dropped, false},
		{FieldEmployeeNo, "1,23457E+11", "value_lost employee_no_missing", dropped, false},
		{FieldEmployeeNo, "12.май", "value_lost employee_no_missing", dropped, false},
		{FieldEmployeeNo, "12.05.2024", "value_lost employee_no_missing", dropped, false},
		{FieldEmployeeNo, "К?17", "value_lost employee_no_missing", dropped, false},
		{FieldEmployeeNo, "=17", "formula_text employee_no_missing", dropped, false},
		{FieldEmployeeNo, strings.Repeat("1", 101), "value_lost employee_no_missing", dropped, false},
		{FieldEmployeeNo, `="000123"`, "", "000123", true},
		{FieldEmployeeNo, "'000123", "", "000123", true},
		{FieldEmployeeNo, "1E5", "", "1E5", true},
		{FieldLastName, "", "name_incomplete", dropped, true},
		{FieldLastName, "Ивaнов", "name_suspect", "Ивaнов", true},
		{FieldEmail, "ivan", "email_invalid", dropped, true},
		{FieldEmail, "ivаn@firm.example", "email_suspect", dropped, true},
		{FieldEmail, "нет", "", dropped, true},
		{FieldPhone, "123-45-67", "phone_invalid", dropped, true},
		{FieldPhone, "7,91612E+10", "value_lost", dropped, true},
		{FieldPhone, "7.91612E10", "value_lost", dropped, true},
		{FieldPhone, "8 701 111 22 33", "country_suspect", "+77011112233", true},
		{FieldPhone, "+79161234567", "", "+79161234567", true},
		{FieldPhone, "=cmd|' /C calc'!A0", "formula_text", dropped, true},
		{FieldDepartment, "=1+1", "formula_text", dropped, true},
		{FieldDepartment, "\t@SUM(A1)", "formula_text", dropped, true},
		{FieldDepartment, "＝1+1", "formula_text", dropped, true},
		{FieldDepartment, "#ССЫЛКА!", "value_lost", dropped, true},
		{FieldDepartment, "########", "value_lost", dropped, true},
		{FieldDepartment, "?ойма", "value_lost", dropped, true},
		{FieldDepartment, "<Объект не найден> (12:ab)", "value_lost", dropped, true},
		{FieldDepartment, "NULL", "", dropped, true},
		{FieldPosition, "-Кладовщик", "formula_text", dropped, true},
		{FieldPosition, "Кладовщик?", "", "Кладовщик?", true},
		{FieldLegalEntity, "ООО Лютик", "legal_entity_unknown", dropped, false},
		{FieldLegalEntity, "ПАО Ромашка", "legal_entity_unknown", dropped, false},
		{FieldLegalEntity, "Ромашка", "legal_entity_unknown", dropped, false}, // two are called so
		{FieldLegalEntity, "#Н/Д", "value_lost legal_entity_unknown", dropped, false},
		{FieldLegalEntity, "", "", "daisy", true},
		{FieldLegalEntity, "Ромашка, АО", "", "daisy-ao", true},
		{FieldLegalEntity, "ООО \"Роза\"", "", "rose", true},
		{FieldLegalEntity, "роза", "", "rose", true},
		{FieldLegalEntity, "7707083893", "", "rose", true},
		{FieldLegalEntity, "DAISY-AO", "", "daisy-ao", true},
		{FieldHiredOn, "30.02.2024", "date_invalid", dropped, true},
		{FieldHiredOn, "03/04/2024", "date_invalid", dropped, true},
		{FieldHiredOn, "4,52E+04", "value_lost", dropped, true},
		{FieldHiredOn, "01.01.0001 0:00:00", "", dropped, true},
		{FieldHiredOn, "01.09.2027", "", "2027-09-01", true},
		{FieldLeftOn, "01.02.2023", "date_order", "2023-02-01", false},
		{FieldLeftOn, "01.02.2024", "", "2024-02-01", true},
		{FieldLeftOn, "31.12.9999", "", dropped, true},
		{FieldBirthDate, "01.02.2025", "date_order", "2025-02-01", false},
		{FieldBirthDate, "01.02.2024", "date_order", "2024-02-01", false},
		{FieldBirthDate, "01.02.2027", "date_invalid", dropped, true},
		{FieldCountry, "Казахстан", "country_mismatch", "KZ", false},
		{FieldCountry, "г. Алматы, Казахстан", "country_mismatch", "KZ", false},
		{FieldCountry, "Москва", "country_suspect", dropped, true},
		{FieldCountry, "", "", dropped, true},
		{FieldSegment, "Водители", "segment_unknown", dropped, true},
		{FieldSNILS, "112-233-445 96", "snils_checksum", "", true},
		{FieldSNILS, "8765430300", "id_repaired", "", true},
		{FieldSNILS, "8,76543E+09", "value_lost", "", true},
		{FieldINN, "7707083893", "inn_checksum", "", true},
		{FieldINN, "5,00101E+11", "value_lost", "", true},
		{FieldIIN, "900101300008", "iin_checksum", "", true},
		{FieldIIN, "990140000017", "iin_checksum", "", true},
	} {
		t.Run(string(c.field)+" "+c.value, func(t *testing.T) {
			r := theRow(t, knownTenant(), map[Field]string{c.field: c.value})
			var got []string
			for _, p := range r.Problems {
				got = append(got, string(p.Code))
				if p.Field != string(c.field) || p.Column != columnOfField(c.field) || p.Line != 2 || p.Message != Advice(p.Code, tenancy.English) || (p.Severity == tenancy.SeverityError) != errorCodes[p.Code] {
					t.Errorf("problem %+v", p)
				}
			}
			if strings.Join(got, " ") != c.want || r.OK != c.ok {
				t.Errorf("got %v, ok %v; want %s, %v", got, r.OK, c.want, c.ok)
			}
			if value, has := printed(t, r)[string(c.field)]; c.result == dropped && has || c.result != dropped && c.result != "" && value != c.result {
				t.Errorf("%v is printed, want %s", value, c.result)
			}
		})
	}
}

// The kinds of national id come in the country's order; what is printed is the
// kind of the first valid one, and no digit of any.
func TestNationalIDsOfARow(t *testing.T) {
	for _, c := range []struct{ country, snils, inn, iin, kind, codes string }{
		{"RU", "112-233-445 95", "500100732259", "900101300007", "snils", ""},
		{"RU", "112-233-445 96", "500100732259", "", "inn", "snils_checksum"},
		{"RU", "", "", "900101300007", "iin", "country_suspect"},
		{"RU", "000-000-000 00", "000000000000", "000000000000", "", "snils_checksum inn_checksum iin_checksum"},
		{"RU", "нет", "-", "0", "", ""},
		{"KZ", "112-233-445 95", "", "61211600012", "iin", "id_repaired"},
		{"KZ", "112-233-445 95", "", "", "snils", "country_suspect"},
	} {
		opts := Options{Country: russia, Today: testDay, IDKey: []byte("key")}
		if c.country == "KZ" {
			opts.Country = kazakhstan
		}
		r := theRow(t, opts, map[Field]string{FieldSNILS: c.snils, FieldINN: c.inn, FieldIIN: c.iin, FieldPhone: "", FieldCountry: c.country})
		if got := strings.Trim(fmt.Sprint(codes(r)), "[]"); got != c.codes || string(r.Row.NationalID) != c.kind || (r.Row.NationalIDHash != "") != (c.kind != "") {
			t.Errorf("%+v: kind %s, hash %t, problems %s", c, r.Row.NationalID, r.Row.NationalIDHash != "", got)
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"112233445", "112-233", "50010073", "90010130", "61211600", r.Row.NationalIDHash} {
			if secret != "" && bytes.Contains(out, []byte(secret)) {
				t.Errorf("%s is printed: %s", secret, out)
			}
		}
	}
}

func TestARowWithoutContacts(t *testing.T) {
	for name, c := range map[string]struct{ email, phone, want string }{
		"neither":      {"", "", "contact_missing@email"},
		"both invalid": {"ivan", "12", "email_invalid@email phone_invalid@phone contact_missing@email"},
		"a phone":      {"ivan", "89161234567", "email_invalid@email"},
	} {
		r := theRow(t, knownTenant(), map[Field]string{FieldEmail: c.email, FieldPhone: c.phone})
		var got []string
		for _, p := range r.Problems {
			got = append(got, string(p.Code)+"@"+p.Field)
		}
		if strings.Join(got, " ") != c.want || !r.OK {
			t.Errorf("%s: %v, ok %v", name, got, r.OK)
		}
	}
}
