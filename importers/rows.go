package importers

import (
	"cmp"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ponimayu/opora/internal/tenancy"
)

// rowReader turns the lines below a header into records.
type rowReader struct {
	opts     Options
	header   header
	sheet    string
	fields   map[Field]int // columns by field
	entities map[string]tenancy.LegalEntityCode
	entity   tenancy.LegalEntityCode // holds for rows that name none
	segments map[string]tenancy.SegmentID
	idOrder  []tenancy.NationalIDKind
	advice   []int // columns that our error workbook has added
	around   surroundings
	finder   *nameFinder
	remarks  tableRemarks

	line line // the one being read
	row  Row
	bad  []tenancy.Problem
}

func newRowReader(opts Options, h header, sheet string) *rowReader {
	if opts.Today.IsZero() {
		opts.Today = tenancy.DateOf(time.Now())
	}
	r := &rowReader{
		opts: opts, header: h, sheet: sheet, fields: map[Field]int{}, advice: h.adviceColumns(),
		finder: newNameFinder(settlement{}), remarks: tableRemarks{status: statusColumn(h)},
	}
	for column, field := range h.columns {
		r.fields[field] = column
	}
	r.knowEntities()
	r.readTitles(h.above)
	if opts.Segments != nil {
		r.segments = map[string]tenancy.SegmentID{}
		for _, s := range opts.Segments {
			for _, spelling := range []string{string(s.ID), s.Name.Ru, s.Name.Kk, s.Name.En} {
				if spelling != "" {
					r.segments[plain(spelling)] = s.ID
				}
			}
		}
	}
	r.idOrder = append(append(r.idOrder, opts.Country.NationalIDs...), idKinds...)
	return r
}

// knowEntities prepares the tenant's legal entities by code, by name with and
// without the legal form, and by tax number, and finds the default one.
func (r *rowReader) knowEntities() {
	r.entity = r.opts.LegalEntity
	if r.opts.LegalEntities == nil {
		return
	}
	r.entities = map[string]tenancy.LegalEntityCode{}
	for _, e := range r.opts.LegalEntities {
		for _, spelling := range []string{string(e.Code), e.Name, e.TaxNumber} {
			if spelling = plain(spelling); spelling != "" {
				r.entities[spelling] = e.Code
				r.entities[withoutForm(spelling)] = e.Code
			}
		}
		if r.entity == "" && (e.Default || len(r.opts.LegalEntities) == 1) {
			r.entity = e.Code
		}
	}
}

// withoutForm drops the words of a company's legal form.
func withoutForm(name string) string {
	words := strings.Fields(name)
	if len(words) > 1 {
		switch words[0] {
		case "ооо", "ао", "пао", "зао", "оао", "тоо", "жшс", "ип", "llc", "jsc":
			words = words[1:]
		}
	}
	return strings.Join(words, " ")
}

// read turns one line below the header into a record.
func (r *rowReader) read(l line) Record {
	l = r.withoutAdvice(l)
	r.line = l
	if reason := r.noPerson(); reason != notSkipped {
		if reason == groupPending {
			r.enterGroup(l)
		}
		return Record{Line: l.no, Skipped: reason}
	}
	r.row, r.bad = Row{}, nil
	r.readKey()
	r.readName()
	r.readContacts()
	r.readJob()
	r.readDates()
	r.readNationalIDs()
	r.readCountry()
	r.remarks.person(l, r.row)
	return Record{Line: l.no, Row: r.row, Problems: r.bad}
}

// add notes a problem of the row.
func (r *rowReader) add(code tenancy.ProblemCode, field Field) {
	r.bad = append(r.bad, r.problem(code, field, r.line.no))
}

func (r *rowReader) problem(code tenancy.ProblemCode, field Field, lineNo int) tenancy.Problem {
	p := tenancy.Problem{Code: code, Severity: severity(code), Message: Advice(code, tenancy.English), Sheet: r.sheet, Line: lineNo, Field: string(field)}
	if column, ok := r.fields[field]; ok {
		p.Column = columnLetter(column)
	}
	return p
}

var (
	exponent  = regexp.MustCompile(`^\d([.,]\d+)?[EeЕе]\+\d+$`)
	quotedNo  = regexp.MustCompile(`^="([^"=+@-]*)"$`)
	errorText = regexp.MustCompile(`^#(N/A|Н/Д|REF!|ССЫЛКА!|VALUE!|ЗНАЧ!|NAME\?|ИМЯ\?|DIV/0!|ДЕЛ/0!|NUM!|ЧИСЛО!|NULL!|ПУСТО!)$`)
)

