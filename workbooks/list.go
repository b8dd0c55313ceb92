package workbooks

import (
	"archive/zip"
	"bufio"
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// listWriter writes a workbook of one sheet row by row. excelize makes the
// workbook around an empty sheet; the rows are streamed into that sheet as it
// is packed, for excelize's own stream writer puts a large sheet into a
// temporary file, and what HR gets back must lie on no disk of ours.
type listWriter struct {
	zip    *zip.Writer
	sheet  *bufio.Writer
	tail   []byte
	row    []byte // being made
	last   int    // line written last
	header int    // line
	to     int    // the header's last column
	styles [3 * looks]int
	merges []book.Merge // ranges to be merged
}

// listFrame says what a listWriter's sheet looks like.
type listFrame struct {
	sheet   string
	header  int             // the header's line; what stands above it, and it, stays in sight
	columns int             // columns of the header
	widths  map[int]float64 // by column from 0; others have defaultWidth
}

const defaultWidth = 18

// cellLook numbers the looks of a listWriter's cells.
type cellLook int

// The looks. The first three are for values as they come; each has two more
// with the colours of a warning and of an error.
const (
	plainLook cellLook = iota // numbers
	textLook                  // stays text when somebody edits it
	dateLook
	headLook
	adviceLook
	looks
)

// coloured returns the look with the colour of a weight.
func (l cellLook) coloured(w weight) cellLook { return l + cellLook(w)*looks }

var emptySheet = regexp.MustCompile(`<sheetData\s*/>|<sheetData\s*></sheetData>`)

// newListWriter begins a workbook; close ends it.
func newListWriter(to io.Writer, frame listFrame) (*listWriter, error) {
	w := &listWriter{zip: zip.NewWriter(to), to: max(0, frame.columns-1), header: frame.header}
	packed, err := w.build(frame)
	if err != nil {
		return nil, fmt.Errorf("workbooks: %w", err)
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	var sheet []byte
	for _, f := range archive.File {
		if f.Name == firstSheet {
			if sheet, err = readEntry(f); err != nil {
				return nil, err
			}
			continue
		}
		if err := w.zip.Copy(f); err != nil {
			return nil, err
		}
	}
	at := emptySheet.FindIndex(sheet)
	if at == nil {
		return nil, fmt.Errorf("workbooks: no empty sheet to write into")
	}
	out, err := w.zip.CreateHeader(&zip.FileHeader{Name: firstSheet, Method: zip.Deflate})
	if err != nil {
		return nil, err
	}
	w.sheet, w.tail = bufio.NewWriterSize(out, 64<<10), sheet[at[1]:]
	_, err = w.sheet.Write(append(bytes.Clone(sheet[:at[0]]), "<sheetData>"...))
	return w, err
}

const firstSheet = "xl/worksheets/sheet1.xml"

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// build makes the workbook around the empty sheet.
func (w *listWriter) build(frame listFrame) ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	if err := f.SetSheetName("Sheet1", frame.sheet); err != nil {
		return nil, err
	}
	for look := plainLook + 1; look < cellLook(len(w.styles)); look++ {
		id, err := f.NewStyle(styleOf(look%looks, weight(look/looks)))
		if err != nil {
			return nil, err
		}
		w.styles[look] = id
	}
	for column := range frame.columns {
		width, ok := frame.widths[column]
		if !ok {
			width = defaultWidth
		}
		letter := book.ColumnLetter(column)
		if err := f.SetColWidth(frame.sheet, letter, letter, width); err != nil {
			return nil, err
		}
	}
	if frame.header > 0 {
		below := "A" + strconv.Itoa(frame.header+1)
		panes := &excelize.Panes{Freeze: true, YSplit: frame.header, TopLeftCell: below, ActivePane: "bottomLeft",
			Selection: []excelize.Selection{{SQRef: below, ActiveCell: below, Pane: "bottomLeft"}}}
		if err := f.SetPanes(frame.sheet, panes); err != nil {
			return nil, err
		}
	}
	if err := f.SetDocProps(&excelize.DocProperties{Creator: "Opora"}); err != nil {
		return nil, err
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// styleOf is the style of a look.
func styleOf(l cellLook, w weight) *excelize.Style {
	style := &excelize.Style{}
	switch w {
	case warned:
		style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colourWarned[2:]}}
	case wrong:
		style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colourWrong[2:]}}
	}
	dates := "dd.mm.yyyy"
	switch l {
	case textLook:
		style.NumFmt = 49
	case dateLook:
		style.CustomNumFmt = &dates
	case headLook:
		style.NumFmt, style.Font = 49, &excelize.Font{Family: "Calibri", Bold: true, Size: 11}
		style.Alignment = &excelize.Alignment{WrapText: true, Vertical: "center"}
		style.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"DDE6F0"}}
		style.Border = []excelize.Border{{Type: "bottom", Style: 1, Color: "8090A0"}}
	case adviceLook:
		style.NumFmt, style.Alignment = 49, &excelize.Alignment{WrapText: true, Vertical: "top"}
	}
	return style
}

