package importers

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Parse reads the file at path and hands every line to emit, in file order:
// rows with their problems, and skipped lines with their reason. Nothing is
// emitted before the whole file has been read and found sound, so that a file
// damaged near its end yields no row at all; an error with the whole file is a
// tenancy.Problem. An error of emit stops the parse and is returned as it is.
//
// The file is read by its content, not by its name; neither its name nor its
// content is ever logged or quoted in an error.
func Parse(ctx context.Context, path string, opts Options, emit func(Record) error) (Summary, error) {
	watch := stopwatch{time.Now()}
	b, err := book.Open(path, opts.Limits)
	if err != nil {
		return Summary{}, err
	}
	defer b.Close()
	found, err := findList(b, opts)
	if err != nil {
		return Summary{}, err
	}
	src, err := found.open()
	if err != nil {
		return Summary{}, err
	}
	l := &listing{progress: opts.Progress, list: found, rows: newRowReader(opts, found.header, found.sheet), mentions: newMentions(), lastPerson: -1, watch: watch}
	l.rows.day0 = book.EpochOf(b)
	defer l.spool.close()
	l.watch.lap(&l.cost.Find)
	if err := l.read(ctx, src); err != nil {
		return Summary{}, err
	}
	remarks := append(b.Remarks(), found.remarks...)
	if g, ok := src.(book.Grid); ok {
		if err := l.spread(g.Layout().Merges); err != nil {
			return Summary{}, err
		}
		remarks = append(remarks, unseen(g.Layout(), found.header, l.hiddenRows)...)
	}
	remarks = append(remarks, l.rows.remarks.problems(found.sheet)...)
	summary := Summary{HeaderLine: found.header.line, Mapping: found.header.mapping(), Names: found.header.named(), Unread: found.header.unread(), Outdated: found.header.outdated, Sheet: found.sheet, OtherSheets: found.others, Problems: remarks}
	summary.Format, summary.Encoding = b.Describe()
	err = l.emit(ctx, &summary, emit)
	summary.Cost = l.cost
	return summary, err
}

// listing is a list being read: its records wait until the end of the file.
type listing struct {
	list       list
	rows       *rowReader
	spool      spool
	mentions   *mentions
	count      int
	lastPerson int // number of the last row that is a person's
	hiddenRows int // that are people's
	fills      map[Field][]book.Merge
	watch      stopwatch
	cost       Cost
	progress   func(lines int)
	long       longTexts
}

// Cells of an employee list are short. A shared text of 32 KB that thousands of
// cells refer to takes no room in a workbook, and minutes to look at.
const (
	longCell = 4 << 10
	mostLong = 4 << 20
)

// longTexts counts the bytes of cells longer than longCell.
type longTexts int

// add refuses a list of many long texts.
func (n *longTexts) add(sheet string, line book.Line) error {
	for _, c := range line.Cells {
		if len(c.Text) > longCell {
			*n += longTexts(len(c.Text))
		}
	}
	if *n <= mostLong {
		return nil
	}
	return book.PlacedIn(sheet, book.Problem(book.FileTooLarge, line.No, "The list has more than %d MB of texts longer than %d KB: copy the columns with the people alone into a new workbook.", mostLong>>20, longCell>>10))
}

// progressEvery is how many lines are read between two signs of progress.
const progressEvery = 2000

// read takes all lines of the source.
func (l *listing) read(ctx context.Context, src book.Source) error {
	for {
		if l.count%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if l.progress != nil && l.count > 0 && l.count%progressEvery == 0 {
			l.progress(l.count)
		}
		line, err := src.Next()
		l.watch.lap(&l.cost.Read)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.long.add(l.list.sheet, line); err != nil {
			return err
		}
		r := l.record(line)
		if line.No == l.list.header.line {
			if t, ok := src.(*book.Records); ok {
				t.Expect(l.list.header.lastColumn, standsAlone)
			}
		}
		l.watch.lap(&l.cost.Values)
		if err := l.keep(&r); err != nil {
			return err
		}
		l.watch.lap(&l.cost.Keep)
		if r.Skipped == notSkipped {
			l.lastPerson = l.count
			if line.Hidden {
				l.hiddenRows++
			}
		}
		l.count++
	}
}

// keep puts a record away. Of its problems the codes and fields do: their words
// come back when they are handed over.
func (l *listing) keep(r *Record) error {
	for i, p := range r.Problems {
		r.Problems[i] = tenancy.Problem{Code: p.Code, Field: p.Field}
	}
	l.mentions.add(r)
	return l.spool.add(r)
}

func (l *listing) record(line book.Line) Record {
	h := l.list.header
	switch {
	case line.No > h.line:
		return l.rows.read(line)
	case slices.Contains(l.list.headerLines, line.No):
		return Record{Line: line.No, Skipped: Header}
	case len(line.Cells) == 0:
		return Record{Line: line.No, Skipped: Blank}
	}
	return Record{Line: line.No, Skipped: Title}
}

