package importers

import (
	"maps"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// What was answered once is never asked again: the names that a settled list
// gives settle the next list of the same make, wherever its columns stand.
func TestNamesSettleTheNextList(t *testing.T) {
	for name, c := range map[string]struct {
		first, next string
		answers     Mapping
		want        Mapping
	}{
		"two addresses": {
			"Таб. №;ФИО;E-mail;Почта\n1;Иванов Иван;a@b.example;c@d.example\n", "Почта;Таб. №;ФИО;E-mail\nc@d.example;1;Иванов Иван;a@b.example\n",
			Mapping{FieldEmail: "D"}, Mapping{FieldEmail: "A", FieldEmployeeNo: "B", FieldFullName: "C"},
		},
		"equal names": {
			"Таб. №;ФИО;Телефон;Телефон\n1;Иванов Иван;1;2\n", "ФИО;Таб. №;Телефон;Телефон\nИванов Иван;1;1;2\n",
			Mapping{FieldPhone: "D"}, Mapping{FieldPhone: "D", FieldEmployeeNo: "B", FieldFullName: "A"},
		},
		"one column of two": {
			"Таб. №;ФИО;Телефон / E-mail\n1;Иванов Иван;a@b.example\n", "Таб. №;Телефон / E-mail;ФИО\n1;a@b.example;Иванов Иван\n",
			Mapping{FieldEmail: "C"}, Mapping{FieldEmail: "B", FieldEmployeeNo: "A", FieldFullName: "C"},
		},
		"none of them": {
			"Таб. №;ФИО;E-mail;Почта\n1;Иванов Иван;a@b.example;c@d.example\n", "Таб. №;ФИО;E-mail;Почта\n1;Иванов Иван;a@b.example;c@d.example\n",
			Mapping{FieldEmail: NoColumn}, Mapping{FieldEmployeeNo: "A", FieldFullName: "B"},
		},
		"two levels": {
			"Таб. №;ФИО;Связь 1;Связь 2\n;;Звонить;Звонить\n1;Иванов Иван;1;2\n", "Таб. №;ФИО;Связь 2;Связь 1\n;;Звонить;Звонить\n1;Иванов Иван;1;2\n",
			Mapping{FieldPhone: "D"}, Mapping{FieldPhone: "D", FieldEmployeeNo: "A", FieldFullName: "B"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := russianList()
			o.Mapping = c.answers
			if name == "two levels" {
				o.HeaderLine = 2
			}
			o = Options{Country: o.Country, Today: o.Today, Names: mustParse(t, []byte(c.first), o).summary.Names, HeaderLine: o.HeaderLine}
			if name == "two levels" {
				c.want[FieldPhone] = "C" // the column is told by its group
			}
			if got := mustParse(t, []byte(c.next), o).summary; !maps.Equal(got.Mapping, c.want) || len(got.Outdated) > 0 {
				t.Errorf("got %v, want %v; outdated %v", got.Mapping, c.want, got.Outdated)
			}
		})
	}
}

func TestNamesThatAreGone(t *testing.T) {
	o := russianList()
	o.Names = map[string]Field{"Звонить": FieldPhone, "Пишите": FieldEmail, "Прочее": ""}
	p := mustParse(t, []byte("Таб. №;ФИО;звонить:\n1;Иванов Иван;89001112233\n"), o)
	if p.summary.Mapping[FieldPhone] != "C" || len(p.summary.Outdated) != 1 || p.summary.Outdated[0] != "Пишите" {
		t.Errorf("got %+v", p.summary)
	}
}

// TestColumnsThatNobodyReadsAreTold: whoever expected one of them to be
// understood sees that it was not.
func TestColumnsThatNobodyReadsAreTold(t *testing.T) {
	p := mustParse(t, []byte("№ п/п;Таб. №;ФИО;Телефон;Руководитель;Номер для сверки;;Что исправить\n1;1;Иванов Иван;89001112233;Петров;7;;\n"), russianList())
	if want := map[string]string{"E": "Руководитель", "F": "Номер для сверки"}; !maps.Equal(p.summary.Unread, want) {
		t.Errorf("got %v, want %v", p.summary.Unread, want)
	}
	whole := mustParse(t, []byte("№;Таб. №;ФИО;Телефон\n1;1;Иванов Иван;89001112233\n"), russianList())
	if whole.summary.Unread != nil {
		t.Errorf("of a list that was read whole: %v", whole.summary.Unread)
	}
}

func TestAHeaderThatLacksOnePartSaysWhich(t *testing.T) {
	for text, want := range map[string]string{"Шифр;ФИО;Телефон\n1;Иванов Иван;8\n": "employee_no", "Таб. №;Кто;Телефон\n1;Иванов Иван;8\n": "full_name", "Шифр;Кто;Телефон\n": ""} {
		_, err := parseBytes(t, []byte(text), russianList())
		if p, ok := book.ProblemOf(err); !ok || p.Code != HeaderNotFound || p.Field != want {
			t.Errorf("%q: %+v, want the field %q", text, p, want)
		}
	}
}

func TestMappingsThatCannotBe(t *testing.T) {
	list := []byte("Таб. №;ФИО;Телефон\n1;Иванов Иван;89001112233\n")
	for _, bad := range []Mapping{{FieldPhone: "ZZ"}, {FieldPhone: "1"}, {"salary": "C"}, {FieldPhone: "C", FieldEmail: "C"}, {FieldPhone: ""}} {
		o := russianList()
		o.Mapping = bad
		if _, err := parseBytes(t, list, o); tenancy.KindOf(err) != tenancy.Invalid {
			t.Errorf("%v: got %v", bad, err)
		}
	}
}
