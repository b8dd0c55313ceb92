package book

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
)

// sheet reads one worksheet of a workbook as it lies in the archive, in one
// strict pass: a fault anywhere, to the last byte, is an error.
type sheet struct {
	book   *workbook
	name   string
	part   *part
	inside bool // within sheetData
	seen   bool // sheetData has begun
	row    int
	rows   int
	values int64
	cells  []Cell
	about  Layout
}

func newSheet(w *workbook, name string, r io.ReadCloser) *sheet {
	return &sheet{book: w, name: name, part: newPart(r)}
}

// Layout implements Grid.
func (s *sheet) Layout() *Layout { return &s.about }

// Stop implements Grid.
func (s *sheet) Stop() { s.part.close() }

// Next implements Source.
func (s *sheet) Next() (Line, error) {
	l, err := s.nextRow()
	if err != nil {
		s.part.close()
	}
	return l, placedAt(s.name, s.row, err)
}

func (s *sheet) damaged(what string) error {
	return damagedSheet(s.row, what)
}

func (s *sheet) nextRow() (Line, error) {
	for {
		t, err := s.part.token()
		if errors.Is(err, io.EOF) && !s.seen {
			return Line{}, s.damaged("it holds no table")
		}
		if err != nil {
			return Line{}, err
		}
		switch e := t.(type) {
		case xml.EndElement:
			if e.Name.Local == "sheetData" {
				s.inside = false
			}
		case xml.StartElement:
			if l, ok, err := s.element(e); ok || err != nil {
				return l, err
			}
		}
	}
}

// element handles an element outside of a row; ok says that it was a row.
func (s *sheet) element(e xml.StartElement) (l Line, ok bool, err error) {
	switch e.Name.Local {
	case "sheetData":
		if s.seen {
			return Line{}, false, s.damaged("it holds two tables")
		}
		s.seen, s.inside = true, true
	case "row":
		if !s.inside {
			return Line{}, false, s.damaged("a row stands outside of the table")
		}
		l, err = s.readRow(e)
		return l, true, err
	case "col":
		err = s.readColumns(e)
	case "mergeCell":
		err = s.readMerge(attr(e, "ref"))
	}
	return Line{}, false, err
}

func (s *sheet) readRow(e xml.StartElement) (Line, error) {
	no := s.row + 1
	if r := attr(e, "r"); r != "" {
		n, err := strconv.Atoi(r)
		if err != nil || n < no || n > 1<<20 {
			return Line{}, s.damaged("its rows are not in order")
		}
		no = n
	}
	s.row = no
	if s.rows++; s.rows > s.book.limits.Rows {
		return Line{}, Problem(FileTooLarge, no, "The sheet has more than %d rows: split the list by legal entity or department.", s.book.limits.Rows)
	}
	s.cells = s.cells[:0]
	hidden := truth(attr(e, "hidden"))
	column := -1
	for {
		t, err := s.part.token()
		if err != nil {
			return Line{}, unexpectedEnd(err)
		}
		switch e := t.(type) {
		case xml.EndElement:
			return Line{no, s.cells, hidden}, nil
		case xml.StartElement:
			if e.Name.Local != "c" {
				if err := s.part.skip(); err != nil {
					return Line{}, err
				}
				continue
			}
			if column, err = s.readCell(e, column); err != nil {
				return Line{}, err
			}
		}
	}
}

// readCell appends the cell when it has a value, and returns its column.
func (s *sheet) readCell(e xml.StartElement, before int) (int, error) {
	column := before + 1
	var kind string
	var look style
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "r":
			c, ok := s.reference(a.Value)
			if !ok || c <= before {
				return 0, s.damaged("a cell is not where it says")
			}
			column = c
		case "t":
			kind = a.Value
		case "s":
			if i, err := strconv.Atoi(a.Value); err == nil && i >= 0 && i < len(s.book.styles) {
				look = s.book.styles[i]
			}
		}
	}
	value, has, formula, err := s.readValue()
	if err != nil {
		return 0, err
	}
	c, ok, err := s.interpret(kind, look, value, has, formula)
	if err != nil || !ok {
		return column, err
	}
	return column, s.append(column, c)
}

func (s *sheet) append(column int, c Cell) error {
	limits := s.book.limits
	if column >= limits.Columns {
		p := Problem(FileTooLarge, s.row, "A value stands beyond column %d (%s): delete what is to the right of the list.", limits.Columns, ColumnLetter(limits.Columns-1))
		p.Column = ColumnLetter(column)
		return p
	}
	if s.values++; s.values > limits.Cells {
		return Problem(FileTooLarge, s.row, "The sheet has more than %d values: split the list.", limits.Cells)
	}
	c.Column = column
	s.cells = append(s.cells, c)
	return nil
}

