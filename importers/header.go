package importers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// header is the header of a list: where it ends and what its columns mean.
type header struct {
	line       int           // the last one, when it has two
	lines      int           // 1 or 2
	columns    map[int]Field // by column
	names      map[int]string
	lastColumn int // the last named column
	givenFirst bool
	exact      int // fields whose column is named as in the dictionary
}

// mapping returns the columns by field, as letters.
func (h header) mapping() Mapping {
	m := make(Mapping, len(h.columns))
	for column, field := range h.columns {
		m[field] = columnLetter(column)
	}
	return m
}

// named returns the fields of the columns by the text of the header.
func (h header) named() map[string]Field {
	names := make(map[string]Field, len(h.columns))
	for column, field := range h.columns {
		if name := h.names[column]; name != "" {
			names[name] = field
		}
	}
	return names
}

// complete reports whether the header can be one: a key and a name.
func (h header) complete() bool {
	fields := map[Field]bool{}
	for _, field := range h.columns {
		fields[field] = true
	}
	return fields[FieldEmployeeNo] && (fields[FieldFullName] || fields[FieldLastName] || fields[FieldFirstName])
}

// headerLines is how far down a header is looked for.
const headerLines = 64

// findHeader looks for the header among the first lines of a list: the line,
// or the two lines, in which most columns have a known name. A line counts only
// when it names the key and the name of a person. The error is header_ambiguous
// or header_not_found; with the first the header is given too.
func findHeader(lines []line) (header, error) {
	var best header
	var ambiguous error
	near := map[Field]bool{}
	nothing := !slices.ContainsFunc(lines, namesSomething)
	for i := range lines {
		if !nothing && !namesSomething(lines[i]) && (i+1 == len(lines) || !namesSomething(lines[i+1])) {
			continue // misspellings are dear to look for, and a header has some name right
		}
		for _, h := range candidates(lines[i:]) {
			found, err := h.resolve()
			for _, field := range found.columns {
				near[field] = true
			}
			if found.complete() && better(found, best) {
				best, ambiguous = found, err
			} else if err != nil && ambiguous == nil && len(best.columns) == 0 && len(found.columns) >= 2 {
				ambiguous = err
			}
		}
	}
	switch {
	case ambiguous != nil:
		return best, ambiguous
	case len(best.columns) == 0:
		return header{}, notFound(near)
	}
	return best, nil
}

// namesSomething reports whether a cell of the line is a name of the dictionary,
// without misspellings.
func namesSomething(l line) bool {
	return slices.ContainsFunc(l.cells, func(c cell) bool {
		_, ok, fits := lookUp(c.text, true)
		return ok || len(fits) > 1
	})
}

// better prefers more columns, then names spelt as in the dictionary, then the
// header of fewer lines and the earlier one.
func better(a, b header) bool {
	if len(a.columns) != len(b.columns) {
		return len(a.columns) > len(b.columns)
	}
	if a.exact != b.exact {
		return a.exact > b.exact
	}
	return a.lines < b.lines
}

// notFound says what a header must have, and what part of it was seen.
func notFound(near map[Field]bool) error {
	name := near[FieldFullName] || near[FieldLastName] || near[FieldFirstName]
	missing := "a row with column names such as «Табельный номер» and «ФИО»"
	switch {
	case name && !near[FieldEmployeeNo]:
		missing = "a column with personnel numbers («Табельный номер») beside the names"
	case near[FieldEmployeeNo] && !name:
		missing = "a column with names («ФИО», or «Фамилия» and «Имя») beside the personnel numbers"
	}
	return fileProblem(HeaderNotFound, 0, "The list has no header among its first %d rows: it needs %s.", headerLines, missing)
}

// candidate is one or two lines that may be the header: the names of columns as
// they would read.
type candidate struct {
	line, lines int
	names       map[int][]string // several readings, likeliest first
}

func candidates(lines []line) []candidate {
	if len(lines[0].cells) == 0 {
		return nil
	}
	one := candidate{line: lines[0].no, lines: 1, names: map[int][]string{}}
	for _, c := range lines[0].cells {
		one.names[c.column] = []string{c.text}
	}
	all := []candidate{one}
	if len(lines) > 1 && len(lines[1].cells) > 0 {
		all = append(all, twoLines(lines[0], lines[1]))
	}
	return all
}

