package importers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// header is the header of a list: where it ends and what its columns mean.
type header struct {
	advice     []int         // columns that our error workbook has added, which are never read
	line       int           // the last one, when it has several
	lines      int           // 1, 2 or 3
	columns    map[int]Field // by column
	names      map[int]string
	dropped    []int // columns that would be a question had nobody settled it
	lastColumn int   // the last named column
	givenFirst bool
	known      int         // columns whose name says a field, or several, taken or not
	exact      int         // fields whose column is named as in the dictionary
	asks       bool        // a column is a question
	rows       []book.Line // the lines themselves
	above      []book.Line // the titles
	outdated   []string
}

// mapping returns the columns by field, as letters.
func (h header) mapping() Mapping {
	m := make(Mapping, len(h.columns))
	for column, field := range h.columns {
		m[field] = book.ColumnLetter(column)
	}
	return m
}

// complete reports whether the header can be one: a key and a name.
func (h header) complete() bool {
	return h.has(FieldEmployeeNo) && (h.has(FieldFullName) || h.has(FieldLastName) || h.has(FieldFirstName))
}

func (h header) has(field Field) bool {
	for _, f := range h.columns {
		if f == field {
			return true
		}
	}
	return false
}

// headerLines is how far down a header is looked for, and mostLines how many
// lines it may have: groups of groups over the columns' own names.
const (
	headerLines = 64
	mostLines   = 3
)

// findHeader looks for the header among the first lines of a list: the line, or
// the few lines, in which most columns have a known name. Lines count only when
// they name the key and the name of a person. The error is header_ambiguous or
// header_not_found; with the first the header is given too.
func findHeader(lines []book.Line, told settlement) (header, error) {
	var best header
	var ambiguous error
	near := map[Field]bool{}
	finder := newNameFinder(told)
	names := make([]bool, len(lines))
	for i, l := range lines {
		names[i] = finder.namesSomething(l)
	}
	nothing := !slices.Contains(names, true)
	for i := range lines {
		if !nothing && !slices.Contains(names[i:min(i+mostLines, len(lines))], true) {
			continue // misspellings are dear to look for, and a header has some name right
		}
		for _, c := range candidates(lines[i:]) {
			found, err := c.resolve(finder)
			for _, field := range found.columns {
				near[field] = true
			}
			if found.known > 0 && found.complete() && better(found, best) {
				best, ambiguous = found, err
			} else if err != nil && ambiguous == nil && best.known == 0 && found.known >= 2 {
				ambiguous = err
			}
		}
	}
	switch {
	case ambiguous != nil:
		return best, ambiguous
	case best.known == 0:
		return header{}, notFound(near, told)
	}
	best.extend(lines, finder)
	best.readNames(lines)
	best.outdated = told.outdated(best)
	return best, nil
}

// better prefers more columns, then fewer questions, then names spelt as in the
// dictionary, then the header of fewer lines and the earlier one.
func better(a, b header) bool {
	switch {
	case len(a.columns) != len(b.columns):
		return len(a.columns) > len(b.columns)
	case a.asks != b.asks && b.known > 0:
		return b.asks
	case a.exact != b.exact:
		return a.exact > b.exact
	case b.known == 0:
		return true
	}
	return a.lines < b.lines
}

// notFound says what a header must have, and what part of it was seen. The
// problem's field is the one that is missing when the other is there.
func notFound(near map[Field]bool, told settlement) error {
	name := near[FieldFullName] || near[FieldLastName] || near[FieldFirstName]
	missing, field := "a row with column names such as «Табельный номер» and «ФИО»", Field("")
	switch {
	case told.complete():
		missing = "the line of the header to be named (--header-line), because no line names a known column"
	case name && !near[FieldEmployeeNo]:
		missing, field = "a column with personnel numbers («Табельный номер») beside the names", FieldEmployeeNo
	case near[FieldEmployeeNo] && !name:
		missing, field = "a column with names («ФИО», or «Фамилия» and «Имя») beside the personnel numbers", FieldFullName
	}
	p := book.Problem(HeaderNotFound, 0, "The list has no header among its first %d rows: it needs %s.", headerLines, missing)
	p.Field = string(field)
	return p
}

// candidate is one or a few lines that may be the header: for each column the
// names above each other, from the group of groups down to its own.
type candidate struct {
	rows  []book.Line
	paths map[int][]string
}

// candidates are the headers that may begin at the first of the lines.
func candidates(lines []book.Line) []candidate {
	var all []candidate
	for n := 1; n <= min(mostLines, len(lines)) && len(lines[n-1].Cells) > 0; n++ {
		if n > 1 && (isTitle(lines[n-2]) || numbersColumns(lines[n-1])) {
			break
		}
		all = append(all, stacked(lines[:n]))
	}
	return all
}

