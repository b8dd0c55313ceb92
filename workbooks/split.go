package workbooks

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// UnknownCountry stands for the rows that do not say where the person lives.
const UnknownCountry = tenancy.CountryCode("unknown")

// Part is one country's part of a mixed list.
type Part struct {
	Country tenancy.CountryCode `json:"country"` // or UnknownCountry
	Rows    int                 `json:"rows"`
}

// Split is a mixed list whose rows have been told apart.
type Split struct {
	Parts []Part // by country, UnknownCountry last
	Rows  int    // of the list: those of all parts together
	CSV   bool   // the list is text, and so are its parts

	path    string
	options importers.Options
	summary importers.Summary
	lines   []lineOf // the lines of the file that are not blank, in its order
	texts   []string // of lineOf.merged
	last    int      // the last column with a value
}

// lineOf says where a line of the file belongs.
type lineOf struct {
	no     int32
	part   int16                  // number in Parts, or one of those below
	merged [len(mergeable)]uint32 // texts of the row in the columns of mergeable
}

// The lines that are nobody's.
const (
	everywhere int16 = -1 - iota // titles and the header
	withNext                     // a department's line: it goes with the people below it
	nowhere                      // totals, notes, repeated headers
)

// mergeable are the fields whose value may stand in a merged cell above a row,
// in a line that the row's part does not have.
var mergeable = [...]importers.Field{importers.FieldDepartment, importers.FieldPosition, importers.FieldLegalEntity}

// NoCountryColumn says that a list cannot be divided by country.
const NoCountryColumn tenancy.ProblemCode = "country_column_missing"

// SplitByCountry reads a list offline and tells its rows apart by the column of
// residence. A list without that column is a tenancy.Problem (NoCountryColumn),
// and so is whatever Parse refuses. The country in options decides nothing.
func SplitByCountry(ctx context.Context, path string, options importers.Options) (*Split, error) {
	s := &Split{path: path, options: options, texts: []string{""}}
	numbers := map[string]uint32{"": 0}
	err := s.read(ctx, func(text string) uint32 {
		n, ok := numbers[text]
		if !ok {
			n = uint32(len(s.texts))
			numbers[text] = n
			s.texts = append(s.texts, text)
		}
		return n
	})
	if err != nil {
		return nil, err
	}
	if _, ok := s.summary.Mapping[importers.FieldCountry]; !ok {
		return nil, tenancy.Problem{Code: NoCountryColumn, Severity: tenancy.SeverityError, Sheet: s.summary.Sheet, Line: s.summary.HeaderLine,
			Message: "The list has no column that says in which country each person lives (such as «Страна проживания»): add one."}
	}
	s.options.Sheet, s.CSV = s.summary.Sheet, s.summary.Format == "csv"
	s.sortParts()
	shape, err := shapeOf(ctx, path, Marking{Options: s.options, Summary: s.summary}, false)
	s.last = shape.last
	return s, err
}

// read decides on every line.
func (s *Split) read(ctx context.Context, number func(string) uint32) (err error) {
	parts := map[tenancy.CountryCode]int16{}
	s.summary, err = importers.Parse(ctx, s.path, s.options, func(r importers.Record) error {
		l := lineOf{no: int32(r.Line), part: nowhere}
		switch r.Skipped {
		case "":
			for i, text := range []string{r.Row.Department, r.Row.Position, string(r.Row.LegalEntity)} {
				l.merged[i] = number(text)
			}
			l.part = s.partOf(r.Row.Country, parts)
			s.Rows++
		case importers.Blank:
			return nil
		case importers.Title, importers.Header:
			l.part = everywhere
		case importers.Group:
			l.part = withNext
		}
		s.lines = append(s.lines, l)
		return nil
	})
	return err
}

// partOf counts a row into its part and returns the part's number.
func (s *Split) partOf(country tenancy.CountryCode, parts map[tenancy.CountryCode]int16) int16 {
	if country == "" {
		country = UnknownCountry
	}
	n, ok := parts[country]
	if !ok {
		n = int16(len(s.Parts))
		parts[country] = n
		s.Parts = append(s.Parts, Part{Country: country})
	}
	s.Parts[n].Rows++
	return n
}

// sortParts puts the parts into an order that does not depend on the rows'.
func (s *Split) sortParts() {
	before := slices.Clone(s.Parts)
	slices.SortFunc(s.Parts, func(a, b Part) int {
		if (a.Country == UnknownCountry) != (b.Country == UnknownCountry) {
			if a.Country == UnknownCountry {
				return 1
			}
			return -1
		}
		return strings.Compare(string(a.Country), string(b.Country))
	})
	for i, l := range s.lines {
		if l.part >= 0 {
			s.lines[i].part = int16(slices.Index(s.Parts, before[l.part]))
		}
	}
}

