package book

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// odsTable reads one sheet of an OpenDocument spreadsheet. Rows and cells that
// repeat are written once with a count, which for blank ones runs to the ends
// of the sheet: those are counted and never made.
type odsTable struct {
	part   *part
	limits Limits
	name   string
	about  Layout
	until  int // depth of the table's parent
	row    int // the last one given, from 1
	rows   int // given so far
	column int // the next <table-column>
	values int64
	again  int // times that the last row is to be given once more
	last   Line
	groups []bool // of rows, outermost first: whether they are folded
	ended  bool
}

// Bounds of a sheet in LibreOffice, which counts blank cells up to them.
const (
	odsRows    = 1 << 24
	odsColumns = 1 << 16
)

// Layout implements Grid.
func (t *odsTable) Layout() *Layout { return &t.about }

// Stop implements Grid.
func (t *odsTable) Stop() { t.part.close() }

// Next implements Source.
func (t *odsTable) Next() (Line, error) {
	l, err := t.nextRow()
	if err != nil {
		t.part.close()
	}
	return l, placedAt(t.name, t.row, err)
}

func (t *odsTable) damaged(what string) error {
	return damagedSheet(t.row, what)
}

func (t *odsTable) nextRow() (Line, error) {
	if t.again > 0 {
		t.again--
		return t.give()
	}
	for {
		token, err := t.part.token()
		if errors.Is(err, io.EOF) && t.ended {
			return Line{}, io.EOF
		}
		if err != nil {
			return Line{}, unexpectedEnd(err)
		}
		switch e := token.(type) {
		case xml.EndElement:
			t.end(e)
		case xml.StartElement:
			if given, err := t.begin(e); err != nil {
				return Line{}, err
			} else if given {
				return t.give()
			}
		}
	}
}

// give hands out the last row, under its next number.
func (t *odsTable) give() (Line, error) {
	t.row++
	if t.rows++; t.rows > t.limits.Rows {
		return Line{}, Problem(FileTooLarge, t.row, "The sheet has more than %d rows: split the list by legal entity or department.", t.limits.Rows)
	}
	if t.values += int64(len(t.last.Cells)); t.values > t.limits.Cells {
		return Line{}, Problem(FileTooLarge, t.row, "The sheet has more than %d values: split the list.", t.limits.Cells)
	}
	t.last.No = t.row
	return t.last, nil
}

func (t *odsTable) end(e xml.EndElement) {
	switch {
	case t.part.depth == t.until:
		t.ended = true
	case !t.ended && e.Name.Local == "table-row-group" && len(t.groups) > 0:
		t.groups = t.groups[:len(t.groups)-1]
	}
}

// begin takes an element of the table or, after it, of the rest of the part;
// given says that it was a row with values.
func (t *odsTable) begin(e xml.StartElement) (given bool, err error) {
	if t.ended {
		return false, t.part.skip()
	}
	switch e.Name.Local {
	case "table-row":
		return t.readRow(e)
	case "table-column":
		return false, t.readColumn(e)
	case "table-row-group":
		if len(t.groups) > 64 {
			return false, t.damaged("its groups have no end")
		}
		t.groups = append(t.groups, attr(e, "display") == "false")
		return false, nil
	case "table-rows", "table-header-rows", "table-columns", "table-header-columns", "table-column-group":
		return false, nil
	}
	return false, t.part.skip()
}

// count reads how often an element repeats.
func (t *odsTable) count(value string, most int) (int, error) {
	if value == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		return 0, t.damaged("something in it repeats more often than it can")
	}
	return n, nil
}

func (t *odsTable) readColumn(e xml.StartElement) error {
	n, err := t.count(attr(e, "number-columns-repeated"), odsColumns)
	if err != nil {
		return err
	}
	first := t.column
	t.column = min(t.column+n, odsColumns)
	if hiddenODS(e) {
		err = t.about.hide(first, t.column-1, t.row)
	}
	return errors.Join(err, t.part.skip())
}

func hiddenODS(e xml.StartElement) bool {
	v := attr(e, "visibility")
	return v == "collapse" || v == "filter"
}

// readRow reads a row's cells. A blank one is only counted.
func (t *odsTable) readRow(e xml.StartElement) (given bool, err error) {
	repeats, err := t.count(attr(e, "number-rows-repeated"), odsRows)
	if err != nil {
		return false, err
	}
	t.last = Line{Cells: t.last.Cells[:0], Hidden: hiddenODS(e)}
	for _, folded := range t.groups {
		t.last.Hidden = t.last.Hidden || folded
	}
	column := 0
	for until := t.part.depth - 1; t.part.depth > until; {
		token, err := t.part.token()
		if err != nil {
			return false, unexpectedEnd(err)
		}
		c, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case c.Name.Local == "table-cell" || c.Name.Local == "covered-table-cell":
			if column, err = t.readCell(c, column); err != nil {
				return false, err
			}
		default:
			if err := t.part.skip(); err != nil {
				return false, err
			}
		}
	}
	if len(t.last.Cells) == 0 {
		if t.row += repeats; t.row > odsRows {
			return false, t.damaged("it has more rows than a sheet can have")
		}
		return false, nil
	}
	t.again = repeats - 1
	return true, nil
}

