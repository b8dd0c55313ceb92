package importers

import (
	"cmp"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// rowReader turns the lines below a header into records.
type rowReader struct {
	opts     Options
	header   header
	sheet    string
	fields   map[Field]int           // columns by field
	entities *entities               // nil: any text is one
	entity   tenancy.LegalEntityCode // holds for rows that name none
	segments map[string]tenancy.SegmentID
	idOrder  []tenancy.NationalIDKind
	advice   []int // columns that our error workbook has added
	around   surroundings
	finder   *nameFinder
	remarks  tableRemarks

	day0   book.Epoch // of the workbook
	ownKey bool       // nobody gave a key for the hashes of national ids

	line book.Line // the one being read
	row  Row
	bad  []tenancy.Problem
}

func newRowReader(opts Options, h header, sheet string) *rowReader {
	if opts.Today.IsZero() {
		opts.Today = tenancy.DateOf(time.Now())
	}
	r := &rowReader{
		opts: opts, header: h, sheet: sheet, fields: map[Field]int{}, advice: h.advice,
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
	if len(r.opts.IDKey) == 0 { // for comparing the rows of this list only
		r.ownKey, r.opts.IDKey = true, make([]byte, 32)
		_, _ = rand.Read(r.opts.IDKey) // never fails
	}
	for _, kind := range slices.Concat(opts.Country.NationalIDs, idKinds) {
		if !slices.Contains(r.idOrder, kind) {
			r.idOrder = append(r.idOrder, kind)
		}
	}
	return r
}

// knowEntities prepares the tenant's legal entities, and finds the one that
// holds for rows that name none.
func (r *rowReader) knowEntities() {
	r.entity = r.opts.LegalEntity
	if r.opts.LegalEntities == nil {
		return
	}
	r.entities = newEntities(r.opts.LegalEntities)
	for _, e := range r.opts.LegalEntities {
		if r.entity == "" && (e.Default || len(r.opts.LegalEntities) == 1) {
			r.entity = e.Code
		}
	}
}

// read turns one line below the header into a record.
func (r *rowReader) read(l book.Line) Record {
	l = r.withoutAdvice(l)
	r.line = l
	if reason := r.noPerson(); reason != notSkipped {
		if reason == groupPending {
			r.enterGroup(l)
		}
		return Record{Line: l.No, Skipped: reason}
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
	return Record{Line: l.No, Row: r.row, Problems: r.bad}
}

// add notes a problem of the row.
func (r *rowReader) add(code tenancy.ProblemCode, field Field) {
	r.bad = append(r.bad, r.problem(code, field, r.line.No))
}

func (r *rowReader) problem(code tenancy.ProblemCode, field Field, lineNo int) tenancy.Problem {
	p := tenancy.Problem{Code: code, Severity: severity(code), Message: Advice(code, tenancy.English), Sheet: r.sheet, Line: lineNo, Field: string(field)}
	if column, ok := r.fields[field]; ok {
		p.Column = book.ColumnLetter(column)
	}
	return p
}

func (r *rowReader) readKey() {
	text := r.wordValue(FieldEmployeeNo, longestNumber)
	switch {
	case text == "" || text == "0":
	case numberLost(text):
		r.add(ValueLost, FieldEmployeeNo)
		text = ""
	case isNone(text):
		text = ""
	}
	if text == "" || saysNoNumber(text) {
		r.add(EmployeeNoMissing, FieldEmployeeNo)
		return
	}
	r.row.EmployeeNo = tenancy.EmployeeNo(text)
	r.row.EmployeeKey = KeyOf(r.row.EmployeeNo)
}

// saysNoNumber reports whether words stand where a number would: «б/н».
func saysNoNumber(text string) bool {
	if strings.ContainsAny(text, "0123456789") {
		return false
	}
	switch plain(text) {
	case "б н", "бн", "без номера", "не присвоен", "нет номера", "нөмірсіз":
		return true
	}
	return isNone(text)
}

func (r *rowReader) readName() {
	n := r.nameOfRow()
	if n.usual {
		r.row.LastName, r.row.FirstName, r.row.MiddleName = n.last, n.first, n.middle
		return
	}
	if beginsAsFormula(n.last) || beginsAsFormula(n.first) || beginsAsFormula(n.middle) {
		r.add(FormulaText, r.nameField(FieldFullName, FieldLastName))
		n = name{}
	}
	if !n.hasLetters() {
		r.add(NameMissing, r.nameField(FieldFullName, FieldLastName))
		return
	}
	r.row.LastName, r.row.FirstName, r.row.MiddleName = cased(n.last), cased(n.first), cased(n.middle)
	switch {
	case isCut(n.last):
		r.add(NameIncomplete, r.nameField(FieldLastName, FieldFullName))
	case isCut(n.first):
		r.add(NameIncomplete, r.nameField(FieldFirstName, FieldFullName))
	}
	if n.suspect() {
		r.add(NameSuspect, r.nameField(FieldFullName, FieldLastName))
	}
}

// nameField returns the first of the fields that the list has.
func (r *rowReader) nameField(fields ...Field) Field {
	for _, f := range fields {
		if _, ok := r.fields[f]; ok {
			return f
		}
	}
	return FieldLastName
}

// nameOfRow puts the name together: from the cell that holds it whole, and from
// the columns of its parts, which count for more.
func (r *rowReader) nameOfRow() name {
	var n name
	if full, odd := r.namePart(FieldFullName); full != "" {
		n = splitName(full, r.header.givenFirst)
		if n.odd = n.odd || odd; n.odd {
			n.usual = false
		}
	}
	last, oddLast := r.namePart(FieldLastName)
	first, oddFirst := r.namePart(FieldFirstName)
	middle, oddMiddle := r.namePart(FieldMiddleName)
	if last == "" && first == "" && middle == "" {
		return n
	}
	columns := nameOfColumns(last, first, middle)
	columns.odd = columns.odd || n.odd || oddLast || oddFirst || oddMiddle
	if columns.last == "" {
		columns.last = n.last
	}
	if columns.first == "" {
		columns.first = n.first
	}
	if columns.middle == "" {
		columns.middle = n.middle
	}
	return columns
}

// namePart returns the text of a name's column. A question mark in it is a
// letter that a conversion could not keep, most often a Kazakh one; odd says
// that it held signs that hide how it is written.
func (r *rowReader) namePart(field Field) (text string, odd bool) {
	column, ok := r.fields[field]
	if !ok {
		return "", false
	}
	odd = strings.ContainsFunc(r.line.At(column).Text, book.Turns)
	text = r.wordValue(field, longestPerson)
	switch {
	case strings.Contains(text, "?"):
		r.add(ValueLost, field)
		return "", false
	case text == "", isNoName(text):
		return "", false
	}
	return text, odd
}

func (r *rowReader) readContacts() {
	if text := r.wordValue(FieldEmail, longestText); text != "" && !isNone(text) {
		email, code := parseEmail(text)
		if code != "" {
			r.add(code, FieldEmail)
		}
		r.row.Email = email
	}
	if text := r.value(FieldPhone, dialSigns); text != "" && !isNone(text) {
		p, ok := parsePhone(text, r.opts.Country.PhoneRegion)
		switch {
		case !ok && someNumber.MatchString(text):
			r.add(ValueLost, FieldPhone)
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

func (r *rowReader) readJob() {
	r.row.Department = r.textValue(FieldDepartment)
	if group := r.around.group.department; r.row.Department == "" && !r.noted(FieldDepartment) {
		r.row.Department = group
		if beginsAsFormula(group) {
			r.row.Department = ""
			r.add(FormulaText, FieldDepartment)
		}
	}
	r.row.Position = r.textValue(FieldPosition)
	r.readEntity()
	if text := r.textValue(FieldSegment); text != "" {
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
	if text := r.textValue(FieldLegalEntity); text != "" {
		r.row.LegalEntity = tenancy.LegalEntityCode(text)
		g.unknown = false
		if r.entities != nil {
			r.row.LegalEntity, g.unknown = r.knownEntity(text)
		}
	}
	if g.unknown || r.entities != nil && r.noted(FieldLegalEntity) { // one that was lost is not the usual one
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
	begun := r.row.HiredOn
	if begun.IsZero() {
		begun = r.row.LeftOn
	}
	if born := r.row.BirthDate; !born.IsZero() && !begun.IsZero() && !born.Before(begun) {
		r.add(DateOrder, FieldBirthDate)
	}
}

func inOrder(earlier, later tenancy.Date) bool {
	return earlier.IsZero() || later.IsZero() || !later.Before(earlier)
}

func (r *rowReader) date(field Field) tenancy.Date {
	text := r.value(field, dialSigns)
	if text == "" || isNone(text) {
		return tenancy.Date{}
	}
	date, ok := calendar{r.opts.Today, r.day0}.parse(text, field)
	switch {
	case ok:
	case someNumber.MatchString(text):
		r.add(ValueLost, field)
	default:
		r.add(DateInvalid, field)
	}
	return date
}

func (r *rowReader) readNationalIDs() {
	for _, kind := range r.idOrder {
		shape := idShapes[kind]
		text := r.value(shape.field, dialSigns)
		if text == "" || isNone(text) {
			continue
		}
		digits, repaired, ok := parseNationalID(shape, text)
		switch {
		case !ok && someNumber.MatchString(text):
			r.add(ValueLost, shape.field)
		case !ok:
			r.add(shape.checksum, shape.field)
		default:
			r.takeNationalID(kind, digits, repaired)
		}
	}
}

// takeNationalID keeps the first kind that a row has: the country's own kinds
// come first.
func (r *rowReader) takeNationalID(kind tenancy.NationalIDKind, digits string, repaired bool) {
	if repaired {
		r.add(IDRepaired, idShapes[kind].field)
	}
	if r.row.NationalID != "" {
		return
	}
	r.row.NationalID = kind
	r.row.NationalIDHash = hashID(r.opts.IDKey, kind, digits)
	if own := r.opts.Country.NationalIDs; len(own) > 0 && !slices.Contains(own, kind) {
		r.add(CountrySuspect, idShapes[kind].field)
	}
}

// noted reports whether the field has a problem already.
func (r *rowReader) noted(field Field) bool {
	return slices.ContainsFunc(r.bad, func(p tenancy.Problem) bool { return p.Field == string(field) })
}

func (r *rowReader) readCountry() {
	text := r.textValue(FieldCountry)
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
