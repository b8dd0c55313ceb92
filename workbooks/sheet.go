package workbooks

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ponimayu/opora/importers/book"
)

// adviceWidth is the width of the column of advice, in characters.
const adviceWidth = 70

// sheetMarker copies the sheet of a list and marks what is wrong in it.
type sheetMarker struct {
	scan   *scanner
	out    io.Writer
	err    error // the first error of out
	styles *styles
	faults *faults
	header int    // the header's line
	name   string // of the column of advice
	column int    // of the advice
	again  bool   // the workbook was marked by us before: its old marks go

	prefix   string
	cols     []colRange
	sawCols  bool
	headLook int // how the header's last cell looks
}

// colRange is a <col>: the look and the width of some columns, from 0.
type colRange struct {
	tag         []byte
	first, last int
}

// run copies the part from its beginning to its end.
func (m *sheetMarker) run() error {
	inside := ""
	row := 0
	for m.err == nil {
		piece, isTag, err := m.scan.next()
		if errors.Is(err, io.EOF) {
			return m.err
		}
		if err != nil {
			return err
		}
		if !isTag {
			m.write(piece)
			continue
		}
		name, closing, single := nameOf(piece)
		switch {
		case inside == "sheetData" && name == "row" && !closing:
			row = rowNumber(piece, row)
			if err := m.row(bytes.Clone(piece), row, single); err != nil {
				return err
			}
			continue
		case inside == "cols" && name == "col":
			if !closing {
				m.col(bytes.Clone(piece))
			}
			continue
		case inside == "cols" && name == "cols":
			m.writeCols()
			inside = ""
		case inside != "" && name == inside && closing:
			inside = ""
		case name == "worksheet" && !closing:
			m.prefix = prefixOf(piece)
		case name == "dimension":
			piece = m.dimension(bytes.Clone(piece))
		case name == "cols" && !closing && !single:
			inside, m.sawCols = "cols", true
		case name == "sheetData" && !closing:
			if !m.sawCols {
				m.tag("<%cols>")
				m.writeCols()
				m.tag("</%cols>")
			}
			if !single {
				inside = "sheetData"
			}
		}
		m.write(piece)
	}
	return m.err
}

func (m *sheetMarker) write(b []byte) {
	if m.err == nil {
		_, m.err = m.out.Write(b)
	}
}

// tag writes tags, in which % stands for the sheet's namespace prefix.
func (m *sheetMarker) tag(tags string) { m.write([]byte(strings.ReplaceAll(tags, "%", m.prefix))) }

func rowNumber(tag []byte, before int) int {
	if n := number(tag, "r"); n > 0 {
		return n
	}
	return before + 1
}

// dimension widens the range that the sheet says it has.
func (m *sheetMarker) dimension(tag []byte) []byte {
	from, to, ok := strings.Cut(attr(tag, "ref"), ":")
	if !ok {
		to = from
	}
	i := strings.IndexAny(to, "0123456789")
	if i < 1 {
		return tag
	}
	column, ok := book.ColumnOf(to[:i])
	if !ok {
		return tag
	}
	return withAttr(tag, "ref", from+":"+book.ColumnLetter(max(column, m.column))+to[i:])
}

// col remembers a range of columns; the column of advice is cut out of it.
func (m *sheetMarker) col(tag []byte) {
	c := colRange{tag, number(tag, "min") - 1, number(tag, "max") - 1}
	if c.first < 0 || c.last < c.first {
		return
	}
	if c.first <= m.column && m.column <= c.last {
		m.cols = append(m.cols, colRange{tag, c.first, m.column - 1}, colRange{tag, m.column + 1, c.last})
		return
	}
	m.cols = append(m.cols, c)
}

