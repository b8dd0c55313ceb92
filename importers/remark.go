package importers

import (
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// What the rows of a list say of it as a whole (Summary.Problems).
const (
	TableUnread     tenancy.ProblemCode = "table_unread"
	LeaversUnmarked tenancy.ProblemCode = "leavers_unmarked"
)

// tableRemarks are what was seen in the lines and is told of the whole list.
type tableRemarks struct {
	status  int // column that says whether people work; -1 without one
	tableAt int // first line of another list with other columns
	leftAt  int // first line of somebody who is said to have left, on no day
	left    int
}

// table notes that another list begins, whose columns are not those of this one.
func (t *tableRemarks) table(line int) {
	if t.tableAt == 0 {
		t.tableAt = line
	}
}

// section notes a section of people who have left.
func (t *tableRemarks) section(line int, name string) {
	if saysLeft(name) && t.leftAt == 0 {
		t.leftAt = line
	}
}

// person notes somebody whose status says that they have left while no day does.
func (t *tableRemarks) person(l line, row Row) {
	if t.status < 0 || !row.LeftOn.IsZero() || !saysLeft(l.at(t.status).text) {
		return
	}
	if t.left++; t.leftAt == 0 {
		t.leftAt = l.no
	}
}

func saysLeft(status string) bool {
	words := skeleton(status)
	for _, left := range []string{"уволен", "увольнен", "уволивш", "жұмыстан шық", "жұмыстан босат", "terminated", "inactive", "left", "leaver", "dismissed", "former", "resigned", "separated"} {
		if strings.HasPrefix(words, skeleton(left)) {
			return true
		}
	}
	return false
}

// problems are the remarks in words; they name lines and never people.
func (t *tableRemarks) problems(sheet string) []tenancy.Problem {
	var all []tenancy.Problem
	if t.tableAt > 0 {
		p := fileWarning(TableUnread, "Another list with other columns begins at line %d, and the people on it were NOT read: put all people under the same columns, or upload that list by itself.", t.tableAt)
		p.Sheet, p.Line = sheet, t.tableAt
		all = append(all, p)
	}
	if t.leftAt > 0 {
		p := fileWarning(LeaversUnmarked, "People are said to have left, and no day of leaving is given (first at line %d): they count as working. Fill in the dates of leaving, or remove these rows.", t.leftAt)
		p.Sheet, p.Line = sheet, t.leftAt
		if t.status >= 0 && t.left > 0 {
			p.Column = columnLetter(t.status)
		}
		all = append(all, p)
	}
	return all
}

// statusColumn finds the column that says whether people work.
func statusColumn(h header) int {
	for column, name := range h.names {
		switch key(name) {
		case key("статус"), key("состояние"), key("состояние сотрудника"), key("мәртебесі"), key("күйі"), "status", key("employment status"), key("worker status"), key("employee status"), key("статус сотрудника"):
			return column
		}
	}
	return -1
}