// twoLines reads a header whose upper line names groups: under «Контакты» stand
// «Телефон» and «E-mail», under «Дата» stands «приема», and a column that spans
// both lines is named in the upper one.
func twoLines(upper, lower line) candidate {
	c := candidate{line: lower.no, lines: 2, names: map[int][]string{}}
	for _, u := range upper.cells {
		c.names[u.column] = []string{u.text}
	}
	for _, l := range lower.cells {
		group := ""
		for _, u := range upper.cells {
			if u.column <= l.column {
				group = u.text
			}
		}
		c.names[l.column] = []string{l.text, group + " " + l.text}
	}
	return c
}

// reading is what one column's name was understood as.
type reading struct {
	column int
	name   string
	meaning
	exact bool
}

// resolve gives every field its column. Two columns of the same field and rank,
// or one column that fits two fields, are an error that names them.
func (c candidate) resolve() (header, error) {
	h := header{line: c.line, lines: c.lines, columns: map[int]Field{}, names: map[int]string{}}
	byField := map[Field][]reading{}
	var ambiguous error
	for _, column := range sortedColumns(c.names) {
		h.lastColumn = column
		h.names[column] = c.names[column][0]
		r, ok, err := read(column, c.names[column])
		if err != nil && ambiguous == nil {
			ambiguous = c.placed(*err, column)
		}
		if ok {
			byField[r.field] = append(byField[r.field], r)
		}
	}
	for field, readings := range byField {
		chosen, rival := choose(readings)
		if rival != nil && ambiguous == nil {
			ambiguous = c.placed(twoColumns(field, chosen, *rival), rival.column)
		}
		h.columns[chosen.column] = field
		if chosen.exact {
			h.exact++
		}
		if field == FieldFullName {
			h.givenFirst = theDictionary().givenFirst[plain(chosen.name)]
		}
	}
	return h, ambiguous
}

func sortedColumns(names map[int][]string) []int {
	columns := make([]int, 0, len(names))
	for column := range names {
		columns = append(columns, column)
	}
	slices.Sort(columns)
	return columns
}

func (c candidate) placed(p tenancy.Problem, column int) error {
	p.Line, p.Column = c.line, columnLetter(column)
	return p
}

func twoColumns(field Field, a, b reading) tenancy.Problem {
	p := fileProblem(HeaderAmbiguous, 0, "Columns %s («%s») and %s («%s») both look like %s: rename or remove one, or say which one holds it.",
		columnLetter(a.column), short(a.name), columnLetter(b.column), short(b.name), field)
	p.Field = string(field)
	return p
}

// short keeps a message readable; a column's name is no personal data.
func short(name string) string {
	if runes := []rune(name); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return name
}

// choose takes the reading spelt as in the dictionary, of the first rank; rival
// is another that is just as good.
func choose(readings []reading) (chosen reading, rival *reading) {
	weight := func(r reading) int {
		if r.exact {
			return r.rank
		}
		return r.rank + 100
	}
	slices.SortStableFunc(readings, func(a, b reading) int { return weight(a) - weight(b) })
	if len(readings) > 1 && weight(readings[0]) == weight(readings[1]) {
		return readings[0], &readings[1]
	}
	return readings[0], nil
}

// read tries the readings of a column's name in turn.
func read(column int, names []string) (r reading, ok bool, ambiguous *tenancy.Problem) {
	for _, exact := range []bool{true, false} {
		for _, name := range names {
			m, found, fits := lookUp(name, exact)
			if len(fits) > 1 {
				p := fileProblem(HeaderAmbiguous, 0, "Column %s («%s») fits %s and %s: give each a column of its own.",
					columnLetter(column), short(name), fits[0], fits[1])
				return reading{}, false, &p
			}
			if found {
				return reading{column, name, m, exact}, true, nil
			}
		}
	}
	return reading{}, false, nil
}

// lookUp finds what a name means, whole first and then by its parts (two
// languages side by side, a remark in brackets). fits has more than one field
// when its parts disagree.
func lookUp(name string, exact bool) (m meaning, ok bool, fits []Field) {
	find := theDictionary().exactly
	if !exact {
		find = theDictionary().nearly
	}
	if m, ok, fits = find(plain(name)); ok || len(fits) > 1 || theDictionary().ignored[plain(name)] {
		return m, ok, fits
	}
	for _, part := range parts(name) {
		next, found, more := find(plain(part))
		if len(more) > 1 {
			return meaning{}, false, more
		}
		switch {
		case !found:
		case !ok:
			m, ok = next, true
		case next.field != m.field:
			return meaning{}, false, []Field{m.field, next.field}
		}
	}
	return m, ok, nil
}

