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
// emit, as it stands in the file: titles, header, rows and notes alike. A Line
// is valid until emit returns. The file is read as it comes: call it for a file
// that Parse has found sound. Errors are those of Parse.
func Lines(ctx context.Context, path string, opts Options, emit func(Line) error) error {
	b, err := openBook(path, opts.Limits.orDefault())
	if err != nil {
		return err
	}
	defer b.Close()
	found, err := findList(b, opts)
	if err != nil {
		return err
	}
	src, err := found.open()
	if err != nil {
		return err
	}
	var cells []Cell
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l, err := src.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		cells = cells[:0]
		for _, c := range l.cells {
			cells = append(cells, Cell{c.column, CellKind(c.kind), c.text})
		}
		if err := emit(Line{l.no, cells}); err != nil {
			return err
		}
	}
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

// adviceColumns are the columns of a header that we have written ourselves.
func (h header) adviceColumns() []int {
	var columns []int
	for column, name := range h.names {
		if IsAdvice(name) {
			columns = append(columns, column)
		}
	}
	return columns
}

// withoutAdvice drops what our error workbook has written beside a line, so
// that nobody takes it for a department or a remark.
func (r *rowReader) withoutAdvice(l line) line {
	if len(r.advice) > 0 {
		l.cells = slices.DeleteFunc(l.cells, func(c cell) bool { return slices.Contains(r.advice, c.column) })
	}
	return l
}