// value returns the text of a field, or "" when there is none or it cannot be
// taken: then the reason is noted. signs are those of formulas that the field
// may begin with.
func (r *rowReader) value(field Field, signs string) string {
	column, ok := r.fields[field]
	if !ok {
		return ""
	}
	c := r.line.at(column)
	text := unprotected(c.text)
	switch {
	case c.kind == lostCell, c.kind == textCell && (errorText.MatchString(text) || exponent.MatchString(text)):
		r.add(ValueLost, field)
		return ""
	case text == "" || strings.Trim(text, "-–—_. ") == "":
		return "" // a dash stands for nothing
	}
	if first, _ := utf8.DecodeRuneInString(text); strings.ContainsRune(formulaSigns, first) && !strings.ContainsRune(signs, first) {
		if m := quotedNo.FindStringSubmatch(text); m != nil {
			return clean(m[1]) // ="000123" is how zeros are kept in CSV
		}
		r.add(FormulaText, field)
		return ""
	}
	return text
}

// wordValue is value for a field that is no date: a date in it is a number that
// a spreadsheet has turned into one.
func (r *rowReader) wordValue(field Field) string {
	if column, ok := r.fields[field]; ok && r.line.at(column).kind == dateCell {
		r.add(ValueLost, field)
		return ""
	}
	return r.value(field, "")
}

func (r *rowReader) readKey() {
	r.row.EmployeeNo = tenancy.EmployeeNo(r.wordValue(FieldEmployeeNo))
	if r.row.EmployeeNo == "" {
		r.add(EmployeeNoMissing, FieldEmployeeNo)
		return
	}
	r.row.EmployeeKey = KeyOf(r.row.EmployeeNo)
}

func (r *rowReader) readName() {
	var n name
	field := FieldFullName
	if full := r.namePart(FieldFullName); full != "" {
		n = splitName(full, r.header.givenFirst)
	}
	if r.row.LastName = r.namePart(FieldLastName); r.row.LastName != "" {
		n.last, field = tidyName(r.row.LastName), FieldLastName
	}
	if first := r.namePart(FieldFirstName); first != "" {
		n.first = tidyName(first)
		if m := initialsPair.FindStringSubmatch(n.first); m != nil && n.middle == "" {
			n.first, n.middle = m[1], m[2]
		}
	}
	if middle := r.namePart(FieldMiddleName); middle != "" {
		n.middle = tidyName(middle)
	}
	if _, ok := r.fields[field]; !ok {
		field = FieldLastName
	}
	r.row.LastName, r.row.FirstName, r.row.MiddleName = cased(n.last), cased(n.first), cased(n.middle)
	switch {
	case n.last == "" && n.first == "":
		r.add(NameMissing, field)
		return
	case n.incomplete():
		r.add(NameIncomplete, field)
	}
	if n.suspect() {
		r.add(NameSuspect, field)
	}
}

// namePart is wordValue for names: a question mark between or beside letters is
// a letter that a conversion could not keep, most often a Kazakh one.
func (r *rowReader) namePart(field Field) string {
	text := r.wordValue(field)
	if strings.ContainsAny(text, "?\ufffd") {
		r.add(ValueLost, field)
		return ""
	}
	return text
}

func (r *rowReader) readContacts() {
	if text := r.wordValue(FieldEmail); text != "" && !isNone(text) {
		email, code := parseEmail(text)
		if code != "" {
			r.add(code, FieldEmail)
		}
		r.row.Email = email
	}
	if text := r.value(FieldPhone, "+-＋－"); text != "" && !isNone(text) {
		p, ok := parsePhone(text, r.opts.Country.PhoneRegion)
		switch {
		case !ok:
			r.add(PhoneInvalid, FieldPhone)
		case p.country != "" && p.country != r.opts.Country.Code:
			r.add(CountrySuspect, FieldPhone)
		}
		r.row.Phone = p.e164
	}
	if r.row.Email == "" && r.row.Phone == "" {
		r.add(ContactMissing, r.contactField())
	}
}

func (r *rowReader) contactField() Field {
	if _, ok := r.fields[FieldEmail]; ok {
		return FieldEmail
	}
	return FieldPhone
}

// isNone reports whether a text says that there is nothing.
func isNone(text string) bool {
	switch strings.ToLower(text) {
	case "нет", "отсутствует", "н/д", "не указан", "не указана", "жоқ", "no", "none", "n/a", "null", "0":
		return true
	}
	return false
}

