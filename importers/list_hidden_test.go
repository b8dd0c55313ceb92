package importers

import (
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// A list on a hidden sheet beside an empty one is refused with the name of the
// sheet that nobody looked at.
func TestAHiddenListIsNamed(t *testing.T) {
	_, err := Parse(t.Context(), "testdata/dirty/hidden-list-empty-sheet.xlsx", Options{Country: tenancy.Country{Code: "RU"}}, func(Record) error { return nil })
	p, ok := book.ProblemOf(err)
	if !ok || p.Code != book.FileEmpty || !strings.Contains(p.Message, "«Сотрудники»") {
		t.Errorf("%v", err)
	}
}
