package book

import (
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// xlsTable is one sheet of an .xls workbook: its cells with a value, packed.
type xlsTable struct {
	book   *xlsBook
	name   string
	in     *biff
	cells  []xlsCell // by row and column
	own    stringTable
	rows   [1 << 16]uint8
	about  Layout
	sorted bool
}

// xlsCell is a cell with a value: the bits of a number, or the index of a text.
type xlsCell struct {
	row    uint16
	column uint8
	kind   xlsKind
	format uint16
	value  uint64
}

// xlsKind says what the value of a packed cell is.
type xlsKind uint8

const (
	xlsNumber xlsKind = iota
	xlsShared         // a text of the workbook
	xlsOwn            // a text of the sheet
	xlsBool
	xlsLost
)

// What is known of a row.
const (
	rowPresent uint8 = 1 << iota
	rowHidden
)

// read reads the sheet to its end, which must be there.
func (t *xlsTable) read() error {
	if err := begin(t.in); err != nil {
		return err
	}
	t.sorted = true
	for depth := 1; depth > 0; {
		kind, err := t.in.next()
		if err != nil {
			return err
		}
		switch {
		case kind == recordBOF: // a chart on the sheet
			depth++
		case kind == recordEOF:
			depth--
		case depth == 1:
			err = t.record(kind)
		}
		if err != nil {
			return err
		}
	}
	return t.sort()
}

// sort brings the cells into order: some programs write them as they come.
func (t *xlsTable) sort() error {
	place := func(a, b xlsCell) int {
		return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.column, b.column))
	}
	if !t.sorted {
		slices.SortFunc(t.cells, place)
	}
	for i := 1; i < len(t.cells); i++ {
		if place(t.cells[i-1], t.cells[i]) == 0 {
			t.in.row = int(t.cells[i].row) + 1
			return t.in.damaged("a cell is there twice")
		}
	}
	return nil
}

// recordSizes are those of records that always have the same size. A longer one
// has swallowed the records behind it: rows would be gone without a word.
var recordSizes = map[uint16]int{
	recordRow: 16, recordLabelSST: 10, recordRK: 10, recordNumber: 14, recordBoolErr: 8, recordBlank: 6,
}

// record reads one record of the sheet; those that hold no list are passed over.
func (t *xlsTable) record(kind uint16) error {
	b := t.in
	if size, fixed := recordSizes[kind]; fixed && len(b.rest) > size {
		return t.tooLong(kind)
	}
	switch kind {
	case recordRow:
		return t.readRow()
	case recordColInfo:
		return t.readColumns()
	case recordMerged:
		return t.readMerges()
	case recordMulRK:
		return t.readNumbers()
	case recordMulBlank, recordBlank:
		_, err := t.place()
		return err
	case recordLabelSST, recordLabel, recordRString, recordRK, recordNumber, recordBoolErr, recordFormula:
		c, err := t.place()
		if err != nil {
			return err
		}
		if c.column, c.format, err = t.position(); err != nil {
			return err
		}
		return t.readValue(kind, c)
	case recordFilePass:
		return encryptedWorkbook()
	case recordContinue:
		b.rest = nil
	}
	return nil
}

// tooLong says that a record is longer than its kind can be, and in which row.
func (t *xlsTable) tooLong(kind uint16) error {
	if kind != recordRow {
		if _, err := t.place(); err != nil {
			return err
		}
	}
	return t.in.damaged("a record inside is longer than it may be")
}

// place reads the row of a cell.
func (t *xlsTable) place() (xlsCell, error) {
	row, err := t.in.uint16()
	if err != nil {
		return xlsCell{}, err
	}
	t.in.row = int(row) + 1
	t.rows[row] |= rowPresent
	return xlsCell{row: row}, nil
}

// position reads the column of a cell and its format.
func (t *xlsTable) position() (column uint8, format uint16, err error) {
	wide, err := t.in.uint16()
	if err != nil {
		return 0, 0, err
	}
	if wide > math.MaxUint8 {
		return 0, 0, t.in.damaged("a cell is not where it says")
	}
	format, err = t.in.uint16()
	return uint8(wide), format, err
}

func (t *xlsTable) readValue(kind uint16, c xlsCell) error {
	b := t.in
	switch kind {
	case recordLabelSST:
		index, err := b.bytes(4)
		if err != nil {
			return err
		}
		c.kind, c.value = xlsShared, uint64(binary.LittleEndian.Uint32(index))
		text, ok := t.book.strings.get(c.value)
		if !ok {
			return b.damaged("a cell refers to a text that is not there")
		}
		if text == "" {
			return nil
		}
	case recordLabel, recordRString:
		return t.readText(c)
	case recordRK:
		packed, err := b.bytes(4)
		if err != nil {
			return err
		}
		c.value = math.Float64bits(rk(packed))
	case recordNumber:
		number, err := b.bytes(8)
		if err != nil {
			return err
		}
		c.value = binary.LittleEndian.Uint64(number)
	case recordBoolErr:
		value, err := b.bytes(2)
		if err != nil {
			return err
		}
		c.kind, c.value = xlsBool, uint64(value[0])
		if value[1] != 0 {
			c.kind = xlsLost
		}
	case recordFormula:
		return t.readFormula(c)
	}
	return t.append(c)
}

// readText keeps a text that stands in the sheet itself.
func (t *xlsTable) readText(c xlsCell) error {
	text, err := t.in.text()
	if err != nil || text == "" {
		return err
	}
	c.kind, c.value = xlsOwn, t.own.add(text)
	return t.append(c)
}