func (r *rowReader) readJob() {
	r.row.Department = r.wordValue(FieldDepartment)
	if r.row.Department == "" {
		r.row.Department = r.around.group.department
	}
	r.row.Position = r.wordValue(FieldPosition)
	r.readEntity()
	if text := r.wordValue(FieldSegment); text != "" {
		r.row.Segment = tenancy.SegmentID(text)
		if r.segments != nil {
			id, ok := r.segments[plain(text)]
			if r.row.Segment = id; !ok {
				r.add(SegmentUnknown, FieldSegment)
			}
		}
	}
}

// readEntity takes the legal entity of the row's own cell, or that of the group
// that the row is in, or the one that holds for the whole list.
func (r *rowReader) readEntity() {
	g := r.around.group
	r.row.LegalEntity = cmp.Or(g.entity, r.entity)
	if text := r.wordValue(FieldLegalEntity); text != "" {
		r.row.LegalEntity = tenancy.LegalEntityCode(text)
		g.unknown = false
		if r.entities != nil {
			r.row.LegalEntity, g.unknown = r.knownEntity(text)
		}
	}
	if g.unknown {
		r.row.LegalEntity = ""
		r.add(LegalEntityUnknown, FieldLegalEntity)
	}
}

func (r *rowReader) knownEntity(text string) (code tenancy.LegalEntityCode, unknown bool) {
	code, ok := r.entityOf(text)
	return code, !ok
}

func (r *rowReader) readDates() {
	r.row.HiredOn = r.date(FieldHiredOn)
	r.row.LeftOn = r.date(FieldLeftOn)
	r.row.BirthDate = r.date(FieldBirthDate)
	if !inOrder(r.row.HiredOn, r.row.LeftOn) {
		r.add(DateOrder, FieldLeftOn)
	}
	if !inOrder(r.row.BirthDate, r.row.HiredOn) || r.row.BirthDate == r.row.HiredOn && !r.row.BirthDate.IsZero() {
		r.add(DateOrder, FieldBirthDate)
	}
}

func inOrder(earlier, later tenancy.Date) bool {
	return earlier.IsZero() || later.IsZero() || !later.Before(earlier)
}

func (r *rowReader) date(field Field) tenancy.Date {
	text := r.value(field, "+-＋－")
	if text == "" || isNone(text) {
		return tenancy.Date{}
	}
	date, empty, ok := parseDate(text, r.opts.Today, field == FieldBirthDate)
	if !ok {
		r.add(DateInvalid, field)
		return tenancy.Date{}
	}
	if empty {
		return tenancy.Date{}
	}
	return date
}

func (r *rowReader) readNationalIDs() {
	for _, kind := range r.idOrder {
		shape := idShapes[kind]
		if _, ok := r.fields[shape.field]; !ok || r.row.NationalID == kind {
			continue
		}
		r.readNationalID(kind, shape)
	}
}

func (r *rowReader) readNationalID(kind tenancy.NationalIDKind, shape idShape) {
	if r.noted(shape.field) {
		return // the kind stands twice in the order
	}
	text := r.value(shape.field, "+-＋－")
	if text == "" || isNone(text) {
		return
	}
	digits, repaired, ok := parseNationalID(shape, text)
	switch {
	case !ok:
		r.add(shape.checksum, shape.field)
		return
	case repaired:
		r.add(IDRepaired, shape.field)
	}
	if r.row.NationalID == "" {
		r.row.NationalID = kind
		r.row.NationalIDHash = hashID(r.opts.IDKey, kind, digits)
		if foreign(kind, r.opts.Country.NationalIDs) {
			r.add(CountrySuspect, shape.field)
		}
	}
}

// noted reports whether the field has a problem already.
func (r *rowReader) noted(field Field) bool {
	for _, p := range r.bad {
		if p.Field == string(field) {
			return true
		}
	}
	return false
}

// foreign reports whether a kind of id is none of the country's.
func foreign(kind tenancy.NationalIDKind, own []tenancy.NationalIDKind) bool {
	for _, k := range own {
		if k == kind {
			return false
		}
	}
	return len(own) > 0
}

func (r *rowReader) readCountry() {
	text := r.wordValue(FieldCountry)
	if text == "" {
		return
	}
	code, ok := parseCountry(text)
	switch {
	case !ok:
		r.add(CountrySuspect, FieldCountry)
	case code != r.opts.Country.Code:
		r.add(CountryMismatch, FieldCountry)
	}
	r.row.Country = code
}
