package importers

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// list is where in a file the people are, and how it is to be read.
type list struct {
	book        book.Book
	sheet       string
	others      []string // other sheets that look like lists
	header      header
	headerLines []int
	remarks     []tenancy.Problem
}

// open starts reading the list from its first line.
func (l list) open() (book.Source, error) { return l.book.Open(l.sheet) }

// findList decides which sheet, which delimiter and which line is the header.
func findList(b book.Book, opts Options) (list, error) {
	if t, ok := b.(*book.Text); ok {
		return findDelimited(t, opts)
	}
	if opts.Sheet != "" {
		name, err := b.Named(opts.Sheet)
		if err != nil {
			return list{}, err
		}
		return lookFor(b, name, opts)
	}
	return findSheet(b, opts)
}

// findSheet takes the first visible sheet with a header, and names the others
// that have one too: a second list that nobody reads is people forgotten.
func findSheet(b book.Book, opts Options) (list, error) {
	var found list
	var first error
	empty := true
	for _, sheet := range b.Sheets() {
		l, err := lookFor(b, sheet, opts)
		p, ok := book.ProblemOf(err)
		switch {
		case err == nil && found.book == nil:
			found = l
		case err == nil:
			found.others = append(found.others, sheet)
		case found.book != nil:
		case !ok || !undecided(p):
			return list{}, err
		case first == nil || empty && p.Code != book.FileEmpty:
			first = err
			empty = p.Code == book.FileEmpty
		}
	}
	switch {
	case found.book != nil:
		found.remark(b.HiddenSheets())
		return found, nil
	case first != nil:
		return list{}, notLooked(first, b.HiddenSheets())
	}
	return list{}, book.Problem(book.SheetMissing, 0, "All sheets of the workbook are hidden: show the one with the list, or name it.")
}

// notLooked says, beside why no sheet is the list, which sheets nobody looked
// at: the list may be on a hidden one.
func notLooked(err error, hidden []string) error {
	p, ok := book.ProblemOf(err)
	if !ok || len(hidden) == 0 {
		return err
	}
	p.Message += " Hidden sheets were not looked at: " + names(hidden) + ". If one holds the list, show it, or name it."
	return p
}

// remark says which sheets were not read.
func (l *list) remark(hidden []string) {
	if len(l.others) > 0 {
		l.remarks = append(l.remarks, book.Warning(SheetsUnread, "Other sheets look like lists too, and the people on them were NOT read: %s. Copy all people into one sheet, or upload each sheet by its name.", names(l.others)))
	}
	if len(hidden) > 0 {
		l.remarks = append(l.remarks, book.Warning(SheetsHidden, "Hidden sheets were not read: %s. If one holds people, show it, or name it.", names(hidden)))
	}
}

// names joins the names of sheets for a sentence.
func names(sheets []string) string {
	const most = 10
	short := make([]string, 0, most)
	for _, s := range sheets[:min(len(sheets), most)] {
		short = append(short, "«"+s+"»")
	}
	if len(sheets) > most {
		short = append(short, "…")
	}
	return strings.Join(short, ", ")
}

// undecided reports whether the problem is only that this sheet is not the list.
func undecided(p tenancy.Problem) bool {
	return p.Code == HeaderNotFound || p.Code == HeaderAmbiguous || p.Code == book.FileEmpty
}

// findDelimited tries the delimiters, and takes the one that gives the header
// most columns.
func findDelimited(t *book.Text, opts Options) (list, error) {
	var best list
	var bestErr error
	var chosen byte
	for i, d := range t.Candidates() {
		t.Delimiter = d
		l, err := lookFor(t, "", opts)
		if i == 0 || len(l.header.columns) > len(best.header.columns) || bestErr != nil && err == nil {
			best, bestErr, chosen = l, err, d
		}
	}
	t.Delimiter = chosen
	if p, ok := book.ProblemOf(bestErr); ok && undecided(p) && t.MayBeWrapped() {
		t.Wrapped = true
		if l, err := findDelimited(t, opts); err == nil {
			return l, nil
		}
		t.Wrapped, t.Delimiter = false, chosen
	}
	return best, bestErr
}

// lookFor looks for the header of one list. The header comes with an ambiguity
// too, so that delimiters can be compared.
func lookFor(b book.Book, sheet string, opts Options) (list, error) {
	l := list{book: b, sheet: sheet}
	lines, err := firstLines(l, max(headerLines, opts.HeaderLine))
	if err != nil && len(lines) == 0 {
		return l, err
	}
	if !slices.ContainsFunc(lines, func(x book.Line) bool { return len(x.Cells) > 0 }) {
		if err != nil {
			return l, err
		}
		return l, book.PlacedIn(sheet, book.Problem(book.FileEmpty, 0, "The list is empty: save it again, or send the right file."))
	}
	lines, advice := withoutAdvice(lines)
	found, headErr := headerOf(lines, opts)
	found.advice = advice
	if l.header = found; headErr != nil {
		if err != nil && len(found.columns) == 0 {
			return l, err // the damage explains why there is no header
		}
		return l, book.PlacedIn(sheet, headErr)
	}
	for i, x := range lines {
		if x.No == found.line {
			l.header.above = lines[:max(0, i+1-found.lines)]
			for _, h := range found.rows {
				l.headerLines = append(l.headerLines, h.No)
			}
		}
	}
	return l, nil
}

// headerOf finds the header, with what people have said about its columns.
func headerOf(lines []book.Line, opts Options) (header, error) {
	told, err := settle(opts)
	if err == nil {
		err = told.within(lines)
	}
	if err != nil {
		return header{}, err
	}
	if opts.HeaderLine > 0 {
		return headerAt(lines, opts.HeaderLine, told)
	}
	return findHeader(lines, told)
}

// firstLines reads the lines in which a header may be; an error that came after
// some of them is returned with them.
func firstLines(l list, most int) ([]book.Line, error) {
	src, err := l.open()
	if err != nil {
		return nil, err
	}
	if g, ok := src.(book.Grid); ok {
		defer g.Stop()
	}
	var lines []book.Line
	var long longTexts
	for len(lines) < most {
		x, err := src.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err == nil {
			err = long.add(l.sheet, x)
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, book.Line{No: x.No, Cells: slices.Clone(x.Cells), Hidden: x.Hidden})
	}
	return lines, nil
}
