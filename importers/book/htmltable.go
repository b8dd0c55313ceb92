package book

import (
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ponimayu/opora/internal/tenancy"
)

// htmlTable reads one table of a page. End tags of rows and cells may be left
// out, as HTML allows; text outside of the cells may not stand in a table.
type htmlTable struct {
	z       *html.Tokenizer
	limits  Limits
	name    string
	about   Layout
	row     int // the last begun, from 1
	in      place
	follows *htmlRow // begun by the tag that ended the row before it
	skipped string   // the element whose text is passed over
	nested  int      // tables open inside a cell
	columns int      // <col> elements so far
	taken   []int    // by column: the last row that a cell from above covers
	column  int      // of the cell being read, or the next to try
	cell    htmlCell
	cells   []Cell
	hidden  bool
	values  int64
	ended   bool
}

// place is where in a table the reader is.
type place uint8

const (
	betweenRows place = iota
	inRow
	inCell
	inCaption
)

// htmlRow is what a <tr> tag says.
type htmlRow struct{ hidden bool }

// htmlCell is a cell being read.
type htmlCell struct {
	text         []byte
	across, down int
	number       string // the value behind the text, where a spreadsheet wrote it
}

// widest is where spreadsheets end.
const widest = 16384

// Layout implements Grid.
func (t *htmlTable) Layout() *Layout { return &t.about }

// Stop implements Grid.
func (t *htmlTable) Stop() {}

// Next implements Source.
func (t *htmlTable) Next() (Line, error) {
	l, err := t.nextRow()
	return l, placedAt(t.name, t.row, err)
}

func (t *htmlTable) nextRow() (Line, error) {
	if t.follows != nil {
		if err := t.beginRow(*t.follows); err != nil {
			return Line{}, err
		}
		t.follows = nil
	}
	for !t.ended {
		row := t.row
		done, err := t.token()
		if err != nil {
			return Line{}, err
		}
		if done {
			return Line{row, t.cells, t.hidden}, nil
		}
	}
	return Line{}, io.EOF
}

// token takes one token; done says that it ended a row.
func (t *htmlTable) token() (done bool, err error) {
	switch t.z.Next() {
	case html.ErrorToken:
		return false, pageEnd(t.z.Err(), t.row)
	case html.TextToken:
		return false, t.readText(t.z.Text())
	case html.StartTagToken, html.SelfClosingTagToken:
		name, more := t.z.TagName()
		return t.begin(string(name), t.attributes(more))
	case html.EndTagToken:
		return t.end(tagName(t.z))
	}
	return false, nil
}

// attributes reads those of a tag that matter here, by lower-case name.
func (t *htmlTable) attributes(more bool) map[string]string {
	var all map[string]string
	for more {
		var key, value []byte
		key, value, more = t.z.TagAttr()
		switch name := string(key); name {
		case "colspan", "rowspan", "span", "style", "hidden", "x:num", "sdval":
			if all == nil {
				all = map[string]string{}
			}
			all[name] = string(value)
		}
	}
	return all
}

var shownNot = regexp.MustCompile(`(?i)display\s*:\s*none`)

func isHiddenTag(attributes map[string]string) bool {
	_, hidden := attributes["hidden"]
	return hidden || shownNot.MatchString(attributes["style"])
}

// begin takes a start tag.
func (t *htmlTable) begin(name string, attributes map[string]string) (done bool, err error) {
	switch {
	case name == "table":
		t.nested++
		return false, nil
	case t.nested > 0 || t.skipped != "":
		return false, nil
	case rawText[name] || name == "comment":
		t.skipped = name
		return false, nil
	case atom.Lookup([]byte(name)) == 0 && !strings.ContainsAny(name, ":-"):
		return false, damagedPage(t.row, "a tag in it is none of HTML's")
	}
	switch name {
	case "tr":
		row := htmlRow{isHiddenTag(attributes)}
		if t.in == betweenRows {
			return false, t.beginRow(row)
		}
		t.follows = &row
		return true, t.endRow()
	case "td", "th":
		return false, t.beginCell(attributes)
	case "thead", "tbody", "tfoot":
		return t.endOfRow()
	case "col":
		return false, t.readColumn(attributes)
	case "caption":
		t.in = inCaption
	case "br", "p", "div", "li":
		return false, t.readText([]byte{'\n'})
	}
	return false, nil
}

// end takes an end tag.
func (t *htmlTable) end(name string) (done bool, err error) {
	switch {
	case t.nested > 0:
		if name == "table" {
			t.nested--
		}
		return false, nil
	case t.skipped != "":
		if name == t.skipped {
			t.skipped = ""
		}
		return false, nil
	}
	switch name {
	case "table":
		t.ended = true
		return t.endOfRow()
	case "tr", "thead", "tbody", "tfoot":
		return t.endOfRow()
	case "td", "th":
		return false, t.endCell()
	case "caption":
		t.in = betweenRows
	case "p", "div", "li":
		return false, t.readText([]byte{'\n'})
	}
	return false, nil
}

func (t *htmlTable) endOfRow() (done bool, err error) {
	if t.in == betweenRows || t.in == inCaption {
		t.in = betweenRows
		return false, nil
	}
	return true, t.endRow()
}