// writeCols writes the columns with that of the advice among them.
func (m *sheetMarker) writeCols() {
	ours := []byte("<" + m.prefix + `col min="1" max="1" width="` + strconv.Itoa(adviceWidth) + `" customWidth="1"/>`)
	all := append(slices.Clone(m.cols), colRange{ours, m.column, m.column})
	slices.SortStableFunc(all, func(a, b colRange) int { return a.first - b.first })
	for _, c := range all {
		if c.first <= c.last {
			tag := withAttr(c.tag, "min", strconv.Itoa(c.first+1))
			tag = withAttr(tag, "max", strconv.Itoa(c.last+1))
			if _, _, single := nameOf(tag); !single {
				tag = slicesJoin(tag[:len(tag)-1], []byte("/>"))
			}
			m.write(tag)
		}
	}
}

// lookOf is how cells of a column look that no cell says otherwise.
func (m *sheetMarker) lookOf(column int, row []byte) int {
	if n := number(row, "s"); n >= 0 {
		return n
	}
	for _, c := range m.cols {
		if c.first <= column && column <= c.last {
			return max(0, number(c.tag, "style"))
		}
	}
	return 0
}

// row copies a row whose start tag was just read, with its marks.
func (m *sheetMarker) row(tag []byte, no int, single bool) error {
	here := m.faults.of(no)
	if len(here) == 0 && no != m.header && !m.again {
		m.write(tag)
		if single {
			return nil
		}
		return m.copyUntil("row")
	}
	r := rowMarks{sheetMarker: m, no: no, tag: tag, here: here, blank: m.faults.blank[no]}
	r.begin(single)
	if !single {
		if err := r.cells(); err != nil {
			return err
		}
	}
	r.insertBefore(1 << 14)
	m.tag("</%row>")
	return m.err
}

// copyUntil copies to the end of the element that was just begun, which holds
// none of its own name.
func (m *sheetMarker) copyUntil(name string) error {
	for m.err == nil {
		piece, isTag, err := m.scan.next()
		if err != nil {
			return unexpected(err)
		}
		m.write(piece)
		if !isTag {
			continue
		}
		if n, closing, _ := nameOf(piece); closing && n == name {
			return nil
		}
	}
	return m.err
}

