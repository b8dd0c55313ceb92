package workbooks

import (
	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

// unparticular are the codes whose English message says no more than the advice
// does, in other words.
var unparticular = map[tenancy.ProblemCode]bool{importers.IdentityChanged: true, "national_id_shared": true, "employee_unknown": true}

// Told returns a problem with its message in a language: what is wrong and what
// to do, as in the error workbook. What the message says beyond that, such as
// columns, sheets or lines, follows in English; so does all of a problem that
// nobody has put into the language. "" and English leave the problem as it is.
func Told(p tenancy.Problem, lang tenancy.Language) tenancy.Problem {
	if lang != tenancy.Russian && lang != tenancy.Kazakh {
		return p
	}
	text := adviceOf(p, lang)
	if text != p.Message && p.Message != "" && !unparticular[p.Code] && p.Message != adviceOf(p, tenancy.English) {
		text += " (" + p.Message + ")"
	}
	p.Message = text
	return p
}

// AllTold is Told for each of some problems, which stay as they are.
func AllTold(problems []tenancy.Problem, lang tenancy.Language) []tenancy.Problem {
	told := make([]tenancy.Problem, len(problems))
	for i, p := range problems {
		told[i] = Told(p, lang)
	}
	return told
}