// Write writes one part: the titles and the header of the list, and the part's
// rows with the lines of their departments, cell by cell as they stand. It
// returns how many rows it has written.
func (s *Split) Write(ctx context.Context, part int, to io.Writer) (rows int, err error) {
	w, err := s.writer(to)
	if err != nil {
		return 0, err
	}
	at := 0
	var group []book.Cell
	_, err = importers.Lines(ctx, s.path, s.options, func(l book.Line) error {
		for at < len(s.lines) && int(s.lines[at].no) < l.No {
			at++
		}
		if at == len(s.lines) || int(s.lines[at].no) != l.No {
			return nil // blank
		}
		of := s.lines[at]
		switch {
		case of.part == everywhere && l.No <= s.summary.HeaderLine:
			return w.line(l.Cells, l.No == s.summary.HeaderLine)
		case of.part == withNext:
			group = slices.Clone(l.Cells)
		case of.part == int16(part):
			if group != nil {
				if err := w.line(group, false); err != nil {
					return err
				}
				group = nil
			}
			rows++
			return w.line(s.whole(l.Cells, of), false)
		}
		return nil
	})
	if err != nil {
		return rows, err
	}
	return rows, w.close()
}

// whole adds to a row what stands in a merged cell above it.
func (s *Split) whole(cells []book.Cell, of lineOf) []book.Cell {
	for i, field := range mergeable {
		column, ok := book.ColumnOf(s.summary.Mapping[field])
		text := s.texts[of.merged[i]]
		if !ok || text == "" || slices.ContainsFunc(cells, func(c book.Cell) bool { return c.Column == column }) {
			continue
		}
		cells = append(slices.Clone(cells), book.Cell{Column: column, Text: text})
		slices.SortFunc(cells, func(a, b book.Cell) int { return a.Column - b.Column })
	}
	return cells
}

// lineWriter writes the lines of a list one below the other.
type lineWriter interface {
	line(cells []book.Cell, header bool) error
	close() error
}

func (s *Split) writer(to io.Writer) (lineWriter, error) {
	if s.CSV {
		return &csvLines{newTextWriter(to), make([]string, s.last+1)}, nil
	}
	header := 0
	for _, l := range s.lines {
		if l.part == everywhere && int(l.no) <= s.summary.HeaderLine {
			header++ // blank lines above it are not written
		}
	}
	m := Marking{Summary: s.summary, Language: tenancy.Russian}
	w, err := newListWriter(to, listFrame{sheet: sheetName(m), header: header, columns: s.last + 1, widths: widthsOf(s.summary.Mapping)})
	return &bookLines{w}, err
}

// bookLines writes lines into a workbook.
type bookLines struct{ *listWriter }

func (w *bookLines) line(cells []book.Cell, header bool) error {
	height := 0
	if header {
		height = headHeight
	}
	if err := w.begin(w.last+1, height); err != nil {
		return err
	}
	for _, c := range cells {
		if header {
			w.text(c.Column, headLook, c.Text)
		} else {
			w.copyOf(c, fine)
		}
	}
	return w.end()
}

// csvLines writes lines as text.
type csvLines struct {
	*textWriter
	fields []string
}

func (w *csvLines) line(cells []book.Cell, _ bool) error {
	clear(w.fields)
	for _, c := range cells {
		w.fields[c.Column] = importers.SafeText(c.Text)
	}
	w.textWriter.line(w.fields)
	return nil
}

func (w *csvLines) close() error { return w.out.Flush() }

// Verify parses a part that was written, as its country would, and compares:
// rows that were lost on the way, or are of another country, are an error.
func (s *Split) Verify(ctx context.Context, part int, path string) error {
	options := importers.Options{Country: s.options.Country, Limits: s.options.Limits}
	want := s.Parts[part]
	if want.Country != UnknownCountry {
		options.Country.Code = want.Country
	}
	foreign := 0
	summary, err := importers.Parse(ctx, path, options, func(r importers.Record) error {
		if r.Skipped == "" && (r.Row.Country != "" || want.Country != UnknownCountry) && r.Row.Country != want.Country {
			foreign++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if summary.Rows != want.Rows || foreign > 0 {
		return tenancy.E(tenancy.Internal, "rows_lost", fmt.Sprintf("The part of %s should have %d rows and has %d, %d of them of another country; do not use it, and report this.", want.Country, want.Rows, summary.Rows, foreign))
	}
	return nil
}
