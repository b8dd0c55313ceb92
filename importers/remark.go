package importers

import (
	"maps"
	"slices"
	"strings"

	"github.com/ponimayu/opora/importers/book"
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
func (t *tableRemarks) person(l book.Line, row Row) {
	if t.status < 0 || !row.LeftOn.IsZero() || !saysLeft(l.At(t.status).Text) {
		return
	}
	if t.left++; t.leftAt == 0 {
		t.leftAt = l.No
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
		p := book.Warning(TableUnread, "Another list with other columns begins at line %d, and the people on it were NOT read: put all people under the same columns, or upload that list by itself.", t.tableAt)
		p.Sheet, p.Line = sheet, t.tableAt
		all = append(all, p)
	}
	if t.leftAt > 0 {
		p := book.Warning(LeaversUnmarked, "People are said to have left, and no day of leaving is given (first at line %d): they count as working. Fill in the dates of leaving, or remove these rows.", t.leftAt)
		p.Sheet, p.Line = sheet, t.leftAt
		if t.status >= 0 && t.left > 0 {
			p.Column = book.ColumnLetter(t.status)
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

// unseen says what was read although nobody saw it: a filter hides people, and
// leaving them out would read as their leaving.
func unseen(about *book.Layout, h header, hiddenRows int) []tenancy.Problem {
	var all []tenancy.Problem
	if hiddenRows > 0 {
		all = append(all, book.Warning(RowsHidden, "Rows with people are hidden in the sheet (perhaps by a filter): %d. They were read like all others: delete from the list whoever is not to be in it.", hiddenRows))
	}
	var columns []string
	for _, column := range slices.Sorted(maps.Keys(h.names)) {
		if about.IsHidden(column) {
			columns = append(columns, book.ColumnLetter(column))
		}
	}
	if len(columns) > 0 {
		p := book.Warning(ColumnsHidden, "Columns of the list are hidden in the sheet: %s. They were read like all others.", strings.Join(columns, ", "))
		p.Line = h.line
		all = append(all, p)
	}
	return all
}