// skipUntil is copyUntil without copying.
func (m *sheetMarker) skipUntil(name string) error {
	for {
		piece, isTag, err := m.scan.next()
		if err != nil {
			return unexpected(err)
		}
		if !isTag {
			continue
		}
		if n, closing, _ := nameOf(piece); closing && n == name {
			return nil
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// lineHeight is the usual height of a line of text, in points.
const lineHeight = 15

// headHeight is the height of a header that we write: names of two lines fit.
const headHeight = 2 * lineHeight

// heightOf is the height that an advice needs in its column. Programs do not
// agree on whether they fit a row to its text when they open it.
func heightOf(advice string) int {
	lines := 0
	for _, text := range strings.Split(advice, "\n") {
		lines += 1 + utf8.RuneCountInString(text)*10/(adviceWidth*9) // words are not cut
	}
	return min(lines*lineHeight, 400)
}

// rowMarks writes one row with its marks.
type rowMarks struct {
	*sheetMarker
	no    int
	tag   []byte
	here  []fault
	blank bool
	todo  []int // columns that must have a cell and had none yet, in rising order
}

// begin writes the row's start tag. It is high enough for the advice, and a row
// with a problem is not hidden.
func (r *rowMarks) begin(single bool) {
	tag := without(r.tag, "spans")
	if len(r.here) > 0 {
		tag = without(tag, "hidden")
		had, _ := strconv.ParseFloat(attr(tag, "ht"), 64)
		if needed := heightOf(r.faults.advice(r.here)); float64(needed) > max(had, lineHeight) {
			tag = withAttr(withAttr(tag, "ht", strconv.Itoa(needed)), "customHeight", "1")
		}
	}
	if single {
		tag = slicesJoin(bytes.TrimSuffix(tag, []byte("/>")), []byte(">"))
	}
	r.write(tag)
	if len(r.here) == 0 && r.no != r.header {
		return
	}
	if !r.blank {
		for _, f := range r.here {
			if f.column >= 0 {
				r.todo = append(r.todo, int(f.column))
			}
		}
	}
	r.todo = append(r.todo, r.column)
	slices.Sort(r.todo)
	r.todo = slices.Compact(r.todo)
}

// cells copies the row's cells up to its end tag.
func (r *rowMarks) cells() error {
	column := -1
	for r.err == nil {
		piece, isTag, err := r.scan.next()
		if err != nil {
			return unexpected(err)
		}
		name, closing, single := "", false, false
		if isTag {
			name, closing, single = nameOf(piece)
		}
		switch {
		case name == "row" && closing:
			return nil
		case name == "c" && !closing:
			column = cellColumn(piece, column)
			if err := r.cell(bytes.Clone(piece), column, single); err != nil {
				return err
			}
		case name == "c", !isTag: // blanks between the cells
		default:
			r.write(piece)
		}
	}
	return r.err
}

func cellColumn(tag []byte, before int) int {
	ref := attr(tag, "r")
	if i := strings.IndexAny(ref, "0123456789"); i > 0 {
		if column, ok := book.ColumnOf(ref[:i]); ok {
			return column
		}
	}
	return before + 1
}

// cell writes one cell of the original, after those that belong before it.
func (r *rowMarks) cell(tag []byte, column int, single bool) error {
	r.insertBefore(column)
	ours := column == r.column
	if n := len(r.todo); n > 0 && r.todo[0] == column {
		r.todo = r.todo[1:]
	}
	look := max(0, number(tag, "s"))
	if r.no == r.header && !ours && !single {
		r.headLook = look
	}
	switch {
	case ours && (len(r.here) > 0 || r.no == r.header):
		r.ownCell()
	case ours && r.again, r.blank:
		r.write([]byte("<" + r.prefix + `c r="` + r.reference(column) + `" s="` + strconv.Itoa(r.styles.cleared(look)) + `"/>`))
	default:
		tag = withAttr(withAttr(tag, "r", r.reference(column)), "s", strconv.Itoa(r.look(column, look)))
		r.write(tag)
		if single {
			return nil
		}
		return r.copyUntil("c")
	}
	if single {
		return nil
	}
	return r.skipUntil("c")
}

// look is how a cell that looked like base looks now.
func (r *rowMarks) look(column, base int) int {
	base = r.styles.cleared(base)
	w := fine
	for _, f := range r.here {
		if int(f.column) == column {
			w = max(w, f.weight)
		}
	}
	if w == fine {
		return base
	}
	return r.styles.marked(base, w)
}

// insertBefore writes the cells that the original lacks, up to a column.
func (r *rowMarks) insertBefore(column int) {
	for len(r.todo) > 0 && r.todo[0] < column {
		next := r.todo[0]
		r.todo = r.todo[1:]
		if next == r.column {
			r.ownCell()
			continue
		}
		r.write([]byte("<" + r.prefix + `c r="` + r.reference(next) + `" s="` + strconv.Itoa(r.look(next, r.lookOf(next, r.tag))) + `"/>`))
	}
}

func (r *rowMarks) reference(column int) string {
	return book.ColumnLetter(column) + strconv.Itoa(r.no)
}

// ownCell writes the advice of the line, or the name of its column.
func (r *rowMarks) ownCell() {
	text, look := r.name, r.headLook
	if r.no != r.header {
		text, look = r.faults.advice(r.here), r.styles.advice(worst(r.here))
	}
	b := []byte("<" + r.prefix + `c r="` + r.reference(r.column) + `" s="` + strconv.Itoa(look) + `" t="inlineStr"><` + r.prefix + "is><" + r.prefix + `t xml:space="preserve">`)
	b = appendText(b, text)
	r.write(append(b, "</"+r.prefix+"t></"+r.prefix+"is></"+r.prefix+"c>"...))
}
