package importers

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// settlement is what people have said about the columns: of this list
// (Options.Mapping) and of earlier ones (Options.Names).
type settlement struct {
	columns map[Field]int
	absent  map[Field]bool   // fields that no column holds
	names   map[string]Field // by key
	spelt   map[string]string
}

// settle checks a mapping, and makes ready what was confirmed.
func settle(opts Options) (settlement, error) {
	s := settlement{columns: map[Field]int{}, absent: map[Field]bool{}, names: map[string]Field{}, spelt: map[string]string{}}
	by := map[int]Field{}
	for field, letter := range opts.Mapping {
		column, ok := book.ColumnOf(strings.ToUpper(strings.TrimSpace(letter)))
		switch other, twice := by[column]; {
		case !knownFields[field] || !ok && letter != NoColumn:
			return s, tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("The mapping names no column or no field of ours: %q is %q.", field, letter))
		case letter == NoColumn:
			s.absent[field] = true
			continue
		case twice:
			return s, tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("The mapping gives column %s two meanings: %s and %s.", letter, min(other, field), max(other, field)))
		}
		by[column] = field
		s.columns[field] = column
	}
	for name, field := range opts.Names {
		if field != "" && !knownFields[field] {
			return s, tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("A confirmed column has a meaning that is no field of ours: %q.", field))
		}
		s.names[key(name)] = field
		s.spelt[key(name)] = name
	}
	return s, nil
}

// within refuses columns beyond all that the first lines of the list hold.
func (s settlement) within(lines []book.Line) error {
	last := 0
	for _, l := range lines {
		for _, c := range l.Cells {
			last = max(last, c.Column)
		}
	}
	for field, column := range s.columns {
		if column > last {
			return tenancy.E(tenancy.Invalid, "mapping_invalid", fmt.Sprintf("The mapping puts %s into column %s; the last column of the list is %s.", field, book.ColumnLetter(column), book.ColumnLetter(last)))
		}
	}
	return nil
}

func (s settlement) any() bool { return len(s.columns)+len(s.absent) > 0 }

func (s settlement) complete() bool { return header{columns: s.byColumn()}.complete() }

func (s settlement) byColumn() map[int]Field {
	by := make(map[int]Field, len(s.columns))
	for field, column := range s.columns {
		by[column] = field
	}
	return by
}

// knows reports whether a field's column, or that it has none, is settled.
func (s settlement) knows(field Field) bool {
	_, ok := s.columns[field]
	return ok || s.absent[field]
}

// settles reports whether a column that fits several fields is no question: it
// holds a settled one, or all of them are elsewhere.
func (s settlement) settles(r reading) bool {
	for _, column := range s.columns {
		if column == r.column {
			return true
		}
	}
	return !slices.ContainsFunc(r.fits, func(f Field) bool { return !s.knows(f) })
}

// free leaves out the readings of columns that are settled to hold another field.
func (s settlement) free(readings []reading, chosen *reading, rivals []reading) (*reading, []reading) {
	taken := func(r reading) bool {
		for _, column := range s.columns {
			if column == r.column {
				return true
			}
		}
		return false
	}
	left := slices.DeleteFunc(slices.Clone(readings), taken)
	switch len(left) {
	case len(readings):
		return chosen, rivals
	case 0:
		return nil, nil
	}
	return choose(left)
}

// outdated lists the confirmed names of our fields that a header no longer has.
func (s settlement) outdated(h header) []string {
	has := map[string]bool{}
	for _, name := range h.names {
		has[key(name)] = true
	}
	for _, row := range h.rows {
		for _, c := range row.Cells {
			has[key(c.Text)] = true
		}
	}
	var gone []string
	for k, field := range s.names {
		if field != "" && !has[k] {
			gone = append(gone, s.spelt[k])
		}
	}
	slices.Sort(gone)
	return gone
}

// named returns the fields of the columns by the text of the header, and "" for
// those that would be asked for again.
func (h header) named() map[string]Field {
	names := make(map[string]Field, len(h.columns))
	for _, column := range h.dropped {
		if name := h.names[column]; name != "" {
			names[name] = ""
		}
	}
	for column, field := range h.columns {
		if name := h.names[column]; name != "" {
			names[name] = field
		}
	}
	return names
}

// mostUnread is how many columns that nobody reads are told: a sheet may have
// thousands of them.
const mostUnread = 256

// unread returns the names of the columns that hold no field, by letter.
func (h header) unread() map[string]string {
	var all map[string]string
	for _, column := range slices.Sorted(maps.Keys(h.names)) {
		name := h.names[column]
		own := name[strings.LastIndex(name, " / ")+1:]
		if h.columns[column] != "" || name == "" || theDictionary().numbering[key(own)] || IsAdvice(own) {
			continue
		}
		if all == nil {
			all = map[string]string{}
		}
		if all[book.ColumnLetter(column)] = short(name); len(all) == mostUnread {
			break
		}
	}
	return all
}

// reading is what one column's name was understood as.
type reading struct {
	understood
	column    int
	name      string // all of it, for people and for Names
	last      string // its own part of it
	confirmed bool
}

// weight orders the readings of one field, best first.
func (r reading) weight() int {
	switch {
	case r.confirmed:
		return -1
	case r.exact:
		return r.rank
	}
	return r.rank + 1000
}