// begin starts a row of a height in points, 0 being the usual one; rows come in
// rising order.
func (w *listWriter) begin(line, height int) error {
	if line <= w.last || line > 1<<20 {
		return fmt.Errorf("workbooks: line %d cannot follow line %d", line, w.last)
	}
	w.last = line
	w.row = strconv.AppendInt(append(w.row[:0], `<row r="`...), int64(line), 10)
	if height > lineHeight {
		w.row = append(strconv.AppendInt(append(w.row, `" ht="`...), int64(height), 10), `" customHeight="1`...)
	}
	w.row = append(w.row, `">`...)
	return nil
}

// end writes the row that was begun.
func (w *listWriter) end() error {
	_, err := w.sheet.Write(append(w.row, "</row>"...))
	return err
}

func (w *listWriter) cell(column int, look cellLook, kind string) {
	w.row = append(append(append(w.row, `<c r="`...), book.ColumnLetter(column)...), strconv.Itoa(w.last)...)
	w.row = append(strconv.AppendInt(append(w.row, `" s="`...), int64(w.styles[look]), 10), '"')
	if kind != "" {
		w.row = append(append(append(w.row, ` t="`...), kind...), '"')
	}
}

// empty adds a cell without a value.
func (w *listWriter) empty(column int, look cellLook) {
	w.cell(column, look, "")
	w.row = append(w.row, "/>"...)
}

// text adds a cell that is text and nothing else.
func (w *listWriter) text(column int, look cellLook, text string) {
	w.cell(column, look, "inlineStr")
	w.row = append(w.row, `><is><t xml:space="preserve">`...)
	w.row = append(appendText(w.row, text), "</t></is></c>"...)
}

// value adds a cell whose value stands in XML as it is: a number, a date's
// serial, a boolean.
func (w *listWriter) value(column int, look cellLook, kind, value string) {
	w.cell(column, look, kind)
	w.row = append(append(append(w.row, "><v>"...), value...), "</v></c>"...)
}

// date adds a day; one that spreadsheets do not know is added as text.
func (w *listWriter) date(column int, look cellLook, day tenancy.Date) {
	serial := int(time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC).Sub(firstDay).Hours() / 24)
	if day.Year < 1901 {
		w.text(column, look, day.String())
		return
	}
	w.value(column, look, "", strconv.Itoa(serial))
}

// firstDay is day 0 of spreadsheets, as counted since March 1900.
var firstDay = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)

// copyOf adds a cell as it stood in a list.
func (w *listWriter) copyOf(c book.Cell, weight weight) {
	day, dateErr := tenancy.ParseDate(c.Text)
	switch {
	case c.Kind == book.NumberCell && shortNumber.MatchString(c.Text):
		w.value(c.Column, plainLook.coloured(weight), "", c.Text)
	case c.Kind == book.DateCell && dateErr == nil:
		w.date(c.Column, dateLook.coloured(weight), day)
	case c.Kind == book.BoolCell && (c.Text == "0" || c.Text == "1"):
		w.value(c.Column, plainLook.coloured(weight), "b", c.Text)
	case c.Kind == book.LostCell && c.Text == "":
		w.value(c.Column, plainLook.coloured(weight), "e", "#N/A")
	default:
		text := c.Text
		if !figures.MatchString(text) {
			text = importers.SafeText(text)
		}
		w.text(c.Column, textLook.coloured(weight), text)
	}
}

// figures is a telephone, a negative number or a dash: no formula that does
// anything, and an apostrophe before it would only be read aloud.
var figures = regexp.MustCompile(`^[+-]?[0-9 ().-]*$`)

// shortNumber is a number that a spreadsheet shows as it stands: with leading
// zeros, or of more digits than it keeps, a number is text.
var shortNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?$`)

// close writes what follows the rows.
func (w *listWriter) close() error {
	tail := append([]byte("</sheetData>"), w.filterTag()...)
	tail = append(tail, w.mergeTags()...)
	if _, err := w.sheet.Write(append(tail, w.tail...)); err != nil {
		return err
	}
	if err := w.sheet.Flush(); err != nil {
		return err
	}
	return w.zip.Close()
}

// filterTag is the filter of the header, over all rows that were written.
func (w *listWriter) filterTag() string {
	if w.header == 0 || w.last <= w.header {
		return ""
	}
	return fmt.Sprintf(`<autoFilter ref="A%d:%s%d"/>`, w.header, book.ColumnLetter(w.to), w.last)
}

// mergeTags merges the ranges, each of which is one column wide.
func (w *listWriter) mergeTags() string {
	if len(w.merges) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<mergeCells count="%d">`, len(w.merges))
	for _, m := range w.merges {
		letter := book.ColumnLetter(m.Column)
		fmt.Fprintf(&b, `<mergeCell ref="%s%d:%s%d"/>`, letter, m.First, letter, m.Last)
	}
	b.WriteString("</mergeCells>")
	return b.String()
}

// appendText appends a text as XML. What XML cannot hold, and what Excel would
// take for its own escape (_x0041_), is escaped as Excel does it.
func appendText(b []byte, text string) []byte {
	for i, r := range text {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '_' && escape.MatchString(text[i:]):
			b = append(b, "_x005F_"...)
		case r == '\t' || r == '\n' || r >= ' ' && r != 0xfffe && r != 0xffff:
			b = utf8.AppendRune(b, r)
		default:
			b = fmt.Appendf(b, "_x%04X_", r)
		}
	}
	return b
}

var escape = regexp.MustCompile(`^_x[0-9A-Fa-f]{4}_`)
