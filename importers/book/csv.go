package book

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Text is a list as delimited text. Which delimiter is the right one, only what
// the list says can tell: whoever reads it tries the candidates.
type Text struct {
	file      *os.File
	size      int64
	limits    Limits
	charset   charset
	Delimiter byte // one of Candidates, to be set before Open
	sep       bool // the first line is Excel's "sep=" line
	cr        bool // lines end with a carriage return alone, as on old Macs
	Wrapped   bool // every line stands in quotation marks as a whole; to be set before Open
}

// delimiters are the signs that may part fields, likeliest first.
var delimiters = []byte{';', ',', '\t', '|'}

// openText decides on the encoding by looking at every byte; the delimiter is
// left to whoever looks for the header, unless a "sep=" line names it.
func openText(file *os.File, size int64, limits Limits) (Book, error) {
	seen, err := look(io.NewSectionReader(file, 0, size))
	if err != nil {
		return nil, err
	}
	t := &Text{file: file, size: size, limits: limits}
	if t.charset, err = seen.decide(); err != nil {
		return nil, err
	}
	t.cr = seen.counts['\r'] > 0 && seen.counts['\n'] == 0
	t.readSep()
	return t, nil
}

// readSep looks for the "sep=;" line with which Excel is told the delimiter.
func (t *Text) readSep() {
	first, _ := t.text().Peek(len("\"sep=;\"\r")) // a shorter file, or one that cannot be decoded, has none
	line, _, _ := strings.Cut(strings.ReplaceAll(string(first), "\r", "\n"), "\n")
	sign, ok := strings.CutPrefix(strings.ToLower(strings.Trim(line, "\"")), "sep=")
	if ok && len(sign) == 1 && bytes.IndexByte(delimiters, sign[0]) >= 0 {
		t.sep, t.Delimiter = true, sign[0]
	}
}

func (t *Text) text() *bufio.Reader {
	from := int64(t.charset.bom)
	r := bufio.NewReaderSize(t.charset.decode(io.NewSectionReader(t.file, from, t.size-from)), 64<<10)
	if t.Wrapped {
		return bufio.NewReaderSize(&unwrapper{in: r}, 64<<10)
	}
	return r
}

// Candidates are the signs that may part the fields of this text, likeliest
// first: one, where the text itself names it.
func (t *Text) Candidates() []byte {
	if t.sep {
		return []byte{t.Delimiter}
	}
	return delimiters
}

// MayBeWrapped reports whether the text begins with a quotation mark.
func (t *Text) MayBeWrapped() bool {
	first, _ := t.text().Peek(1)
	return !t.Wrapped && !t.sep && string(first) == `"`
}

// Sheets implements Book.
func (t *Text) Sheets() []string { return []string{""} }

// HiddenSheets implements Book.
func (t *Text) HiddenSheets() []string { return nil }

// Remarks implements Book.
func (t *Text) Remarks() []tenancy.Problem { return nil }

// Named implements Book: a text has no sheets to choose from.
func (t *Text) Named(string) (string, error) { return "", nil }

// Describe implements Book.
func (t *Text) Describe() (format, encoding string) { return "csv", t.charset.name }

// Close implements io.Closer.
func (t *Text) Close() error { return t.file.Close() }

// Open implements Book, with the delimiter that was chosen last.
func (t *Text) Open(string) (Source, error) {
	r := &Records{in: t.text(), limits: t.limits, delimiter: t.Delimiter, cr: t.cr, lineNo: 1}
	return r, nil
}

// Records reads delimited text strictly (RFC 4180, any delimiter): what a quote
// does not allow is an error with its line, never a guess, because a guess at
// an unclosed quote swallows people.
type Records struct {
	in        *bufio.Reader
	limits    Limits
	delimiter byte
	cr        bool // ends a line by itself
	lineNo    int  // of the next byte
	rows      int
	values    int64
	cells     []Cell
	field     []byte
	last      bool // the last record read was ended by the end of the file, not of a line
	fields    int  // of the last record
	least     int  // fields up to the header's last name; 0 while it is not known
	most      int  // fields of the header, named or not
	alone     func(Line) bool
}

