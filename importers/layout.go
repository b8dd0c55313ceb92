package importers

import (
	"maps"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// grid is a source of cells that stand in a sheet, which has a layout.
type grid interface {
	source
	// layout is whole only when next has returned io.EOF.
	layout() *layout
	// stop gives up before the end.
	stop()
}

// layout is what a sheet says of its lines beside their values.
type layout struct {
	merges []merge
	hidden []span // columns
}

// merge is a merged range of cells: its value stands in the first.
type merge struct{ column, first, last int }

// span is a range of columns, both ends included.
type span struct{ first, last int }

// maxMerges bounds what a sheet may make us remember, of merged ranges and of
// hidden columns alike.
const maxMerges = 200_000

// merge remembers a range that spans several rows; others change nothing.
func (l *layout) merge(column, first, last, line int) error {
	if last == first {
		return nil
	}
	if len(l.merges) >= maxMerges {
		return fileProblem(FileTooLarge, line, "The sheet has more than %d merged ranges: take them apart.", maxMerges)
	}
	l.merges = append(l.merges, merge{column, first, last})
	return nil
}

// hide remembers hidden columns.
func (l *layout) hide(first, last, line int) error {
	if len(l.hidden) >= maxMerges {
		return fileProblem(FileTooLarge, line, "The sheet has more than %d ranges of columns: copy the list alone into a new workbook, as values.", maxMerges)
	}
	l.hidden = append(l.hidden, span{first, last})
	return nil
}

// isHidden reports whether a column is.
func (l *layout) isHidden(column int) bool {
	return slices.ContainsFunc(l.hidden, func(s span) bool { return s.first <= column && column <= s.last })
}

// remarks says what was read although nobody saw it: a filter hides people, and
// leaving them out would read as their leaving.
func (l *layout) remarks(h header, hiddenRows int) []tenancy.Problem {
	var all []tenancy.Problem
	if hiddenRows > 0 {
		all = append(all, fileWarning(RowsHidden, "Rows with people are hidden in the sheet (perhaps by a filter): %d. They were read like all others: delete from the list whoever is not to be in it.", hiddenRows))
	}
	var columns []string
	for _, column := range slices.Sorted(maps.Keys(h.names)) {
		if l.isHidden(column) {
			columns = append(columns, columnLetter(column))
		}
	}
	if len(columns) > 0 {
		p := fileWarning(ColumnsHidden, "Columns of the list are hidden in the sheet: %s. They were read like all others.", strings.Join(columns, ", "))
		p.Line = h.line
		all = append(all, p)
	}
	return all
}

// sheetEntry is one sheet in a workbook's directory.
type sheetEntry struct {
	name   string
	part   string // where it is, in words of the format
	hidden bool
	macro  bool // a sheet of Excel 4 macros
}

// directory is the sheets of a workbook, in its order.
type directory []sheetEntry

// sheets implements book.
func (d directory) sheets() []string { return d.names(false) }

// hiddenSheets implements book.
func (d directory) hiddenSheets() []string { return d.names(true) }

func (d directory) names(hidden bool) []string {
	var names []string
	for _, s := range d {
		if s.hidden == hidden && !s.macro {
			names = append(names, s.name)
		}
	}
	return names
}

// named implements book: a hidden sheet may be asked for, one of macros not.
func (d directory) named(name string) (string, error) {
	i := slices.IndexFunc(d, func(s sheetEntry) bool { return s.name == name })
	if i < 0 {
		i = slices.IndexFunc(d, func(s sheetEntry) bool { return fold(s.name) == fold(name) })
	}
	switch {
	case i < 0:
		return "", fileProblem(SheetMissing, 0, "The workbook has no sheet of that name; it has: %s.", strings.Join(d.sheets(), ", "))
	case d[i].macro:
		return "", fileProblem(FileMacro, 0, "This sheet holds macros, which are never read: name the sheet with the list.")
	}
	return d[i].name, nil
}

// find returns the index of a sheet that named has returned.
func (d directory) find(name string) (int, error) {
	i := slices.IndexFunc(d, func(s sheetEntry) bool { return s.name == name && !s.macro })
	if i < 0 {
		return 0, fileProblem(SheetMissing, 0, "The workbook has no such sheet.")
	}
	return i, nil
}

// fileWarning is a remark on a file that could be read.
func fileWarning(code tenancy.ProblemCode, format string, args ...any) tenancy.Problem {
	p := fileProblem(code, 0, format, args...)
	p.Severity = tenancy.SeverityWarning
	return p
}

// macrosUnread is the remark on a workbook with macros.
func macrosUnread() tenancy.Problem {
	return fileWarning(FileMacro, "Macros in this workbook are never run; only the values in its cells were read.")
}
