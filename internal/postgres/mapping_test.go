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