// Expect tells that the line just read is the header, whose last named column
// is the given one: the records that follow must fit it. alone reports whether
// the only field of the very last one may be the whole of it.
func (r *Records) Expect(lastColumn int, alone func(Line) bool) {
	r.alone = alone
	r.least, r.most = lastColumn+1, max(r.fields, lastColumn+1)
}

// Next implements Source.
func (r *Records) Next() (Line, error) {
	if _, err := r.in.Peek(1); err == io.EOF {
		return Line{}, io.EOF
	} else if err != nil {
		return Line{}, r.damaged("it cannot be decoded")
	}
	if r.rows++; r.rows > r.limits.Rows {
		return Line{}, Problem(FileTooLarge, r.lineNo, "The list has more than %d lines: split it by legal entity or department.", r.limits.Rows)
	}
	no := r.lineNo
	r.cells, r.fields, r.last = r.cells[:0], 0, false
	for {
		more, err := r.readField()
		if err != nil {
			return Line{}, err
		}
		if err := r.keep(no); err != nil {
			return Line{}, err
		}
		if !more {
			break
		}
	}
	l := Line{No: no, Cells: r.cells}
	return l, r.checkWidth(l)
}

// keep appends the field just read when it holds something.
func (r *Records) keep(no int) error {
	column := r.fields
	r.fields++
	text := Clean(string(r.field))
	if text == "" {
		return nil
	}
	if strings.ContainsRune(text, utf8.RuneError) {
		return Problem(EncodingLossy, no, "Letters cannot be decoded here: save the list as an Excel workbook (.xlsx), or as CSV in UTF-8.")
	}
	if column >= r.limits.Columns {
		p := Problem(FileTooLarge, no, "A value stands beyond column %d (%s): delete what is to the right of the list.", r.limits.Columns, ColumnLetter(r.limits.Columns-1))
		p.Column = ColumnLetter(column)
		return p
	}
	if r.values++; r.values > r.limits.Cells {
		return Problem(FileTooLarge, no, "The list has more than %d values: split it.", r.limits.Cells)
	}
	r.cells = append(r.cells, Cell{Column: column, Text: text})
	return nil
}

// readField reads one field into r.field; more says that another follows in
// the same record. A quotation mark inside a field that does not begin with one
// is a sign like any other, as Excel takes it: ООО "Ромашка", ="000124". Should
// it have been meant to hold a delimiter, the line has too many fields.
func (r *Records) readField() (more bool, err error) {
	r.field = r.field[:0]
	c, err := r.in.ReadByte()
	if err == io.EOF {
		r.last = true
		return false, nil
	}
	if err != nil {
		return false, r.damaged("it cannot be decoded")
	}
	if c == '"' {
		return r.readQuoted()
	}
	return r.readPlain(c)
}

// readPlain reads a field on from its first sign that is not in quotation marks.
func (r *Records) readPlain(c byte) (more bool, err error) {
	for {
		switch c {
		case r.delimiter:
			return true, nil
		case '\n':
			r.lineNo++
			return false, nil
		case '\r':
			return false, r.endLine()
		}
		if err := r.add(c); err != nil {
			return false, err
		}
		if c, err = r.in.ReadByte(); err == io.EOF {
			r.last = true
			return false, nil
		} else if err != nil {
			return false, r.damaged("it cannot be decoded")
		}
	}
}

// readQuoted reads on after an opening quotation mark.
func (r *Records) readQuoted() (more bool, err error) {
	from := r.lineNo
	for {
		c, err := r.in.ReadByte()
		if err == io.EOF {
			r.lineNo = from
			return false, r.damaged("a quotation mark is opened here and never closed, so the file was cut or a mark is missing")
		}
		if err != nil {
			return false, r.damaged("it cannot be decoded")
		}
		if c != '"' {
			if c == '\n' || c == '\r' && r.cr {
				r.lineNo++
			}
			if err := r.add(c); err != nil {
				return false, err
			}
			continue
		}
		c, err = r.in.ReadByte()
		switch {
		case err == io.EOF:
			r.last = true
			return false, nil
		case err != nil:
			return false, r.damaged("it cannot be decoded")
		case c == '"':
			if err := r.add(c); err != nil {
				return false, err
			}
		case c == r.delimiter:
			return true, nil
		case c == '\n':
			r.lineNo++
			return false, nil
		case c == '\r':
			return false, r.endLine()
		default:
			return r.readAfterMark(c, from)
		}
	}
}

