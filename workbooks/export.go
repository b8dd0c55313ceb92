package workbooks

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Format is what an export is written as.
type Format string

// The formats of an export. CSV is what Excel opens by a double click: UTF-8
// with a byte order mark, semicolons.
const (
	XLSX Format = "xlsx"
	CSV  Format = "csv"
)

// Export is a list of the people whom a tenant has, one row an employment, with
// the columns of the template: uploaded again in mode full it changes nothing.
// It holds no national ids.
type Export struct {
	Language      tenancy.Language
	LegalEntities []tenancy.LegalEntity // written by name
	Segments      []tenancy.Segment     // written by name
}

// exportColumns are the template's without the national ids, which nobody has,
// and without the country, which is the contour's.
func exportColumns() (all []column) {
	for _, c := range columns {
		switch c.field {
		case importers.FieldSNILS, importers.FieldIIN, importers.FieldCountry:
		default:
			all = append(all, c)
		}
	}
	return all
}

// Write writes the rows and returns how many there were. Rows are taken one by
// one and not kept; an error of theirs is returned as it is.
func (e Export) Write(to io.Writer, format Format, rows iter.Seq2[importers.Row, error]) (int, error) {
	if format == CSV {
		return e.writeCSV(to, rows)
	}
	return e.writeBook(to, rows)
}

func (e Export) writeBook(to io.Writer, rows iter.Seq2[importers.Row, error]) (n int, err error) {
	all := exportColumns()
	frame := listFrame{sheet: listSheet.InOrEnglish(e.Language), header: 1, columns: len(all), widths: map[int]float64{}}
	for i, c := range all {
		frame.widths[i] = c.width
	}
	w, err := newListWriter(to, frame)
	if err != nil {
		return 0, err
	}
	if err := w.begin(1, headHeight); err != nil {
		return 0, err
	}
	for i, c := range all {
		w.text(i, headLook, c.name.InOrEnglish(e.Language))
	}
	if err := w.end(); err != nil {
		return 0, err
	}
	for row, err := range rows {
		if err != nil {
			return n, err
		}
		n++
		if err := w.begin(n+1, 0); err != nil {
			return n, err
		}
		for i, c := range all {
			e.cell(w, i, c, row)
		}
		if err := w.end(); err != nil {
			return n, err
		}
	}
	return n, w.close()
}

// cell adds one value of a row; what is not known has no cell.
func (e Export) cell(w *listWriter, at int, c column, row importers.Row) {
	if day := dateOf(c.field, row); !day.IsZero() {
		w.date(at, dateLook, day)
		return
	}
	text := e.textOf(c.field, row)
	switch {
	case text == "":
	case c.field == importers.FieldPhone: // as text it is no formula, and an apostrophe would only be read aloud
		w.text(at, textLook, text)
	default:
		w.text(at, textLook, importers.SafeText(text))
	}
}

func (e Export) writeCSV(to io.Writer, rows iter.Seq2[importers.Row, error]) (n int, err error) {
	all := exportColumns()
	out := newTextWriter(to)
	fields := make([]string, len(all))
	for i, c := range all {
		fields[i] = c.name.InOrEnglish(e.Language)
	}
	out.line(fields)
	for row, err := range rows {
		if err != nil {
			return n, err
		}
		n++
		for i, c := range all {
			fields[i] = importers.SafeText(e.textOf(c.field, row))
			if day := dateOf(c.field, row); !day.IsZero() {
				fields[i] = fmt.Sprintf("%02d.%02d.%04d", day.Day, day.Month, day.Year)
			}
		}
		out.line(fields)
	}
	return n, out.out.Flush()
}

func dateOf(field importers.Field, row importers.Row) tenancy.Date {
	switch field {
	case importers.FieldHiredOn:
		return row.HiredOn
	case importers.FieldLeftOn:
		return row.LeftOn
	case importers.FieldBirthDate:
		return row.BirthDate
	}
	return tenancy.Date{}
}

func (e Export) textOf(field importers.Field, row importers.Row) string {
	switch field {
	case importers.FieldEmployeeNo:
		return string(row.EmployeeNo)
	case importers.FieldLastName:
		return row.LastName
	case importers.FieldFirstName:
		return row.FirstName
	case importers.FieldMiddleName:
		return row.MiddleName
	case importers.FieldEmail:
		return row.Email
	case importers.FieldPhone:
		return row.Phone
	case importers.FieldDepartment:
		return row.Department
	case importers.FieldPosition:
		return row.Position
	case importers.FieldLegalEntity:
		return e.entity(row.LegalEntity)
	case importers.FieldSegment:
		return e.segment(row.Segment)
	}
	return ""
}

// entity is the name of a legal entity, or its code where two share a name.
func (e Export) entity(code tenancy.LegalEntityCode) string {
	name, same := string(code), 0
	for _, entity := range e.LegalEntities {
		if entity.Code == code {
			name = entityName(entity)
		}
	}
	for _, entity := range e.LegalEntities {
		if entityName(entity) == name {
			same++
		}
	}
	if same > 1 {
		return string(code)
	}
	return name
}

func (e Export) segment(id tenancy.SegmentID) string {
	for _, s := range e.Segments {
		if s.ID == id {
			return segmentName(s, e.Language)
		}
	}
	return string(id)
}

// textWriter writes CSV for Excel.
type textWriter struct{ out *bufio.Writer }

func newTextWriter(to io.Writer) *textWriter {
	w := &textWriter{bufio.NewWriterSize(to, 64<<10)}
	_, _ = w.out.WriteString("\ufeff")
	return w
}

// line writes a record. An error shows when the writer is flushed.
func (w *textWriter) line(fields []string) {
	for i, text := range fields {
		if i > 0 {
			_ = w.out.WriteByte(';')
		}
		if strings.ContainsAny(text, ";\"\r\n") || strings.TrimSpace(text) != text {
			text = `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
		}
		_, _ = w.out.WriteString(text)
	}
	_, _ = w.out.WriteString("\r\n")
}
