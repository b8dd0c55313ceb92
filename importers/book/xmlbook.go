package book

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/ponimayu/opora/internal/tenancy"
)

// xmlBook is an XML Spreadsheet of Excel 2003, which reporting tools write and
// call .xls: the whole workbook is one document.
type xmlBook struct {
	directory
	file    *os.File
	size    int64
	limits  Limits
	charset string
	styles  map[string]style // by id
	day0    Epoch
}

// openXML reads the document once to its end, for its sheets and styles.
func openXML(file *os.File, size int64, limits Limits) (Book, error) {
	b := &xmlBook{file: file, size: size, limits: limits, charset: "utf-8", styles: map[string]style{}}
	p := b.part()
	id, inside := "", ""
	err := p.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "Style":
			id = attr(e, "ID")
		case "NumberFormat":
			b.styles[id] = xmlStyle(attr(e, "Format"))
		case "Date1904":
			b.day0 = Epoch1904
		case "Worksheet":
			b.directory = append(b.directory, sheetEntry{name: attr(e, "Name")})
		case "Table":
			return p.skip()
		case "WorksheetOptions":
			inside = e.Name.Local
		case "Visible":
			state, err := p.text(64)
			if n := len(b.directory); inside != "" && n > 0 {
				b.directory[n-1].hidden = strings.HasPrefix(state, "Sheet") && state != "SheetVisible"
			}
			return err
		}
		return nil
	})
	if err == nil && len(b.directory) == 0 {
		err = Problem(FileDamaged, 0, "The workbook has no sheet: save the list again with Excel.")
	}
	return b, err
}

// xmlStyle knows the names that this format has for dates, and codes like the others.
func xmlStyle(format string) style {
	switch format {
	case "General Date", "Long Date", "Medium Date", "Short Date":
		return style{date: true}
	}
	return styleOf(format)
}

// part reads the document anew, in the encoding that it declares.
func (b *xmlBook) part() *part {
	p := newPart(io.NopCloser(io.NewSectionReader(b.file, 0, b.size)))
	p.decoder.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		enc, err := htmlindex.Get(label)
		if err != nil {
			return nil, err
		}
		if _, ok := enc.(*charmap.Charmap); !ok {
			return nil, errors.New("not an encoding of one byte")
		}
		b.charset, _ = htmlindex.Name(enc)
		return enc.NewDecoder().Reader(in), nil
	}
	return p
}

// Describe implements Book.
func (b *xmlBook) Describe() (format, encoding string) { return "xml", b.charset }

// Close implements io.Closer.
func (b *xmlBook) Close() error { return b.file.Close() }

// Remarks implements Book.
func (b *xmlBook) Remarks() []tenancy.Problem { return nil }