// isTitle reports whether a line cannot be the upper line of a header: it holds
// values or a sentence.
func isTitle(l book.Line) bool {
	return slices.ContainsFunc(l.Cells, func(c book.Cell) bool {
		return c.Kind != book.TextCell || len([]rune(c.Text)) > 2*longestName || strings.ContainsAny(c.Text, "«»\"") || strings.HasSuffix(c.Text, ":")
	})
}

// stacked reads a header of several lines: under «Контакты» stand «Телефон» and
// «E-mail», under «Дата» stands «приема», and a column that spans all lines is
// named in the upper one. A group has a name below it in its own column.
func stacked(rows []book.Line) candidate {
	c := candidate{rows: rows, paths: map[int][]string{}}
	for _, u := range rows[0].Cells {
		c.paths[u.Column] = []string{u.Text}
	}
	for i := 1; i < len(rows); i++ {
		above := maps.Clone(c.paths)
		for _, l := range rows[i].Cells {
			var group []string
			for _, u := range rows[i-1].Cells {
				if u.Column <= l.Column && rows[i].At(u.Column).Text != "" {
					group = above[u.Column]
				}
			}
			if group == nil {
				group = above[l.Column]
			}
			c.paths[l.Column] = append(slices.Clone(group), l.Text)
		}
	}
	return c
}

// resolve gives every field its column. Two columns of the same field and rank,
// or one column that fits two fields, are an error that names them, unless the
// question is settled.
func (c candidate) resolve(f *nameFinder) (header, error) {
	last := len(c.rows) - 1
	h := header{line: c.rows[last].No, lines: len(c.rows), columns: map[int]Field{}, names: map[int]string{}, rows: c.rows}
	for field, column := range f.told.columns {
		h.columns[column] = field
		h.lastColumn = max(h.lastColumn, column)
	}
	byField := map[Field][]reading{}
	var question error
	seen := map[string]int{}
	for _, column := range slices.Sorted(maps.Keys(c.paths)) {
		h.lastColumn = max(h.lastColumn, column)
		r := f.read(column, c.paths[column], seen)
		h.names[column] = r.name
		switch {
		case r.ok:
			h.known++
			byField[r.field] = append(byField[r.field], r)
		case len(r.fits) > 1 && f.told.settles(r):
			h.dropped = append(h.dropped, column)
		case len(r.fits) > 1:
			if h.known++; question == nil {
				question = c.placed(twoFields(r), column)
			}
		}
	}
	namesOfOnePerson(byField)
	for _, field := range slices.Sorted(maps.Keys(byField)) {
		if err := h.take(field, byField[field], f.told); err != nil && question == nil {
			question = c.placed(*err, err.at)
		}
	}
	h.asks = question != nil
	return h, question
}

// take chooses the column of a field.
func (h *header) take(field Field, readings []reading, told settlement) *columnQuestion {
	chosen, rivals := choose(readings)
	if told.knows(field) {
		for _, r := range readings {
			if _, mapped := h.columns[r.column]; !mapped {
				h.dropped = append(h.dropped, r.column)
			}
			if h.columns[r.column] == field {
				h.givenFirst = r.givenFirst
			}
		}
		return nil
	}
	chosen, rivals = told.free(readings, chosen, rivals)
	if chosen == nil {
		return nil
	}
	h.columns[chosen.column] = field
	if chosen.exact {
		h.exact++
	}
	if field == FieldFullName {
		h.givenFirst = chosen.givenFirst
	}
	if len(rivals) > 0 {
		q := twoColumns(field, *chosen, rivals[0])
		return &q
	}
	return nil
}

// choose takes the reading that the tenant has confirmed, then the one spelt as
// in the dictionary, of the first rank; rivals are others just as good.
func choose(readings []reading) (chosen *reading, rivals []reading) {
	slices.SortStableFunc(readings, func(a, b reading) int { return a.weight() - b.weight() })
	for _, r := range readings[1:] {
		if r.weight() == readings[0].weight() {
			rivals = append(rivals, r)
		}
	}
	return &readings[0], rivals
}

// namesOfOnePerson settles what «Имя» and «Name» mean by the columns beside them:
// with a last name, the name alone is the first one.
func namesOfOnePerson(byField map[Field][]reading) {
	full := byField[FieldFullName]
	if len(full) == 0 || len(byField[FieldLastName]) == 0 || len(byField[FieldFirstName]) > 0 {
		return
	}
	for i, r := range full {
		if key(r.last) == "name" {
			r.field = FieldFirstName
			byField[FieldFirstName] = []reading{r}
			if byField[FieldFullName] = slices.Delete(full, i, i+1); len(full) == 1 {
				delete(byField, FieldFullName)
			}
			return
		}
	}
}

// columnQuestion is a problem with a header, and the column where it is.
type columnQuestion struct {
	tenancy.Problem
	at int
}

