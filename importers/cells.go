package importers

import (
	"context"
	"errors"
	"io"
	"slices"
)

// CellKind says what a file claims a value to be.
type CellKind uint8

// The kinds of value. A LostCell holds none: an error value, a formula that was
// never calculated, or a number with digits cut off.
const (
	TextCell   CellKind = CellKind(textCell)
	NumberCell CellKind = CellKind(numberCell) // Text is its shortest decimal form
	DateCell   CellKind = CellKind(dateCell)   // Text is ISO
	BoolCell   CellKind = CellKind(boolCell)
	LostCell   CellKind = CellKind(lostCell)
)

// Cell is one value as the file has it, cleaned of blanks and invisible signs.
type Cell struct {
	Column int // 0 is A
	Kind   CellKind
	Text   string
}

// Line is one line of a list: its cells with a value, from left to right.
type Line struct {
	No    int // as Record.Line
	Cells []Cell
}

// Lines hands every line of the list that Parse reads with the same options to
// emit, as it stands in the file: titles, header, rows and notes alike, and
// returns its merged ranges that span lines. A Line is valid until emit returns. The file is read as it comes: call it for a file
// that Parse has found sound. Errors are those of Parse.
func Lines(ctx context.Context, path string, opts Options, emit func(Line) error) ([]Merge, error) {
	b, err := openBook(path, opts.Limits.orDefault())
	if err != nil {
		return nil, err
	}
	defer b.Close()
	found, err := findList(b, opts)
	if err != nil {
		return nil, err
	}
	src, err := found.open()
	if err != nil {
		return nil, err
	}
	var cells []Cell
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		l, err := src.next()
		if errors.Is(err, io.EOF) {
			return mergesOf(src), nil
		}
		if err != nil {
			return nil, err
		}
		cells = cells[:0]
		for _, c := range l.cells {
			cells = append(cells, Cell{c.column, CellKind(c.kind), c.text})
		}
		if err := emit(Line{l.no, cells}); err != nil {
			if g, ok := src.(grid); ok {
				g.stop()
			}
			return nil, err
		}
	}
}

// Merge is a merged range that spans several lines: its value stands in the
// first of them.
type Merge struct{ Column, First, Last int }

func mergesOf(src source) (all []Merge) {
	g, ok := src.(grid)
	if !ok {
		return nil
	}
	for _, m := range g.layout().merges {
		all = append(all, Merge{m.column, m.first, m.last})
	}
	return all
}

// WorkbookParts names the pieces of a workbook inside its archive that whoever
// marks the list in it must know. Strings and Styles are empty when the
// workbook has none.
type WorkbookParts struct{ Main, Sheet, Styles, Strings string }

// PartsOf finds the parts of an .xlsx or .xlsm workbook and of its sheet, the
// first one in sight when sheet is empty; ok is
// false for a file of another format. The archive has passed the checks of Parse.
func PartsOf(path, sheet string, limits Limits) (parts WorkbookParts, ok bool, err error) {
	b, err := openBook(path, limits.orDefault())
	if err != nil {
		return parts, false, err
	}
	defer b.Close()
	w, ok := b.(*workbook)
	if !ok {
		return parts, false, nil
	}
	if all := w.sheets(); sheet == "" && len(all) > 0 {
		sheet = all[0]
	}
	name, err := w.named(sheet)
	if err != nil {
		return parts, false, err
	}
	for _, s := range w.directory {
		if s.name == name {
			return WorkbookParts{Main: w.main, Sheet: s.part, Styles: w.styling, Strings: w.shared}, true, nil
		}
	}
	return parts, false, nil
}

// ColumnLetter returns the spreadsheet's name of a column: 0 is "A", 26 "AA".
func ColumnLetter(column int) string { return columnLetter(column) }

// ColumnOf is the inverse of ColumnLetter; ok is false for what is no column of
// a spreadsheet.
func ColumnOf(letters string) (column int, ok bool) { return columnOf(letters) }

// IsAdvice reports whether a column's name is that of the advice which our
// error workbook adds: such a column is never read.
func IsAdvice(name string) bool { return theDictionary().advice[plain(name)] }

// withoutAdvice drops the columns that our error workbook has added, so that
// they weigh nothing in the search for the header, and says which they are.
func withoutAdvice(lines []line) (rest []line, columns []int) {
	for i, l := range lines {
		for _, c := range l.cells {
			if IsAdvice(c.text) && !slices.Contains(columns, c.column) {
				columns = append(columns, c.column)
			}
		}
		if len(columns) > 0 {
			lines[i].cells = slices.DeleteFunc(l.cells, func(c cell) bool { return slices.Contains(columns, c.column) })
		}
	}
	return lines, columns
}

// withoutAdvice drops what our error workbook has written beside a line, so
// that nobody takes it for a department or a remark.
func (r *rowReader) withoutAdvice(l line) line {
	if len(r.advice) > 0 {
		l.cells = slices.DeleteFunc(l.cells, func(c cell) bool { return slices.Contains(r.advice, c.column) })
	}
	return l
}