// parts takes a name apart at the signs that part two languages: A / B, A | B,
// A (B), and lines.
func parts(name string) []string {
	all := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("/|()[]\n;,", r) })
	if len(all) < 2 {
		return nil
	}
	return all
}

// exactly finds a name as it stands in the dictionary, or two known names one
// after the other, as when two languages stand on two lines of a cell.
func (d *dictionary) exactly(name string) (m meaning, ok bool, fits []Field) {
	if m, ok = d.names[name]; ok {
		return m, true, nil
	}
	for i := range len(name) {
		if name[i] != ' ' {
			continue
		}
		a, first := d.names[name[:i]]
		b, second := d.names[name[i+1:]]
		switch {
		case !first || !second:
		case a.field != b.field:
			return meaning{}, false, []Field{a.field, b.field}
		default:
			return a, true, nil
		}
	}
	return meaning{}, false, nil
}

// nearly finds the one field whose name is a small misspelling away: one letter
// in six, two in ten, none in shorter names. fits has two fields that are as near.
func (d *dictionary) nearly(name string) (best meaning, ok bool, fits []Field) {
	letters := []rune(name)
	least := allowance(len(letters)) + 1
	if least == 1 || len(letters) > longestName || d.ignored[name] {
		return meaning{}, false, nil
	}
	for _, known := range d.list {
		distance := editDistance(letters, known.letters, min(least, allowance(len(known.letters))))
		if distance > min(least, allowance(len(known.letters))) || distance > allowance(len(letters)) {
			continue
		}
		switch {
		case distance < least:
			best, least, fits = known.meaning, distance, append(fits[:0], known.field)
		case !slices.Contains(fits, known.field):
			fits = append(fits, known.field)
		}
	}
	switch {
	case len(fits) == 0 || d.nearIgnored(letters, least):
		return meaning{}, false, nil
	case len(fits) > 1:
		return meaning{}, false, fits
	}
	return best, true, nil
}

// longestName is the length beyond which no text is a column's name.
const longestName = 60

// nearIgnored reports whether a name that is none of ours is as near.
func (d *dictionary) nearIgnored(name []rune, distance int) bool {
	for ignored := range d.ignored {
		if editDistance(name, []rune(ignored), distance) <= distance {
			return true
		}
	}
	return false
}

func allowance(letters int) int {
	switch {
	case letters >= 10:
		return 2
	case letters >= 6:
		return 1
	}
	return 0
}

// editDistance counts the letters to insert, delete, replace or swap with a
// neighbour between two words; anything above limit is reported as limit+1.
func editDistance(x, y []rune, limit int) int {
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		nearest := i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			nearest = min(nearest, row[j])
		}
		if nearest > limit {
			return limit + 1
		}
		before, last, row = last, row, before
	}
	return min(last[len(y)], limit+1)
}

// confirmed is the header that a person has confirmed, at a known line.
func confirmed(m Mapping, at line) (header, error) {
	h := header{line: at.no, lines: 1, columns: map[int]Field{}, names: map[int]string{}}
	for field, letter := range m {
		column, ok := columnOf(strings.ToUpper(letter))
		if !ok || !knownFields[field] {
			return header{}, tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("The mapping names no column or no field of ours: %q is %q.", field, letter))
		}
		if other, twice := h.columns[column]; twice {
			return header{}, tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("The mapping gives column %s two meanings: %s and %s.", letter, min(other, field), max(other, field)))
		}
		h.columns[column] = field
		h.lastColumn = max(h.lastColumn, column)
	}
	for _, c := range at.cells {
		h.names[c.column] = c.text
		h.lastColumn = max(h.lastColumn, c.column)
	}
	if !h.complete() {
		return header{}, tenancy.E(tenancy.Invalid, "mapping_invalid", "The mapping needs a column of personnel numbers and one of names.")
	}
	return h, nil
}

var knownFields = map[Field]bool{
	FieldEmployeeNo: true, FieldFullName: true, FieldLastName: true, FieldFirstName: true, FieldMiddleName: true,
	FieldEmail: true, FieldPhone: true, FieldDepartment: true, FieldPosition: true, FieldLegalEntity: true,
	FieldHiredOn: true, FieldLeftOn: true, FieldBirthDate: true, FieldCountry: true, FieldSegment: true,
	FieldSNILS: true, FieldINN: true, FieldIIN: true,
}