// readFormula takes the value that the formula had when the workbook was saved
// ([MS-XLS] 2.5.133); its expression is never looked at.
func (t *xlsTable) readFormula(c xlsCell) error {
	value, err := t.in.bytes(8)
	if err != nil {
		return err
	}
	if value[6] != 0xff || value[7] != 0xff {
		c.value = binary.LittleEndian.Uint64(value)
		return t.append(c)
	}
	switch value[0] {
	case 0:
		return t.readResult(c)
	case 1:
		c.kind, c.value = xlsBool, uint64(value[2])
	case 2:
		c.kind = xlsLost
	default:
		return nil // an empty text
	}
	return t.append(c)
}

// readResult reads the text of a formula, which follows its record and that of
// a shared formula.
func (t *xlsTable) readResult(c xlsCell) error {
	for {
		kind, err := t.in.next()
		if err != nil {
			return err
		}
		switch kind {
		case recordString:
			return t.readText(c)
		case recordContinue, 0x04bc, 0x0221, 0x0236: // SHRFMLA, ARRAY, TABLE
		default:
			return t.in.damaged("the text of a formula is not there")
		}
	}
}

// readNumbers reads several numbers that stand side by side.
func (t *xlsTable) readNumbers() error {
	c, err := t.place()
	if err != nil {
		return err
	}
	first, err := t.in.uint16()
	if err != nil {
		return err
	}
	count := (len(t.in.rest) - 2) / 6
	for i := range count {
		column := int(first) + i
		if column > math.MaxUint8 {
			return t.in.damaged("a cell is not where it says")
		}
		packed, err := t.in.bytes(6)
		if err != nil {
			return err
		}
		c.column, c.format, c.value = uint8(column), binary.LittleEndian.Uint16(packed), math.Float64bits(rk(packed[2:]))
		if err := t.append(c); err != nil {
			return err
		}
	}
	last, err := t.in.uint16()
	if err == nil && int(last) != int(first)+count-1 {
		return t.in.damaged("a row of numbers is not as long as it says")
	}
	return err
}

func (t *xlsTable) append(c xlsCell) error {
	limits := t.book.limits
	if int(c.column) >= limits.Columns {
		p := Problem(FileTooLarge, t.in.row, "A value stands beyond column %d (%s): delete what is to the right of the list.", limits.Columns, ColumnLetter(limits.Columns-1))
		p.Column = ColumnLetter(int(c.column))
		return p
	}
	if int64(len(t.cells)) >= limits.Cells {
		return Problem(FileTooLarge, t.in.row, "The sheet has more than %d values: split the list.", limits.Cells)
	}
	if n := len(t.cells); n > 0 {
		before := t.cells[n-1]
		t.sorted = t.sorted && (before.row < c.row || before.row == c.row && before.column < c.column)
	}
	t.cells = append(t.cells, c)
	return nil
}

// readRow notes a row and whether it is shown.
func (t *xlsTable) readRow() error {
	b, err := t.in.bytes(14)
	if err != nil {
		return err
	}
	row := binary.LittleEndian.Uint16(b)
	t.rows[row] |= rowPresent
	if b[12]&0x20 != 0 {
		t.rows[row] |= rowHidden
	}
	return nil
}

func (t *xlsTable) readColumns() error {
	b, err := t.in.bytes(10)
	if err != nil || b[8]&1 == 0 {
		return err
	}
	return t.about.hide(int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])), t.in.row)
}

func (t *xlsTable) readMerges() error {
	count, err := t.in.uint16()
	if err != nil {
		return err
	}
	for range count {
		b, err := t.in.bytes(8)
		if err != nil {
			return err
		}
		first, last, column := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint16(b[4:]))
		if last < first {
			return t.in.damaged("a merged range is not where it says")
		}
		if err := t.about.merge(column, first+1, last+1, t.in.row); err != nil {
			return err
		}
	}
	return nil
}

// xlsRows gives the rows of a table.
type xlsRows struct {
	table *xlsTable
	row   int // the next, from 0
	at    int // index of its first cell
	count int
	cells []Cell
}

// Layout implements Grid.
func (r *xlsRows) Layout() *Layout { return &r.table.about }

// Stop implements Grid.
func (r *xlsRows) Stop() {}

// Next implements Source.
func (r *xlsRows) Next() (Line, error) {
	t := r.table
	for r.row < len(t.rows) && t.rows[r.row]&rowPresent == 0 {
		r.row++
	}
	if r.row == len(t.rows) {
		return Line{}, io.EOF
	}
	no := r.row + 1
	if r.count++; r.count > t.book.limits.Rows {
		return Line{}, PlacedIn(t.name, Problem(FileTooLarge, no, "The sheet has more than %d rows: split the list by legal entity or department.", t.book.limits.Rows))
	}
	r.cells = r.cells[:0]
	for ; r.at < len(t.cells) && int(t.cells[r.at].row) == r.row; r.at++ {
		c, ok := t.value(t.cells[r.at])
		if !ok {
			return Line{}, PlacedIn(t.name, damagedSheet(no, "a cell holds a number that is none"))
		}
		c.Column = int(t.cells[r.at].column)
		r.cells = append(r.cells, c)
	}
	r.row++
	return Line{no, r.cells, t.rows[no-1]&rowHidden != 0}, nil
}

// value unpacks a cell.
func (t *xlsTable) value(p xlsCell) (Cell, bool) {
	switch p.kind {
	case xlsShared:
		text, ok := t.book.strings.get(p.value)
		return Cell{Text: text}, ok
	case xlsOwn:
		text, ok := t.own.get(p.value)
		return Cell{Text: text}, ok
	case xlsBool:
		return Cell{Kind: BoolCell, Text: string('0' + rune(p.value&1))}, true
	case xlsLost:
		return Cell{Kind: LostCell}, true
	}
	look := style{}
	if int(p.format) < len(t.book.styles) {
		look = t.book.styles[p.format]
	}
	return t.book.day0.number(math.Float64frombits(p.value), look)
}
