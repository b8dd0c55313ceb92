package workbooks

import (
	"testing"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestProblemsAreToldInALanguage(t *testing.T) {
	generic := tenancy.Problem{Code: importers.EmailInvalid, Message: importers.Advice(importers.EmailInvalid, tenancy.English)}
	sheets := tenancy.Problem{Code: importers.SheetsUnread, Message: "Other sheets were not read: «Офис»."}
	unknown := tenancy.Problem{Code: "rows_lost", Message: "3 of 4 rows"}
	nobody := tenancy.Problem{Code: "employee_unknown", Message: "nobody with this personnel number"}
	for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh} {
		for _, c := range []struct {
			p    tenancy.Problem
			want string
		}{
			{generic, importers.Advice(importers.EmailInvalid, lang)},
			{sheets, importers.Advice(importers.SheetsUnread, lang) + " (Other sheets were not read: «Офис».)"},
			{unknown, unknown.Message},
			{nobody, found["employee_unknown"].In(lang)},
		} {
			if got := Told(c.p, lang); got.Message != c.want || got.Code != c.p.Code {
				t.Errorf("%s %s: %q, want %q", lang, c.p.Code, got.Message, c.want)
			}
		}
	}
	for _, lang := range []tenancy.Language{"", tenancy.English} {
		if got := AllTold([]tenancy.Problem{generic, sheets}, lang); got[0] != generic || got[1] != sheets {
			t.Errorf("%q: %+v", lang, got)
		}
	}
}
