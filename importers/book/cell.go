package book

// CellKind says what the file claims a value to be.
type CellKind uint8

// The kinds of value. A LostCell holds none: an error value, a formula that was
// never calculated, or a number with digits cut off.
const (
	TextCell   CellKind = iota
	NumberCell          // Text is its shortest decimal form
	DateCell            // Text is ISO
	BoolCell
	LostCell
)

// Cell is one value as the file has it, cleaned of blanks and invisible signs (see
// Clean). Cells without a value do not exist.
type Cell struct {
	Column int // 0 is A
	Kind   CellKind
	Text   string
}

// Line is what the file holds in one row: its cells from left to right. It is
// valid until the next one is read.
type Line struct {
	No     int // the sheet's own row number; of delimited text, the physical line where it begins
	Cells  []Cell
	Hidden bool // not shown to whoever opens the sheet, perhaps by a filter
}

// At returns the cell of a column; without one, an empty text.
func (l Line) At(column int) Cell {
	for _, c := range l.Cells {
		if c.Column == column {
			return c
		}
	}
	return Cell{Column: column}
}

// Source gives the lines of one list in order, and io.EOF after the last one:
// any other error means that lines may be missing, and is a tenancy.Problem.
type Source interface {
	Next() (Line, error)
}

// ColumnLetter returns the spreadsheet's name of a column: 0 is "A", 26 "AA".
func ColumnLetter(column int) string {
	var b [4]byte
	i := len(b)
	for column++; column > 0 && i > 0; column = (column - 1) / 26 {
		i--
		b[i] = byte('A' + (column-1)%26)
	}
	return string(b[i:])
}

// ColumnOf is the inverse of ColumnLetter; ok is false for what is no column
// of a spreadsheet.
func ColumnOf(letters string) (column int, ok bool) {
	if letters == "" || len(letters) > 3 {
		return 0, false
	}
	for i := range len(letters) {
		c := letters[i]
		if c < 'A' || c > 'Z' {
			return 0, false
		}
		column = column*26 + int(c-'A') + 1
	}
	return column - 1, column <= 16384
}