func (c candidate) placed(q columnQuestion, column int) error {
	q.Line, q.Column = c.rows[len(c.rows)-1].No, book.ColumnLetter(column)
	return q.Problem
}

func twoColumns(field Field, a, b reading) columnQuestion {
	p := book.Problem(HeaderAmbiguous, 0, "Columns %s («%s») and %s («%s») both look like %s: rename or remove one, or say which one holds it (--map %s=%s or --map %s=%s; --map %s=- if neither does).",
		book.ColumnLetter(a.column), short(a.name), book.ColumnLetter(b.column), short(b.name), field, field, book.ColumnLetter(a.column), field, book.ColumnLetter(b.column), field)
	p.Field = string(field)
	return columnQuestion{p, b.column}
}

func twoFields(r reading) columnQuestion {
	letter := book.ColumnLetter(r.column)
	p := book.Problem(HeaderAmbiguous, 0, "Column %s («%s») fits %s and %s: give each a column of its own, or say what it holds (--map %s=%s or --map %s=%s).",
		letter, short(r.name), r.fits[0], r.fits[1], r.fits[0], letter, r.fits[1], letter)
	return columnQuestion{p, r.column}
}

// short keeps a message readable; a column's name is no personal data.
func short(name string) string {
	if runes := []rune(name); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return name
}

// extend takes the lines below the header that say the same again, in another
// language or in the words of a machine, or that only divide columns of no interest.
func (h *header) extend(lines []book.Line, f *nameFinder) {
	i := slices.IndexFunc(lines, func(l book.Line) bool { return l.No == h.line })
	for i++; i < len(lines) && h.lines < mostLines && (f.repeats(lines[i], *h) || h.divides(lines[i], f)); i++ {
		h.line, h.lines = lines[i].No, h.lines+1
		h.rows = append(slices.Clone(h.rows), lines[i])
	}
}

// divides reports whether a line right below the header names only parts of its
// columns, and changes nothing of what they mean.
func (h *header) divides(l book.Line, f *nameFinder) bool {
	if len(l.Cells) < 2 || hintsOnly(l) || slices.ContainsFunc(l.Cells, func(c book.Cell) bool {
		return c.Kind != book.TextCell || !hasLetters(c.Text) || strings.ContainsAny(c.Text, "0123456789@") || c.Column > h.lastColumn+1
	}) {
		return false
	}
	if !slices.ContainsFunc(l.Cells, func(c book.Cell) bool { return h.columns[c.Column] != "" }) {
		return true
	}
	whole, err := stacked(append(slices.Clone(h.rows), l)).resolve(f)
	return err == nil && maps.Equal(whole.columns, h.columns)
}

// readNames settles by the lines below what a lone column of first or last names
// holds: full names, when most of its cells have several words.
func (h *header) readNames(lines []book.Line) {
	for column, field := range h.columns {
		lone := field == FieldFirstName && !h.has(FieldLastName) || field == FieldLastName && !h.has(FieldFirstName)
		if !lone || h.has(FieldFullName) {
			continue
		}
		one, several := 0, 0
		for _, l := range lines {
			switch words := len(strings.Fields(l.At(column).Text)); {
			case l.No <= h.line || len(l.Cells) < 2 || words == 0:
			case words == 1:
				one++
			default:
				several++
			}
		}
		if several > one {
			h.columns[column] = FieldFullName
			return
		}
	}
}

// headerAt is the header that ends at a line which a person has named.
func headerAt(lines []book.Line, at int, told settlement) (header, error) {
	end := slices.IndexFunc(lines, func(l book.Line) bool { return l.No == at })
	if end < 0 {
		return header{}, book.Problem(HeaderNotFound, 0, "The list has no line %d, which was named as its header.", at)
	}
	f := newNameFinder(told)
	var best header
	var bestErr error
	for from := end; from >= max(0, end-mostLines+1) && len(lines[from].Cells) > 0; from-- {
		found, err := stacked(lines[from : end+1]).resolve(f)
		if from == end || found.known > best.known {
			best, bestErr = found, err
		}
	}
	switch {
	case bestErr != nil:
		return best, bestErr
	case best.complete():
		best.readNames(lines)
		best.outdated = told.outdated(best)
		return best, nil
	case told.any():
		return header{}, tenancy.E(tenancy.Invalid, "mapping_invalid", "The mapping needs a column of personnel numbers and one of names.")
	}
	near := map[Field]bool{}
	for _, field := range best.columns {
		near[field] = true
	}
	return header{}, placedAt(notFound(near, told), at)
}

func placedAt(err error, line int) error {
	p, ok := book.ProblemOf(err)
	if !ok {
		return err
	}
	p.Line = line
	p.Message = fmt.Sprintf("Line %d was named as the header. %s", line, p.Message)
	return p
}