// nameFinder understands the names of columns, and remembers what it understood:
// the same line is part of several candidates.
type nameFinder struct {
	told  settlement
	memo  map[string]understood
	exact map[string]bool // whether a text names something without misspellings
}

// memoNames bounds the memory: far more than a header has columns.
const memoNames = 4096

func newNameFinder(told settlement) *nameFinder {
	return &nameFinder{told: told, memo: map[string]understood{}, exact: map[string]bool{}}
}

func (f *nameFinder) understand(name string) understood {
	v, ok := f.memo[name]
	if !ok {
		if hasLetters(name) || strings.ContainsAny(name, "№#") {
			v = theDictionary().understand(name)
		}
		if len(f.memo) >= memoNames {
			clear(f.memo)
		}
		f.memo[name] = v
	}
	return v
}

// namesSomething reports whether a cell of the line is a name of the dictionary
// or of the tenant, without misspellings.
func (f *nameFinder) namesSomething(l book.Line) bool {
	return slices.ContainsFunc(l.Cells, func(c book.Cell) bool {
		names, ok := f.exact[c.Text]
		if !ok {
			names = f.isName(c)
			f.exact[c.Text] = names
		}
		return names
	})
}

func (f *nameFinder) isName(c book.Cell) bool {
	if c.Kind != book.TextCell || !hasLetters(c.Text) && !strings.ContainsAny(c.Text, "№#") {
		return false
	}
	if len(f.told.names) > 0 {
		if _, ok := f.told.names[key(c.Text)]; ok {
			return true
		}
	}
	d := theDictionary()
	if !d.mayKnow(c.Text) {
		return false
	}
	v := d.whole(c.Text, false)
	if !v.ok && !v.settled {
		v = d.byParts(c.Text, false)
	}
	return v.ok || len(v.fits) > 1
}

// read understands the names that stand above each other in a column. seen
// counts names, so that the second of two equal ones can be told apart.
func (f *nameFinder) read(column int, path []string, seen map[string]int) reading {
	r := reading{column: column, name: strings.Join(path, " / "), last: path[len(path)-1]}
	k := key(r.name)
	if seen[k]++; seen[k] > 1 {
		r.name += " [" + strconv.Itoa(seen[k]) + "]"
	}
	if field, ok := f.told.names[key(r.name)]; ok {
		r.understood = understood{meaning: meaning{field: field}, ok: field != "", exact: true, settled: true}
		r.confirmed = true
		return r
	}
	r.understood = f.fromPath(path)
	return r
}

// fromPath reads a name with the groups above it: together with its group as a
// name of the dictionary, alone, or as the group's.
func (f *nameFinder) fromPath(path []string) understood {
	d := theDictionary()
	own := path[len(path)-1]
	if len(path) == 1 {
		return f.understand(own)
	}
	groups := path[:len(path)-1]
	group := groups[len(groups)-1]
	if slices.ContainsFunc(groups, d.anothers) {
		return understood{settled: true}
	}
	for _, both := range []string{group + " " + own, own + " " + group} {
		if m, ok := d.names[key(both)]; ok {
			return understood{meaning: m, ok: true, exact: true, givenFirst: d.givenFirst[key(both)]}
		}
		if d.ignored[key(both)] {
			return understood{settled: true}
		}
	}
	above, ofGroup := f.understand(group), f.understand(own)
	switch {
	case above.ok && (isTitleOfThing(own) || isDay(own) && isDate(above.field) || isHint(own)):
		return above
	case above.ok && d.weak[key(own)] && above.field != ofGroup.field && above.field != FieldFullName:
		return understood{settled: true}
	case ofGroup.ok || ofGroup.settled || len(ofGroup.fits) > 0:
		return ofGroup
	}
	if v := f.understand(group + " " + own); v.ok && len(above.fits) == 0 && (!above.ok || above.field != v.field) {
		return v
	}
	return understood{}
}

// isDay reports whether a name says only that a date follows.
func isDay(name string) bool {
	switch plain(name) {
	case "дата", "күні", "date":
		return true
	}
	return false
}

func isDate(field Field) bool {
	return field == FieldHiredOn || field == FieldLeftOn || field == FieldBirthDate
}

// isHint reports whether a cell of the header only says how to fill in the column.
func isHint(text string) bool {
	return theDictionary().hints[key(text)] || strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") && !theDictionary().knows(text)
}

// repeats reports whether a line names the same columns as the header does: the
// header in another language, or once more on the next page.
func (f *nameFinder) repeats(l book.Line, h header) bool {
	same := 0
	for _, c := range l.Cells {
		field := h.columns[c.Column]
		v := f.understand(c.Text)
		if field != "" && (!v.ok || v.field != field) || field == "" && !v.ok && !v.settled && key(c.Text) != key(h.names[c.Column]) && h.names[c.Column] == "" {
			return false
		}
		if field != "" {
			same++
		}
	}
	return same >= 2
}

var knownFields = map[Field]bool{
	FieldEmployeeNo: true, FieldFullName: true, FieldLastName: true, FieldFirstName: true, FieldMiddleName: true,
	FieldEmail: true, FieldPhone: true, FieldDepartment: true, FieldPosition: true, FieldLegalEntity: true,
	FieldHiredOn: true, FieldLeftOn: true, FieldBirthDate: true, FieldCountry: true, FieldSegment: true,
	FieldSNILS: true, FieldINN: true, FieldIIN: true,
}