// readCell appends the cell as often as it repeats, and returns the column
// after it. What lies under a merged cell is no value.
func (t *odsTable) readCell(e xml.StartElement, column int) (int, error) {
	repeats, err := t.count(attr(e, "number-columns-repeated"), odsColumns)
	if err != nil {
		return 0, err
	}
	after := column + repeats
	if after > odsColumns {
		return 0, t.damaged("it has more columns than a sheet can have")
	}
	if e.Name.Local == "covered-table-cell" {
		return after, t.part.skip()
	}
	text, err := t.readText()
	if err != nil {
		return 0, err
	}
	down, err := t.count(attr(e, "number-rows-spanned"), odsRows)
	if err != nil {
		return 0, err
	}
	if err := t.about.merge(column, t.row+1, t.row+down, t.row); err != nil {
		return 0, err
	}
	c, ok, err := t.value(e, text)
	if err != nil || !ok {
		return after, err
	}
	if after > t.limits.Columns {
		p := Problem(FileTooLarge, t.row+1, "A value stands beyond column %d (%s): delete what is to the right of the list.", t.limits.Columns, ColumnLetter(t.limits.Columns-1))
		p.Column = ColumnLetter(after - 1)
		return 0, p
	}
	for ; column < after; column++ {
		c.Column = column
		t.last.Cells = append(t.last.Cells, c)
	}
	return after, nil
}

// readText reads the paragraphs of a cell that was just begun, and passes over
// remarks and pictures.
func (t *odsTable) readText() (string, error) {
	var b strings.Builder
	within := 0 // paragraphs
	for until := t.part.depth - 1; t.part.depth > until; {
		token, err := t.part.token()
		if err != nil {
			return "", unexpectedEnd(err)
		}
		switch x := token.(type) {
		case xml.CharData:
			if within > 0 {
				b.Write(x)
			}
		case xml.EndElement:
			if x.Name.Local == "p" {
				within--
			}
		case xml.StartElement:
			switch x.Name.Local {
			case "p":
				within++
				b.WriteByte('\n')
			case "s", "tab", "line-break":
				b.WriteByte(' ')
			case "span", "a", "ruby", "ruby-base":
			default:
				err = t.part.skip()
			}
			if err != nil {
				return "", err
			}
		}
		if b.Len() > 4*t.limits.Cell {
			return "", tooLongValue(t.limits.Cell)
		}
	}
	text := Clean(b.String())
	if len(text) > t.limits.Cell {
		return "", tooLongValue(t.limits.Cell)
	}
	return text, nil
}

// value gives a cell its kind; ok is false for a cell without a value. The
// attributes of LibreOffice's own namespace tell errors from texts.
func (t *odsTable) value(e xml.StartElement, text string) (c Cell, ok bool, err error) {
	own, kind, formula := "", "", false
	for _, a := range e.Attr {
		switch {
		case a.Name.Local == "value-type" && strings.HasSuffix(a.Name.Space, ":calcext:1.0"):
			own = a.Value
		case a.Name.Local == "value-type":
			kind = a.Value
		case a.Name.Local == "formula":
			formula = true
		}
	}
	switch {
	case own == "error":
		return Cell{Kind: LostCell}, true, nil
	case kind == "" && formula && text == "":
		return Cell{Kind: LostCell}, true, nil
	}
	switch kind {
	case "float", "currency", "percentage":
		return t.number(attr(e, "value"), text)
	case "date":
		day, _, _ := strings.Cut(strings.TrimSpace(attr(e, "date-value")), "T")
		return Cell{Kind: DateCell, Text: day}, day != "", nil
	case "boolean":
		value := "0"
		if attr(e, "boolean-value") == "true" {
			value = "1"
		}
		return Cell{Kind: BoolCell, Text: value}, true, nil
	case "string":
		if said := Clean(attr(e, "string-value")); text == "" && said != "" {
			text = said
		}
	}
	return Cell{Text: text}, text != "", nil
}

// number takes the value, not what is shown of it, save for leading zeros.
func (t *odsTable) number(value, shown string) (c Cell, ok bool, err error) {
	n, err := strconv.ParseFloat(value, 64)
	if err == nil {
		c, ok = Epoch1900.number(n, style{})
	}
	if !ok {
		return Cell{}, false, t.damaged("a cell holds a number that is none")
	}
	if zeros, isLonger := strings.CutSuffix(shown, c.Text); isLonger && strings.Trim(zeros, "0") == "" && c.Kind == NumberCell {
		c.Text = shown
	}
	return c, true, nil
}