// spread takes note of values that stand for several rows because their cells
// are merged. Merged ranges follow the table in the file, so that this can only
// be done after it; a legal entity is part of the key, which is then compared anew.
func (l *listing) spread(merges []book.Merge) error {
	l.fills = map[Field][]book.Merge{}
	for _, m := range merges {
		switch field := l.list.header.columns[m.Column]; field {
		case FieldDepartment, FieldPosition, FieldLegalEntity:
			if m.First > l.list.header.line {
				l.fills[field] = append(l.fills[field], m)
			}
		}
	}
	for _, all := range l.fills {
		slices.SortFunc(all, func(a, b book.Merge) int { return a.First - b.First })
	}
	if len(l.fills[FieldLegalEntity]) == 0 {
		return nil
	}
	l.mentions = newMentions()
	return l.filled(func(_ int, r *Record) error {
		l.mentions.add(r)
		return nil
	})
}

// filled gives the records that were put away, with the values of their merged
// cells.
func (l *listing) filled(f func(i int, r *Record) error) error {
	return l.someFilled(func(int, int) bool { return true }, f)
}

// someFilled is filled without the stretches that are not wanted, where no
// merged cell needs what stands in them.
func (l *listing) someFilled(wanted func(from, to int) bool, f func(i int, r *Record) error) error {
	fill := l.filler()
	return l.spool.some(func(from, to int) bool { return len(l.fills) > 0 || wanted(from, to) }, func(i int, r *Record) error {
		fill(r)
		return f(i, r)
	})
}

// filler returns a function that gives the records, in order, the values of the
// merged cells that they are part of.
func (l *listing) filler() func(*Record) {
	at := map[Field]int{}
	first := map[Field]Record{}
	return func(r *Record) {
		for field, all := range l.fills {
			for at[field] < len(all) && all[at[field]].Last < r.Line {
				at[field]++
			}
			if at[field] == len(all) || r.Skipped != notSkipped {
				continue
			}
			switch m := all[at[field]]; {
			case r.Line == m.First:
				first[field] = *r
			case r.Line > m.First && first[field].Line == m.First:
				copyField(field, r, first[field])
			}
		}
	}
}

func copyField(field Field, to *Record, from Record) {
	switch field {
	case FieldDepartment:
		to.Row.Department = from.Row.Department
	case FieldPosition:
		to.Row.Position = from.Row.Position
	case FieldLegalEntity:
		to.Row.LegalEntity = from.Row.LegalEntity
		for _, p := range from.Problems {
			if p.Field == string(field) {
				to.Problems = append(to.Problems, p)
			}
		}
	}
}

// emit gives the records to the caller, now that all is known of them.
func (l *listing) emit(ctx context.Context, summary *Summary, emit func(Record) error) error {
	clashes, err := l.mentions.clashes(l.someFilled)
	if err != nil {
		return err
	}
	l.mentions = nil // it has said what it had to
	l.watch.lap(&l.cost.Match)
	defer func() { l.watch.lap(&l.cost.Give) }()
	return l.filled(func(i int, r *Record) error {
		if i%256 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var c clash
		if clashes != nil {
			c = clashes[i]
		}
		l.finish(r, i, c)
		count(summary, r)
		return emit(*r)
	})
}

func count(s *Summary, r *Record) {
	switch {
	case r.Skipped != notSkipped:
		s.Skipped++
		return
	case r.OK:
		s.OK++
	default:
		s.Rejected++
	}
	s.Rows++
}

// finish adds what the whole file told of a record.
func (l *listing) finish(r *Record, i int, c clash) {
	if r.Skipped != notSkipped {
		if r.Skipped == groupPending {
			r.Skipped = Note
			if i < l.lastPerson {
				r.Skipped = Group
			}
		}
		return
	}
	if l.rows.ownKey {
		r.Row.NationalIDHash = ""
	}
	for j, p := range r.Problems {
		r.Problems[j] = l.rows.problem(p.Code, Field(p.Field), r.Line)
	}
	add := func(code tenancy.ProblemCode, field Field) {
		r.Problems = append(r.Problems, l.rows.problem(code, field, r.Line))
	}
	if c&sameKey != 0 {
		add(EmployeeNoTwice, FieldEmployeeNo)
	}
	if c&similarNo != 0 {
		add(EmployeeNoSimilar, FieldEmployeeNo)
	}
	if c&sameEmail != 0 {
		add(EmailDuplicate, FieldEmail)
		if r.Row.Email = ""; r.Row.Phone == "" {
			add(ContactMissing, FieldEmail)
		}
	}
	r.OK = !slices.ContainsFunc(r.Problems, func(p tenancy.Problem) bool { return p.Severity == tenancy.SeverityError })
}