func (t *htmlTable) readText(text []byte) error {
	switch {
	case t.nested > 0 || t.skipped != "" || t.in == inCaption:
		return nil
	case t.in == inCell:
		if t.cell.text = append(t.cell.text, text...); len(t.cell.text) > 4*t.limits.Cell {
			return tooLongValue(t.limits.Cell)
		}
	case Clean(string(text)) != "":
		return damagedPage(t.row, "a text in it stands in no cell")
	}
	return nil
}

func (t *htmlTable) beginRow(r htmlRow) error {
	if t.row++; t.row > t.limits.Rows {
		return Problem(FileTooLarge, t.row, "The table has more than %d rows: split the list by legal entity or department.", t.limits.Rows)
	}
	t.in, t.column, t.cells, t.hidden = inRow, 0, t.cells[:0], r.hidden
	return nil
}

func (t *htmlTable) endRow() error {
	err := t.endCell()
	t.in = betweenRows
	return err
}

// beginCell begins a cell, and the row where its tag was left out. It stands in
// the first column that no cell from above covers.
func (t *htmlTable) beginCell(attributes map[string]string) error {
	if t.in == betweenRows || t.in == inCaption {
		if err := t.beginRow(htmlRow{}); err != nil {
			return err
		}
	}
	if err := t.endCell(); err != nil {
		return err
	}
	for t.column < len(t.taken) && t.taken[t.column] >= t.row {
		t.column++
	}
	t.in = inCell
	t.cell = htmlCell{text: t.cell.text[:0], across: spanOf(attributes["colspan"], 1000), down: spanOf(attributes["rowspan"], 65534), number: attributes["x:num"]}
	if sdval, ok := attributes["sdval"]; ok {
		t.cell.number = sdval
	}
	return nil
}

// spanOf reads how many rows or columns a tag is about; HTML bounds them too.
func spanOf(value string, most int) int {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 1 {
		return 1
	}
	return min(n, most)
}

// endCell puts the cell being read, if any, into the row.
func (t *htmlTable) endCell() error {
	if t.in != inCell {
		return nil
	}
	t.in = inRow
	column := t.column
	t.column += t.cell.across
	if t.cell.down > 1 {
		t.cover(column, t.column, t.row+t.cell.down-1)
		if err := t.about.merge(column, t.row, t.row+t.cell.down-1, t.row); err != nil {
			return err
		}
	}
	c, err := t.value()
	if err != nil || c.Text == "" {
		return err
	}
	if column >= t.limits.Columns {
		p := Problem(FileTooLarge, t.row, "A value stands beyond column %d (%s): delete what is to the right of the list.", t.limits.Columns, ColumnLetter(t.limits.Columns-1))
		p.Column = ColumnLetter(min(column, widest-1))
		return p
	}
	if t.values++; t.values > t.limits.Cells {
		return Problem(FileTooLarge, t.row, "The table has more than %d values: split the list.", t.limits.Cells)
	}
	c.Column = column
	t.cells = append(t.cells, c)
	return nil
}

// cover remembers columns that a cell covers down to a row.
func (t *htmlTable) cover(from, to, row int) {
	to = min(to, widest)
	for len(t.taken) < to {
		t.taken = append(t.taken, 0)
	}
	for column := from; column < to; column++ {
		t.taken[column] = max(t.taken[column], row)
	}
}

var shownShort = regexp.MustCompile(`^\d([.,]\d+)?[EeЕе]\+\d+$`)

// value is the cell's text. Where the spreadsheet that wrote the page put the
// value into the tag, that stands for a number whose digits the text has lost
// and for a date that the text shows in whatever order.
func (t *htmlTable) value() (Cell, error) {
	text := Clean(string(t.cell.text))
	if len(text) > t.limits.Cell {
		return Cell{}, tooLongValue(t.limits.Cell)
	}
	n, behind := numberBehind(t.cell.number)
	switch {
	case !behind:
	case shownShort.MatchString(text):
		if c, ok := Epoch1900.number(n, style{}); ok {
			return c, nil
		}
	default:
		for _, e := range []Epoch{Epoch1900, Epoch1904} {
			if day, ok := e.Day(n); ok && shows(text, day) {
				return Cell{Kind: DateCell, Text: day.String()}, nil
			}
		}
	}
	return Cell{Text: text}, nil
}

func numberBehind(attribute string) (float64, bool) {
	n, err := strconv.ParseFloat(attribute, 64)
	return n, err == nil
}

var digits = regexp.MustCompile(`\d+`)

// shows reports whether the first three numbers of a text are those of a day.
func shows(text string, day tenancy.Date) bool {
	var numbers []int
	for _, s := range digits.FindAllString(text, 3) {
		n, _ := strconv.Atoi(s)
		numbers = append(numbers, n)
	}
	for _, year := range []int{day.Year, day.Year % 100} {
		want := []int{day.Day, int(day.Month), year}
		slices.Sort(want)
		if slices.Equal(slices.Sorted(slices.Values(numbers)), want) {
			return true
		}
	}
	return false
}

// readColumn remembers columns that are hidden.
func (t *htmlTable) readColumn(attributes map[string]string) error {
	first := t.columns
	t.columns = min(t.columns+spanOf(attributes["span"], 1000), widest)
	if !isHiddenTag(attributes) {
		return nil
	}
	return t.about.hide(first, t.columns-1, t.row)
}