// Open implements Book.
func (b *xmlBook) Open(name string) (Source, error) {
	i, err := b.find(name)
	if err != nil {
		return nil, err
	}
	t := &xmlTable{book: b, part: b.part(), name: name}
	for {
		token, err := t.part.token()
		if err != nil {
			return nil, unexpectedEnd(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local != "Worksheet" {
			continue
		}
		if i == 0 {
			t.until = t.part.depth - 1
			return t, nil
		}
		i--
		if err := t.part.skip(); err != nil {
			return nil, err
		}
	}
}

// xmlTable reads one sheet.
type xmlTable struct {
	book   *xmlBook
	part   *part
	name   string
	about  Layout
	until  int // depth of the sheet's parent
	row    int // the last one read, from 1
	rows   int
	column int // of the last <Column>, from 1
	values int64
	cells  []Cell
	ended  bool
}

// Layout implements Grid.
func (t *xmlTable) Layout() *Layout { return &t.about }

// Stop implements Grid.
func (t *xmlTable) Stop() { t.part.close() }

// Next implements Source.
func (t *xmlTable) Next() (Line, error) {
	l, err := t.nextRow()
	return l, placedAt(t.name, t.row, err)
}

func (t *xmlTable) damaged(what string) error {
	return damagedSheet(t.row, what)
}

func (t *xmlTable) nextRow() (Line, error) {
	for {
		token, err := t.part.token()
		if errors.Is(err, io.EOF) && t.ended {
			return Line{}, io.EOF
		}
		if err != nil {
			return Line{}, unexpectedEnd(err)
		}
		e, ok := token.(xml.StartElement)
		switch {
		case !ok:
			t.ended = t.ended || t.part.depth == t.until
		case t.ended:
			err = t.part.skip()
		case e.Name.Local == "Table":
		case e.Name.Local == "Row":
			return t.readRow(e)
		case e.Name.Local == "Column":
			err = t.readColumn(e)
		default:
			err = t.part.skip()
		}
		if err != nil {
			return Line{}, err
		}
	}
}

// index is where an element stands, from 1: after the one before it unless it
// says otherwise.
func (t *xmlTable) index(e xml.StartElement, before, most int) (int, error) {
	at := before + 1
	if v := attr(e, "Index"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < at {
			return 0, t.damaged("something in it is not where it says")
		}
		at = n
	}
	if at > most {
		return 0, t.damaged("something in it is beyond the ends of a sheet")
	}
	return at, nil
}

// span reads how many more rows or columns an element takes.
func (t *xmlTable) span(e xml.StartElement, name string, most int) (int, error) {
	v := attr(e, name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, t.damaged(fmt.Sprintf("a %s in it is none", name))
	}
	return n, nil
}

func (t *xmlTable) readColumn(e xml.StartElement) error {
	first, err := t.index(e, t.column, widest)
	if err != nil {
		return err
	}
	more, err := t.span(e, "Span", widest)
	if err != nil {
		return err
	}
	t.column = min(first+more, widest)
	if truth(attr(e, "Hidden")) {
		err = t.about.hide(first-1, t.column-1, t.row)
	}
	return errors.Join(err, t.part.skip())
}

func (t *xmlTable) readRow(e xml.StartElement) (Line, error) {
	no, err := t.index(e, t.row, 1<<20)
	if err != nil {
		return Line{}, err
	}
	t.row = no
	if t.rows++; t.rows > t.book.limits.Rows {
		return Line{}, Problem(FileTooLarge, no, "The sheet has more than %d rows: split the list by legal entity or department.", t.book.limits.Rows)
	}
	t.cells = t.cells[:0]
	column := 0
	for until := t.part.depth - 1; t.part.depth > until; {
		token, err := t.part.token()
		if err != nil {
			return Line{}, unexpectedEnd(err)
		}
		c, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case c.Name.Local == "Cell":
			column, err = t.readCell(c, column)
		default:
			err = t.part.skip()
		}
		if err != nil {
			return Line{}, err
		}
	}
	more, err := t.span(e, "Span", 1<<20)
	if err != nil {
		return Line{}, err
	}
	t.row += more // rows without cells that look alike
	return Line{no, t.cells, truth(attr(e, "Hidden"))}, nil
}

// readCell appends the cell when it has a value, and returns the last column
// that it covers, from 1.
func (t *xmlTable) readCell(e xml.StartElement, before int) (int, error) {
	column, err := t.index(e, before, widest)
	if err != nil {
		return 0, err
	}
	across, err := t.span(e, "MergeAcross", widest)
	if err != nil {
		return 0, err
	}
	down, err := t.span(e, "MergeDown", 1<<20)
	if err != nil {
		return 0, err
	}
	if err := t.about.merge(column-1, t.row, t.row+down, t.row); err != nil {
		return 0, err
	}
	kind, text, err := t.readData()
	if err != nil {
		return 0, err
	}
	c, ok, err := t.value(e, kind, text)
	if err != nil || !ok {
		return column + across, err
	}
	limits := t.book.limits
	if column > limits.Columns {
		p := Problem(FileTooLarge, t.row, "A value stands beyond column %d (%s): delete what is to the right of the list.", limits.Columns, ColumnLetter(limits.Columns-1))
		p.Column = ColumnLetter(column - 1)
		return 0, p
	}
	if t.values++; t.values > limits.Cells {
		return 0, Problem(FileTooLarge, t.row, "The sheet has more than %d values: split the list.", limits.Cells)
	}
	c.Column = column - 1
	t.cells = append(t.cells, c)
	return column + across, nil
}

// readData reads the value of the cell that was just begun, and passes over remarks.
func (t *xmlTable) readData() (kind, text string, err error) {
	for until := t.part.depth - 1; t.part.depth > until; {
		token, err := t.part.token()
		if err != nil {
			return "", "", unexpectedEnd(err)
		}
		e, ok := token.(xml.StartElement)
		switch {
		case !ok:
			continue
		case e.Name.Local == "Data":
			kind = attr(e, "Type")
			text, err = t.dataText()
		default:
			err = t.part.skip()
		}
		if err != nil {
			return "", "", err
		}
	}
	return kind, text, nil
}

// dataText joins the text of a value, whose parts may be formatted as in HTML.
func (t *xmlTable) dataText() (string, error) {
	var b strings.Builder
	for until := t.part.depth - 1; t.part.depth > until; {
		token, err := t.part.token()
		if err != nil {
			return "", unexpectedEnd(err)
		}
		if text, ok := token.(xml.CharData); ok {
			b.Write(text)
		}
		if b.Len() > t.book.limits.Cell {
			return "", tooLongValue(t.book.limits.Cell)
		}
	}
	return Clean(b.String()), nil
}

// value gives a cell its kind; ok is false for a cell without a value.
func (t *xmlTable) value(e xml.StartElement, kind, text string) (c Cell, ok bool, err error) {
	formula := slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "Formula" })
	if text == "" {
		return Cell{Kind: LostCell}, formula && kind != "String", nil
	}
	switch kind {
	case "Number":
		n, err := strconv.ParseFloat(text, 64)
		if err == nil {
			c, ok = t.book.day0.number(n, t.book.styles[attr(e, "StyleID")])
		}
		if !ok {
			return Cell{}, false, t.damaged("a cell holds a number that is none")
		}
		return c, true, nil
	case "DateTime":
		day, _, _ := strings.Cut(text, "T")
		return Cell{Kind: DateCell, Text: day}, true, nil
	case "Boolean":
		return Cell{Kind: BoolCell, Text: text}, true, nil
	case "Error":
		return Cell{Kind: LostCell}, true, nil
	}
	return Cell{Text: text}, true, nil
}