// reference reads a cell's address, which must be in the current row.
func (s *sheet) reference(ref string) (int, bool) {
	i := strings.IndexAny(ref, "0123456789")
	if i < 1 {
		return 0, false
	}
	row, err := strconv.Atoi(ref[i:])
	if err != nil || row != s.row {
		return 0, false
	}
	return ColumnOf(ref[:i])
}

// readValue reads a cell's content: its value, or its inline text. A formula is
// noticed and never evaluated.
func (s *sheet) readValue() (value string, has, formula bool, err error) {
	for {
		t, err := s.part.token()
		if err != nil {
			return "", false, false, unexpectedEnd(err)
		}
		e, ok := t.(xml.StartElement)
		if !ok {
			if _, end := t.(xml.EndElement); end {
				return value, has, formula, nil
			}
			continue
		}
		switch e.Name.Local {
		case "v":
			value, err = s.part.text(s.book.limits.Cell)
			has = true
		case "is":
			value, err = richText(s.part, s.book.limits.Cell)
			has = true
		case "f":
			formula = true
			err = s.part.skip()
		default:
			err = s.part.skip()
		}
		if err != nil {
			return "", false, false, err
		}
	}
}

// interpret gives a cell's value its kind; ok is false for a cell without one.
func (s *sheet) interpret(kind string, look style, value string, has, formula bool) (c Cell, ok bool, err error) {
	switch {
	case !has, formula && value == "" && kind != "str": // a formula that was never calculated
		return Cell{Kind: LostCell}, formula, nil
	case strings.TrimSpace(value) == "":
		return Cell{}, false, nil
	}
	switch kind {
	case "s":
		text, found := s.book.strings.at(value)
		if !found {
			return Cell{}, false, s.damaged("a cell refers to a text that is not there")
		}
		return Cell{Text: text}, text != "", nil
	case "str", "inlineStr":
		text := Clean(unescapeX(value))
		return Cell{Text: text}, text != "", nil
	case "e":
		return Cell{Kind: LostCell}, true, nil
	case "b":
		return Cell{Kind: BoolCell, Text: strings.TrimSpace(value)}, true, nil
	case "d":
		day, _, _ := strings.Cut(strings.TrimSpace(value), "T")
		return Cell{Kind: DateCell, Text: day}, true, nil
	case "", "n":
		return s.number(look, strings.TrimSpace(value))
	}
	return Cell{}, false, s.damaged("a cell is of an unknown kind")
}

func (s *sheet) number(look style, value string) (c Cell, ok bool, err error) {
	if value == "" {
		return Cell{}, false, nil
	}
	n, err := strconv.ParseFloat(value, 64)
	if err == nil {
		c, ok = s.book.day0.number(n, look)
	}
	if !ok {
		return Cell{}, false, s.damaged("a cell holds a number that is none")
	}
	return c, true, nil
}

// readMerge remembers a range that spans several rows.
func (s *sheet) readMerge(ref string) error {
	from, to, ok := strings.Cut(ref, ":")
	if !ok {
		return nil
	}
	column, first, ok1 := splitReference(from)
	_, last, ok2 := splitReference(to)
	if !ok1 || !ok2 || last < first {
		return s.damaged("a merged range is not where it says")
	}
	return s.about.merge(column, first, last, s.row)
}

// readColumns remembers the columns of a <col> element that are hidden.
func (s *sheet) readColumns(e xml.StartElement) error {
	if !truth(attr(e, "hidden")) {
		return nil
	}
	first, err1 := strconv.Atoi(attr(e, "min"))
	last, err2 := strconv.Atoi(attr(e, "max"))
	if err1 != nil || err2 != nil || first < 1 || last < first {
		return s.damaged("its columns are not where they say")
	}
	return s.about.hide(first-1, last-1, s.row)
}

// truth reads a boolean attribute (W3C XML Schema, xsd:boolean).
func truth(value string) bool { return value == "1" || value == "true" }

func splitReference(ref string) (column, row int, ok bool) {
	i := strings.IndexAny(ref, "0123456789")
	if i < 1 {
		return 0, 0, false
	}
	row, err := strconv.Atoi(ref[i:])
	column, ok = ColumnOf(ref[:i])
	return column, row, ok && err == nil
}
