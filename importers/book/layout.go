package book

import (
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Grid is a source of cells that stand in a sheet, which has a layout.
type Grid interface {
	Source
	// Layout is whole only when Next has returned io.EOF.
	Layout() *Layout
	// Stop gives up before the end.
	Stop()
}

// Layout is what a sheet says of its lines beside their values.
type Layout struct {
	Merges []Merge
	hidden []span // columns
}

// Merge is a merged range that spans several lines: its value stands in the
// first of them.
type Merge struct{ Column, First, Last int }

// span is a range of columns, both ends included.
type span struct{ first, last int }

// maxMerges bounds what a sheet may make us remember, of merged ranges and of
// hidden columns alike.
const maxMerges = 200_000

// merge remembers a range that spans several rows; others change nothing.
func (l *Layout) merge(column, first, last, line int) error {
	if last == first {
		return nil
	}
	if len(l.Merges) >= maxMerges {
		return Problem(FileTooLarge, line, "The sheet has more than %d merged ranges: take them apart.", maxMerges)
	}
	l.Merges = append(l.Merges, Merge{column, first, last})
	return nil
}

// hide remembers hidden columns.
func (l *Layout) hide(first, last, line int) error {
	if len(l.hidden) >= maxMerges {
		return Problem(FileTooLarge, line, "The sheet has more than %d ranges of columns: copy the list alone into a new workbook, as values.", maxMerges)
	}
	l.hidden = append(l.hidden, span{first, last})
	return nil
}

// IsHidden reports whether a column is.
func (l *Layout) IsHidden(column int) bool {
	return slices.ContainsFunc(l.hidden, func(s span) bool { return s.first <= column && column <= s.last })
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

// Sheets implements Book.
func (d directory) Sheets() []string { return d.names(false) }

// HiddenSheets implements Book.
func (d directory) HiddenSheets() []string { return d.names(true) }

func (d directory) names(hidden bool) []string {
	var names []string
	for _, s := range d {
		if s.hidden == hidden && !s.macro {
			names = append(names, s.name)
		}
	}
	return names
}

// Named implements Book: a hidden sheet may be asked for, one of macros not.
func (d directory) Named(name string) (string, error) {
	i := slices.IndexFunc(d, func(s sheetEntry) bool { return s.name == name })
	if i < 0 {
		i = slices.IndexFunc(d, func(s sheetEntry) bool { return Fold(s.name) == Fold(name) })
	}
	switch {
	case i < 0:
		return "", Problem(SheetMissing, 0, "The workbook has no sheet of that name; it has: %s.", strings.Join(d.Sheets(), ", "))
	case d[i].macro:
		return "", Problem(FileMacro, 0, "This sheet holds macros, which are never read: name the sheet with the list.")
	}
	return d[i].name, nil
}

// find returns the index of a sheet that named has returned.
func (d directory) find(name string) (int, error) {
	i := slices.IndexFunc(d, func(s sheetEntry) bool { return s.name == name && !s.macro })
	if i < 0 {
		return 0, Problem(SheetMissing, 0, "The workbook has no such sheet.")
	}
	return i, nil
}

// macrosUnread is the remark on a workbook with macros.
func macrosUnread() tenancy.Problem {
	return Warning(FileMacro, "Macros in this workbook are never run; only the values in its cells were read.")
}
