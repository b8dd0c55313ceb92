package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/roster"
)

// odd is a list whose columns the dictionary does not know.
func odd(name string) string {
	return "Табельный номер;ФИО;" + name + "\n1;Примеров Иван;+79161234567\n2;Примерова Анна;+79161234568\n"
}

func TestAMappingIsRememberedOnceTheListIsApplied(t *testing.T) {
	o := newOffice(t)
	o.work()
	file := odd("Куда звонить ночью")
	if i := o.upload(hr, roster.Add, file); i.Summary == nil || i.Summary.Mapping["phone"] != "" {
		t.Fatalf("the dictionary knows the column: %+v", i.Summary)
	}
	made := o.receive(roster.Add, roster.Hints{Mapping: map[string]string{"phone": "c"}}, file)
	i := o.wait(made.ID, func(i roster.Import) bool { return i.State == roster.Planned })
	if i.Summary.Mapping["phone"] != "C" || i.Summary.HeaderLine != 1 || i.Summary.Format != "csv" || i.Summary.Skipped["header"] != 1 {
		t.Fatalf("%+v %+v", i.Summary, i.Problems)
	}
	if m, err := o.RememberedMapping(t.Context(), hr, "cdek"); err != nil || len(m.Names) != 0 {
		t.Errorf("remembered before anybody has applied it: %+v %v", m, err)
	}
	o.apply(hr, i.ID)
	m, err := o.RememberedMapping(t.Context(), hr, "cdek")
	if err != nil || m.Names["Куда звонить ночью"] != "phone" || len(m.Names) != 1 || m.SettledBy != hr.ID {
		t.Fatalf("%+v %v", m, err)
	}
	if again := o.upload(hr, roster.Add, file); again.Summary.Mapping["phone"] != "C" || len(again.Problems) != 0 {
		t.Errorf("the next list: %+v %+v", again.Summary, again.Problems)
	}
	lost := o.upload(hr, roster.Add, odd("Заметка"))
	if lost.State != roster.Planned || !slices.Contains(problemCodes(lost), "mapping_outdated") || !strings.Contains(lost.Problems[0].Message, "Куда звонить ночью") {
		t.Errorf("a list without the column: %+v", lost)
	}
	if _, err := o.RememberedMapping(t.Context(), stranger, "cdek"); code(err) != "tenant_unknown" {
		t.Errorf("another tenant reads it: %v", err)
	}
	if err := o.ForgetMapping(t.Context(), stranger, "cdek"); code(err) != "tenant_unknown" {
		t.Errorf("another tenant forgets it: %v", err)
	}
	if err := o.ForgetMapping(t.Context(), hr, "cdek"); err != nil {
		t.Fatal(err)
	}
	if forgotten := o.upload(hr, roster.Add, file); forgotten.Summary.Mapping["phone"] != "" || slices.Contains(problemCodes(forgotten), "mapping_outdated") {
		t.Errorf("%+v", forgotten)
	}
}

// TestARequiredColumnThatWasRenamedIsNamed: by the dictionary alone the list
// was never read, so «no header» would say nothing to whoever renamed the column.
func TestARequiredColumnThatWasRenamedIsNamed(t *testing.T) {
	o := newOffice(t)
	o.work()
	people := ";ФИО;Телефон\n1;Примеров Иван;+79161234567\n2;Примерова Анна;+79161234568\n"
	made := o.receive(roster.Add, roster.Hints{Mapping: map[string]string{"employee_no": "A", "phone": "C"}}, "Шифр"+people)
	first := o.wait(made.ID, func(i roster.Import) bool { return i.State == roster.Planned || i.State == roster.Failed })
	if first.State != roster.Planned {
		t.Fatalf("%+v", first)
	}
	o.apply(hr, first.ID)
	lost := o.upload(hr, roster.Add, "Шифр человека"+people)
	if lost.State != roster.Failed || !slices.Equal(problemCodes(lost), []string{"mapping_outdated", "header_not_found"}) {
		t.Fatalf("%s %+v", lost.State, lost.Problems)
	}
	if p := lost.Problems[0]; p.Field != "employee_no" || !strings.Contains(p.Message, "«Шифр» was settled earlier as employee_no") || !strings.Contains(p.Message, "--map employee_no=A") {
		t.Errorf("%+v", p)
	}
	again := o.receive(roster.Add, roster.Hints{Mapping: map[string]string{"employee_no": "A"}}, "Шифр человека"+people)
	if i := o.wait(again.ID, func(i roster.Import) bool { return i.State == roster.Planned || i.State == roster.Failed }); i.State != roster.Planned {
		t.Errorf("the answer does not help: %+v", i.Problems)
	}
}