// readAfterMark reads on when text follows a closing quotation mark: the marks
// are then signs like any other ("Ромашка" ООО), unless they held what only
// quotation marks allow.
func (r *Records) readAfterMark(c byte, from int) (more bool, err error) {
	if r.lineNo != from || bytes.IndexByte(r.field, r.delimiter) >= 0 || bytes.IndexByte(r.field, '"') >= 0 {
		r.lineNo = from
		return false, r.damaged("text follows a closing quotation mark")
	}
	r.field = append(append([]byte{'"'}, r.field...), '"')
	return r.readPlain(c)
}

// endLine reads the line feed that must follow a carriage return, or several
// where a file was converted twice.
func (r *Records) endLine() error {
	if r.cr {
		r.lineNo++
		return nil
	}
	c, err := r.in.ReadByte()
	for err == nil && c == '\r' {
		c, err = r.in.ReadByte()
	}
	if err == io.EOF {
		return nil
	}
	if err != nil || c != '\n' {
		return r.damaged("a carriage return stands alone")
	}
	r.lineNo++
	return nil
}

func (r *Records) add(c byte) error {
	if len(r.field) >= r.limits.Cell {
		return Problem(FileTooLarge, r.lineNo, "A field holds more than %d KB of text: shorten it, or close the quotation mark that opens it.", r.limits.Cell>>10)
	}
	if c == 0 {
		return r.damaged("it holds a NUL character, which no list has")
	}
	r.field = append(r.field, c)
	return nil
}

func (r *Records) damaged(what string) error {
	return Problem(FileDamaged, r.lineNo, "The text is damaged: %s. Mend the line, or save and send the list again.", what)
}

// checkWidth refuses records that are cut or shifted. A line of one field among
// the people is no record but a group's name or a remark; as the very last one
// without a line's end it may be a cut record, unless it reads like a remark.
func (r *Records) checkWidth(l Line) error {
	if r.least == 0 || len(l.Cells) == 0 && !(r.last && r.fields > 1) {
		return nil
	}
	switch {
	case r.fields > r.most && l.Cells[len(l.Cells)-1].Column >= r.most:
		return Problem(FileDamaged, l.No, "The line has %d fields, the header %d: a separator stands inside a value, which would move the rest into wrong columns. Put the value in quotation marks.", r.fields, r.most)
	case r.fields >= r.least:
		return nil
	case r.fields > 1, r.last && !r.alone(l):
		return Problem(FileDamaged, l.No, "The line has %d of %d fields: the file was cut, or a separator is missing. Save and send the list again.", r.fields, r.least)
	}
	return nil
}

// unwrapper takes off the quotation marks of a file in which every line stands
// in them as a whole: "1;""Иванов"";2". Lines without any pass as they are.
type unwrapper struct {
	in     *bufio.Reader
	quoted bool
	inside bool // a line has begun
}

// Read implements io.Reader.
func (u *unwrapper) Read(b []byte) (n int, err error) {
	for n < len(b) {
		c, err := u.next()
		if err != nil {
			return n, err
		}
		b[n] = c
		n++
	}
	return n, nil
}

func (u *unwrapper) next() (byte, error) {
	c, err := u.in.ReadByte()
	if err != nil {
		if err == io.EOF && u.quoted {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	switch {
	case !u.inside && c == '"':
		u.inside, u.quoted = true, true
		return u.next()
	case u.quoted && c == '"':
		return u.mark()
	case u.quoted:
	case c == '\n' || c == '\r':
		u.inside = false
	case c == '"':
		return 0, errUnwrapped
	default:
		u.inside = true
	}
	return c, nil
}

// mark decides on a quotation mark within those of the line: a second one makes
// it a sign, the end of the line makes it the last.
func (u *unwrapper) mark() (byte, error) {
	switch next, err := u.in.Peek(1); {
	case err != nil && err != io.EOF:
		return 0, err
	case len(next) == 0 || next[0] == '\n' || next[0] == '\r':
		u.quoted = false
		return u.next()
	case next[0] == '"':
		return u.in.ReadByte()
	}
	return 0, errUnwrapped
}

var errUnwrapped = errors.New("a line is not in quotation marks as a whole")
